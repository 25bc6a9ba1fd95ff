"""What was counted, and what did not agree."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

_SHOWN = 20
"""Mismatches that are printed in full."""


class Checks:
    """Collects counts and mismatches; threads may share it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.mismatches: list[str] = []
        self._lock = threading.Lock()

    def count(self, what: str, number: int = 1) -> None:
        """Count for the summary."""
        with self._lock:
            self.counts[what] += number

    def fail(self, what: str) -> None:
        """Note a mismatch."""
        with self._lock:
            self.mismatches.append(what)

    def equal(self, what: str, seen: Any, expected: Any) -> None:
        """Note a mismatch unless both are equal."""
        self.count("checks")
        if seen != expected:
            self.fail(f"{what}: {seen}, not {expected}")

    def true(self, what: str, holds: bool) -> None:
        """Note a mismatch unless it holds."""
        self.count("checks")
        if not holds:
            self.fail(what)

    def report(self) -> int:
        """Print the summary; return the exit code."""
        for what in sorted(self.counts):
            print(f"{self.counts[what]:>12,} {what}")
        for mismatch in self.mismatches[:_SHOWN]:
            print(f"MISMATCH {mismatch}")
        print(f"{len(self.mismatches)} mismatches")
        return 1 if self.mismatches else 0
