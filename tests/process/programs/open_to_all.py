"""Two runtimes, with a log of level INFO on stderr for the second."""

from __future__ import annotations

import logging

import tests.programs.served  # noqa: F401
from dynamo.runtime import DistributedRuntime

logging.basicConfig(level=logging.INFO, format="%(message)s")
other = DistributedRuntime()
print(other.system_status_address)
