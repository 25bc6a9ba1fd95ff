"""Callbacks that print their names."""

from __future__ import annotations

from tests.programs.served import endpoint, metrics, runtime

order = metrics.create_intgaugevec("order", "help", ["callback"])
calls = 0


def callback(name):
    global calls
    calls += 1
    order.set(calls, {"callback": name})


endpoint.metrics.register_callback(lambda: callback("endpoint"))
runtime.metrics.register_callback(lambda: callback("runtime"))
endpoint.metrics.register_callback(lambda: callback("endpoint again"))
print("ready")
input()
