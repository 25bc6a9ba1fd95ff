"""Who is found, how soon the dead are forgotten, and what Prometheus is told."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats as nats_py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamo._nats import token
from dynamo.discovery import Instance, Target
from dynamo.discovery._leases import LeasedWatch
from dynamo.discovery._records import from_json, to_json
from dynamo.discovery.file import FileDiscovery
from dynamo.discovery.nats import BUCKET
from dynamo.discovery.nats import discovery as nats_discovery
from dynamo.runtime import Client, ConnectionLostError, DistributedRuntime, UnavailableError
from tests.serving.conftest import nats_settings
from tests.support.client import TIMEOUT_SECONDS
from tests.support.log import logged_here
from tests.support.nats import LEASE, NatsServer, flush
from tests.support.process import Start
from tests.support.serving import (
    client_of,
    collect,
    discovery_of,
    endpoint_of,
    instances_of,
    served,
    until,
    without_instances,
)


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def namespaces_of_targets(discovery: Any, expected: list[str]) -> None:
    """Waits until the targets are of these namespaces: a runtime announces itself aside."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        seen = [target.labels["namespace"] for target in await discovery.targets()]
        if seen == expected:
            return
        assert time.monotonic() < deadline, f"not within {TIMEOUT_SECONDS} s: {seen}"
        await asyncio.sleep(0.01)


async def test_all_processes_of_a_nats_server_have_the_lease_of_the_first(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lease in ("60", "2"):
        monkeypatch.setenv("DYN_DISCOVERY_LEASE", lease)
        async with discovery_of("nats") as discovery:
            opened: Any = discovery
            assert opened._store.lease == 60


async def test_a_killed_worker_is_gone_after_its_lease_and_its_requests_fail(
    on_nats: NatsServer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYN_DISCOVERY_LEASE", LEASE["DYN_DISCOVERY_LEASE"])
    worker = start("worker.py", **LEASE, **nats_settings(on_nats))
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate(1)
        assert await anext(answer) == 1
        worker.interrupt(signal.SIGKILL)
        lost = asyncio.create_task(anext(answer))
        await without_instances(client)
        with pytest.raises(ConnectionLostError, match="the worker was lost before the answer"):
            await lost
        # The bucket has forgotten it as well, for those who look only now.
        bucket = f"$KV.{BUCKET}.>"
        async with await nats_py.connect(on_nats.url) as outside:
            jetstream = outside.jetstream()

            async def stored() -> Any:
                state = (await jetstream.stream_info(f"KV_{BUCKET}", subjects_filter=bucket)).state
                return state.messages

            while await stored():
                await asyncio.sleep(0.1)


async def test_a_request_to_a_worker_just_killed_goes_to_another(
    between: dict[str, str], start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start("worker.py", **between)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        while len(client.instance_ids()) < 2:
            await client.wait_for_change()
        monkeypatch.setattr(FileDiscovery, "_look", lambda _: None)  # it would see it at once
        worker.interrupt(signal.SIGKILL)
        await asyncio.to_thread(worker.exit_code)
        assert len(client.instance_ids()) == 2
        for number in range(4):
            assert await collect(await client.generate(number)) == [number]


async def test_a_request_that_a_worker_never_took_is_refused_when_it_dies(
    on_nats: NatsServer, start: Start
) -> None:
    worker = start("worker.py", **nats_settings(on_nats))
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        [instance] = await instances_of("nats")
        worker.freeze()
        async with await nats_py.connect(on_nats.url) as outside:
            opening = await outside.subscribe(f"{instance.address}.new")
            await flush(outside)
            asking = asyncio.create_task(client.generate(1))
            await opening.next_msg(timeout=10)
        worker.interrupt(signal.SIGKILL)
        with pytest.raises(UnavailableError, match=r"^the worker is not there: it has stopped"):
            await asking


async def test_a_worker_that_stops_in_good_order_is_gone_at_once(
    on_nats: NatsServer, start: Start
) -> None:
    worker = start("worker.py", **nats_settings(on_nats))
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        async with entries_of(on_nats) as entries:
            worker.interrupt(signal.SIGTERM)
            await without_instances(client)
            # It was removed, and did not expire.
            await until(lambda: (entries and entries[-1] is None) or None)
        await asyncio.to_thread(worker.assert_ends_cleanly)


async def test_leases_are_renewed(on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_discovery, "RENEWALS", 60)  # two a second, of leases that do not end
    monkeypatch.setenv("DYN_DISCOVERY_LEASE", "30")
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), echo) as client,
        entries_of(on_nats) as entries,
    ):
        await until(lambda: len(entries) >= 2 or None)
        assert len(client.instance_ids()) == 1


async def test_a_client_of_later_finds_those_who_are_there(on_nats: NatsServer) -> None:
    async with (
        DistributedRuntime() as one,
        DistributedRuntime() as two,
        served(endpoint_of(one), echo),
    ):
        client = await endpoint_of(two).client()
        assert len(client.instance_ids()) == 1  # without waiting


async def test_discovery_survives_a_restart_of_nats(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        (before,) = client.instance_ids()
        on_nats.kill()
        while await _works(client):
            await asyncio.sleep(0.01)
        on_nats.start()
        while not await _works(client):
            await asyncio.sleep(0.01)
        assert client.instance_ids() == [before]
        async with DistributedRuntime() as later:
            other = await endpoint_of(later).client()
            assert await other.wait_for_instances() == [before]
            assert await collect(await other.generate(1)) == [1]


async def test_a_runtime_with_a_status_server_is_a_target_for_prometheus(
    plane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    async with DistributedRuntime() as runtime:
        address = runtime.system_status_address
        assert address is not None
        assert address.startswith("0.0.0.0:")
        reachable = address.replace("0.0.0.0", "127.0.0.1")
        paths = ["my.ns/prefill/generate", "my.ns/prefill/clear", "my.ns/decode/generate"]
        async with (
            served(endpoint_of(runtime, paths[0]), echo) as client,
            served(endpoint_of(runtime, paths[1]), echo),
            served(endpoint_of(runtime, paths[2]), echo),
        ):
            (instance,) = client.instance_ids()
            async with discovery_of(plane) as discovery:
                [target] = await discovery.targets()
            assert target.address == reachable
            assert target.labels == {
                "namespace": "my.ns",
                "component": "decode,prefill",
                "instance": f"{instance:x}",
            }
    async with DistributedRuntime() as other, discovery_of(plane) as discovery:
        await endpoint_of(other).client()
        # Only this one, which serves nothing: the other one has left.
        await namespaces_of_targets(discovery, [""])


async def test_a_client_alone_is_a_target_too_and_one_without_a_server_is_none(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DistributedRuntime() as without, discovery_of("nats") as discovery:
        await endpoint_of(without).client()
        assert await discovery.targets() == []
        monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
        async with DistributedRuntime() as runtime:
            await endpoint_of(runtime).client()
            await namespaces_of_targets(discovery, [""])
            [target] = await discovery.targets()
            assert target.labels["component"] == ""


async def test_a_worker_is_a_target_from_its_first_moment_on(
    on_nats: NatsServer, start: Start
) -> None:
    worker = start(
        "announced.py",
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
        **nats_settings(on_nats),
    )
    address = await asyncio.to_thread(worker.line)
    async with discovery_of("nats") as discovery:
        [target] = await discovery.targets()
        assert target.address == address
        worker.tell()
        await asyncio.to_thread(worker.assert_ends_cleanly)
        assert await discovery.targets() == []


async def test_discovery_without_a_request_plane_of_nats_still_tells_prometheus(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER", nats.url)
    monkeypatch.setenv("DYN_DISCOVERY_BACKEND", "nats")
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        assert await collect(await client.generate(1)) == [1]
        async with discovery_of("nats") as discovery:
            [target] = await discovery.targets()
        assert target.labels["component"] == "comp"


async def test_an_instance_on_a_plane_that_does_not_lead_there_is_not_used(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER", nats.url)
    monkeypatch.setenv("DYN_DISCOVERY_BACKEND", "nats")
    monkeypatch.setenv("DYN_REQUEST_PLANE", "memory")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [here] = await instances_of("nats")
        elsewhere = Instance("ns", "comp", "generate", 1, "memory", "1.1/ns/comp/generate/1")
        other_plane = Instance("ns", "comp", "generate", 2, "nats", "dynamo.ns.comp.generate.2")
        usable = Instance("ns", "comp", "generate", 3, "memory", here.address)
        async with discovery_of("nats") as discovery:
            for instance in (elsewhere, other_plane, usable):
                await discovery.register(instance)
            # Entries arrive in order: the last one shows that the client knows the others.
            await until(lambda: client.instance_ids() == [here.instance_id, 3] or None)


def entry(**changes: Any) -> bytes:
    """An entry for the key 7, with some fields changed."""
    fields = {
        "namespace": "ns",
        "component": "comp",
        "endpoint": "generate",
        "instance_id": 7,
        "plane": "nats",
        "address": "dynamo.ns.comp.generate.7",
    }
    return json.dumps({**fields, **changes}).encode()


BAD_ENTRIES = [
    ("nohex", b"{}"),
    ("7", b"not json"),
    ("7", b"{}"),
    ("7", b"[]"),
    ("7", b"[" * 60_000),
    ("7", b"[" * 100_000),
    ("7", b"1" * 60_000),
    ("7", b"\xff"),
    ("7", entry(instance_id=[7])),
    ("7", entry(instance_id=True)),
    ("7", entry(instance_id="7")),
    ("7", entry(instance_id=8)),
    ("07", entry()),
    ("0x7", entry()),
    ("7", entry(address=" ")),
    ("7", entry(address=None)),
    ("7", entry(plane={})),
    ("7", entry(namespace="\ud800")),
]


@pytest.mark.parametrize(("key", "value"), BAD_ENTRIES, ids=range(len(BAD_ENTRIES)))
async def test_an_entry_that_cannot_be_read_is_one_line(
    key: str, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    leased = LeasedWatch(lease=10.0)
    for _ in range(3):  # it is put again and again
        leased.take(key, value)
    [record] = logged_here(caplog)
    assert record.message.startswith(f"an entry of discovery cannot be read: key '{key}': ")
    assert len(record.message.splitlines()) == 1
    assert len(record.message) < 600
    assert leased.watch.instances == {}
    leased.take("7", entry())
    assert list(leased.watch.instances) == [7]


async def test_entries_that_cannot_be_read_are_passed_over(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        prefix = f"$KV.{BUCKET}.instances.ns.comp.generate"
        async with await nats_py.connect(on_nats.url) as outside:
            for key, value in BAD_ENTRIES:
                await outside.publish(f"{prefix}.{key}", value)
            await outside.publish(f"{prefix}.9", entry(instance_id=9))
        await until(lambda: 9 in client.instance_ids() or None)
        assert len(client.instance_ids()) == 2
        async with DistributedRuntime() as later:
            assert len((await endpoint_of(later).client()).instance_ids()) == 2


@given(st.text())
def test_a_name_becomes_one_part_of_a_subject(name: str) -> None:
    assert re.fullmatch(r"[-_=a-zA-Z0-9]*", token(name))


@given(st.text(), st.text())
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (token(one) == token(other)) == (one == other)


@given(
    st.builds(
        Instance,
        namespace=st.text(),
        component=st.text(),
        endpoint=st.text(),
        instance_id=st.integers(1, 2**63 - 1),
        plane=st.sampled_from(["memory", "nats"]),
        address=st.text().filter(str.strip),
    )
)
def test_an_instance_is_read_as_it_was_stored(instance: Instance) -> None:
    assert from_json(Instance, to_json(instance)) == instance


def test_a_target_is_stored_as_documented() -> None:
    labels = {"namespace": "ns", "component": "a,b", "instance": "1f"}
    stored = to_json(Target("10.0.0.1:8081", labels))
    assert json.loads(stored) == {"address": "10.0.0.1:8081", "labels": labels}


@asynccontextmanager
async def entries_of(nats: NatsServer) -> AsyncIterator[list[bytes | None]]:
    """The puts of the endpoint's instances meanwhile; None for a removal."""
    entries: list[bytes | None] = []

    async def note(message: Any) -> None:
        entries.append(None if "KV-Operation" in (message.headers or {}) else message.data)

    async with await nats_py.connect(nats.url) as outside:
        await outside.subscribe(f"$KV.{BUCKET}.instances.ns.comp.generate.*", cb=note)
        await flush(outside)
        yield entries


async def _works(client: Client) -> bool:
    """Whether requests reach the worker."""
    try:
        return await collect(await client.generate(1)) == [1]
    except ConnectionLostError:
        return False
