"""Keeps the GIL for 0.6 s, each time it is told."""

from __future__ import annotations

import ctypes

import tests.programs.served  # noqa: F401

libc = ctypes.PyDLL(None)  # CDLL would release the GIL
while True:
    input()
    libc.usleep(600_000)
    print("kept")
