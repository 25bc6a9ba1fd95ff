"""Starts a program that inherits its port, and prints what that prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tests.programs.served  # noqa: F401

child = Path(__file__).with_name("inherited_port.py")
print(subprocess.run([sys.executable, child], capture_output=True, text=True).stdout)
print("end")
