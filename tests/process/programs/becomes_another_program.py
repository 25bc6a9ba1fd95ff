"""Becomes another program."""

from __future__ import annotations

import os
import sys

import tests.programs.served  # noqa: F401

os.execv(sys.executable, [sys.executable, "-uc", "print('program'); input()"])
