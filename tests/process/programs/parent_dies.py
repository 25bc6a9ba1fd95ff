"""Dies before its child."""

from __future__ import annotations

import os

from tests.programs.forking import fork

fork(lambda: print("child", input()))
os._exit(0)
