"""Tests inside NVIDIA's Dynamo: ``make test-dynamo`` runs them in an environment of their own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import pytest

from tests.guests.nvidia.host import Dynamo

try:
    version("ai-dynamo-runtime")
except PackageNotFoundError:
    collect_ignore_glob = ["test_*.py"]

os.environ["DYN_LOG"] = "off"


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith(("DYN_", "OTEL_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")


@pytest.fixture(scope="session")
def loop() -> asyncio.AbstractEventLoop:
    """An event loop that runs in a thread until the end."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


@pytest.fixture
def start(loop: asyncio.AbstractEventLoop) -> Callable[[], Dynamo]:
    """Starts runtimes, each with a status server of its own on a free port."""
    return lambda: Dynamo(loop)


@pytest.fixture
def dynamo(start: Callable[[], Dynamo]) -> Dynamo:
    """A runtime of the test's own."""
    return start()


@pytest.fixture
def installed() -> Iterator[None]:
    """``install()``, undone after the test."""
    import dynamo_metrics

    installation = dynamo_metrics.install()
    yield
    installation.uninstall()
