"""The example server and client, started as their texts say."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.support.client import fetch, scrape
from tests.support.nats import nobody_listens
from tests.support.run import Start, examples
from tests.support.serving import request_counts
from tests.support.waiting import eventually


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an example by its path, with arguments and settings."""
    with examples() as start:
        yield start


def test_the_client_is_greeted_in_one_process(start: Start) -> None:
    client = start("hello_world/client.py", "world,sun", DYN_REQUEST_PLANE="memory")
    assert client.lines() == ["Hello world!", "Hello sun!"]
    client.assert_ends_cleanly()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_client_is_greeted_by_another_process(
    start: Start, between: dict[str, str], number: signal.Signals
) -> None:
    server = start(
        "hello_world/server.py", DYN_SYSTEM_PORT="0", DYN_SYSTEM_HOST="127.0.0.1", **between
    )
    address = server.line().removeprefix("metrics: http://").removesuffix("/metrics")

    client = start("hello_world/client.py", **between)
    assert client.lines() == ["Hello world!", "Hello sun!", "Hello moon!", "Hello star!"]
    client.assert_ends_cleanly()

    # The client may have the end of its answer before the request is counted.
    eventually(lambda: request_counts(scrape(address)).succeeded or None)
    counted = request_counts(scrape(address))
    assert (counted.requests, counted.succeeded, counted.first_responses) == (1, 1, 1)
    assert fetch(address, "/health").json["endpoints"] == {"generate": "ready"}
    server.interrupt(number)
    assert server.lines() == ["stopped"]
    server.assert_ends_cleanly()


@pytest.mark.parametrize("example", ["hello_world/server.py", "hello_world/client.py"])
def test_without_a_nats_server_an_example_says_in_one_line_what_to_do(
    start: Start, example: str
) -> None:
    url = nobody_listens()
    worker = start(example, DYN_REQUEST_PLANE="nats", NATS_SERVER=url)
    assert worker.exit_code() == 1
    assert worker.errors.startswith(f"NATS_SERVER={url} cannot be reached: ")
    assert len(worker.errors.splitlines()) == 1
