from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pytest

from tests.serving.conftest import nats as nats
from tests.support.client import fetch
from tests.support.documents import ROOT
from tests.support.nats import LEASE, NatsServer
from tests.support.process import Worker
from tests.support.waiting import eventually

BIN = Path(sys.executable).parent
SERVER = ROOT / "examples" / "hello_world" / "server.py"

Group: TypeAlias = dict[str, Any]
"""``targets`` and ``labels``."""


class Run(Protocol):
    """Starts a program that ends with the test: ``run(command, *arguments, **settings)``."""

    def __call__(self, *command: str | Path, **settings: str) -> Worker: ...


class Sd:
    """``dynamo-metrics sd``, running."""

    def __init__(self, process: Worker) -> None:
        self.process = process
        greeting = process.line()
        prefix, _, rest = greeting.partition("http://")
        assert prefix == "service discovery: ", greeting
        self.address = rest.removesuffix("/sd")

    def groups(self) -> list[Group] | None:
        """The groups of targets that are listed, None if they are not known."""
        answer = fetch(self.address, "/sd")
        return answer.json if answer.status == 200 else None

    def addresses(self) -> list[str] | None:
        """The targets that are listed, None if they are not known."""
        groups = self.groups()
        return None if groups is None else [group["targets"][0] for group in groups]

    def serving(self, workers: int) -> list[Group]:
        """The groups once there are so many and each says what it serves, which must happen.

        A worker registers before it serves.
        """

        def served() -> list[Group] | None:
            groups = self.groups()
            if groups is None or len(groups) != workers:
                return None
            named = all(group["labels"]["__meta_dynamo_component"] for group in groups)
            return groups if named else None

        return eventually(served)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Starts programs, which do not know of any NATS server but those they are told."""
    monkeypatch.delenv("NATS_SERVER", raising=False)
    monkeypatch.delenv("POD_IP", raising=False)
    with runs() as run:
        yield run


@contextlib.contextmanager
def runs() -> Iterator[Run]:
    """Starts programs, which end with the block."""
    with contextlib.ExitStack() as started:

        def run(*command: str | Path, **settings: str) -> Worker:
            program = Worker(command, settings)
            started.callback(program.close)
            return program

        yield run


def start_sd(run: Run, nats_server: str, *options: str, **settings: str) -> Sd:
    """Starts ``dynamo-metrics sd`` on a free port of the loopback, where it asks NATS each time."""
    options = ("--host", "127.0.0.1", "--port", "0", "--refresh", "0", *options)
    settings = {"NATS_SERVER": nats_server, **LEASE, **settings}
    return Sd(run(BIN / "dynamo-metrics", "sd", *options, **settings))


@pytest.fixture
def sd(run: Run, nats: NatsServer) -> Sd:
    """``dynamo-metrics sd``, with the NATS server of the test."""
    return start_sd(run, nats.url)


def start_worker(run: Run, nats: NatsServer, scheme: str = "http", **more: str) -> Worker:
    """Starts the example worker, and knows its address."""
    worker = run(sys.executable, SERVER, **settings(nats), **more)
    prefix, _, rest = worker.line().partition("://")
    assert prefix == f"metrics: {scheme}"
    worker.address = rest.removesuffix("/metrics")
    return worker


def settings(nats: NatsServer) -> dict[str, str]:
    """The variables of a worker on a free port of the loopback."""
    return {
        "DYN_SYSTEM_PORT": "0",
        "DYN_SYSTEM_HOST": "127.0.0.1",
        "DYN_REQUEST_PLANE": "nats",
        "NATS_SERVER": nats.url,
        **LEASE,
    }
