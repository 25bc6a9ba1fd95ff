"""``@dynamo_endpoint``: requests and items with models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel

from dynamo.runtime import (
    Context,
    DistributedRuntime,
    EngineError,
    InvalidRequestError,
    dynamo_endpoint,
)
from tests.support.serving import collect, endpoint_of, served, settled


class Ask(BaseModel):
    prompt: str
    tokens: int = 1


class Token(BaseModel):
    text: str


@dynamo_endpoint(Ask, Token)
async def generate(request: Ask) -> AsyncIterator[Any]:
    assert isinstance(request, Ask)
    for _ in range(request.tokens):
        yield Token(text=request.prompt)
        yield {"text": "as a dict"}


async def test_the_handler_gets_a_model_and_the_client_its_json() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), generate) as client:
        answer = await client.generate({"prompt": "hi"})
        assert await collect(answer) == [{"text": "hi"}, {"text": "as a dict"}]


async def test_a_model_can_be_sent_as_a_request() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), generate) as client:
        answer = await client.generate(Ask(prompt="hi", tokens=2))
        assert len(await collect(answer)) == 4


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, r"^the request does not fit Ask: prompt: field required$"),
        (
            {"prompt": "a", "tokens": "x"},
            r"^the request does not fit Ask: tokens: input should be a val",
        ),
        (["a"], r"^the request does not fit Ask: it: input should be a valid dict"),
    ],
)
async def test_a_request_that_does_not_fit_is_refused_in_one_line(request_: Any, says: str) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), generate) as client:
        with pytest.raises(InvalidRequestError, match=says):
            await collect(await client.generate(request_))
        assert (await settled(runtime, 1)).errors == {"deserialization": 1}


async def test_an_item_that_does_not_fit_is_the_handlers_error() -> None:
    @dynamo_endpoint(str, Token)
    async def wrong(request: str) -> AsyncIterator[Any]:
        yield {"txt": request}

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wrong) as client:
        with pytest.raises(
            EngineError, match=r"TypeError: an item of the answer does not fit Token: text"
        ):
            await collect(await client.generate("hi"))
        assert (await settled(runtime, 1)).errors == {"generate": 1}


async def test_plain_classes_are_checked_as_they_are() -> None:
    @dynamo_endpoint(str, str)
    async def shout(request: str) -> AsyncIterator[Any]:
        yield request.upper()
        if request == "wrong":
            yield 7

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), shout) as client:
        assert await collect(await client.generate("hi")) == ["HI"]
        with pytest.raises(InvalidRequestError, match=r"^the request must be str, not int$"):
            await collect(await client.generate(7))
        with pytest.raises(EngineError, match=r"an item of the answer must be str, not int$"):
            await collect(await client.generate("wrong"))


async def test_anything_else_is_let_through() -> None:
    @dynamo_endpoint(Any, list[int])
    async def echo(request: Any) -> AsyncIterator[Any]:
        yield request

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        assert await collect(await client.generate({"a": 1})) == [{"a": 1}]


async def test_methods_can_be_decorated_and_get_the_context() -> None:
    class Worker:
        name = "worker"

        @dynamo_endpoint(Ask, dict)
        async def generate(self, request: Ask, context: Context) -> AsyncIterator[Any]:
            yield {"name": self.name, "prompt": request.prompt, "id": context.id()}

    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), Worker().generate) as client,
    ):
        answer = await client.generate({"prompt": "hi"}, context=Context("7"))
        assert await collect(answer) == [{"name": "worker", "prompt": "hi", "id": "7"}]


async def test_the_decorated_function_keeps_its_name() -> None:
    assert generate.__name__ == "generate"


async def test_leaving_the_answer_ends_the_function_inside() -> None:
    ended = []

    @dynamo_endpoint(str, str)
    async def endless(request: str) -> AsyncIterator[str]:
        try:
            while True:
                yield request
        finally:
            ended.append(request)

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), endless) as client:
        answer = await client.generate("x")
        await anext(answer)
        await answer.aclose()
        await settled(runtime, 1)
        assert ended == ["x"]
