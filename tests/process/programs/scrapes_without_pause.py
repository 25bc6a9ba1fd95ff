"""A callback that takes time at each scrape."""

from __future__ import annotations

from tests.programs.served import runtime

runtime.metrics.register_callback(lambda: None)
files = []
input()
files = [open("/dev/null") for _ in range(100)]
input()
