"""Scrapes of a process that is stuck in a C call which keeps the GIL."""

from __future__ import annotations

import pytest

from tests.support import sample
from tests.support.client import connect, fetch, read_answer, request, scrape
from tests.support.process import Start

# Reads a byte from stdin with the GIL held: no Python code runs until the test tells a line. A
# server in Python bears witness. Nothing takes the GIL from the main thread between its calls.
HOLDS_THE_GIL = "holds_the_gil.py"


@pytest.mark.parametrize("path", ["/live", "/health", "/metrics", "/", "/elsewhere"])
def test_a_route_answers_while_a_c_call_holds_the_gil(serve: Start, path: str) -> None:
    worker = serve(HOLDS_THE_GIL, DYN_SYSTEM_STARTING_HEALTH_STATUS="ready")
    witness = f"127.0.0.1:{worker.line()}"
    assert worker.line() == "holds the GIL"
    with connect(witness) as stuck:
        stuck.sendall(request())
        # This comes although the call has not returned: only a line from here lets it.
        answer = fetch(worker.address, path)
        stuck.setblocking(False)
        with pytest.raises(BlockingIOError):
            stuck.recv(1)
        worker.tell()
        assert worker.line() == "released it"
        stuck.settimeout(30)
        assert read_answer(stuck).status == 204
    assert answer.status == (404 if path == "/elsewhere" else 200)
    if path == "/metrics":
        assert sample(answer.families, "ns_comp_ep_requests_total") == 7


def test_many_scrape_at_once_while_a_c_call_holds_the_gil(serve: Start) -> None:
    worker = serve(HOLDS_THE_GIL)
    worker.line()
    assert worker.line() == "holds the GIL"
    connections = [connect(worker.address) for _ in range(20)]
    for connection in connections:
        connection.sendall(request())
    for connection in connections:
        families = read_answer(connection).families
        assert sample(families, "ns_comp_ep_requests_total") == 7
        connection.close()
    worker.tell()
    assert worker.line() == "released it"


def test_a_callback_that_cannot_get_the_gil_is_given_up(serve: Start) -> None:
    worker = serve(HOLDS_THE_GIL, "callback", DYN_METRICS_CALLBACK_TIMEOUT="0.1")
    worker.line()
    assert worker.line() == "holds the GIL"
    families = scrape(worker.address)
    assert sample(families, "ns_comp_ep_requests_total") == 7
    # Its thread may not have come as far as to take it.
    given_up = ("timeouts", "not_reached")
    assert sum(sample(families, f"dynamo_runtime_callback_{how}_total") for how in given_up) == 1
    worker.tell()
    assert worker.line() == "released it"
