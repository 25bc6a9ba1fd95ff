"""A member with a summary."""

from __future__ import annotations

from counted import metrics

metrics.create_summary("seconds", "help").observe(2)
print("observed")
input()
