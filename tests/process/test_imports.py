"""What is imported, and when."""

from __future__ import annotations

from tests.support.process import Start


def test_updates_import_nothing(start: Start) -> None:
    """CPython before 3.13 crashes when it finalises while a daemon thread imports."""
    worker = start("updates.py")
    assert worker.line() == "[]"
    worker.assert_ends_cleanly()
