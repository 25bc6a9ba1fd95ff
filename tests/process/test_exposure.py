"""When a process serves its metrics, where, and for how long."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.support import exposition, sample
from tests.support.client import is_refused, scrape
from tests.support.process import Start, Worker, free_port


def sockets(worker: Worker) -> list[str]:
    links = []
    for link in Path(f"/proc/{worker.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile, as files of /proc are
            links.append(os.readlink(link))
    return [link for link in links if link.startswith("socket:")]


@pytest.mark.parametrize("port", [None, "-1", ""])
def test_nothing_listens_without_a_port(start: Start, port: str | None) -> None:
    settings = {} if port is None else {"DYN_SYSTEM_PORT": port}
    worker = start(
        "prints_address.py",
        **settings,
    )
    assert worker.line() == "None"
    assert sockets(worker) == []


def test_a_worker_with_a_port_has_a_socket_that_listens(serve: Start) -> None:
    assert len(sockets(serve())) == 1


def test_port_0_is_a_free_port_that_the_runtime_knows(serve: Start) -> None:
    first, second = serve(), serve()
    assert first.address != second.address
    for worker in (first, second):
        assert "dynamo_component_uptime_seconds" in scrape(worker.address)


def test_a_fixed_port_is_the_one_that_serves(serve: Start) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert serve(DYN_SYSTEM_PORT=address.split(":")[1]).address == address
    assert "dynamo_component_uptime_seconds" in scrape(address)


def test_a_port_that_another_process_has_is_refused_in_one_line(serve: Start, start: Start) -> None:
    port = serve().address.split(":")[1]
    worker = start(
        "refused.py",
        DYN_SYSTEM_HOST="127.0.0.1",
        DYN_SYSTEM_PORT=port,
    )
    errno, message = worker.lines()
    assert errno == "EADDRINUSE"
    assert f"127.0.0.1:{port}" in message
    assert "DYN_SYSTEM_PORT" in message
    worker.assert_ends_cleanly()


TWO_RUNTIMES = "two_runtimes.py"


def test_two_runtimes_with_the_same_fixed_port_share_one_tree(serve: Start) -> None:
    worker = serve(TWO_RUNTIMES, DYN_SYSTEM_PORT=str(free_port()))
    assert worker.line() == worker.address
    families = scrape(worker.address)
    assert sample(families, "ns_comp_ep_first") == 1
    assert sample(families, "second") == 2


def test_two_runtimes_with_port_0_are_separate(serve: Start) -> None:
    worker = serve(TWO_RUNTIMES)
    second = scrape(worker.line())
    first = scrape(worker.address)
    assert {"ns_comp_ep_first", "second"} & set(first) == {"ns_comp_ep_first"}
    assert {"ns_comp_ep_first", "second"} & set(second) == {"second"}


@pytest.mark.parametrize(
    "held",
    ["runtime", "endpoint", "metrics", "counter", "vec", "child"],
)
def test_a_server_lives_while_any_node_or_metric_does(serve: Start, held: str) -> None:
    worker = serve("held.py", held)
    assert worker.line() == "holds one"
    assert sample(scrape(worker.address), "ns_comp_ep_held_total") == 0
    worker.tell()
    assert worker.line() == "holds none"
    assert is_refused(worker.address)


def test_a_server_ends_at_shutdown_and_its_metrics_go_on(serve: Start) -> None:
    worker = serve("shut_down.py")
    assert worker.line() == "None"
    text = worker.text("the end of the exposition")
    assert sample(exposition(text), "ns_comp_ep_m") == 3
    assert is_refused(worker.address)
    assert sockets(worker) == []


def test_the_port_of_a_runtime_that_was_shut_down_is_free_for_another(serve: Start) -> None:
    worker = serve(
        "another_runtime.py",
        DYN_SYSTEM_PORT=str(free_port()),
    )
    assert worker.line() == worker.address
    assert sample(scrape(worker.address), "second") == 1


def test_a_runtime_may_be_shut_down_again_and_again(serve: Start) -> None:
    worker = serve("runtime.shutdown(); runtime.shutdown(); print('done')")
    assert worker.line() == "done"
    worker.assert_ends_cleanly()
