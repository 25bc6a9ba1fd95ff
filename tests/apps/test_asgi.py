"""The exposition as an ASGI application, driven as a server drives one."""

from __future__ import annotations

import asyncio
import gzip
import threading
from typing import Any, NamedTuple

import pytest

from dynamo.asgi import make_asgi_app
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import refused
from tests.support.client import TIMEOUT_SECONDS
from tests.support.formats import ALL, TEXT, key, read, render


class Answer(NamedTuple):
    """What the application has answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def call_async(app: Any, method: str = "GET", **headers: str) -> Answer:
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, body = sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    assert not body.get("more_body")
    names = [name for name, _ in start["headers"]]
    assert names == [name.lower() for name in names]
    assert len(set(names)) == len(names)
    fields = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], fields, body["body"])


def call(app: Any, method: str = "GET", **headers: str) -> Answer:
    return asyncio.run(call_async(app, method, **headers))


def test_the_exposition_of_a_node_is_text_by_default(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help").set(7)
    answer = call(make_asgi_app(endpoint))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.body.decode() == endpoint.metrics.prometheus_expfmt()


@pytest.mark.parametrize("accept", ALL.values(), ids=ALL)
def test_every_format_is_had(endpoint: Endpoint, accept: str) -> None:
    endpoint.metrics.create_counter("m_total", "help").inc()
    answer = call(make_asgi_app(endpoint), accept=accept)
    exposition = read(answer.headers["content-type"], answer.body)
    assert exposition.values == render(endpoint, TEXT).values


def test_the_exposition_is_packed_for_those_who_can_unpack_it(endpoint: Endpoint) -> None:
    answer = call(make_asgi_app(endpoint), accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body).decode() == endpoint.metrics.prometheus_expfmt()


def test_head_has_the_headers_of_get_and_no_body(endpoint: Endpoint) -> None:
    app = make_asgi_app(endpoint)
    get, head = call(app), call(app, "HEAD")
    assert head == (get.status, get.headers, b"")


def test_another_method_is_not_allowed(endpoint: Endpoint) -> None:
    answer = call(make_asgi_app(endpoint), "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET,HEAD")


def test_the_event_loop_goes_on_while_callbacks_run(runtime: DistributedRuntime) -> None:
    goes_on = threading.Event()
    calls = runtime.metrics.create_intgauge("calls", "help")

    def callback() -> None:
        assert goes_on.wait(TIMEOUT_SECONDS)
        calls.inc()

    runtime.metrics.register_callback(callback)

    async def scrape_and_go_on() -> Answer:
        task = asyncio.create_task(call_async(make_asgi_app(runtime)))
        await asyncio.sleep(0)
        goes_on.set()  # only the loop can do so
        return await task

    answer = asyncio.run(scrape_and_go_on())
    assert read(answer.headers["content-type"], answer.body).values[key("calls")] == 1


def test_it_starts_and_stops_with_its_server(endpoint: Endpoint) -> None:
    asked = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive() -> Any:
        return {"type": next(asked)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(make_asgi_app(endpoint)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_what_is_not_http_is_refused(endpoint: Endpoint) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError

    with refused(ValueError, "http", "websocket"):
        asyncio.run(make_asgi_app(endpoint)({"type": "websocket"}, never, never))
