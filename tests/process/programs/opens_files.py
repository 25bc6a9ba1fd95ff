"""Opens files of its own when told."""

from __future__ import annotations

import os

import tests.programs.served  # noqa: F401

input()
files = [open(os.devnull) for _ in range(64)]
print(len(files))
input()
