"""Holds the GIL until it is told."""

from __future__ import annotations

import ctypes

import tests.programs.served  # noqa: F401

libc, byte = ctypes.PyDLL(None), ctypes.create_string_buffer(1)
libc.write(1, b"holds the GIL\n", 14)
libc.read(0, byte, 1)
