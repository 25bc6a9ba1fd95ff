"""A runtime that cannot listen."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

try:
    DistributedRuntime()
except OSError as error:
    print(error.errno, error)
