"""Opens as many files as it may."""

from __future__ import annotations

import errno
import os

import tests.programs.served  # noqa: F401

input()
files = []
try:
    while True:
        files.append(os.dup(0))
except OSError as error:
    print(errno.errorcode[error.errno])
input()
