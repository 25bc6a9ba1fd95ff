"""Waiting for instances, and what is said to those who wait in vain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo._client import client as clients
from dynamo._directory import directory_path
from dynamo.discovery import Instance
from dynamo.runtime import DistributedRuntime
from tests.support.log import logged_here
from tests.support.serving import discovery_of, endpoint_of, served, until, without_instances


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def test_waiting_ends_with_the_first_instance(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        waiting = asyncio.create_task(client.wait_for_instances(timeout=30))
        async with served(endpoint_of(runtime), echo):
            ids = await waiting
            assert ids == client.instance_ids()
            assert await client.wait_for_instances(timeout=0) == ids


async def test_a_timeout_names_the_plane_and_the_discovery_that_were_asked(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        with pytest.raises(TimeoutError) as error:
            await client.wait_for_instances(timeout=0.05)
    asked = f"file in {directory_path()}" if plane == "tcp" else plane
    assert str(error.value) == (
        f"no worker serves ns/comp/generate after 0.05 s (DYN_REQUEST_PLANE={plane}, "
        f"DYN_DISCOVERY_BACKEND={asked}): start one with the same settings"
    )


async def test_a_timeout_counts_instances_that_only_another_request_plane_reaches(
    on_memory: None,
) -> None:
    elsewhere = Instance("ns", "comp", "generate", 1, "nats", "dynamo.ns.comp.generate.1")
    async with DistributedRuntime() as runtime, discovery_of("memory") as discovery:
        client = await endpoint_of(runtime).client()
        await discovery.register(elsewhere)
        with pytest.raises(TimeoutError, match=r"BACKEND=memory; 1 on another request plane\)"):
            await client.wait_for_instances(timeout=0.01)


async def test_who_waits_for_long_is_told_once_what_was_asked(
    on_memory: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clients, "NOTICE_AFTER", 0.02)
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        waiting = asyncio.create_task(client.wait_for_instances(timeout=30))
        await until(lambda: logged_here(caplog) or None)
        async with served(endpoint_of(runtime), echo):
            await waiting
    [record] = logged_here(caplog)
    assert (record.name, record.levelno) == ("dynamo.runtime", logging.WARNING)
    assert record.getMessage() == (
        "no worker serves ns/comp/generate after 0.02 s (DYN_REQUEST_PLANE=memory, "
        "DYN_DISCOVERY_BACKEND=memory), still waiting"
    )


async def test_waiting_can_be_cancelled() -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        for timeout in (None, 30):
            waiting = asyncio.create_task(client.wait_for_instances(timeout))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting


async def test_a_change_is_an_instance_that_comes_or_goes(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        change = asyncio.create_task(client.wait_for_change())
        async with served(endpoint_of(runtime), echo) as other:
            assert await change == other.instance_ids()
            change = asyncio.create_task(client.wait_for_change())
            await asyncio.sleep(0)
        assert await change == []
        await without_instances(client)
