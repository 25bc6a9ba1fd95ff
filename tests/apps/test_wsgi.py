"""The exposition as a WSGI application, driven as a server drives one."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from dynamo.runtime import DistributedRuntime, Endpoint
from dynamo.wsgi import make_wsgi_app
from tests.support import exposition, sample
from tests.support.formats import ALL, TEXT, key, read, render
from tests.support.waiting import until_callbacks_run


class Answer(NamedTuple):
    """What the application has answered."""

    status: str
    headers: dict[str, str]
    body: bytes


def call(app: Any, method: str = "GET", query: str = "", **headers: str) -> Answer:
    """The answer of an application that keeps to the rules of WSGI (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "wsgi.input": io.BytesIO(),
        "QUERY_STRING": query,
    }
    environ.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        started.extend([status, headers])
        return lambda data: None

    parts: Iterable[bytes] = validator(app)(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        parts.close()  # type: ignore[attr-defined]
    status, fields = started
    assert len({name.lower() for name, _ in fields}) == len(fields)
    return Answer(status, dict(fields), body)


def test_a_query_of_names_narrows_the_exposition_to_these_families(endpoint: Endpoint) -> None:
    for name in ("a", "b", "c"):
        endpoint.metrics.create_gauge(name, "help", full_name=True)
    answer = call(make_wsgi_app(endpoint), query="name[]=a&name%5B%5D=c&other=b")
    assert [line for line in answer.body.decode().splitlines() if line.startswith("# TYPE")] == [
        "# TYPE a gauge",
        "# TYPE c gauge",
    ]


def test_the_exposition_of_a_node_is_text_by_default(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help").set(7)
    answer = call(make_wsgi_app(endpoint))
    assert answer.status == "200 OK"
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.body.decode() == endpoint.metrics.prometheus_expfmt()


@pytest.mark.parametrize("accept", ALL.values(), ids=ALL)
def test_every_format_is_had(endpoint: Endpoint, accept: str) -> None:
    endpoint.metrics.create_counter("m_total", "help").inc()
    answer = call(make_wsgi_app(endpoint), accept=accept)
    exposition = read(answer.headers["Content-Type"], answer.body)
    assert exposition.values == render(endpoint, TEXT).values


def test_the_exposition_is_packed_for_those_who_can_unpack_it(endpoint: Endpoint) -> None:
    answer = call(make_wsgi_app(endpoint), accept_encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body).decode() == endpoint.metrics.prometheus_expfmt()


def test_head_has_the_headers_of_get_and_no_body(endpoint: Endpoint) -> None:
    app = make_wsgi_app(endpoint)
    endpoint.metrics.create_gauge("m", "help")
    get, head = call(app), call(app, "HEAD")
    assert head == (get.status, get.headers, b"")


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_another_method_is_not_allowed(endpoint: Endpoint, method: str) -> None:
    answer = call(make_wsgi_app(endpoint), method)
    assert answer.status == "405 Method Not Allowed"
    assert answer.headers["Allow"] == "GET,HEAD"
    assert answer.body.decode() == f"{method} is not allowed here: use GET or HEAD\n"


def test_callbacks_run_before(runtime: DistributedRuntime) -> None:
    calls = runtime.metrics.create_intgauge("calls", "help")
    runtime.metrics.register_callback(calls.inc)
    answer = call(make_wsgi_app(runtime))
    assert read(answer.headers["Content-Type"], answer.body).values[key("calls")] == 1


@pytest.mark.parametrize("timeout", ["10", "", "0", "-1", "nan", "soon", "1e300"])
def test_the_timeout_of_the_reader_is_read_leniently(
    runtime: DistributedRuntime, timeout: str
) -> None:
    calls = runtime.metrics.create_intgauge("calls", "help")
    runtime.metrics.register_callback(calls.inc)
    answer = call(make_wsgi_app(runtime), x_prometheus_scrape_timeout_seconds=timeout)
    assert answer.status == "200 OK"
    assert calls.get() == 1


def test_a_callback_that_hangs_does_not_keep_an_impatient_reader(
    runtime: DistributedRuntime,
) -> None:
    goes_on = threading.Event()
    runtime.metrics.register_callback(goes_on.wait)
    answer = call(make_wsgi_app(runtime), x_prometheus_scrape_timeout_seconds="0.05")
    goes_on.set()
    until_callbacks_run()
    families = exposition(answer.body.decode())
    assert sample(families, "dynamo_runtime_callback_timeouts_total") == 1
