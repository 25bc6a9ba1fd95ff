"""Shuts down, and counts once more."""

from __future__ import annotations

from counted import counter, runtime

counter.inc_by(5)
runtime.shutdown()
counter.inc()
