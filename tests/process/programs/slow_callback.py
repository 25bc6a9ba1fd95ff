"""A callback of 50 ms."""

from __future__ import annotations

import time

from tests.programs.served import metrics

metrics.register_callback(lambda: time.sleep(0.05))
print("ready")
input()
