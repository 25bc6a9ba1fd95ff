"""Dies before a program that it has started, with or without ``close_fds``."""

from __future__ import annotations

import os
import subprocess
import sys

import tests.programs.served  # noqa: F401

program = [sys.executable, "-uc", "print('program', input())"]
subprocess.Popen(program, close_fds=sys.argv[1] == "1")
os._exit(0)
