"""A child that lives while its parent shuts down."""

from __future__ import annotations

import os

from tests.programs.forking import ended, fork
from tests.programs.served import runtime

read_end, write_end = os.pipe()
input()
pid = fork(lambda: print("child told", os.read(read_end, 1)))
print("forked")
input()
runtime.shutdown()
print("shut down")
input()
os.write(write_end, b"x")
print(ended(pid))
