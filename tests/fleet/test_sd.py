"""``dynamo-metrics sd`` lists the workers that there are, as Prometheus wants them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
from collections.abc import Iterator
from types import ModuleType

import nats as nats_py
import pytest

from dynamo.discovery import Target, _backends
from dynamo.discovery.nats import BUCKET
from dynamo.discovery.nats import discovery as nats_discovery
from dynamo.fleet._fleet import Fleet
from tests.fleet.conftest import BIN, Run, Sd, runs, start_sd, start_worker
from tests.support.client import Answer, connect, fetch, is_refused, request
from tests.support.nats import NatsServer, nobody_listens
from tests.support.waiting import eventually

PREFIX = "__meta_dynamo_"


@pytest.fixture(scope="module")
def empty() -> Iterator[Sd]:
    """``dynamo-metrics sd`` of a fleet without workers."""
    with contextlib.closing(NatsServer()) as nats, runs() as run:
        sd = start_sd(run, nats.url)
        sd.serving(0)
        yield sd


def test_a_worker_is_listed_with_where_it_belongs_and_who_it_is(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    worker = start_worker(run, nats)
    [group] = sd.serving(1)
    assert fetch(sd.address, "/sd").headers["Content-Type"] == "application/json"
    assert group["targets"] == [worker.address]
    assert re.fullmatch("[0-9a-f]{1,16}", group["labels"].pop(f"{PREFIX}instance"))
    assert group["labels"] == {
        f"{PREFIX}namespace": "hello_world",
        f"{PREFIX}component": "backend",
    }


def test_workers_of_one_host_have_ports_and_instances_of_their_own(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    workers = [start_worker(run, nats) for _ in range(3)]
    groups = sd.serving(3)
    assert {group["targets"][0] for group in groups} == {worker.address for worker in workers}
    assert len({group["labels"][f"{PREFIX}instance"] for group in groups}) == 3


def test_a_fleet_without_workers_is_an_empty_list(empty: Sd) -> None:
    assert empty.serving(0) == []


def test_a_killed_worker_is_listed_no_more_after_its_lease(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    worker, other = start_worker(run, nats), start_worker(run, nats)
    sd.serving(2)
    worker.interrupt(signal.SIGKILL)
    eventually(lambda: True if sd.addresses() == [other.address] else None)


def test_a_worker_that_stops_in_good_order_is_listed_no_more_when_it_has_ended(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    worker = start_worker(run, nats)
    sd.serving(1)
    worker.interrupt(signal.SIGTERM)
    worker.assert_ends_cleanly()
    assert sd.addresses() == []


BAD_ENTRIES = [
    b"not json",
    b"[]",
    b'{"address":"127.0.0.1:1"}',
    b'{"address":"127.0.0.1:1","labels":{"namespace":"","component":""}}',
    b'{"address":1,"labels":{"namespace":"","component":"","instance":"1"}}',
    b'{"address":"127.0.0.1:1","labels":{"namespace":"","component":1,"instance":"1"}}',
    b'{"address":"127.0.0.1:1","labels":{"namespace":"","component":"","instance":"2"}}',
    b'{"address":" ","labels":{"namespace":"","component":"","instance":"1"}}',
    b'{"address":"127.0.0.1","labels":{"namespace":"","component":"","instance":"1"}}',
    b'{"address":"a:1","labels":{"namespace":"\\ud800","component":"","instance":"1"}}',
    b"[" * 60_000,
    b"[" * 100_000,
]


def test_an_entry_that_cannot_be_read_hides_no_other(run: Run, nats: NatsServer, sd: Sd) -> None:
    worker = start_worker(run, nats)
    sd.serving(1)

    async def put() -> None:
        client = await nats_py.connect(nats.url)
        bucket = await client.jetstream().key_value(BUCKET)
        for number, entry in enumerate(BAD_ENTRIES):
            key = f"{0x10 + number:x}"
            await bucket.put(f"runtimes.{key}", entry.replace(b'"1"', f'"{key}"'.encode()))
        await client.close()

    asyncio.run(put())

    def told() -> list[str] | None:
        assert sd.addresses() == [worker.address]
        lines = sd.process.errors.splitlines()
        return lines if len(lines) >= len(BAD_ENTRIES) else None

    warning = "WARNING an entry of discovery cannot be read: key 'runtimes.{:x}': "
    lines = sorted(eventually(told))
    assert len(lines) == len(BAD_ENTRIES)
    for number, line in enumerate(lines):
        assert line.startswith(warning.format(0x10 + number))


def test_while_nats_is_away_the_answer_is_503_and_afterwards_the_list_is_whole(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    workers = [start_worker(run, nats) for _ in range(3)]
    sd.serving(3)
    nats.kill()
    answer = eventually(lambda: _unavailable(sd, "NATS at"))
    assert answer.text == f"NATS at {nats.url} is not connected\n"
    assert answer.headers["Content-Type"].startswith("text/plain")
    health = fetch(sd.address, "/health")
    assert (health.status, health.json["status"]) == (503, "notready")
    assert health.json["reason"] in answer.text
    assert fetch(sd.address, "/live").status == 200
    nats.start()
    assert {group["targets"][0] for group in sd.serving(3)} == {one.address for one in workers}


def test_while_nats_is_frozen_the_answer_is_503(nats: NatsServer, sd: Sd) -> None:
    sd.serving(0)
    nats.freeze()
    answer = fetch(sd.address, "/sd")
    assert answer.status == 503
    assert len(answer.text.splitlines()) == 1
    assert fetch(sd.address, "/live").status == 200
    nats.thaw()
    assert sd.serving(0) == []


def test_a_restarted_nats_is_believed_when_all_leases_have_had_their_time(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, where the time of a lease is up when the test says so."""
    monkeypatch.setenv("NATS_SERVER", nats.url)
    monkeypatch.setenv("DYN_DISCOVERY_LEASE", "3600")

    async def restart() -> None:
        discovery = await nats_discovery.NatsDiscovery.open()
        try:
            assert await discovery.targets() == []
            nats.kill()
            while discovery._connection.is_up:
                await asyncio.sleep(0.01)
            nats.start()
            await discovery._connection.restored()
            with pytest.raises(ConnectionError, match=r"was reconnected just now: within 3600 s "):
                await discovery.targets()
            discovery._complete_at = asyncio.get_running_loop().time()
            # The bucket went with the server.
            assert await discovery.targets() == []
        finally:
            await discovery.close()

    asyncio.run(restart())


def test_sd_may_start_before_nats_does(run: Run, nats: NatsServer) -> None:
    nats.kill()
    sd = start_sd(run, nats.url)
    answer = fetch(sd.address, "/sd")
    assert (answer.status, answer.text) == (503, "discovery has not been reached yet\n")
    nats.start()
    assert sd.serving(0) == []


def test_nats_that_is_never_reached_is_named_with_the_way_out(run: Run) -> None:
    nowhere = nobody_listens()
    sd = start_sd(run, nowhere)
    start = f"NATS_SERVER={nowhere} cannot be reached: "
    answer = eventually(lambda: _unavailable(sd, start))
    assert "start a NATS server there, name another one" in answer.text
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(sd: Sd, number: signal.Signals) -> None:
    sd.serving(0)
    sd.process.interrupt(number)
    sd.process.assert_ends_cleanly()
    assert is_refused(sd.address)


def test_a_signal_ends_it_cleanly_while_it_still_looks_for_nats(run: Run) -> None:
    sd = start_sd(run, nobody_listens())
    sd.process.interrupt(signal.SIGTERM)
    sd.process.assert_ends_cleanly()


def test_the_index_names_the_routes_and_each_of_them_answers(empty: Sd) -> None:
    index = fetch(empty.address, "/").text
    routes = re.findall(r"^(/\S*)", index, re.MULTILINE)
    assert routes == ["/sd", "/health", "/live"]
    assert [fetch(empty.address, route).status for route in routes] == [200, 200, 200]
    assert fetch(empty.address, "/health").json == {"status": "ready", "targets": 0}
    assert fetch(empty.address, "/sd?refresh=1").json == []


def test_what_is_not_there_is_one_line(empty: Sd) -> None:
    cases = [
        ("GET", "/targets", 404, "404 /targets is not here, see /\n"),
        ("POST", "/sd", 405, "405 POST is not for here: use GET\n"),
        ("HEAD", "/live", 200, ""),
    ]
    for method, path, status, text in cases:
        answer = fetch(empty.address, path, method)
        assert (answer.status, answer.text) == (status, text)


def test_the_body_of_a_get_is_no_request(empty: Sd) -> None:
    body = request("/nowhere")
    with connect(empty.address) as connection:
        head = request("/live", headers={"Content-Length": str(len(body))})
        connection.sendall(head + body + request("/live", headers={"Connection": "close"}))
        answers = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b"HTTP/1.1") == 2


def test_connections_are_limited_and_the_oldest_idle_one_goes(empty: Sd) -> None:
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(empty.address)) for _ in range(300)]
        assert fetch(empty.address, "/live").status == 200
        assert idle[0].recv(1) == b""
        idle[-1].sendall(request("/live"))
        assert idle[-1].recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("options", "settings", "message"),
    [
        (
            (),
            {"DYN_DISCOVERY_BACKEND": "memory"},
            "DYN_DISCOVERY_BACKEND=memory knows only the process that it is in: use file or nats",
        ),
        ((), {"NATS_SERVER": "http://x"}, "NATS_SERVER=http://x is not the address of a NATS"),
        (("--nats-server", "a b"), {}, "NATS_SERVER=a b is not the address of a NATS server"),
        (("--host", "no.such.host.invalid"), {}, "--host no.such.host.invalid --port 0 cannot be "),
        (("--host", "192.0.2.1"), {}, "--host 192.0.2.1 --port 0 cannot be listened on: "),
    ],
)
def test_a_bad_setting_ends_it_with_one_line(
    run: Run, options: tuple[str, ...], settings: dict[str, str], message: str
) -> None:
    sd = run(
        BIN / "dynamo-metrics", "sd", "--host", "127.0.0.1", "--port", "0", *options, **settings
    )
    assert sd.exit_code() == 1
    [line] = sd.errors.splitlines()
    assert line.startswith(message)


def test_a_port_in_use_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sd = run(BIN / "dynamo-metrics", "sd", "--host", "127.0.0.1", "--port", port)
        assert sd.exit_code() == 1
    [line] = sd.errors.splitlines()
    assert line == (
        f"--host 127.0.0.1 --port {port} cannot be listened on: Address already in use; use "
        "another one, or --port 0"
    )


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("typer", "dynamo-metrics needs typer: pip install 'dynamo-metrics[cli]'"),
        ("rich", "dynamo-metrics needs rich: pip install 'dynamo-metrics[cli]'"),
        ("nats", "NATS needs nats-py: pip install 'dynamo-runtime[nats]'"),
        ("uvicorn", "dynamo-metrics sd needs uvicorn: pip install 'dynamo-runtime[cli]'"),
    ],
)
def test_a_package_that_is_missing_is_one_line_with_what_to_install(
    run: Run, package: str, message: str
) -> None:
    script = (
        f"import sys; sys.modules[{package!r}] = None; import dynamo_metrics.cli as c; c.main()"
    )
    options = ("sd", "--host", "127.0.0.1", "--port", "0", "--nats-server", nobody_listens())
    sd = run(sys.executable, "-c", script, *options)
    assert sd.exit_code() == 1
    [line] = sd.errors.splitlines()
    assert line.startswith(message)


class _Counting:
    """A discovery that counts how often it is asked, and answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def targets(self) -> list[Target]:
        self.asked += 1
        await self.may_answer.wait()
        return [_target("b:1"), _target("a:1")]


def test_however_many_ask_discovery_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> tuple[int, list[list[Target]]]:
        discovery = _Counting()

        async def open_discovery() -> _Counting:
            return discovery

        backend = ModuleType("counting")
        backend.open_discovery = open_discovery  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "counting", backend)
        monkeypatch.setitem(_backends.BACKENDS, "counting", "counting")
        fleet = Fleet("counting", refresh=3600.0)
        await fleet.connect()
        asking = [asyncio.create_task(fleet.targets()) for _ in range(100)]
        while not discovery.asked:
            await asyncio.sleep(0)
        discovery.may_answer.set()
        return discovery.asked, [*await asyncio.gather(*asking), await fleet.targets()]

    asked, answers = asyncio.run(ask())
    assert asked == 1
    assert answers == [[_target("a:1"), _target("b:1")]] * 101


def _target(address: str) -> Target:
    return Target(address, {"namespace": "", "component": "", "instance": "1"})


def _unavailable(sd: Sd, start: str) -> Answer | None:
    """What sd answers, once that is 503 for a reason that begins so."""
    answer = fetch(sd.address, "/sd")
    return answer if answer.status == 503 and answer.text.startswith(start) else None
