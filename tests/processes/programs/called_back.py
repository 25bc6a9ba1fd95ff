"""A member whose callback sets its gauge."""

from __future__ import annotations

from counted import gauge, metrics

metrics.register_callback(lambda: gauge.set(7))
input()
