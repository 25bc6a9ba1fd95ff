"""Waiting for what only another thread or process can bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.support.client import PATIENCE

_T = TypeVar("_T")


def eventually(attempt: Callable[[], _T | None]) -> _T:
    """The first result that is not None, which must come."""
    deadline = time.monotonic() + PATIENCE
    while (result := attempt()) is None:
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {attempt}"
        time.sleep(0.02)
    return result
