"""The ``generate`` endpoint of a mocker in the test's own process."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime, InvalidRequestError
from tests.support.exposition import buckets, exposition, sample
from tests.support.mocker import mocker
from tests.support.serving import collect, request_counts, settled, until


def engine(runtime: DistributedRuntime, name: str, **labels: str) -> float:
    """A value of the engine's metrics."""
    return sample(exposition(runtime), f"vllm:{name}", **labels)


async def idle(runtime: DistributedRuntime) -> None:
    """Waits until the engine has nothing to do, and checks that nothing is left in it."""

    def ready() -> bool | None:
        running = engine(runtime, "num_requests_running"), engine(runtime, "num_requests_waiting")
        return True if running == (0, 0) else None

    await until(ready)
    assert engine(runtime, "kv_cache_usage_perc") == 0


async def test_an_answer_is_tokens_their_text_and_why_it_ends(
    plane: str, runtime: DistributedRuntime
) -> None:
    async with mocker(runtime) as client:
        request = {"token_ids": [1, 2, 3], "max_tokens": 100, "ignore_eos": True}
        items = await collect(await client.generate(request))
    assert sum(len(item["token_ids"]) for item in items) == 100
    assert all(len(item["text"].split()) == len(item["token_ids"]) for item in items)
    assert [item["finish_reason"] for item in items] == [None] * (len(items) - 1) + ["length"]


async def test_tokens_come_as_they_are_generated(runtime: DistributedRuntime) -> None:
    async with mocker(runtime, "--speedup", "1") as client:
        stream = await client.generate({"token_ids": [1], "ignore_eos": True})
        first = await anext(stream)
        assert first["finish_reason"] is None
        assert engine(runtime, "num_requests_running") == 1
        await stream.aclose()


async def test_a_prompt_of_words_is_counted_in_tokens(runtime: DistributedRuntime) -> None:
    async with mocker(runtime) as client:
        await collect(await client.generate({"prompt": "Once upon a time, there", "max_tokens": 2}))
    assert engine(runtime, "prompt_tokens_total") == 6
    assert engine(runtime, "request_prompt_tokens_sum") == 6


async def test_an_answer_ends_by_itself_or_at_its_limit(runtime: DistributedRuntime) -> None:
    reasons = {}
    async with mocker(runtime, "--answer", "20") as client:
        for limit in (1, 2_000):
            items = await collect(await client.generate({"prompt": "Why?", "max_tokens": limit}))
            reasons[items[-1]["finish_reason"]] = sum(len(item["token_ids"]) for item in items)
    assert reasons["length"] == 1
    assert 1 < reasons["stop"] < 2_000
    for reason in ("length", "stop"):
        assert engine(runtime, "request_success_total", finished_reason=reason) == 1


async def test_options_count_where_dynamos_preprocessor_puts_them(
    runtime: DistributedRuntime,
) -> None:
    request = {
        "token_ids": [1],
        "sampling_options": {"temperature": 0.7, "top_p": None},
        "stop_conditions": {"max_tokens": 7, "min_tokens": 7},
    }
    async with mocker(runtime) as client:
        items = await collect(await client.generate(request))
    assert sum(len(item["token_ids"]) for item in items) == 7


async def test_messages_are_a_prompt_and_the_first_item_says_how_long_it_is(
    runtime: DistributedRuntime,
) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    async with mocker(runtime, "--block-size", "4") as client:
        first, second = [
            (await collect(await client.generate({"messages": messages, "usage": True})))[0]
            for _ in range(2)
        ]
    # system : Be brief . user : Why ? assistant :
    assert first["usage"] == {"prompt_tokens": 11, "cached_tokens": 0}
    assert second["usage"] == {"prompt_tokens": 11, "cached_tokens": 8}


async def test_the_same_seed_gives_the_same_answers() -> None:
    answers = []
    for seed in ("1", "1", "2"):
        runtime = DistributedRuntime()
        async with mocker(runtime, "--seed", seed) as client:
            items = await collect(await client.generate({"prompt": "Why?"}))
        answers.append("".join(item["text"] for item in items))
    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ("Why?", "a request must be an object, not str"),
        ({}, "a request must have either token_ids, a prompt or messages"),
        (
            {"prompt": "a", "token_ids": [1]},
            "a request must have either token_ids, a prompt or messages",
        ),
        ({"prompt": ["a"]}, "prompt must be a text, not list"),
        ({"prompt": "a\ud800"}, "prompt must be a text of whole characters: 'utf-8' codec"),
        ({"prompt": " "}, "a prompt of 0 tokens cannot be answered: it must have 1 to 127"),
        ({"token_ids": [1] * 128}, "a prompt of 128 tokens cannot be answered"),
        ({"token_ids": [1, -1]}, "token_ids must be a list of whole numbers, none below 0"),
        ({"token_ids": [True]}, "token_ids must be a list of whole numbers, none below 0"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens=0 is not a whole number above 0"),
        ({"prompt": "a", "min_tokens": "1"}, "min_tokens='1' is not a whole number of at least 0"),
        ({"prompt": "a", "ignore_eos": 1}, "ignore_eos=1 is neither true nor false"),
    ],
    ids=str,
)
async def test_a_request_that_cannot_be_answered_is_told_why(
    runtime: DistributedRuntime, request_: Any, problem: str
) -> None:
    async with mocker(runtime, "--max-model-len", "128") as client:
        with pytest.raises(InvalidRequestError) as error:
            await collect(await client.generate(request_))
        counted = await settled(runtime, requests=1)
        await idle(runtime)
    assert str(error.value).startswith(problem)
    assert counted.errors == {"deserialization": 1}


async def test_a_client_that_leaves_frees_the_blocks_of_its_request(
    plane: str, runtime: DistributedRuntime
) -> None:
    async with mocker(runtime, "--speedup", "1") as client:
        stream = await client.generate({"token_ids": [1] * 100, "ignore_eos": True})
        await anext(stream)
        assert engine(runtime, "kv_cache_usage_perc") > 0
        await stream.aclose()
        await idle(runtime)
        counted = await settled(runtime, requests=1)
    assert counted.cancelled == 1
    assert engine(runtime, "request_success_total", finished_reason="abort") == 0
    assert engine(runtime, "e2e_request_latency_seconds_count") == 0


async def test_a_client_that_leaves_while_it_waits_is_out_of_the_queue(
    runtime: DistributedRuntime,
) -> None:
    async with mocker(runtime, "--speedup", "1", "--max-num-seqs", "1") as client:
        first = await client.generate({"token_ids": [1], "ignore_eos": True})
        await anext(first)
        second = await client.generate({"token_ids": [2]})
        await until(lambda: engine(runtime, "num_requests_waiting") or None)
        await second.aclose()
        assert engine(runtime, "num_requests_waiting") == 0
        assert engine(runtime, "num_requests_running") == 1
        await first.aclose()
        await idle(runtime)


async def test_what_a_machine_too_slow_has_lost_is_lost_and_seen(
    runtime: DistributedRuntime,
) -> None:
    async with mocker(runtime, "--speedup", "1") as client:
        stream = await client.generate({"token_ids": [1], "ignore_eos": True})
        await anext(stream)
        time.sleep(0.3)  # the event loop stands still
        await anext(stream)
        await anext(stream)
        await stream.aclose()
    long = buckets(exposition(runtime), "vllm:inter_token_latency_seconds")
    assert long["0.2"] < long["+Inf"]


async def test_a_shared_beginning_is_found_in_the_cache(runtime: DistributedRuntime) -> None:
    async with mocker(runtime, "--block-size", "16") as client:
        for end in (1, 2):
            request = {"token_ids": [7] * 40 + [end], "max_tokens": 1}
            await collect(await client.generate(request))
    assert engine(runtime, "prefix_cache_queries_total") == 82
    assert engine(runtime, "prefix_cache_hits_total") == 32
    assert engine(runtime, "prompt_tokens_by_source_total", source="local_cache_hit") == 32
    assert engine(runtime, "prompt_tokens_by_source_total", source="local_compute") == 50
    assert engine(runtime, "request_prefill_kv_computed_tokens_sum") == 50


async def test_many_requests_share_the_engine_and_all_get_their_tokens(
    runtime: DistributedRuntime,
) -> None:
    command = ("--num-gpu-blocks", "16", "--max-model-len", "128", "--max-num-seqs", "8")
    async with mocker(runtime, *command) as client:

        async def ask(number: int) -> int:
            request = {"token_ids": [number] * 20, "max_tokens": 60, "ignore_eos": True}
            items = await collect(await client.generate(request))
            return sum(len(item["token_ids"]) for item in items)

        assert await asyncio.gather(*map(ask, range(30))) == [60] * 30
        await idle(runtime)
    assert engine(runtime, "generation_tokens_total") == 30 * 60
    assert engine(runtime, "inter_token_latency_seconds_count") == 30 * 59
    assert engine(runtime, "time_to_first_token_seconds_count") == 30
    preemptions = engine(runtime, "num_preemptions_total")
    assert preemptions > 0
    assert engine(runtime, "request_num_preemptions_sum") == preemptions
    assert request_counts(runtime).succeeded == 30
