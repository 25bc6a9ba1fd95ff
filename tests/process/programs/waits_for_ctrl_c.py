"""Waits for a signal that nothing catches."""

from __future__ import annotations

import tests.programs.served  # noqa: F401
from tests.programs.waiting import until_told

print("ready")
until_told()
