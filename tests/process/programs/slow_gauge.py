"""A callback that sets a gauge after 0.2 s."""

from __future__ import annotations

import time

from tests.programs.served import metrics

now = metrics.create_gauge("now", "help")


def slow():
    time.sleep(0.2)
    now.set(time.time())


metrics.register_callback(slow)
print("ready")
input()
