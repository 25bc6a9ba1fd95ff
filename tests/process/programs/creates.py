"""A callback that creates a metric and unregisters itself."""

from __future__ import annotations

from tests.programs.served import metrics


def callback():
    metrics.create_intcounter("made_total", "help").inc()
    handle.unregister()


handle = metrics.register_callback(callback)
print("ready")
input()
