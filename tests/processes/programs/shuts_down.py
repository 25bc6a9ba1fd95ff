"""A member that shuts its runtime down when it is told."""

from __future__ import annotations

from counted import runtime

input()
runtime.shutdown()
print("down")
input()
