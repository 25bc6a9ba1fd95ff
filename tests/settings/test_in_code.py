"""Settings in code, which win over the environment."""

from __future__ import annotations

import asyncio
import logging
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import dynamo_metrics
from dynamo.runtime import DistributedRuntime
from dynamo_metrics.testing import sample
from tests.support import refused
from tests.support.log import Log
from tests.support.waiting import eventually

RUNTIMES = [DistributedRuntime, dynamo_metrics.Runtime]


@pytest.mark.parametrize("kind", RUNTIMES)
def test_settings_in_code_win_over_the_environment(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "-1")
    monkeypatch.setenv("DYN_SYSTEM_HOST", "no.such.host.invalid")
    monkeypatch.setenv("DYN_SYSTEM_LIVE_PATH", "not a path")
    runtime = kind(port=0, host="127.0.0.1", live_path="/alive", starting_health_status="ready")
    try:
        address = runtime.system_status_address
        assert address.startswith("127.0.0.1:")
        for path in ("alive", "health"):
            with urllib.request.urlopen(f"http://{address}/{path}") as response:
                assert response.status == 200
    finally:
        runtime.shutdown()


def test_the_server_can_be_turned_off_in_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    assert DistributedRuntime(port=-1).system_status_address is None


def test_limits_can_be_set_in_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_METRICS_MAX_SERIES", "5")
    vec = DistributedRuntime(max_series=1).metrics.create_intcountervec("m", "help", ["a"])
    vec.inc({"a": "1"})
    vec.inc({"a": "2"})
    assert vec.get({"a": "2"}) == 0


@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_setting_that_fails_at_start_is_named_as_it_was_given(
    kind: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases: list[tuple[dict[str, Any], str]] = [
            ({"port": port, "host": "127.0.0.1"}, "set port to another port"),
            ({"port": 0, "host": "256.1.1.1"}, "set host to an address"),
            ({"port": 0, "host": f"unix:{tmp_path}/no/socket"}, "set host to a path in a folder"),
            ({"shared_dir": tmp_path / "file"}, f"shared_dir={tmp_path}/file"),
        ]
        for settings, way_out in cases:
            with refused(OSError, way_out):
                kind(**settings)
        monkeypatch.setenv("DYN_SYSTEM_PORT", str(port))
        monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")
        with refused(OSError, "set DYN_SYSTEM_PORT to another port"):
            kind()


def test_a_port_of_another_runtime_of_this_process_is_in_use() -> None:
    runtime = DistributedRuntime(port=0, host="127.0.0.1")
    port = int(str(runtime.system_status_address).rpartition(":")[2])
    try:
        with refused(OSError, "Address already in use", "set port to another port"):
            DistributedRuntime(port=port, host="127.0.0.1")
    finally:
        runtime.shutdown()


def test_a_bad_setting_is_named_as_it_was_given() -> None:
    cases = [
        ("port", 65536, ["port=65536 is not a port", "1 to 65535"]),
        ("port", -2, ["port=-2 is not a port"]),
        ("host", "a b", ["host=a b is not a host"]),
        ("host", "", ["host is empty", "leave it out"]),
        ("health_path", "x", ["health_path=x is not a path"]),
        ("health_path", "/live", ["health_path=/live is the path of another route"]),
        ("starting_health_status", "up", ["starting_health_status=up"]),
        ("callback_timeout", 0, ["callback_timeout=0 is not a time"]),
        ("max_series", -1, ["max_series=-1 is not a number of series"]),
        ("name_style", "flat", ["name_style=flat is not a name style", "hierarchy or component"]),
        ("shared_dir", " ", ["shared_dir is empty", "leave it out"]),
        ("shared_dir", "a\nb", ["shared_dir=a\\nb is not a directory"]),
    ]
    for setting, value, parts in cases:
        with refused(ValueError, *parts):
            DistributedRuntime(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("port", "8081"), ("port", True), ("port", 1.5), ("host", 1), ("callback_timeout", "1")),
        *(("name_style", 5), ("shared_dir", 5), ("shared_dir", b"/tmp")),
    ],
)
def test_a_setting_of_the_wrong_type_is_refused(setting: str, value: Any) -> None:
    with refused(TypeError, f"{setting} must be a", type(value).__name__):
        DistributedRuntime(**{setting: value})


@pytest.mark.parametrize("kind", RUNTIMES)
@pytest.mark.parametrize("value", [8081, "0.0.0.0", 8081.0, ("127.0.0.1", 8081), True])
def test_a_port_where_the_event_loop_belongs_is_refused(kind: Any, value: Any) -> None:
    with refused(TypeError, kind.__name__, repr(value), "event loop", "port=8081"):
        kind(value)


def test_the_address_of_a_free_port_is_logged(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dynamo.runtime")
    runtime = DistributedRuntime(port=0, host="127.0.0.1")
    record = log.until(str(runtime.system_status_address))[-1]
    assert record.levelname == "INFO"
    runtime.shutdown()


def test_a_server_that_stops_because_all_was_dropped_says_so_once(log: Log) -> None:
    runtime = DistributedRuntime(port=0, host="127.0.0.1")
    address = str(runtime.system_status_address)
    del runtime
    warning = log.until(f"the system status server at {address} stops")[-1]
    assert warning.levelname == "WARNING"
    assert "all metrics were dropped" in warning.getMessage()


def test_a_server_that_is_shut_down_warns_of_nothing(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dynamo.runtime")
    runtime = DistributedRuntime(port=0, host="127.0.0.1")
    runtime.shutdown()
    del runtime
    other = DistributedRuntime(port=0, host="127.0.0.1")
    address = str(other.system_status_address)
    assert not [one for one in log.until(address) if "were dropped" in one.getMessage()]
    other.shutdown()


def test_the_lag_of_a_loop_that_others_run_can_be_sampled() -> None:
    runtime = dynamo_metrics.Runtime()
    name = "dynamo_runtime_event_loop_lag_seconds_count"

    def sampled() -> bool | None:
        return (sample(runtime, name) or 0) > before or None

    async def main() -> None:
        runtime.watch_event_loop()
        await asyncio.to_thread(eventually, sampled)

    before = sample(runtime, name) or 0
    asyncio.run(main())
    with pytest.raises(RuntimeError):
        runtime.watch_event_loop()
    with refused(TypeError, "loop must be an event loop"):
        runtime.watch_event_loop(3)  # type: ignore[arg-type]
    runtime.shutdown()
