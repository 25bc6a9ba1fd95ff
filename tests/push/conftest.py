from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.client import TIMEOUT_SECONDS
from tests.support.otlp import Receiver, http_receiver
from tests.support.process import Start, workers


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts workers that end with the test: ``start(program, *arguments, **settings)``."""
    with workers(request.path) as start:
        yield start


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An OTLP receiver by HTTP."""
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _no_export_outlives_its_test() -> Iterator[None]:
    """What a thread logs late would be read by the next test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "dynamo-push":
            thread.join(TIMEOUT_SECONDS)


@pytest.fixture(autouse=True)
def _no_otel_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell has set, a test sees the defaults."""
    import os

    for variable in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(variable)
