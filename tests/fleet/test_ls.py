"""``dynamo-metrics ls`` shows the fleet to people and to scripts."""

from __future__ import annotations

import json
import signal
import sys

from tests.fleet.conftest import BIN, SERVER, Run, Sd, start_worker
from tests.support.nats import NatsServer, nobody_listens
from tests.support.process import Worker
from tests.support.waiting import eventually


def ls(run: Run, nats_server: str, *options: str) -> Worker:
    return run(BIN / "dynamo-metrics", "ls", "--nats-server", nats_server, *options)


def test_the_fleet_is_a_table_with_a_whole_line_for_each_runtime(
    run: Run, nats: NatsServer, sd: Sd
) -> None:
    workers = [start_worker(run, nats) for _ in range(2)]
    groups = sd.serving(2)
    shown = ls(run, nats.url)
    header, *lines = [line.split() for line in shown.lines()]
    shown.assert_ends_cleanly()
    assert header == ["INSTANCE", "NAMESPACE", "COMPONENT", "ADDRESS"]
    instances = [group["labels"]["__meta_dynamo_instance"] for group in groups]
    addresses = [group["targets"][0] for group in groups]
    assert lines == [
        [instance, "hello_world", "backend", address]
        for instance, address in zip(instances, addresses, strict=True)
    ]
    assert sorted(addresses) == sorted(worker.address for worker in workers)


def test_as_json_it_is_what_prometheus_gets(run: Run, nats: NatsServer, sd: Sd) -> None:
    start_worker(run, nats)
    groups = sd.serving(1)
    shown = ls(run, nats.url, "--json")
    assert json.loads("\n".join(shown.lines())) == groups
    shown.assert_ends_cleanly()


def test_without_nats_it_ends_with_one_line(run: Run) -> None:
    nowhere = nobody_listens()
    shown = ls(run, nowhere)
    assert shown.lines() == []
    assert shown.exit_code() == 1
    [line] = shown.errors.splitlines()
    assert line.startswith(f"NATS_SERVER={nowhere} cannot be reached: ")


def test_with_nothing_set_it_shows_the_workers_of_this_host(run: Run) -> None:
    settings = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1"}
    workers = [run(sys.executable, SERVER, **settings) for _ in range(2)]
    addresses = [
        worker.line().removeprefix("metrics: http://").removesuffix("/metrics")
        for worker in workers
    ]
    sd = Sd(run(BIN / "dynamo-metrics", "sd", "--host", "127.0.0.1", "--port", "0"))
    groups = sd.serving(2)
    assert sorted(group["targets"][0] for group in groups) == sorted(addresses)
    shown = run(BIN / "dynamo-metrics", "ls", "--json")
    assert json.loads("\n".join(shown.lines())) == groups
    shown.assert_ends_cleanly()
    workers[0].interrupt(signal.SIGKILL)
    workers[0].exit_code()
    assert eventually(lambda: sd.addresses() if len(sd.addresses() or []) == 1 else None)
