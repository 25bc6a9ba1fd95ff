"""A callback that is unregistered when told."""

from __future__ import annotations

from tests.programs.served import metrics

calls = metrics.create_intcounter("calls_total", "help")
handle = metrics.register_callback(calls.inc)
print("ready")
input()
handle.unregister()
print("unregistered")
input()
