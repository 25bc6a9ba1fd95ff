"""Requests that cannot be answered, as they come over the wire, and the other routes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from dynamo.runtime import DistributedRuntime
from tests.support.frontend import ASKED, HELLO, Scripted, frontend, frontend_and_workers

CHAT = "/v1/chat/completions"
PROMPTED = {"model": "m", "prompt": "Why?"}

BAD: list[tuple[str, Any, int, str | None, str]] = [
    (CHAT, b"{", 400, None, "the body of the request is not JSON: "),
    (CHAT, b"\xff", 400, None, "the body of the request is not JSON: "),
    (CHAT, b"[" * 100_000, 400, None, "the body of the request is not JSON: "),
    (CHAT, b'{"seed": NaN}', 400, None, "the body of the request is not JSON: NaN"),
    (CHAT, [], 400, None, "the body of the request must be a JSON object"),
    (CHAT, {"model": "m"}, 400, "messages", "messages is missing"),
    (CHAT, {**ASKED, "model": 7}, 400, "model", "model: input should be a valid string"),
    (CHAT, {**ASKED, "model": "x"}, 404, "model", "the model 'x' does not exist here: use one of"),
    (CHAT, {**ASKED, "messages": []}, 400, "messages", "messages: list should have at least 1"),
    (
        CHAT,
        {**ASKED, "messages": [{"content": ""}]},
        400,
        "messages",
        "messages: messages[0] needs",
    ),
    (
        CHAT,
        {**ASKED, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        400,
        "messages",
        "messages: messages[0].content may have parts of type text only",
    ),
    (CHAT, {**ASKED, "n": 2}, 400, "n", "n is not supported: leave it out, or send 1"),
    (CHAT, {**ASKED, "tools": [{}]}, 400, "tools", "tools is not supported: leave it out"),
    (CHAT, {**ASKED, "audio": {}}, 400, "audio", "audio is not supported: leave it out"),
    (CHAT, {**ASKED, "spice": 1}, 400, "spice", "spice is not a parameter that is known"),
    (CHAT, {**ASKED, "temperature": 3}, 400, "temperature", "temperature: input should be less"),
    (CHAT, {**ASKED, "temperature": "1"}, 400, "temperature", "temperature: input should be a"),
    (CHAT, {**ASKED, "top_p": 0}, 400, "top_p", "top_p: input should be greater than 0"),
    (CHAT, {**ASKED, "max_tokens": 0}, 400, "max_tokens", "max_tokens: input should be greater"),
    (CHAT, {**ASKED, "logit_bias": {"a": 1}}, 400, "logit_bias", "logit_bias: must have token"),
    (CHAT, {**ASKED, "stop": [1]}, 400, "stop.0", "stop.0: input should be a valid string"),
    (CHAT, {**ASKED, "stream": "yes"}, 400, "stream", "stream: input should be a valid boolean"),
    ("/v1/completions", {"model": "m"}, 400, "prompt", "prompt is missing"),
    ("/v1/completions", {**PROMPTED, "prompt": ""}, 400, "prompt", "prompt: must be a text or"),
    ("/v1/completions", {**PROMPTED, "prompt": ["a", "b"]}, 400, "prompt", "prompt: must be a"),
    ("/v1/completions", {**PROMPTED, "echo": True}, 400, "echo", "echo is not supported: leave"),
    ("/v1/completions", {**PROMPTED, "logprobs": 0}, 400, "logprobs", "logprobs is not supported"),
]


async def test_a_request_that_is_wrong_is_told_why_in_openais_form() -> None:
    handler = Scripted(*HELLO)
    async with frontend_and_workers(handler) as front:
        for path, body, status, param, says in BAD:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = await front.http.post(path, content=content)
            error = answer.json()["error"]
            assert answer.status_code == status, (body, error)
            assert error["message"].startswith(says), error
            assert error["type"] == "invalid_request_error"
            assert error["param"] == param
            assert error["code"] == ("model_not_found" if status == 404 else None)
        counted = front.counts()
        started = front.counts("requests_started_total")
    assert handler.asked == []
    assert sum(counted.values()) == sum(started.values()) == len(BAD)
    assert {labels[1] for labels in counted} == {"validation", "not_found"}
    assert {labels[2] for labels in counted} == {"m", "unknown"}


async def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_HTTP_BODY_LIMIT_MB", "1")
    async with frontend() as front:
        answer = await front.http.post(CHAT, content=b" " * ((1 << 20) + 1))
        small = await front.http.post(CHAT, content=b" " * (1 << 20))
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "the body of a request may have 1048576 bytes"
    assert small.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/v1/embeddings", 404, "GET /v1/embeddings is not a route: use /v1/chat"),
        ("GET", CHAT, 405, f"GET {CHAT} is not a route: use POST"),
        ("POST", "/v1/models", 405, "POST /v1/models is not a route: use "),
    ],
)
async def test_other_routes_are_errors_of_the_same_form(
    method: str, path: str, status: int, says: str
) -> None:
    async with frontend() as front:
        answer = await front.http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(says)


async def test_health_is_ready_while_a_model_can_be_asked_and_live_is_so_at_once() -> None:
    async with frontend() as front:
        assert (await front.http.get("/live")).json()["status"] == "live"
        answer = await front.http.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        missing = await front.http.post(CHAT, json=ASKED)
        assert missing.status_code == 404
        assert "no worker has registered a model" in missing.json()["error"]["message"]
    async with frontend_and_workers(Scripted()) as front:
        answer = await front.http.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
        assert answer.json()["models"] == ["m"]


async def test_a_model_that_only_takes_prompts_is_not_asked_with_messages() -> None:
    async with frontend_and_workers(Scripted(*HELLO), kinds=["completions"]) as front:
        assert (await front.http.post("/v1/completions", json=PROMPTED)).status_code == 200
        answer = await front.http.post(CHAT, json=ASKED)
    assert answer.status_code == 404
    assert "its workers do not take requests for chat" in answer.json()["error"]["message"]


async def test_the_id_and_the_trace_of_a_request_are_those_of_its_client() -> None:
    seen = []

    async def handler(request: Any, context: Any) -> Any:
        seen.append((context.id(), context.trace_id))
        yield HELLO[-1]

    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"X-Request-Id": "mine-1", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    async with frontend_and_workers(handler) as front:
        answer = await front.http.post(CHAT, json=ASKED, headers=headers)
        other = await front.http.post(CHAT, json=ASKED, headers={"X-Request-Id": "a b"})
        exposed = await front.http.get(
            "/metrics", headers={"Accept": "application/openmetrics-text"}
        )
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.json()["id"] == "chatcmpl-mine-1"
    assert seen[0] == ("mine-1", trace)
    assert seen[1][0] == other.headers["x-request-id"] != "a b"
    assert f'trace_id="{trace}"' in exposed.text


async def test_the_live_page_is_there_with_the_headers_of_the_status_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with frontend() as front, DistributedRuntime(port=0, host="127.0.0.1") as other:
        async with httpx.AsyncClient() as client:
            for path in ("/", "/page/main.js", "/page/icon.svg"):
                ours = await front.http.get(path)
                theirs = await client.get(f"http://{other.system_status_address}{path}")
                assert (ours.status_code, ours.content) == (200, theirs.content)
                for name in ("content-type", "content-security-policy", "cache-control"):
                    assert ours.headers[name] == theirs.headers[name]
        assert (await front.http.get("/page/nothing.js")).status_code == 404
    monkeypatch.setenv("DYN_SYSTEM_PAGE", "0")
    async with frontend() as front:
        assert (await front.http.get("/")).status_code == 404
