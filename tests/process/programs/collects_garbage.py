"""Collects garbage a thousand times."""

from __future__ import annotations

import gc

import tests.programs.served  # noqa: F401

input()
for _ in range(1000):
    gc.collect()
input()
