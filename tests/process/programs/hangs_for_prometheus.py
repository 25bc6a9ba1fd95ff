"""A callback that hangs."""

from __future__ import annotations

import threading

from tests.programs.served import metrics

metrics.create_intcounter("counted_total", "help").inc()
metrics.register_callback(threading.Event().wait)
print("ready")
input()
