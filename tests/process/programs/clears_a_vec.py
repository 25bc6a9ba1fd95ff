"""Prints its memory before and after a vec is cleared."""

from __future__ import annotations

import os

from tests.programs.served import metrics


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


vec = metrics.create_countervec("c", "help", ["a"])
before = resident()
for number in range(200_000):
    vec.inc({"a": str(number)})
grown = resident() - before
vec.clear()
print(grown, resident() - before)
input()
