"""Models that workers register, as frontends find them."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo.discovery import Discovery, Model
from dynamo.discovery._records import from_json, to_json
from dynamo.runtime import DistributedRuntime, register_model
from tests.support.nats import LEASE
from tests.support.process import Start
from tests.support.serving import discovery_of, endpoint_of, served, until


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def found(discovery: Discovery, number: int) -> list[Model]:
    """So many models, which must come."""
    watch = await discovery.watch_models()
    await until(lambda: len(watch.models) == number or None)
    return watch.models


async def test_a_model_is_found_while_its_runtime_lives(plane: str) -> None:
    async with discovery_of(plane) as discovery:
        async with DistributedRuntime() as runtime:
            endpoint = endpoint_of(runtime)
            async with served(endpoint, echo):
                await register_model(endpoint, "org/m", context_length=10)
                await register_model(endpoint, "org/m", context_length=4096, max_num_seqs=8)
                await register_model(endpoint, "other", kinds=["completions"])
                models = {model.name: model for model in await found(discovery, 2)}
        await found(discovery, 0)
    instance = endpoint.connection_id()
    assert models == {
        "org/m": Model(
            *("org/m", "ns", "comp", "generate", instance), context_length=4096, max_num_seqs=8
        ),
        "other": Model("other", "ns", "comp", "generate", instance, ("completions",)),
    }


async def test_a_model_goes_with_a_process_that_is_killed(
    between: dict[str, str], start: Start
) -> None:
    worker = start("registers.py", **LEASE, **between)
    assert worker.line() == "registered"
    async with discovery_of("nats" if between else "tcp") as discovery:
        [model] = await found(discovery, 1)
        assert (model.name, model.context_length) == ("org/model-8b", 4096)
        worker.interrupt(signal.SIGKILL)
        await found(discovery, 0)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": " "}, "name=' ' is not the name of a model: use a text that is not blank"),
        ({"kinds": ["chat", "video"]}, "kinds=('chat', 'video') must be some of chat, completions"),
        ({"kinds": []}, "kinds=() must be some of chat, completions"),
        ({"context_length": 0}, "context_length=0 is not a whole number above 0: leave it out"),
        ({"max_num_seqs": "8"}, "max_num_seqs='8' is not a whole number above 0: leave it out"),
    ],
)
async def test_a_bad_registration_is_told_why(
    runtime: DistributedRuntime, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=r"use|must|leave") as raised:
        await register_model(endpoint_of(runtime), **{"name": "m", **arguments})
    assert str(raised.value) == problem


def test_a_model_that_cannot_be_one_is_not_read() -> None:
    cases = [
        {"name": None},
        {"kinds": "chat"},
        {"kinds": [1]},
        {"context_length": -1},
        {"total_kv_blocks": True},
        {"instance_id": 0},
    ]
    for change in cases:
        model = Model("m", "ns", "comp", "generate", 7, context_length=10)
        stored = to_json(model)
        assert from_json(Model, stored) == model
        with pytest.raises(ValueError, match=r"^not a Model: "):
            from_json(Model, json.dumps({**json.loads(stored), **change}).encode())
