"""The example workers, started as the guide starts them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.client import scrape
from tests.support.page import Family, sample, series
from tests.support.process import Worker
from tests.support.waiting import eventually

EXAMPLES = Path(__file__).parent.parent / "examples" / "metrics"
SERVERS = ["server_with_callback.py", "server_with_loop.py"]
NODE = "demo_backend_generate"

Start = Callable[..., Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an example by its name, with the python of the tests found first."""
    started = []

    def start(example: str, **settings: str) -> Worker:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        worker = Worker([f"./{example}"], {"PATH": path, **settings}, cwd=EXAMPLES)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()


@pytest.fixture
def serve(start: Start) -> Start:
    """Starts an example on a free port, and knows its address."""

    def serve(example: str) -> Worker:
        worker = start(example, DYN_SYSTEM_PORT="0")
        greeting = worker.line()
        worker.address = greeting.removeprefix("metrics: http://").partition("/metrics ")[0]
        return worker

    return serve


@pytest.mark.parametrize("example", SERVERS)
def test_the_metrics_of_an_example_move(serve: Start, example: str) -> None:
    worker = serve(example)

    def moved() -> dict[str, Family] | None:
        page = scrape(worker.address)
        answered = sample(page, f"{NODE}_latency_seconds_count")
        active = sample(page, f"{NODE}_active_connections")
        return page if answered > 0 and active > 0 else None

    page = eventually(moved)
    types = {name: family.type for name, family in page.items() if name.startswith(NODE)}
    expected = {
        f"{NODE}_active_connections": "gauge",
        f"{NODE}_latency_seconds": "histogram",
        f"{NODE}_requests_by_model": "counter",
        f"{NODE}_requests_total": "counter",
    }
    assert types.items() >= expected.items()
    by_model = series(page, f"{NODE}_requests_by_model", "model_type", "model_size")
    assert by_model.keys() <= {("llama", "7b"), ("qwen", "32b"), ("llama", "70b")}
    assert sum(by_model.values()) > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("example", SERVERS)
def test_an_example_ends_cleanly_when_it_is_told_to(
    serve: Start, example: str, number: signal.Signals
) -> None:
    worker = serve(example)
    worker.interrupt(number)
    worker.assert_ends_cleanly()
    assert worker.lines() == []


@pytest.mark.parametrize("example", SERVERS)
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "try: DYN_SYSTEM_PORT=8081 ./server_with_"),
        ({"DYN_SYSTEM_PORT": "abc"}, "DYN_SYSTEM_PORT=abc is not a port"),
    ],
)
def test_an_example_that_cannot_serve_says_in_one_line_what_to_do(
    start: Start, example: str, settings: dict[str, str], says: str
) -> None:
    worker = start(example, **settings)
    assert worker.exit_code() == 1
    assert worker.lines() == []
    assert says in worker.errors
    assert len(worker.errors.splitlines()) == 1
