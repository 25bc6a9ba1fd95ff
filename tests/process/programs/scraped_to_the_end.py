"""A callback at work until the process ends."""

from __future__ import annotations

from tests.programs.served import metrics

counter = metrics.create_counter("counted_total", "help")
metrics.register_callback(counter.inc)
input()
