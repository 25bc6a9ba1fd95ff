"""The exposition as an application of a server: ASGI and WSGI answer alike."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest

from dynamo.asgi import RequestMetricsMiddleware, make_asgi_app
from dynamo.runtime import DistributedRuntime, Endpoint
from dynamo.wsgi import make_wsgi_app
from tests.apps.drivers import Answer, asgi, asgi_in_loop, wsgi
from tests.support import exposition, refused, sample
from tests.support.client import TIMEOUT_SECONDS
from tests.support.formats import ALL, TEXT, key, read, render
from tests.support.waiting import until_callbacks_run

Call = Callable[..., Answer]


@pytest.fixture(params=[asgi, wsgi])
def call(request: pytest.FixtureRequest) -> Call:
    """Calls the application of a node: ``call(node, method="GET", query="", **headers)``."""
    driver: Call = request.param
    return driver


def test_a_query_of_names_narrows_the_exposition_to_these_families(
    call: Call, endpoint: Endpoint
) -> None:
    for name in ("a", "b", "c"):
        endpoint.metrics.create_gauge(name, "help", full_name=True)
    answer = call(endpoint, query="name[]=a&name%5B%5D=c&other=b")
    assert list(exposition(answer.body.decode())) == ["a", "c"]


def test_the_exposition_of_a_node_is_text_by_default(call: Call, endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help").set(7)
    answer = call(endpoint)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.body.decode() == endpoint.metrics.prometheus_expfmt()


def test_every_format_is_negotiated(call: Call, endpoint: Endpoint) -> None:
    endpoint.metrics.create_counter("m_total", "help").inc()
    for accept in ALL.values():
        answer = call(endpoint, accept=accept)
        shown = read(answer.headers["content-type"], answer.body)
        assert shown.values == render(endpoint, TEXT).values


def test_the_response_is_compressed_by_accept_encoding(call: Call, endpoint: Endpoint) -> None:
    answer = call(endpoint, accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body).decode() == endpoint.metrics.prometheus_expfmt()


def test_head_has_the_headers_of_get_and_no_body(call: Call, endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help")
    get, head = call(endpoint), call(endpoint, "HEAD")
    assert head == (get.status, get.headers, b"")


def test_another_method_is_not_allowed(call: Call, endpoint: Endpoint) -> None:
    for method in ("POST", "DELETE", "OPTIONS"):
        answer = call(endpoint, method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET,HEAD")
        assert answer.body.decode() == f"{method} is not allowed here: use GET or HEAD\n"


def test_a_scrape_timeout_that_is_no_number_is_ignored(
    call: Call, runtime: DistributedRuntime
) -> None:
    calls = runtime.metrics.create_intgauge("calls", "help")
    runtime.metrics.register_callback(calls.inc)
    timeouts = ("10", "", "0", "-1", "nan", "soon", "1e300")
    for timeout in timeouts:
        answer = call(runtime, x_prometheus_scrape_timeout_seconds=timeout)
        assert answer.status == 200
    assert calls.get() == len(timeouts)


def test_a_callback_that_hangs_costs_no_more_than_the_scrape_timeout(
    call: Call, runtime: DistributedRuntime
) -> None:
    goes_on = threading.Event()
    runtime.metrics.register_callback(goes_on.wait)
    answer = call(runtime, x_prometheus_scrape_timeout_seconds="0.05")
    goes_on.set()
    until_callbacks_run()
    families = exposition(answer.body.decode())
    given_up = ("timeouts", "not_reached")  # the latter if its thread had not begun with it
    assert sum(sample(families, f"dynamo_runtime_callback_{how}_total") for how in given_up) == 1


def test_the_event_loop_goes_on_while_callbacks_run(runtime: DistributedRuntime) -> None:
    goes_on = threading.Event()
    calls = runtime.metrics.create_intgauge("calls", "help")

    def callback() -> None:
        assert goes_on.wait(TIMEOUT_SECONDS)
        calls.inc()

    runtime.metrics.register_callback(callback)

    async def scrape_and_go_on() -> Answer:
        task = asyncio.create_task(asgi_in_loop(runtime))
        await asyncio.sleep(0)
        goes_on.set()  # only the loop can do so
        return await task

    answer = asyncio.run(scrape_and_go_on())
    assert read(answer.headers["content-type"], answer.body).values[key("calls")] == 1


def test_an_asgi_application_starts_and_stops_with_its_server(endpoint: Endpoint) -> None:
    asked = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive() -> Any:
        return {"type": next(asked)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(make_asgi_app(endpoint)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    "make",
    [make_asgi_app, make_wsgi_app, lambda node: RequestMetricsMiddleware(None, node)],  # type: ignore[arg-type]
    ids=["make_asgi_app()", "make_wsgi_app()", "RequestMetricsMiddleware()"],
)
def test_what_is_no_node_is_refused_at_once(
    runtime: DistributedRuntime, make: Any, request: pytest.FixtureRequest
) -> None:
    taker = request.node.callspec.id
    with refused(TypeError, f"{taker} takes a runtime", "RuntimeMetrics", "give the node itself"):
        make(runtime.metrics)
    for wrong in ("ns", None, DistributedRuntime):
        with refused(TypeError, f"{taker} takes a runtime", type(wrong).__name__):
            make(wrong)


def test_a_connection_that_is_not_http_is_refused(endpoint: Endpoint) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError

    with refused(ValueError, "http", "websocket"):
        asyncio.run(make_asgi_app(endpoint)({"type": "websocket"}, never, never))
