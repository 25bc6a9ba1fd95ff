"""Serves a response that fills the buffers of a connection, until it is told to end."""

from __future__ import annotations

from tests.programs.served import metrics
from tests.programs.waiting import end_when_told

vec = metrics.create_intcountervec("big_total", "help", ["a"])
for number in range(5_000):
    vec.inc({"a": f"{number:0800}"})
end_when_told()
