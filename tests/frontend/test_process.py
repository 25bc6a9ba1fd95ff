"""``python -m dynamo.frontend`` and workers as processes, as users start them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.serving.conftest import nats_settings
from tests.support.client import connect, fetch, scrape
from tests.support.exposition import sample
from tests.support.process import Worker
from tests.support.stress import repeats
from tests.support.waiting import eventually

STREAMS = repeats(300, 1000)
TOKENS = 20

Start = Callable[..., Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a module of ours with arguments, on free ports of the loopback."""
    with ExitStack() as started:

        def start(module: str, *arguments: str, **settings: str) -> Worker:
            served = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1", **settings}
            worker = Worker([sys.executable, "-m", f"dynamo.{module}", *arguments], served)
            started.callback(worker.close)
            return worker

        yield start


def frontend(start: Start, *arguments: str, **settings: str) -> Worker:
    front = start(
        "frontend", "--http-host", "127.0.0.1", "--http-port", "0", *arguments, **settings
    )
    front.address = front.line().removeprefix("frontend: http://").removesuffix("/v1")
    assert front.line() == f"metrics: http://{front.address}/metrics"
    return front


def with_a_mocker(start: Start, *arguments: str, **settings: str) -> tuple[Worker, Worker]:
    """A frontend that knows a mocker of the model ``mock-8b``."""
    front = frontend(start, **settings)
    mocker = start("mocker", "--model", "mock-8b", *arguments, **settings)
    eventually(lambda: fetch(front.address, "/health").status == 200 or None)
    return front, mocker


def curl(front: Worker, path: str, body: Any) -> str:
    """What ``curl`` prints."""
    command = ["curl", "-sSN", f"http://{front.address}{path}", "-d", json.dumps(body)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.mark.parametrize("plane", ["tcp", "nats"])
def test_curl_gets_answers_of_the_mocker(
    request: pytest.FixtureRequest, start: Start, plane: str
) -> None:
    settings = nats_settings(request.getfixturevalue("nats")) if plane == "nats" else {}
    front, mocker = with_a_mocker(start, "--speedup", "100", **settings)
    asked = {"model": "mock-8b", "max_tokens": 4, "ignore_eos": True}
    messages = [{"role": "user", "content": "Why is the sky blue?"}]
    chat = json.loads(curl(front, "/v1/chat/completions", {**asked, "messages": messages}))
    assert chat["usage"]["prompt_tokens"] == 10
    assert chat["usage"]["completion_tokens"] == 4
    assert len(chat["choices"][0]["message"]["content"].split()) == 4
    events = curl(front, "/v1/completions", {**asked, "prompt": "Why?", "stream": True})
    *chunks, done = events.strip().split("\n\n")
    assert done == "data: [DONE]"
    texts = [json.loads(chunk.removeprefix("data: "))["choices"][0]["text"] for chunk in chunks]
    assert len("".join(texts).split()) == 4
    mocker.interrupt()
    mocker.assert_ends_cleanly()
    eventually(lambda: fetch(front.address, "/health").status == 503 or None)


async def _stream(address: str) -> bytes:
    """One streamed answer, on a connection of its own."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = {
        "model": "mock-8b",
        "prompt": "Why?",
        "max_tokens": TOKENS,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    content = json.dumps(body).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    head += f"Content-Length: {len(content)}"
    writer.write(head.encode() + b"\r\n\r\n" + content)
    received = await reader.read(-1)
    writer.close()
    return received


@pytest.mark.timeout(120)
async def test_hundreds_of_streams_at_once_are_all_complete(start: Start) -> None:
    sizes = ("--max-num-seqs", "1000", "--num-gpu-blocks", "8192")
    front, mocker = with_a_mocker(start, *sizes)
    await _stream(front.address)  # opens the connection to the mocker
    mocker.freeze()  # until all streams are open
    asking = [asyncio.create_task(_stream(front.address)) for _ in range(STREAMS)]

    def all_at_once() -> bool | None:
        name = "dynamo_frontend_active_requests"
        return sample(scrape(front.address), name, model="mock-8b") == STREAMS or None

    await asyncio.to_thread(eventually, all_at_once)
    mocker.thaw()
    answers = await asyncio.gather(*asking)
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"completion_tokens":%d' % TOKENS in answer
        assert b"data: [DONE]\n\n" in answer
    families = await asyncio.to_thread(scrape, front.address)
    of_kind = {"endpoint": "completions", "request_type": "stream", "status": "success"}
    assert sample(families, "dynamo_frontend_requests_total", **of_kind) == 1 + STREAMS
    assert sample(families, "dynamo_frontend_output_tokens_total") == (1 + STREAMS) * TOKENS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_running_requests_finish(start: Start, number: signal.Signals) -> None:
    front, _ = with_a_mocker(start, "--step-ms", "50")
    body = {"model": "mock-8b", "prompt": "Why?", "max_tokens": 20, "ignore_eos": True}
    content = json.dumps({**body, "stream": True}).encode()
    with connect(front.address) as connection, connection.makefile("rb") as answer:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        front.interrupt(number)
        assert answer.read().count(b"data: ") == 22  # tokens, the reason, the end
    assert front.lines() == ["stopped"]
    front.assert_ends_cleanly()


def test_a_second_signal_cancels_running_requests(start: Start) -> None:
    front, mocker = with_a_mocker(start, "--step-ms", "100")
    body = {"model": "mock-8b", "prompt": "Why?", "max_tokens": 5000, "ignore_eos": True}
    content = json.dumps({**body, "stream": True}).encode()
    with connect(front.address) as connection, connection.makefile("rb") as answer:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        front.interrupt()
        eventually(lambda: True if _refuses(front.address) else None)
        front.interrupt()
        assert front.lines() == ["stopped"]
        front.assert_ends_cleanly()
    mocker.interrupt()
    mocker.assert_ends_cleanly()


def _refuses(address: str) -> bool:
    try:
        connect(address).close()
    except OSError:
        return True
    return False


def test_what_cannot_be_followed_is_one_line(start: Start) -> None:
    other = frontend(start)
    port = other.address.split(":")[1]
    taken = start("frontend", "--http-host", "127.0.0.1", "--http-port", port)
    assert taken.exit_code() == 1
    problem = f"[Errno 98] --http-host 127.0.0.1 --http-port {port} cannot be listened on: "
    assert taken.errors.startswith(problem)
    bad = start("frontend", DYN_HTTP_PORT="abc")
    assert bad.exit_code() == 1
    assert bad.errors.startswith("DYN_HTTP_PORT=abc is not a port: use a whole number ")
    wrong = start("frontend", "--router-mode", "kv")
    assert wrong.exit_code() == 2
    for one in (taken, bad):
        assert len(one.errors.splitlines()) == 1


def test_the_frontend_is_listed_for_prometheus_where_its_metrics_are(start: Start) -> None:
    front = frontend(start)
    command = [sys.executable, "-m", "dynamo_metrics.cli", "ls", "--json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    [target] = json.loads(listed.stdout)
    assert target["targets"] == [front.address]
    assert "frontend" in target["labels"].values()
