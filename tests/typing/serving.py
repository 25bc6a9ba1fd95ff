"""Serving and calling endpoints, and what type checkers must infer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from typing_extensions import assert_type

from dynamo.runtime import (
    Client,
    Context,
    DistributedRuntime,
    EngineError,
    RequestError,
    ResponseStream,
    dynamo_endpoint,
    dynamo_worker,
)


async def handler(request: dict[str, int]) -> AsyncIterator[int]:
    yield request["a"]


async def handler_with_context(request: str, context: Context) -> AsyncIterator[str]:
    assert_type(context.id(), str)
    assert_type(context.is_stopped(), bool)
    yield request


@dynamo_endpoint(str, str)
async def handler_with_models(request: str) -> AsyncIterator[str]:
    yield request


@dynamo_worker()
async def worker(runtime: DistributedRuntime) -> None:
    endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
    await endpoint.serve_endpoint(handler)
    await endpoint.serve_endpoint(handler_with_context, graceful_shutdown=False)
    await endpoint.serve_endpoint(handler_with_models, metrics_labels=[("model", "llama")])
    await endpoint.serve_endpoint(handler, metrics_labels={"model": "llama"})
    await endpoint.serve_endpoint(handler, health_check_payload={"a": 1})
    await endpoint.serve_endpoint(7)  # type: ignore[arg-type]

    client = await endpoint.client()
    assert_type(client, Client)
    assert_type(client.instance_ids(), list[int])
    assert_type(await client.wait_for_instances(), list[int])
    assert_type(await client.wait_for_instances(timeout=5), list[int])
    assert_type(await client.wait_for_change(), list[int])
    stream = await client.generate({"a": 1}, context=Context("id"))
    assert_type(stream, ResponseStream)
    assert_type(await client.direct(1, 2, annotated=True), ResponseStream)
    try:
        async for item in stream:
            assert_type(item, Any)
    except EngineError as error:
        assert_type(error.kind, str)
    except RequestError:
        pass

    async with runtime as same:
        assert_type(same, DistributedRuntime)
