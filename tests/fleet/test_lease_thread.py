"""A worker stays listed while its event loop stands still, and no longer than it should."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import nats as nats_py
import pytest

from dynamo.discovery import open_discovery
from dynamo.discovery.nats import BUCKET
from tests.fleet.conftest import Run, Sd, settings
from tests.support.client import TIMEOUT_SECONDS, fetch
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

PROGRAMS = Path(__file__).parent / "programs"
STANDS_STILL = PROGRAMS / "stands_still.py"
IN_A_THREAD = PROGRAMS / "in_a_thread.py"
FORGETS = PROGRAMS / "forgets.py"


def test_a_worker_whose_event_loop_stands_still_is_listed_but_gets_no_requests(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    worker = run(sys.executable, str(STANDS_STILL), **settings(nats))
    worker.address = worker.line()

    async def wait_for_three_renewals_without_instance() -> None:
        client = await nats_py.connect(nats.url)
        puts = await client.subscribe(f"$KV.{BUCKET}.runtimes.*")
        renewals = 0
        while renewals < 3:
            await puts.next_msg(TIMEOUT_SECONDS)
            instances = f"$KV.{BUCKET}.instances.>"
            kept = await client.jetstream().stream_info(f"KV_{BUCKET}", instances)
            renewals += not kept.state.subjects
        await client.close()

    asyncio.run(asyncio.wait_for(wait_for_three_renewals_without_instance(), TIMEOUT_SECONDS))
    assert sd.addresses() == [worker.address]
    assert fetch(worker.address, "/metrics").status == 200
    worker.tell()
    worker.assert_ends_cleanly()
    assert sd.addresses() == []


def test_a_worker_that_has_its_work_in_a_thread_is_listed(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    worker = run(sys.executable, str(IN_A_THREAD), **settings(nats))
    worker.address = worker.line()
    assert eventually(sd.addresses) == [worker.address]
    [group] = sd.groups() or []
    assert group["labels"]["__meta_dynamo_component"] == ""
    worker.tell()
    worker.assert_ends_cleanly()
    assert sd.addresses() == []


def test_a_discovery_that_nobody_closed_leaves_with_its_event_loop(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    program = run(sys.executable, str(FORGETS), NATS_SERVER=nats.url)
    assert program.lines() == ["forgotten", "ended"]
    assert program.exit_code() == 0
    assert sd.addresses() == []


def test_what_cannot_be_stored_is_told_to_who_announces(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER", nats.url)

    async def announce() -> Any:
        from dynamo.discovery import Target

        discovery = await open_discovery("nats")
        try:
            labels = {"namespace": "", "component": "x" * 2_000_000, "instance": "1"}
            await discovery.announce(1, Target("127.0.0.1:1", labels))
        finally:
            await discovery.close()

    with pytest.raises(ConnectionError, match=r"did not store runtimes\.1"):
        asyncio.run(announce())
