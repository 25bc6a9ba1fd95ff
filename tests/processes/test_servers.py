"""Servers with many worker processes: every request is counted, whichever worker answers."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.processes.conftest import eventually, get, value
from tests.support.process import free_port

Run = Callable[..., "subprocess.Popen[str]"]

COUNTED = "shop_web_order_requests_total"


def load(port: int, requests: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: get(port, "/x"), range(requests)))


@pytest.mark.parametrize(
    "options",
    [
        ["--workers", "3"],
        ["--workers", "3", "--preload"],
        ["--workers", "2", "--worker-class", "uvicorn.workers.UvicornWorker"],
    ],
    ids=["sync", "preload", "uvicorn-worker"],
)
def test_gunicorn_counts_every_request(run: Run, options: list[str], directory: Path) -> None:
    pytest.importorskip("gunicorn")
    port, metrics = free_port(), free_port()
    app = "asgi_app:app" if "--worker-class" in options else "wsgi_app:app"
    if "--worker-class" in options and find_spec("uvicorn.workers") is None:
        pytest.skip("this uvicorn has no workers for gunicorn")
    run(metrics, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", *options, app)
    eventually(lambda: get(port, "/x"))
    load(port, 100)

    def all_are_counted() -> None:
        assert value(get(metrics), COUNTED, path="/x") == 101

    eventually(all_are_counted)

    def all_workers_are_members() -> None:
        assert value(get(metrics), "dynamo_runtime_processes") >= 2

    eventually(all_workers_are_members)


def test_recycled_workers_leave_nothing_but_their_counts(run: Run, directory: Path) -> None:
    pytest.importorskip("gunicorn")
    port, metrics = free_port(), free_port()
    run(
        *(metrics, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2"),
        *("--max-requests", "20", "wsgi_app:app"),
    )
    eventually(lambda: get(port, "/x"))
    last = counted = 1
    for _ in range(10):
        for _ in range(20):
            try:
                get(port, "/x")
                counted += 1
            except OSError:  # the worker was replaced between accept and answer
                pass
        try:
            now = value(get(metrics), COUNTED, path="/x")
        except OSError:  # another one is taking over the port
            time.sleep(0.3)
            continue
        assert now >= last
        last = now

    def settled() -> None:
        assert value(get(metrics), COUNTED, path="/x") >= counted
        assert len(list(directory.glob("member-*"))) <= 4
        assert len(list(directory.iterdir())) <= 12

    eventually(settled)

    def none_is_counted_twice() -> None:
        assert value(get(metrics), COUNTED, path="/x") <= counted + 20

    eventually(none_is_counted_twice)  # another one may be taking over the port


def test_uvicorn_shows_all_workers_on_its_own_port_too(run: Run) -> None:
    pytest.importorskip("uvicorn")
    port, metrics = free_port(), free_port()
    run(metrics, "-m", "uvicorn", "--port", str(port), "--workers", "3", "asgi_app:app")
    eventually(lambda: get(port, "/x"), timeout=40)
    load(port, 100)

    def all_are_counted() -> None:
        for shown in (get(metrics), get(port, "/metrics")):
            assert value(shown, COUNTED, path="/x") == 101
            assert value(shown, "dynamo_runtime_processes") == 3

    eventually(all_are_counted)


def test_a_group_that_is_killed_goes_on_from_its_totals(run: Run) -> None:
    pytest.importorskip("gunicorn")
    port, metrics = free_port(), free_port()
    command = ("-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "wsgi_app:app")
    first = run(metrics, *command)
    eventually(lambda: get(port, "/x"))
    load(port, 50)
    eventually(lambda: _expect(metrics, 51))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    run(metrics, *command)
    eventually(lambda: get(port, "/x"))
    eventually(lambda: _expect(metrics, 52))


def _expect(port: int, count: int) -> None:
    assert value(get(port), COUNTED, path="/x") >= count
