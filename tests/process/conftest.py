from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import Start, Worker, serving, workers
from tests.support.prometheus import Prometheus, scraping


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


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[..., Prometheus]]:
    """Starts the real Prometheus server: ``prometheus(address, *flags)`` scrapes every second."""
    with contextlib.ExitStack() as servers:

        def start(address: str, *flags: str) -> Prometheus:
            folder = tmp_path / address.replace(":", "_")
            folder.mkdir()
            return servers.enter_context(scraping(address, folder, *flags))

        yield start
