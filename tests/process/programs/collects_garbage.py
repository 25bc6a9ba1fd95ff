"""Collects garbage two hundred times."""

from __future__ import annotations

import gc

import tests.programs.served  # noqa: F401

input()
for _ in range(200):
    gc.collect()
input()
