"""A status server on a Unix socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import TIMEOUT_SECONDS, Answer, read_answer, request
from tests.support.process import Start, Worker, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "worker.sock"


def served(start: Start, path: Path, script: str = "input()") -> Worker:
    return serving(start, script, DYN_SYSTEM_HOST=f"unix:{path}")


def fetch(path: Path, route: str = "/metrics") -> Answer:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(str(path))
        connection.sendall(request(route, headers={"Connection": "close"}))
        return read_answer(connection)


def test_the_routes_are_on_the_socket_without_a_port(start: Start, path: Path) -> None:
    worker = served(start, path)
    assert worker.address == f"unix:{path}"
    assert "dynamo_component_uptime_seconds" in fetch(path).families
    assert fetch(path, "/live").status == 200
    assert fetch(path, "/health").status == 503


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o640), (0o007, 0o660), (0, 0o660)])
def test_the_file_is_for_the_owner_and_for_the_group_if_the_umask_allows_it(
    start: Start, path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        served(start, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("end", ["", "runtime.shutdown()"])
def test_the_file_is_removed_at_the_end(start: Start, path: Path, end: str) -> None:
    worker = served(start, path, f"input()\n{end}")
    assert path.exists()
    worker.tell()
    worker.assert_ends_cleanly()
    assert not path.exists()


def test_the_file_of_a_killed_process_is_replaced(start: Start, path: Path) -> None:
    killed = served(start, path)
    killed.interrupt(signal.SIGKILL)
    killed.exit_code()
    assert path.exists()
    served(start, path)
    assert fetch(path, "/live").status == 200


@pytest.fixture
def taken(path: Path) -> Iterator[Path]:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


def test_the_socket_of_a_living_process_is_not_replaced(start: Start, taken: Path) -> None:
    _, message = start("refused.py", DYN_SYSTEM_HOST=f"unix:{taken}").lines()
    assert "another process listens there" in message
    assert f"unix:{taken}" in message
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(taken))


def test_another_file_is_not_replaced(start: Start, path: Path) -> None:
    path.write_text("precious")
    _, message = start("refused.py", DYN_SYSTEM_HOST=f"unix:{path}").lines()
    assert "the file is not a socket" in message
    assert path.read_text() == "precious"


def test_a_second_runtime_on_the_same_socket_joins_the_first(start: Start, path: Path) -> None:
    worker = served(start, path, "two_runtimes.py")
    assert worker.line() == worker.address
    assert "second" in fetch(path).families


def test_port_minus_1_switches_the_server_off(start: Start, path: Path) -> None:
    worker = start("prints_address.py", DYN_SYSTEM_HOST=f"unix:{path}", DYN_SYSTEM_PORT="-1")
    assert worker.line() == "None"
    assert not path.exists()


def test_a_path_that_is_too_long_names_the_limit(start: Start, tmp_path: Path) -> None:
    _, message = start("refused.py", DYN_SYSTEM_HOST=f"unix:{tmp_path}/{'x' * 200}").lines()
    assert "at most 107 bytes" in message
