"""Children of a process that serves: they keep no port, and use metrics as they like."""

from __future__ import annotations

import pytest

from tests.support import exposition, sample
from tests.support.client import connect, is_closed, is_refused, read_answer, request, scrape
from tests.support.process import Start, free_port


def test_a_child_has_no_server_and_its_parent_goes_on(serve: Start) -> None:
    worker = serve("child_has_no_server.py")
    assert [worker.line() for _ in range(3)] == ["None", "0", worker.address]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1


def test_a_child_uses_metrics_of_its_own(serve: Start) -> None:
    worker = serve("child_has_metrics.py")
    text = worker.text("the end of the exposition")
    assert sample(exposition(text), "ns_comp_ep_counted_total") == 2
    assert sample(exposition(text), "ns_comp_ep_vec_total", a="x") == 1
    assert sample(exposition(text), "ns_comp_ep_new_seconds_count") == 1
    assert worker.line() == "0"
    families = scrape(worker.address)
    assert sample(families, "ns_comp_ep_counted_total") == 1
    assert "ns_comp_ep_new_seconds" not in families


def test_a_child_runs_callbacks_of_its_own(serve: Start) -> None:
    worker = serve(
        "child_has_callbacks.py",
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert [worker.line() for _ in range(2)] == ["13", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 2


def test_a_child_may_serve_on_a_port_of_its_own(serve: Start) -> None:
    worker = serve("child_serves.py")
    address = worker.line()
    assert sample(scrape(address), "own_total") == 1
    assert "own_total" not in scrape(worker.address)
    worker.tell()
    assert worker.line() == "0"
    assert is_refused(address)
    assert "ns_comp_ep_counted_total" in scrape(worker.address)


def test_a_child_may_shut_down_what_it_inherited_and_its_parent_goes_on(serve: Start) -> None:
    worker = serve("child_shuts_down.py")
    assert worker.line() == "0"
    assert "ns_comp_ep_counted_total" in scrape(worker.address)


@pytest.mark.parametrize("way", ["sys.exit", "return", "os._exit"])
def test_a_child_ends_cleanly_in_every_way(serve: Start, way: str) -> None:
    worker = serve("child_ends.py", way)
    assert worker.line() == "ready"
    scrape(worker.address)
    worker.tell()
    assert worker.line() == "0"
    scrape(worker.address)
    worker.tell()
    worker.assert_ends_cleanly()


def test_a_child_keeps_neither_the_port_nor_connections_of_its_parent(serve: Start) -> None:
    worker = serve("child_keeps_nothing.py")
    with connect(worker.address) as connection:
        connection.sendall(request())
        assert read_answer(connection).status == 200
        worker.tell()
        assert worker.line() == "forked"
        worker.tell()
        assert worker.line() == "shut down"
        assert is_closed(connection)
    assert is_refused(worker.address)
    worker.tell()
    assert [worker.line() for _ in range(2)] == ["child told b'x'", "0"]


def test_the_port_is_free_when_the_parent_has_died_and_a_child_lives(serve: Start) -> None:
    port = str(free_port())
    worker = serve("parent_dies.py", DYN_SYSTEM_PORT=port)
    assert worker.exit_code() == 0
    assert serve(DYN_SYSTEM_PORT=port).address == worker.address
    worker.tell("lives")
    assert worker.line() == "child lives"


def test_children_of_multiprocessing_end_and_their_parent_goes_on(serve: Start) -> None:
    worker = serve("child_of_multiprocessing.py")
    assert [worker.line() for _ in range(2)] == ["[True, True, True, True]", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1
    worker.tell()
    worker.assert_ends_cleanly()


def test_a_grandchild_is_as_free_as_a_child(serve: Start) -> None:
    worker = serve("grandchild.py")
    assert [worker.line() for _ in range(2)] == ["3", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1
