"""A callback that renders its own runtime."""

from __future__ import annotations

from tests.programs.served import metrics, runtime

calls = metrics.create_intcounter("calls_total", "help")


def callback():
    calls.inc()
    runtime.metrics.prometheus_expfmt()


metrics.register_callback(callback)
print("ready")
input()
