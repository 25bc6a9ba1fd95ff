"""What a command line belongs to."""

from __future__ import annotations

import sys
from pathlib import Path


def program(module: str) -> str:
    """Return what has started this process: a module, or a program that calls its ``main``."""
    name = Path(sys.argv[0]).name
    return f"python -m {module}" if name == "__main__.py" else name
