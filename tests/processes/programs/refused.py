"""A runtime whose port is taken by a stranger."""

from __future__ import annotations

from dynamo_metrics import Runtime

try:
    Runtime()
except OSError as error:
    print(error.errno)
