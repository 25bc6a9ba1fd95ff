"""A process of a group."""

from __future__ import annotations

from tests.programs.served import metrics, runtime

metrics.create_intcounter("steps_total", "Steps").inc_by(2)
metrics.create_gauge("load", "Load").set(1 + runtime.process_number)
print("there")
input()
