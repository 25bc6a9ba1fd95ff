"""How often a test of stress repeats: a few times each day, in full with ``STRESS=1``."""

from __future__ import annotations

import os


def repeats(few: int, full: int) -> int:
    """``few``, or ``full`` when the variable ``STRESS`` is set, as ``make test-stress`` does."""
    return full if os.environ.get("STRESS") else few
