"""A quick callback behind one that takes longer than the callbacks of a scrape may."""

from __future__ import annotations

import time

from tests.programs.served import metrics

calls = metrics.create_intcounter("calls_total", "help")


def quick() -> None:
    calls.inc()
    print("quick")


metrics.register_callback(lambda: time.sleep(0.3))
metrics.register_callback(quick)
print("ready")
input()
