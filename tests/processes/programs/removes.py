"""Removes the series "a" when it is told, waits until it is removed, or counts a series."""

from __future__ import annotations

import time

from tests.programs.served import metrics

vec = metrics.create_intcountervec("seen_total", "help", ["l"])
for label in ("a", "b"):
    vec.inc({"l": label})
while True:
    label = input()
    if label == "remove":
        vec.remove({"l": "a"})
    elif label == "wait":
        while vec.get({"l": "a"}):
            time.sleep(0.01)
    else:
        vec.inc({"l": label})
    print(label)
