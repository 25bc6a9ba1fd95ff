from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import Start, Worker, serving, workers
from tests.support.prometheus import Prometheus, scraping


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts workers that end with the test: ``start(program, *arguments, **settings)``."""
    with workers(request.path) as start:
        yield start


@pytest.fixture
def serve(start: Start) -> Start:
    """Starts workers as ``start`` does, whose program serves on a free port."""

    def serve(program: str = "input()", *arguments: object, **options: Any) -> Worker:
        return serving(start, program, *arguments, **options)

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
