"""How often a test of stress repeats: a few times each day, in full with ``STRESS=1``."""

from __future__ import annotations

import os

STRESS = bool(os.environ.get("STRESS"))
"""Whether everything repeats in full, as with ``make test-stress``."""


def repeats(few: int, full: int) -> int:
    """``few``, or ``full`` under stress."""
    return full if STRESS else few
