"""A process that has inherited the port: its address, after what it logs."""

from __future__ import annotations

import logging
import sys

from dynamo_metrics import Runtime

logging.basicConfig(stream=sys.stdout)
print(Runtime().system_status_address)
