"""The middleware that measures requests, in Starlette, FastAPI and plain ASGI applications."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dynamo.asgi import RequestMetricsMiddleware, make_asgi_app
from dynamo.runtime import DistributedRuntime
from dynamo_metrics.testing import sample
from tests.support import refused

needs_frameworks = pytest.mark.skipif(
    importlib.util.find_spec("fastapi") is None, reason="fastapi is not installed"
)

Send = Callable[[Any], Any]


def call(
    app: Any, path: str = "/", method: str = "GET", body: bytes = b"", **scope: Any
) -> list[Any]:
    """The messages that an application sends for one request."""
    sent: list[Any] = []
    received = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(received, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    request = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("localhost", 1),
        "headers": [(b"host", b"localhost")],
        "http_version": "1.1",
        **scope,
    }
    asyncio.run(app(request, receive, send))
    return sent


async def echo(scope: Any, receive: Any, send: Send) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": body})


def count(runtime: DistributedRuntime, **labels: Any) -> float | None:
    return sample(runtime, "http_requests_total", **labels)


def test_a_request_is_counted_timed_and_weighed(runtime: DistributedRuntime) -> None:
    call(RequestMetricsMiddleware(echo, runtime), "/a", "POST", b"12345")
    labels = {"route": "unmatched", "method": "POST"}
    assert count(runtime, status=201, **labels) == 1
    assert sample(runtime, "http_request_duration_seconds_count", status=201, **labels) == 1
    assert sample(runtime, "http_request_size_bytes_sum", **labels) == 5
    assert sample(runtime, "http_response_size_bytes_sum", **labels) == 10
    assert sample(runtime, "http_requests_in_flight", method="POST") == 0


def test_a_request_is_in_flight_until_the_end_of_its_body(runtime: DistributedRuntime) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        seen.append(sample(runtime, "http_requests_in_flight"))
        await send({"type": "http.response.body", "body": b""})
        seen.append(sample(runtime, "http_requests_in_flight"))  # background tasks run here
        seen.append(count(runtime))

    call(RequestMetricsMiddleware(app, runtime))
    assert seen == [1, 0, 1]


@pytest.mark.parametrize(
    ("error", "status"), [(KeyError(), "500"), (asyncio.CancelledError(), "499"), (None, "499")]
)
def test_a_request_without_an_answer_is_counted(
    runtime: DistributedRuntime, error: BaseException | None, status: str
) -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        if error is not None:
            raise error

    measured = RequestMetricsMiddleware(app, runtime)
    if error is None:
        call(measured)
    else:
        with pytest.raises(type(error)):
            call(measured)
    assert count(runtime, status=status) == 1
    assert sample(runtime, "http_requests_in_flight") == 0


def test_strangers_cannot_create_series(runtime: DistributedRuntime) -> None:
    app = RequestMetricsMiddleware(echo, runtime)
    for number in range(3):
        call(app, f"/{number}", f"METHOD{number}")
    assert count(runtime) == 3
    assert count(runtime, route="unmatched", method="other") == 3


def test_the_scrape_itself_and_what_is_not_http_are_not_measured(
    runtime: DistributedRuntime,
) -> None:
    app = RequestMetricsMiddleware(echo, runtime, exclude=["/metrics", "/health"])
    call(app, "/metrics")
    call(app, "/health")
    seen = []

    async def socket(scope: Any, receive: Any, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(RequestMetricsMiddleware(socket, runtime)({"type": "websocket"}, None, None))
    assert seen == ["websocket"]
    assert count(runtime) is None


@pytest.mark.parametrize("exclude", ["/health", b"/health", ["/health", 1], 5])
def test_paths_that_are_no_list_of_str_are_refused(
    runtime: DistributedRuntime, exclude: Any
) -> None:
    with refused(TypeError, "exclude", "must be a"):
        RequestMetricsMiddleware(echo, runtime, exclude=exclude)


@pytest.mark.parametrize("root", ["/api", "/api/"])
def test_excluded_paths_are_those_below_the_root_path(
    runtime: DistributedRuntime, root: str
) -> None:
    app = RequestMetricsMiddleware(echo, runtime, exclude={"/health"})
    call(app, "/api/health", root_path=root)
    call(app, "/health", root_path=root)  # from a proxy that has cut the root path off
    assert count(runtime) is None
    call(app, "/apihealth", root_path=root)
    call(app, "/api/api/health", root_path=root)
    assert count(runtime) == 2


def test_two_applications_share_the_metrics_of_a_node(runtime: DistributedRuntime) -> None:
    for _ in range(2):
        call(RequestMetricsMiddleware(echo, runtime))
    assert count(runtime) == 2


@needs_frameworks
def test_the_route_is_the_template_in_fastapi(runtime: DistributedRuntime) -> None:
    from fastapi import APIRouter, FastAPI

    app, router, below = FastAPI(), APIRouter(prefix="/v1"), FastAPI()

    @router.get("/users/{name}")
    async def user(name: str) -> str:
        return name

    @below.get("/items/{item}")
    async def item(item: str) -> str:
        return item

    app.include_router(router)
    app.mount("/below", below)
    app.add_route("/metrics", make_asgi_app(runtime))  # type: ignore[arg-type]
    app.add_middleware(RequestMetricsMiddleware, node=runtime)
    for path in ("/v1/users/a", "/v1/users/b", "/below/items/7", "/nowhere"):
        call(app, path)
    assert count(runtime, route="/v1/users/{name}", status=200) == 2
    assert count(runtime, route="/below/items/{item}", status=200) == 1
    assert count(runtime, route="unmatched", status=404) == 1
    start, body = call(app, "/metrics")
    assert start["status"] == 200
    assert b"http_requests_total" in body["body"]


@needs_frameworks
@pytest.mark.parametrize("is_around", [True, False])
@pytest.mark.parametrize("is_told", [True, False])
def test_a_root_path_is_no_part_of_the_route(
    runtime: DistributedRuntime, is_around: bool, is_told: bool
) -> None:
    from fastapi import FastAPI

    inner, below = FastAPI(), FastAPI()

    @inner.get("/users/{name}")
    @below.get("/items/{name}")
    async def get(name: str) -> str:
        return name

    inner.mount("/below", below)
    inner.add_route("/metrics", make_asgi_app(runtime))  # type: ignore[arg-type]
    scope = {"root_path": "/proxy"} if is_told else {}
    if not is_told:
        inner.root_path = "/proxy"
    app: Any = inner
    if is_around:
        app = RequestMetricsMiddleware(inner, runtime)
    else:
        inner.add_middleware(RequestMetricsMiddleware, node=runtime)
    for path in ("/users/a", "/below/items/b", "/metrics", "/nowhere"):
        call(app, f"/proxy{path}", **scope)
    assert count(runtime, route="/users/{name}", status=200) == 1
    assert count(runtime, route="/below/items/{name}", status=200) == 1
    assert count(runtime, route="unmatched", status=404) == 1
    assert count(runtime, route="/metrics") is None


@needs_frameworks
def test_the_middleware_of_a_mounted_application_shows_its_own_routes(
    runtime: DistributedRuntime,
) -> None:
    from fastapi import FastAPI

    app, mounted, below = FastAPI(), FastAPI(), FastAPI()

    @mounted.get("/users/{name}")
    @below.get("/items/{name}")
    async def get(name: str) -> str:
        return name

    mounted.mount("/below", below)
    mounted.add_middleware(RequestMetricsMiddleware, node=runtime, exclude=["/users/me"])
    app.mount("/mounted", mounted)
    for path in ("/users/a", "/users/me", "/below/items/b"):
        call(app, f"/mounted{path}")
    assert count(runtime, route="/users/{name}", status=200) == 1
    assert count(runtime, route="/below/items/{name}", status=200) == 1


@needs_frameworks
def test_the_route_is_the_template_in_starlette(runtime: DistributedRuntime) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Mount, Route

    async def text(request: Any) -> PlainTextResponse:
        return PlainTextResponse("text")

    async def fail(request: Any) -> PlainTextResponse:
        raise KeyError

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"1234"

    async def stream(request: Any) -> StreamingResponse:
        return StreamingResponse(chunks())

    app = Starlette(
        routes=[
            Route("/text/{name:path}", text, methods=["GET"]),
            Route("/fail", fail),
            Mount("/below", routes=[Route("/stream/{id:int}", stream)]),
            Route("/metrics", make_asgi_app(runtime)),  # type: ignore[arg-type]
        ],
        middleware=[Middleware(RequestMetricsMiddleware, node=runtime)],
    )
    call(app, "/text/a/b")
    call(app, "/text/a", "POST")
    call(app, "/below/stream/5")
    with pytest.raises(KeyError):
        call(app, "/fail")
    assert count(runtime, route="/text/{name:path}", status=200) == 1
    assert count(runtime, route="/text/{name:path}", method="POST", status=405) == 1
    assert count(runtime, route="/fail", status=500) == 1
    assert count(runtime, route="/below/stream/{id:int}") == 1
    assert sample(runtime, "http_response_size_bytes_sum", route="/below/stream/{id:int}") == 12
    assert call(app, "/metrics")[0]["status"] == 200
