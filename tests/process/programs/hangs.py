"""A callback that hangs, among others."""

from __future__ import annotations

import threading

from tests.programs.served import metrics

gauge = metrics.create_intgauge("state", "help")
gauge.set(1)
calls = metrics.create_intcounter("calls_total", "help")


def hangs():
    print("hangs")
    while hanging.is_set():
        moving.wait()
    gauge.set(2)
    print("returns")


hanging, moving = threading.Event(), threading.Event()
hanging.set()
metrics.register_callback(hangs)
metrics.register_callback(calls.inc)
print("ready")
input()
hanging.clear()
moving.set()
input()
