"""A thread that calls sys.exit()."""

from __future__ import annotations

import sys
import threading

import tests.programs.served  # noqa: F401

thread = threading.Thread(target=sys.exit, args=["not the process"])
thread.start()
thread.join()
print("goes on")
input()
