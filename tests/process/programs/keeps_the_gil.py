"""Keeps the GIL for 0.6 s."""

from __future__ import annotations

import ctypes

import tests.programs.served  # noqa: F401

libc = ctypes.PyDLL(None)  # CDLL would release the GIL
input()
libc.usleep(600_000)
input()
