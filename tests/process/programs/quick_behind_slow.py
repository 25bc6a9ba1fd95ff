"""A quick callback behind a slow one."""

from __future__ import annotations

import time

from tests.programs.served import metrics

calls = metrics.create_intcounter("calls_total", "help")
metrics.register_callback(lambda: time.sleep(0.3))
metrics.register_callback(calls.inc)
print("ready")
input()
