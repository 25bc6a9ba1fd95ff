"""The handler of ``generate``, with an engine that the test drives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from vllm import SamplingParams
from vllm.exceptions import GracefulHTTPError, VLLMClientError
from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

from dynamo.runtime import (
    Context,
    DistributedRuntime,
    EngineError,
    InvalidRequestError,
    UnavailableError,
)
from dynamo.vllm._handler import handler_of
from tests.support.serving import collect, endpoint_of, served, settled, until

Item = tuple[list[int], str, str | None]


class Engine:
    """Answers what the test puts into ``items``, and notes what it is asked."""

    def __init__(self, *items: Item | Exception) -> None:
        self.model_config = SimpleNamespace(get_diff_sampling_param=lambda: {"top_k": 4})
        self.items: asyncio.Queue[Item | Exception] = asyncio.Queue()
        for item in items:
            self.items.put_nowait(item)
        self.asked: list[tuple[Any, SamplingParams, str]] = []
        self.aborted: list[str] = []
        self.ended: list[str] = []

    async def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str
    ) -> AsyncGenerator[Any, None]:
        self.asked.append((prompt, sampling_params, request_id))
        reason = None
        try:
            while not reason:
                item = await self.items.get()
                if isinstance(item, Exception):
                    raise item
                tokens, text, reason = item
                answer = SimpleNamespace(token_ids=tuple(tokens), text=text, finish_reason=reason)
                yield SimpleNamespace(
                    outputs=[answer], prompt_token_ids=[7] * 5, num_cached_tokens=4
                )
        finally:
            self.ended.append(request_id)

    def get_tokenizer(self) -> Any:
        """One whose template writes what it gets, and whose tokens are the characters."""

        def apply(messages: list[dict[str, Any]], *, tokenize: bool, **options: Any) -> str:
            assert not tokenize
            if messages[0]["role"] == "nobody":
                raise ValueError("Roles must be\nuser or assistant")
            return f"{messages[0]['role']}:{messages[0]['content']}{sorted(options.items())}"

        def encode(text: str, add_special_tokens: bool) -> list[int]:
            assert not add_special_tokens
            return [ord(character) for character in text]

        return SimpleNamespace(apply_chat_template=apply, encode=encode)

    async def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)
        self.items.put_nowait(([], "", "abort"))


def ask(engine: Any, request: Any, context: Context | None = None) -> AsyncIterator[dict[str, Any]]:
    """The answer to a request."""
    return handler_of(engine)(request, context or Context())


HALF: Item = ([1, 2], "w1 w2 ", None)
REST: Item = ([3], "w3 ", "length")


async def test_items_have_tokens_text_and_at_last_a_reason() -> None:
    assert await collect(ask(Engine(HALF, REST), {"prompt": "a b"})) == [
        {"token_ids": [1, 2], "text": "w1 w2 ", "finish_reason": None},
        {"token_ids": [3], "text": "w3 ", "finish_reason": "length"},
    ]


@pytest.mark.parametrize(
    ("request_", "prompt"),
    [({"prompt": "a b"}, "a b"), ({"token_ids": [5, 6]}, {"prompt_token_ids": [5, 6]})],
)
async def test_a_prompt_is_a_text_or_tokens(request_: dict[str, Any], prompt: Any) -> None:
    engine = Engine(REST)
    await collect(ask(engine, {**request_, "temperature": 0.5}))
    ((asked, params, _),) = engine.asked
    assert asked == prompt
    assert (params.temperature, params.top_k) == (0.5, 4)


async def test_messages_become_tokens_by_the_template_of_the_model() -> None:
    engine = Engine(REST)
    messages = [{"role": "user", "content": "hi"}]
    request = {"messages": messages, "chat_template_kwargs": {"thinking": False}}
    await collect(ask(engine, request))
    ((asked, _, _),) = engine.asked
    text = "".join(map(chr, asked["prompt_token_ids"]))
    assert text == "user:hi[('add_generation_prompt', True), ('thinking', False)]"


async def test_messages_that_the_template_refuses_are_told_why_in_one_line() -> None:
    problem = "does not take these messages: Roles must be user or assistant$"
    with pytest.raises(InvalidRequestError, match=problem):
        await collect(ask(Engine(), {"messages": [{"role": "nobody", "content": ""}]}))


async def test_the_first_item_says_how_long_the_prompt_is_if_it_is_asked() -> None:
    first, second = await collect(ask(Engine(HALF, REST), {"prompt": "a b", "usage": True}))
    assert first["usage"] == {"prompt_tokens": 5, "cached_tokens": 4}
    assert "usage" not in second


async def test_requests_of_one_context_have_names_of_their_own() -> None:
    engine, context = Engine(REST, REST), Context("x")
    answer = handler_of(engine)  # type: ignore[arg-type]
    for _ in range(2):
        await collect(answer({"prompt": "a"}, context))
    assert [name for _, _, name in engine.asked] == ["x-0", "x-1"]


async def test_a_client_that_leaves_while_its_request_waits_has_vllm_abort_it() -> None:
    engine, context = Engine(), Context("x")
    answer = asyncio.ensure_future(collect(ask(engine, {"prompt": "a"}, context)))
    await until(lambda: engine.asked or None)
    context.stop_generating()
    assert [item["finish_reason"] for item in await answer] == ["abort"]
    assert engine.aborted == engine.ended == ["x-0"]


async def test_an_answer_that_is_left_ends_in_the_engine_at_once() -> None:
    engine = Engine(HALF)
    answer = ask(engine, {"prompt": "a"}, Context("x"))
    await anext(answer)
    await answer.aclose()  # type: ignore[attr-defined]
    assert engine.ended == ["x-0"]


async def test_an_answer_that_is_complete_is_not_aborted_when_its_client_goes() -> None:
    engine, context = Engine(REST), Context()
    await collect(ask(engine, {"prompt": "a"}, context))
    context.stop_generating()
    await asyncio.sleep(0)
    assert engine.aborted == []


async def test_what_vllm_finds_wrong_with_a_request_is_the_requests_fault() -> None:
    with pytest.raises(InvalidRequestError, match=r"^too long$"):
        await collect(ask(Engine(VLLMClientError("too long")), {"prompt": "a"}))


async def test_a_full_queue_is_told_as_such() -> None:
    full = GracefulHTTPError("the queue is full", HTTPStatus.SERVICE_UNAVAILABLE)
    with pytest.raises(UnavailableError, match=r"^the queue is full$"):
        await collect(ask(Engine(full), {"prompt": "a"}))


async def test_an_error_of_vllms_that_says_nothing_gives_way_to_its_cause() -> None:
    error = EngineGenerateError()
    error.__cause__ = KeyError("adapter")
    with pytest.raises(KeyError, match="adapter"):
        await collect(ask(Engine(error), {"prompt": "a"}))


async def test_a_request_that_is_none_does_not_reach_the_engine() -> None:
    cases = [
        ("a", "a request must be an object, not str"),
        ({}, "a request must have either token_ids, a prompt or messages"),
        (
            {"prompt": "a", "token_ids": [1]},
            "a request must have either token_ids, a prompt or messages",
        ),
        ({"messages": []}, "messages must be a list of at least one message"),
        ({"messages": [{}]}, "a message must be an object with a role, a text"),
        (
            {"messages": [{"role": "user", "content": [1]}]},
            "the content of a message must be a text, not list",
        ),
        (
            {"messages": [{"role": "user"}], "chat_template_kwargs": []},
            "chat_template_kwargs must be an object, not list",
        ),
        ({"prompt": 1}, "prompt must be a text, not int"),
        ({"token_ids": [1, -1]}, "token_ids must be a list of whole numbers, none below 0"),
        (
            {"prompt": "a\ud800"},
            "prompt must be a text of whole characters: 'utf-8' codec can't encode character "
            "'\\ud800' in position 1: surrogates not allowed",
        ),
        (
            {"token_ids": [2**64]},
            "the prompt cannot be sent to the engine: can't serialize ints < -2**63 or > 2**64 - 1",
        ),
        ({"prompt": "a", "n": 3}, "n=3: a request has one answer here, send it 3 times"),
    ]
    for request_, problem in cases:
        engine = Engine()
        with pytest.raises(InvalidRequestError) as raised:
            await collect(ask(engine, request_))
        assert str(raised.value) == problem
        assert engine.asked == []


async def test_a_dead_engine_is_an_error_of_the_engine_and_counted_as_one(
    runtime: DistributedRuntime,
) -> None:
    engine = Engine(EngineDeadError())
    handler = handler_of(engine)  # type: ignore[arg-type]
    async with runtime, served(endpoint_of(runtime), handler) as client:
        with pytest.raises(EngineError, match="EngineDeadError"):
            await collect(await client.generate({"prompt": "a"}))
        assert (await settled(runtime, 1)).errors == {"generate": 1}
