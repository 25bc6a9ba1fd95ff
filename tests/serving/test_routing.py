"""Which instance a request goes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from dynamo.request_plane.memory.plane import MemoryPlane
from dynamo.runtime import Client, DistributedRuntime, NoInstancesError, UnavailableError
from tests.support.serving import collect, endpoint_of, served, until


async def three_instances(stack: AsyncExitStack) -> tuple[Client, dict[int, str]]:
    """A client of three runtimes that each yield their name, and the names by instance id."""
    names = {}
    for name in ("one", "two", "three"):
        runtime = await stack.enter_async_context(DistributedRuntime())

        async def tell(request: Any, name: str = name) -> AsyncIterator[str]:
            yield name

        client = await stack.enter_async_context(served(endpoint_of(runtime), tell))
        (new,) = await until(lambda client=client: new_ids(client, names))
        names[new] = name
    return client, names


def new_ids(client: Client, known: dict[int, str]) -> set[int] | None:
    return set(client.instance_ids()) - set(known) or None


async def ask(client: Client, how: str) -> str:
    [name] = await collect(await getattr(client, how)(None))
    return str(name)


@pytest.mark.parametrize("how", ["generate", "round_robin"])
async def test_requests_go_to_the_instances_in_turn(plane: str, how: str) -> None:
    async with AsyncExitStack() as stack:
        client, names = await three_instances(stack)
        asked = [await ask(client, how) for _ in range(6)]
        assert asked[:3] == asked[3:]
        assert sorted(asked[:3]) == sorted(names.values())


async def test_random_reaches_every_instance(plane: str) -> None:
    async with AsyncExitStack() as stack:
        client, names = await three_instances(stack)
        asked = Counter([await ask(client, "random") for _ in range(100)])
        assert set(asked) == set(names.values())


async def test_a_request_that_every_instance_refuses_goes_to_one_that_came_meanwhile(
    on_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(request: Any) -> AsyncIterator[str]:
        yield "late"

    call = MemoryPlane.call
    async with (
        DistributedRuntime() as first,
        DistributedRuntime() as second,
        served(endpoint_of(first), tell) as client,
        AsyncExitStack() as late,
    ):

        async def refuse_once(*_: Any) -> Any:
            monkeypatch.setattr(MemoryPlane, "call", call)
            await late.enter_async_context(served(endpoint_of(second), tell))
            raise UnavailableError("it is shutting down")

        for ask_for in (client.generate, client.random):
            monkeypatch.setattr(MemoryPlane, "call", refuse_once)
            assert await collect(await ask_for(None)) == ["late"]
            await late.aclose()
        monkeypatch.setattr(MemoryPlane, "call", refuse_once)
        with pytest.raises(UnavailableError, match="it is shutting down"):
            await client.direct(None, client.instance_ids()[0])


async def test_direct_reaches_the_instance_named(plane: str) -> None:
    async with AsyncExitStack() as stack:
        client, names = await three_instances(stack)
        for instance, name in names.items():
            assert await collect(await client.direct(None, instance)) == [name]


async def test_direct_to_an_unknown_instance_names_the_known_ones(plane: str) -> None:
    async with AsyncExitStack() as stack:
        client, _names = await three_instances(stack)
        named = rf"^ns/comp/generate has no instance 1 \(.*{plane}.*\): it has \[.*instance_ids"
        with pytest.raises(NoInstancesError, match=named):
            await client.direct(None, 1)


async def test_names_that_look_alike_when_joined_are_different_endpoints(plane: str) -> None:
    async def first(request: Any) -> AsyncIterator[str]:
        yield "first"

    async def second(request: Any) -> AsyncIterator[str]:
        yield "second"

    async with DistributedRuntime() as runtime:
        one = runtime.namespace("a").component("b/c").endpoint("*")
        two = runtime.namespace("a").component("b").endpoint("c/*")
        async with served(one, first) as to_first, served(two, second) as to_second:
            assert await ask(to_first, "generate") == "first"
            assert await ask(to_second, "generate") == "second"


async def test_an_endpoint_is_served_once_by_a_runtime(plane: str) -> None:
    async def tell(request: Any) -> AsyncIterator[str]:
        yield "first"

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), tell) as client:
        with pytest.raises(
            ValueError, match=r"^endpoint ns/comp/generate is served by this runtime"
        ):
            await endpoint_of(runtime).serve_endpoint(tell)
        assert await ask(client, "generate") == "first"
