"""A server that is open to all."""

from __future__ import annotations

import logging

from dynamo.runtime import DistributedRuntime

logging.basicConfig(level=logging.INFO, format="%(message)s")
other = DistributedRuntime()
print(other.system_status_address)
