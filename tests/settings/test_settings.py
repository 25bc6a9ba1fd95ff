"""Settings from the environment: a wrong one fails the constructor in one line."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from dynamo.runtime import DistributedRuntime
from tests.support import exposition, refused

PORTS = "-1 (off), 0 (any free port) or 1 to 65535"
STARTING = "DYN_SYSTEM_STARTING_HEALTH_STATUS"
REQUIRED = "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS"


@pytest.mark.parametrize(
    ("variable", "value", "problem", "remedy"),
    [
        *(
            ("DYN_SYSTEM_PORT", port, "not a port", PORTS)
            for port in ("abc", "70000", "65536", "-2", "80.5", "1e3", "0x50", "٣")
        ),
        ("DYN_SYSTEM_HOST", "local host", "not a host", "0.0.0.0"),
        ("DYN_SYSTEM_HOST", "http://localhost", "not a host", "0.0.0.0"),
        ("DYN_SYSTEM_HEALTH_PATH", "health", "not a path", "a / followed by letters"),
        ("DYN_SYSTEM_LIVE_PATH", "/live?", "not a path", "a / followed by letters"),
        ("DYN_SYSTEM_HEALTH_PATH", "/metrics", "path of another route", "a path other than /"),
        ("DYN_SYSTEM_HEALTH_PATH", "/live", "path of another route", "a path other than /"),
        ("DYN_SYSTEM_LIVE_PATH", "/", "path of another route", "a path other than /"),
        ("DYN_SYSTEM_LIVE_PATH", "/health", "path of another route", "a path other than /"),
        (STARTING, "fine", "not a health status", "ready or notready"),
        (REQUIRED, "generate", "not a list of endpoints", '["generate"]'),
        (REQUIRED, "[1]", "not a list of endpoints", '["generate"]'),
        ("DYN_METRICS_NAME_STYLE", "Hierarchy", "not a name style", "hierarchy or component"),
        *(
            ("DYN_METRICS_CALLBACK_TIMEOUT", timeout, "not a time in seconds", "above 0")
            for timeout in ("0", "-1", "nan", "inf", "1s", "86401")
        ),
        *(
            ("DYN_METRICS_MAX_SERIES", count, "not a number of series", "0 (no limit)")
            for count in ("-1", "1.5", "many", "1e3")
        ),
        ("DYN_SYSTEM_PAGE", "maybe", "neither yes nor no", "1, true, on or yes"),
        ("DYN_METRICS_CREATED_SAMPLES", "maybe", "neither yes nor no", "1, true, on or yes"),
        ("DYN_METRICS_TRACE_EXEMPLARS", "2", "neither yes nor no", "1, true, on or yes"),
        ("DYN_METRICS_PROCESS", "no way", "neither yes nor no", "1, true, on or yes"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str, remedy: str
) -> None:
    monkeypatch.setenv(variable, value)
    with refused(ValueError, f"{variable}={value} is", problem, ": use ", remedy):
        DistributedRuntime()


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = [
        "DYN_SYSTEM_PORT",
        "DYN_SYSTEM_HOST",
        "DYN_SYSTEM_HEALTH_PATH",
        "DYN_SYSTEM_LIVE_PATH",
        STARTING,
        REQUIRED,
        "DYN_SYSTEM_PAGE",
        "DYN_METRICS_NAME_STYLE",
        "DYN_METRICS_CALLBACK_TIMEOUT",
        "DYN_METRICS_MAX_SERIES",
        "DYN_METRICS_CREATED_SAMPLES",
        "DYN_METRICS_TRACE_EXEMPLARS",
        "DYN_METRICS_PROCESS",
    ]
    for variable in variables:
        for value in ["", " "]:
            monkeypatch.setenv(variable, value)
            runtime = DistributedRuntime()
            assert runtime.system_status_address is None
            assert runtime.namespace("ns").metrics.create_gauge("m", "help").name() == "ns_m"


def test_a_value_is_shown_on_one_line_and_not_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "80\n81" + "0" * 10_000)
    with refused(ValueError, r"DYN_SYSTEM_PORT=80\n81000", "…", "is not a port"):
        DistributedRuntime()


def test_a_wrong_value_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "abc")
    with pytest.raises(ValueError, match="abc"):
        DistributedRuntime()
    monkeypatch.setenv("DYN_SYSTEM_PORT", "-1")
    assert exposition(DistributedRuntime())


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which another listens; the settings ask for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")
        monkeypatch.setenv("DYN_SYSTEM_PORT", str(port))
        yield port


def test_a_port_in_use_is_an_os_error_with_its_number(taken: int) -> None:
    with pytest.raises(OSError, match="DYN_SYSTEM_PORT") as caught:
        DistributedRuntime()
    assert caught.value.errno == errno.EADDRINUSE


def test_a_port_in_use_is_refused_with_the_address_and_the_remedy(taken: int) -> None:
    with refused(OSError, f"127.0.0.1:{taken}", "in use", "DYN_SYSTEM_PORT", "another port", "0"):
        DistributedRuntime()


def test_an_address_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_SYSTEM_HOST", "192.0.2.1")
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    with pytest.raises(OSError, match="DYN_SYSTEM_HOST") as caught:
        DistributedRuntime()
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_no_server_without_a_port(runtime: DistributedRuntime) -> None:
    assert runtime.system_status_address is None
