"""The variables and arguments of OTLP export."""

from __future__ import annotations

import pytest

from dynamo.runtime import DistributedRuntime
from dynamo_metrics.push import _settings
from tests.support.errors import refused
from tests.support.otlp import Answer, grpc_receiver, http_receiver


def test_variables_of_metrics_win_over_general_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://general:4318",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "2500",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1000",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=y",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }.items():
        monkeypatch.setenv(name, value)
    receiver = _settings.from_environment()
    assert receiver.endpoint == "http://general:4318/v1/metrics"
    assert (receiver.timeout, receiver.interval, receiver.compression) == (2.5, 0.5, "gzip")
    assert receiver.headers == {"api-key": "a b", "x": "y"}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:1/as/it/stands")
    assert _settings.from_environment().endpoint == "http://metrics:1/as/it/stands"


def test_without_settings_a_collector_on_this_host_is_used() -> None:
    receiver = _settings.from_environment()
    assert receiver.endpoint == "http://localhost:4318/v1/metrics"
    assert (receiver.timeout, receiver.interval, receiver.delta) == (10.0, 60.0, False)
    assert _settings.from_environment(protocol="grpc").endpoint == "http://localhost:4317"


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "use http/protobuf or grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "use one such as http://localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:port", "use one such as"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "use a whole number above 0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "use a whole number above 0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "use none or gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key", "use name=value"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file", "use the path of a PEM file"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "sometimes",
            "use cumulative, delta or lowmemory",
        ),
    ],
)
def test_a_bad_value_is_one_line_that_helps(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    with refused(ValueError, f"{variable}={value}", remedy):
        DistributedRuntime()


def test_the_variable_starts_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver() as receiver:
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus, otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", receiver.url)
        runtime = DistributedRuntime()
        assert runtime.push.flush()
        assert "dynamo_component_uptime_seconds" in receiver.metrics()
        runtime.shutdown()


def test_without_it_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    with refused(RuntimeError, "nothing is pushed: call push.start()"):
        DistributedRuntime().push.flush()


def test_headers_and_compression_reach_the_receiver(runtime: DistributedRuntime) -> None:
    with http_receiver() as receiver:
        runtime.push.start(
            receiver.url, interval=3600, headers={"Api-Key": "secret"}, compression="gzip"
        )
        assert runtime.push.flush()
        runtime.push.stop(0)
        assert receiver.metrics()
        [headers] = receiver.headers
        assert (headers["api-key"], headers["content-encoding"]) == ("secret", "gzip")


def test_a_user_and_a_password_are_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    basic = {"Authorization": "Basic bWU6c2VjcmV0"}
    for protocol in ("http/protobuf", "grpc"):
        receiver = _settings.from_environment(
            endpoint="https://me:secret@host:1/path", protocol=protocol
        )
        assert (receiver.endpoint, receiver.headers) == ("https://host:1/path", basic)
    receiver = _settings.from_environment(
        endpoint="http://me:secret@host:1", headers={"authorization": "Bearer x"}
    )
    assert receiver.headers == {"authorization": "Bearer x"}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "me:secret@host")
    with refused(ValueError, "OTEL_EXPORTER_OTLP_ENDPOINT=host is no URL of a receiver"):
        _settings.from_environment()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_grpc_carries_the_same(runtime: DistributedRuntime, compression: str) -> None:
    with grpc_receiver() as receiver:
        runtime.push.start(
            receiver.url,
            protocol="grpc",
            interval=3600,
            headers={"Api-Key": "secret"},
            compression=compression,
        )
        runtime.metrics.create_intcounter("requests_total", "help").inc_by(3)
        try:
            assert runtime.push.flush()
        finally:
            runtime.push.stop(0)
        [point] = receiver.metrics()["requests_total"].sum.data_points
        assert point.as_int == 3
        assert receiver.headers[0]["api-key"] == "secret"


def test_grpc_retries_what_may_pass_and_nothing_else(runtime: DistributedRuntime) -> None:
    unavailable, invalid = Answer(14), Answer(3)
    with grpc_receiver() as receiver:
        runtime.push.start(receiver.url, protocol="grpc", interval=3600)
        try:
            receiver.answers.put(invalid)
            assert not runtime.push.flush()
            receiver.answers.put(unavailable)
            assert runtime.push.flush()
        finally:
            runtime.push.stop(0)
        assert len(receiver.sizes) == 3
