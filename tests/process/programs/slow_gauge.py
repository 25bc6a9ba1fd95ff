"""A callback that takes the given seconds, and sets a gauge to the time at which it began."""

from __future__ import annotations

import sys
import time

from tests.programs.served import metrics

began_at = metrics.create_gauge("began_at", "help")


def slow():
    began = time.time()
    print("begins")
    time.sleep(float(sys.argv[1]))
    began_at.set(began)


metrics.register_callback(slow)
print("ready")
input()
