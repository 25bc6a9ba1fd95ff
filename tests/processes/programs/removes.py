"""Removes the series "a" when it is told, or counts the series it is told."""

from __future__ import annotations

from tests.programs.served import metrics

vec = metrics.create_intcountervec("seen_total", "help", ["l"])
for label in ("a", "b"):
    vec.inc({"l": label})
while True:
    label = input()
    if label == "remove":
        vec.remove({"l": "a"})
    else:
        vec.inc({"l": label})
    print(label)
