"""A series that is removed, and a new one, when told."""

from __future__ import annotations

from tests.programs.served import metrics

vec = metrics.create_intgaugevec("loads", "Loads", ["name"])
vec.set(1, {"name": "old"})
vec.set(2, {"name": "kept"})
print("there")
input()
vec.remove({"name": "old"})
vec.set(3, {"name": "new"})
print("changed")
input()
