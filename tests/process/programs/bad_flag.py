"""A setting that is neither yes nor no."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

try:
    DistributedRuntime()
except ValueError as error:
    print(error)
