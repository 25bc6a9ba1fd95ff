"""A timed function keeps its signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from typing_extensions import assert_type

from dynamo.prometheus_metrics import Histogram, Timer


def times_a_block(latency: Histogram) -> None:
    with latency.time() as timer:
        assert_type(timer, Timer)


def does_not_swallow_exceptions(latency: Histogram) -> int:
    # Were __exit__() to return bool, the end of this function would be in reach.
    with latency.time():
        return 1


def decorates(latency: Histogram) -> None:
    @latency.time()
    def prefill(prompt: str, *, tokens: int = 1) -> list[int]:
        return [len(prompt)] * tokens

    assert_type(prefill("a", tokens=2), list[int])
    untimed: Callable[[str], list[int]] = prefill
    assert_type(untimed("a"), list[int])
    prefill(1)  # type: ignore[arg-type]
    prefill("a", token=2)  # type: ignore[call-arg]

    @latency.time()
    async def decode(tokens: list[int]) -> str:
        return str(tokens)

    assert_type(asyncio.run(decode([1])), str)
    decode("a").close()  # type: ignore[arg-type]
