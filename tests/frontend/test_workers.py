"""Workers that come, go, refuse and are lost, and clients that disconnect."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import httpx
import openai
import pytest

from dynamo.discovery import Model
from dynamo.runtime import UnavailableError
from tests.support.frontend import (
    ASKED,
    HELLO,
    Scripted,
    all_of,
    forever,
    frontend,
    frontend_and_workers,
    item,
    worker,
)
from tests.support.process import Start, workers
from tests.support.serving import discovery_of, until


@pytest.fixture
def start() -> Any:
    with workers(__file__) as start:
        yield start


async def text_of(front: Any, **changes: Any) -> str:
    answer = await front.openai.chat.completions.create(**{**ASKED, **changes})
    return str(answer.choices[0].message.content)


async def test_a_model_comes_with_its_first_worker_and_goes_with_its_last() -> None:
    async with frontend() as front:
        await front.lists()
        async with worker(Scripted(*HELLO), context_length=10):
            await front.lists("m")
            async with worker(Scripted(*HELLO)):
                await front.lists("m")
            assert await text_of(front) == "Hello é"
            assert front.counts("model_context_length") == {("m",): 10}
        await front.lists()
        with pytest.raises(openai.NotFoundError):
            await text_of(front)
        families = front.families()
    assert "dynamo_frontend_model_context_length" not in families
    assert "dynamo_frontend_worker_last_time_to_first_token_seconds" not in families
    assert front.counts("output_tokens_total") == {("m",): 4}  # what was counted stays


async def test_a_request_that_a_worker_refuses_goes_to_the_next_one(on_tcp: None) -> None:
    refusing = Scripted(UnavailableError("the queue is full"))
    answering = Scripted(*HELLO)
    async with frontend_and_workers(refusing, answering) as front:
        assert [await text_of(front) for _ in range(4)] == ["Hello é"] * 4
        moved = front.counts("model_migration_total")
        counted = front.counts()
    assert len(refusing.asked) == 2
    assert len(answering.asked) == 4
    assert moved == {("new_request", "m"): 2}
    assert counted == {("chat_completions", "m", "unary", "success"): 4}


async def test_a_request_whose_worker_is_killed_before_its_first_item_goes_to_the_next_one(
    start: Start,
) -> None:
    answering = Scripted(*HELLO)
    lost = start("killed.py")
    async with frontend_and_workers(answering) as front:
        while (await front.http.get("/health")).json()["workers"] != 2:
            lost.assert_runs()
            await asyncio.sleep(0.01)
        assert [await text_of(front) for _ in range(2)] == ["Hello é"] * 2
        assert front.counts("model_migration_total") == {("new_request", "m"): 1}
    assert lost.exit_code() == -9


async def test_a_stream_whose_worker_is_killed_ends_with_an_error(start: Start) -> None:
    lost = start("killed.py")
    async with frontend() as front:
        await front.lists("m")
        stream = await front.openai.chat.completions.create(**ASKED, stream=True, seed=1)
        assert (await anext(stream)).choices
        lost.interrupt(signal.SIGKILL)
        with pytest.raises(openai.APIError, match=r"^the answer is not complete: "):
            await all_of(stream)
        await front.idle()
        counted = front.counts()
    assert counted == {("chat_completions", "truncated_stream", "m", "stream", "error"): 1}


@pytest.mark.parametrize("mode", ["round-robin", "least-in-flight", "random"])
async def test_requests_are_spread_over_the_workers(mode: str) -> None:
    handlers = [Scripted(*HELLO) for _ in range(2)]
    async with frontend_and_workers(*handlers, arguments=("--router-mode", mode)) as front:
        for _ in range(16):
            await text_of(front)
    shares = sorted(len(handler.asked) for handler in handlers)
    assert sum(shares) == 16
    assert shares[0] >= (1 if mode == "random" else 8)


async def test_the_worker_with_the_fewest_requests_gets_the_next_one() -> None:
    stuck, free = Scripted(item("a"), forever), Scripted(*HELLO)
    arguments = ("--router-mode", "least-in-flight")
    async with frontend_and_workers(stuck, free, arguments=arguments) as front:
        streams = []
        while not stuck.asked:
            streams.append(await front.openai.chat.completions.create(**ASKED, stream=True))
        before = len(free.asked)
        await until(lambda: front.counts("active_requests") == {("m",): 1} or None)
        assert [await text_of(front) for _ in range(4)] == ["Hello é"] * 4
        for stream in streams:
            await stream.close()
    assert len(stuck.asked) == 1
    assert len(free.asked) == before + 4


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("items", [(forever,), (item("a"), forever)], ids=["waiting", "decoding"])
async def test_a_client_that_disconnects_cancels_its_request_in_the_worker(
    on_tcp: None, stream: bool, items: tuple[Any, ...]
) -> None:
    handler = Scripted(*items)
    async with frontend_and_workers(handler) as front:
        async with httpx.AsyncClient(base_url=f"http://{front.address}") as client:
            body = {**ASKED, "stream": stream}
            asking = asyncio.create_task(client.post("/v1/chat/completions", json=body))
            while not handler.asked:
                await asyncio.sleep(0.01)
            assert front.counts("active_requests") == {("m",): 1}
            asking.cancel()
            await asyncio.wait({asking})
        await asyncio.wait_for(handler.stopped.wait(), 30)
        await front.idle()
        kind = "stream" if stream else "unary"
        assert front.counts() == {("chat_completions", "cancelled", "m", kind, "error"): 1}
        assert front.counts("model_cancellation_total") == {("chat_completions", "m", kind): 1}
        assert front.counts("disconnected_clients") == {(): 1}
        assert front.counts("queued_requests") == {}


async def test_a_model_under_names_that_no_endpoint_can_have_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with discovery_of("tcp") as discovery, frontend() as front:
        await discovery.register_model(Model("bad", "a..b", "", "c", 7))
        async with worker(Scripted(*HELLO)):
            await front.lists("m")
            assert await text_of(front) == "Hello é"
    assert "a model of a..b//c cannot be asked: " in caplog.text
