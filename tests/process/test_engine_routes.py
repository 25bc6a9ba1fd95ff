"""``POST /engine/<name>``: functions of the user, called through the status server."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime
from tests.support import refused
from tests.support.process import Worker, workers

PROGRAM = Path(__file__).parent / "programs" / "engine_routes.py"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with workers(__file__) as start:
        worker = start(PROGRAM.read_text(), DYN_SYSTEM_PORT="0", DYN_SYSTEM_HOST="127.0.0.1")
        worker.address = worker.line()
        yield worker
        worker.tell()
        assert worker.exit_code() == 0


def call(worker: Worker, name: str, body: bytes = b"", method: str = "POST") -> tuple[int, Any]:
    """The status and the JSON of a response."""
    connection = http.client.HTTPConnection(worker.address, timeout=30)
    try:
        connection.request(method, f"/engine/{name}", body)
        response = connection.getresponse()
        text = response.read()
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(text) if is_json else text.decode()
    finally:
        connection.close()


def test_a_coroutine_function_runs_in_the_event_loop(worker: Worker) -> None:
    assert call(worker, "double", b'{"value": 21}') == (200, {"doubled": 42, "in_loop": True})


def test_a_plain_function_runs_on_a_thread_and_replaces_the_one_before_it(worker: Worker) -> None:
    body = {"a": [1, None, "é"]}
    expected = {"body": body, "in_loop": False}
    assert call(worker, "v1/echo", json.dumps(body).encode()) == (200, expected)
    assert call(worker, "v1/echo") == (200, {"body": {}, "in_loop": False})


def test_errors_are_json_with_the_words_of_dynamo(worker: Worker) -> None:
    status, error = call(worker, "double", b"{")
    assert (status, error["error"]) == (400, "Invalid JSON")
    missing = {"error": "Route not found", "message": "Route /engine/sleep not found"}
    assert call(worker, "sleep") == (404, missing)
    failed = {"error": "Handler error", "message": "no weights at /x"}
    assert call(worker, "fail", b'{"path": "/x"}') == (500, failed)
    status, error = call(worker, "nan")
    assert (status, error["error"]) == (500, "Handler error")
    assert "not JSON compliant" in error["message"]
    assert call(worker, "exit") == (500, {"error": "Handler error", "message": "3"})
    assert call(worker, "fail", method="GET")[0] == 405
    assert call(worker, "fail", b"1" * (2 << 20))[0] == 413


def test_more_than_64_calls_at_once_get_503(worker: Worker) -> None:
    with ThreadPoolExecutor(70) as pool:
        calls = [pool.submit(call, worker, "wait") for _ in range(70)]
        finished = [next_one.result() for next_one in islice(as_completed(calls, 30), 6)]
        assert {status for status, _ in finished} == {503}
        worker.tell()  # releases the others
        assert sum(future.result() == (200, "released") for future in calls) == 64


def test_names_and_handlers_are_checked() -> None:
    runtime = DistributedRuntime()
    for name in ("", "/a", "a//b", "a b"):
        with refused(ValueError, "engine route", "letters, digits"):
            runtime.register_engine_route(name, lambda body: body)
    with refused(TypeError, "'a'", "NoneType", "give a function"):
        runtime.register_engine_route("a", None)  # type: ignore[arg-type]
