"""Prints its memory before and after all series of a vec are removed."""

from __future__ import annotations

import os
import sys

from tests.programs.served import metrics


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


vec = metrics.create_countervec("c", "help", ["a", "b"])
before = resident()
for number in range(200_000):
    vec.inc({"a": str(number), "b": "x"})
grown = resident() - before
if sys.argv[1] == "clear":
    vec.clear()
else:
    vec.remove({"b": "x"})
print(grown, resident() - before)
input()
