from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.process import Start, Worker, serving, workers


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers that end with the test: ``start(script, files=None, **settings)``."""
    with workers() as start:
        yield start


@pytest.fixture
def serve(start: Start) -> Start:
    """Starts workers as ``start`` does, that serve on a free port before their script begins."""

    def serve(script: str = "input()", files: int | None = None, **settings: str) -> Worker:
        return serving(start, script, files, **settings)

    return serve
