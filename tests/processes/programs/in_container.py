"""A program whose process id is 1."""

from __future__ import annotations

import os

from dynamo_metrics import Runtime

runtime = Runtime()
runtime.namespace("ns").metrics.create_intcounter("counted_total", "help").inc()
print(os.getpid(), flush=True)
input()
