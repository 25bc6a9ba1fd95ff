"""A response that fills the buffers of a connection."""

from __future__ import annotations

from tests.programs.served import metrics

vec = metrics.create_intcountervec("big_total", "help", ["a"])
for number in range(20_000):
    vec.inc({"a": f"{number:0200}"})
print("ready")
input()
