"""The metrics beside what has happened."""

from __future__ import annotations

import asyncio

import pytest

from dynamo._settings import FRONTEND_SETTINGS, ITL, TTFT
from dynamo.frontend import parse
from dynamo.frontend._buckets import buckets
from tests.support.exposition import buckets as buckets_of
from tests.support.exposition import sample
from tests.support.frontend import ASKED, HELLO, Scripted, frontend, frontend_and_workers, item


async def test_everything_that_is_counted_equals_what_has_happened() -> None:
    gate = asyncio.Event()
    first = item("a", 1, usage={"prompt_tokens": 60, "cached_tokens": 32})
    handler = Scripted(first, item("b", 3), gate.wait, item("c", 1, "length"))
    async with frontend_and_workers(handler, kv_cache_block_size=16) as front:
        name = "dynamo_frontend_{}".format
        before = front.families()
        assert (
            sample(
                before,
                name("requests_total"),
                request_type="stream",
                status="success",
                endpoint="chat_completions",
            )
            == 0
        )
        assert sample(before, name("input_sequence_tokens_count"), model="m") == 0

        stream = await front.openai.chat.completions.create(**ASKED, stream=True)
        for _ in range(3):
            await anext(stream)
        during = await asyncio.to_thread(front.families)
        assert sample(during, name("active_requests"), model="m") == 1
        assert sample(during, name("inflight_requests"), model="m") == 1
        assert sample(during, name("queued_requests"), model="m") == 0
        assert sample(during, name("output_tokens_total"), model="m") == 4
        assert sample(during, name("worker_active_decode_blocks")) == 4  # of 64 tokens
        assert sample(during, name("output_sequence_tokens_count"), model="m") == 0

        gate.set()
        async for _ in stream:
            pass
        await front.idle()
        after = await asyncio.to_thread(front.families)
    counted = {
        ("requests_started_total", 1),
        ("input_sequence_tokens_count", 1),
        ("input_sequence_tokens_sum", 60),
        ("cached_tokens_sum", 32),
        ("output_sequence_tokens_sum", 5),
        ("output_tokens_total", 5),
        ("time_to_first_token_seconds_count", 1),
        ("inter_token_latency_seconds_count", 4),
        ("request_duration_seconds_count", 1),
        ("queued_requests", 0),
        ("worker_last_input_sequence_tokens", 60),
        ("worker_active_decode_blocks", 0),
    }
    for family, value in counted:
        of_kind = {"endpoint": "chat_completions", "request_type": "stream"}
        labels = of_kind if family == "requests_started_total" else {}
        assert sample(after, name(family), **labels) == value, family
    duration = sample(after, name("request_duration_seconds_sum"))
    first_token = sample(after, name("time_to_first_token_seconds_sum"))
    between = sample(after, name("inter_token_latency_seconds_sum"))
    assert 0 < first_token + between <= duration < 30
    assert sample(after, name("worker_last_time_to_first_token_seconds")) == first_token
    stages = [
        sample(after, name("stage_duration_seconds_count"), stage=stage)
        for stage in ("preprocess", "route", "dispatch")
    ]
    assert stages == [1, 1, 1]


async def test_the_exposition_has_the_sizes_that_workers_register() -> None:
    sizes = {
        "context_length": 4096,
        "kv_cache_block_size": 16,
        "total_kv_blocks": 512,
        "max_num_seqs": 8,
        "max_num_batched_tokens": 2048,
    }
    async with frontend_and_workers(Scripted(), **sizes) as front:
        answer = await front.http.get("/metrics")
    for name, size in sizes.items():
        assert f'dynamo_frontend_model_{name}{{model="m"}} {size}\n' in answer.text


async def test_prefix_and_buckets_are_set_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_METRICS_PREFIX", "my front")
    monkeypatch.setenv("DYN_METRICS_TTFT_MIN", "0.01")
    monkeypatch.setenv("DYN_METRICS_TTFT_MAX", "10")
    monkeypatch.setenv("DYN_METRICS_TTFT_COUNT", "5")
    async with frontend_and_workers(Scripted(*HELLO)) as front:
        families = front.families()
    assert not [name for name in families if name.startswith("dynamo_frontend_")]
    bounds = buckets_of(families, "my_front_time_to_first_token_seconds")
    assert list(bounds) == ["0.0", "0.01", "0.1", "1.0", "10.0", "+Inf"]


def test_default_buckets_reach_from_a_millisecond_to_minutes() -> None:
    for bounds, count, last in ((TTFT, 18, 480.0), (ITL, 20, 80.0)):
        found = buckets(bounds)
        assert (found[0], found[1], found[-1], len(found)) == (0.0, 0.001, last, count)
        assert found == sorted(found)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DYN_METRICS_ITL_MIN", "0", "is not a bound: use a number above 0"),
        ("DYN_METRICS_ITL_MAX", "0.0001", "is not above DYN_METRICS_ITL_MIN=0.001: use a number"),
        ("DYN_METRICS_ITL_COUNT", "2", "is not a number of buckets: use a whole number from 3"),
    ],
)
async def test_a_bad_bucket_setting_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=rf"^{variable}=") as raised:
        async with frontend():
            pass
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DYN_HTTP_PORT", "70000", "is not a port: use a whole number from 0 to 65535"),
        ("DYN_HTTP_MAX_REQUESTS", "-1", "is not a number of requests"),
        ("DYN_HTTP_BODY_LIMIT_MB", "0", "is not a number of mebibytes"),
        ("DYN_ROUTER_MODE", "kv", "is not supported here: use least-in-flight"),
        ("DYN_ROUTER_MODE", "best", "is not known: use round-robin or random or least-in-flight"),
    ],
)
def test_a_bad_setting_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=rf"^{variable}={value} ") as raised:
        parse([])
    assert says in str(raised.value)


def test_settings_are_those_of_the_environment_unless_the_command_line_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in {
        "DYN_HTTP_HOST": "::1",
        "DYN_HTTP_PORT": "9000",
        "DYN_ROUTER_MODE": "random",
        "DYN_HTTP_MAX_REQUESTS": "7",
        "DYN_HTTP_BODY_LIMIT_MB": "2",
    }.items():
        monkeypatch.setenv(variable, value)
    assert parse([]) == ("::1", 9000, "random", 7, 2 << 20)
    given = ["--http-port", "0", "--router-mode", "round-robin", "--max-requests", "0"]
    assert parse(given) == ("::1", 0, "round-robin", 0, 2 << 20)
    assert len({setting.variable for setting in FRONTEND_SETTINGS}) == len(FRONTEND_SETTINGS)
