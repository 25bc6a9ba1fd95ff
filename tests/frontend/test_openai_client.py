"""The API as OpenAI's own client uses it."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from dynamo.runtime import EngineError, InvalidRequestError, UnavailableError
from tests.support.frontend import (
    ASKED,
    HELLO,
    Scripted,
    all_of,
    frontend_and_workers,
    item,
    worker,
)


async def test_a_chat_completion_comes_whole() -> None:
    async with frontend_and_workers(Scripted(*HELLO)) as front:
        answer = await front.openai.chat.completions.create(**ASKED)
    [choice] = answer.choices
    assert (answer.object, answer.model) == ("chat.completion", "m")
    assert answer.id.startswith("chatcmpl-")
    assert (choice.message.role, choice.message.content) == ("assistant", "Hello é")
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    used = answer.usage
    assert (used.prompt_tokens, used.completion_tokens, used.total_tokens) == (7, 4, 11)
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


async def test_a_chat_completion_comes_in_chunks() -> None:
    async with frontend_and_workers(Scripted(*HELLO)) as front:
        stream = await front.openai.chat.completions.create(**ASKED, stream=True)
        chunks = [chunk async for chunk in stream]
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert [delta.role for delta in deltas] == ["assistant", None, None, None]
    assert [delta.content for delta in deltas] == ["", "Hel", "lo é", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]
    assert all(chunk.usage is None for chunk in chunks)


async def test_a_stream_ends_with_its_usage_if_that_is_asked() -> None:
    async with frontend_and_workers(Scripted(*HELLO)) as front:
        stream = await front.openai.chat.completions.create(
            **ASKED, stream=True, stream_options={"include_usage": True}
        )
        *chunks, last = [chunk async for chunk in stream]
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 11


async def test_a_completion_comes_whole_and_in_chunks() -> None:
    handler = Scripted(*HELLO)
    async with frontend_and_workers(handler) as front:
        create = front.openai.completions.create
        whole = await create(model="m", prompt="Why?")
        stream = await create(model="m", prompt=[1, 2], stream=True)
        chunks = [chunk async for chunk in stream]
    assert (whole.object, whole.choices[0].text) == ("text_completion", "Hello é")
    assert whole.choices[0].finish_reason == "stop"
    assert [chunk.choices[0].text for chunk in chunks] == ["Hel", "lo é", ""]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert handler.asked[0]["prompt"] == "Why?"
    assert handler.asked[0]["stop_conditions"] == {"max_tokens": 16}  # OpenAI's default
    assert handler.asked[1]["token_ids"] == [1, 2]


async def test_every_parameter_reaches_the_worker() -> None:
    handler = Scripted(*HELLO)
    async with frontend_and_workers(handler) as front:
        await front.openai.chat.completions.create(
            model="m",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Why"}]},
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "content": "42", "tool_call_id": "c1"},
            ],
            max_tokens=5,
            max_completion_tokens=6,
            stop="\n",
            temperature=0.5,
            top_p=0.9,
            seed=-3,
            n=1,
            frequency_penalty=-0.5,
            presence_penalty=1,
            logit_bias={"17": -100},
            user="somebody",
            logprobs=False,
            extra_body={"top_k": 4, "ignore_eos": True, "chat_template_kwargs": {"thinking": 1}},
        )
    assert handler.asked == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Why"},
                {"role": "assistant", "tool_calls": []},
                {"role": "tool", "content": "42", "tool_call_id": "c1"},
            ],
            "chat_template_kwargs": {"thinking": 1},
            "sampling_options": {
                "frequency_penalty": -0.5,
                "logit_bias": {"17": -100},
                "presence_penalty": 1,
                "seed": -3,
                "temperature": 0.5,
                "top_k": 4,
                "top_p": 0.9,
            },
            "stop_conditions": {"ignore_eos": True, "max_tokens": 6, "stop": ["\n"]},
            "usage": True,
        }
    ]


async def test_models_are_listed_with_their_context_length() -> None:
    async with (
        frontend_and_workers(Scripted(), context_length=4096) as front,
        worker(Scripted(), "org/other"),
    ):
        await front.lists("m", "org/other")
        listed = [model async for model in front.openai.models.list()]
        one = await front.openai.models.retrieve("org/other")
        with pytest.raises(openai.NotFoundError):
            await front.openai.models.retrieve("nothing")
    assert [(model.id, model.object) for model in listed] == [
        ("m", "model"),
        ("org/other", "model"),
    ]
    assert listed[0].to_dict()["max_model_len"] == 4096
    assert one == listed[1]


ERRORS: list[tuple[Any, type[openai.APIStatusError], str, str]] = [
    (InvalidRequestError("too long"), openai.BadRequestError, "too long", "validation"),
    (UnavailableError("full"), openai.InternalServerError, "full", "unavailable"),
    (EngineError("broken"), openai.InternalServerError, "broken", "backend_error"),
    (item("", 1, "abort"), openai.InternalServerError, "'abort'", "backend_error"),
    ("no item", openai.InternalServerError, "sent str where an object", "backend_error"),
    ({"text": 7}, openai.InternalServerError, "is not text", "backend_error"),
    (item("cut", 1), openai.InternalServerError, "without a finish reason", "truncated_stream"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("sent", "kind", "says", "error_type"), ERRORS, ids=str)
async def test_what_a_worker_answers_instead_is_an_error_of_its_kind(
    sent: Any, kind: type[openai.APIStatusError], says: str, error_type: str, stream: bool
) -> None:
    async with frontend_and_workers(Scripted(sent)) as front:

        async def ask() -> None:
            answer: Any = await front.openai.chat.completions.create(**ASKED, stream=stream)
            await all_of(answer)

        with pytest.raises(openai.APIError) as raised:
            await ask()
        await front.idle()
        counted = front.counts()
    if isinstance(sent, dict) and sent.get("text") == "cut" and stream:
        assert raised.type is openai.APIError  # it has begun with 200
    else:
        assert raised.type is kind
    assert says in raised.value.message
    request_type = "stream" if stream else "unary"
    assert counted == {("chat_completions", error_type, "m", request_type, "error"): 1}


async def test_an_error_after_the_first_text_ends_the_stream_with_it() -> None:
    handler = Scripted(item("Hel"), UnavailableError("shutting down"))
    async with frontend_and_workers(handler, handler) as front:
        stream = await front.openai.chat.completions.create(**ASKED, stream=True)
        texts = [(await anext(stream)).choices[0].delta.content for _ in range(2)]
        with pytest.raises(openai.APIError, match=r"not complete: shutting down") as raised:
            await all_of(stream)
        await front.idle()
        counted = front.counts()
    assert texts == ["", "Hel"]
    assert raised.value.code == "truncated_stream"
    assert counted == {("chat_completions", "truncated_stream", "m", "stream", "error"): 1}


async def test_requests_beyond_the_limit_are_told_to_come_again() -> None:
    async def wait_for_the_other() -> None:
        with pytest.raises(openai.RateLimitError, match=r"1 requests are in flight") as raised:
            await front.openai.chat.completions.create(**ASKED)
        assert raised.value.response.headers["retry-after"] == "1"

    handler = Scripted(wait_for_the_other, *HELLO)
    async with frontend_and_workers(handler, arguments=("--max-requests", "1")) as front:
        await front.openai.chat.completions.create(**ASKED)
        counted = front.counts()
        rejected = front.counts("model_rejection_total")
    assert counted == {
        ("chat_completions", "overload", "m", "unary", "error"): 1,
        ("chat_completions", "m", "unary", "success"): 1,
    }
    assert rejected == {("chat_completions", "m"): 1}
