"""A configuration that is not valid."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

try:
    DistributedRuntime()
except ValueError as error:
    print(error)
