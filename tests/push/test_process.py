"""Export at the end of a process, and in its forked children."""

from __future__ import annotations

import socket
import time

from tests.support.otlp import Receiver, metrics_of, resource_of
from tests.support.process import Start


def settings(receiver: Receiver, **more: str) -> dict[str, str]:
    """The variables of a program that exports there, however long the receiver takes."""
    return {
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": receiver.url,
        "PATIENT": "1",
        **more,
    }


def done(receiver: Receiver) -> int:
    [point] = receiver.metrics()["done_total"].sum.data_points
    return int(point.as_int)


def test_the_last_values_are_exported_at_the_end(start: Start, receiver: Receiver) -> None:
    worker = start("counted.py", 5, **settings(receiver))
    worker.assert_ends_cleanly()
    assert done(receiver) == 5


def test_shutdown_exports_once_more(start: Start, receiver: Receiver) -> None:
    start("shut_down.py", **settings(receiver)).assert_ends_cleanly()
    assert done(receiver) == 5


def test_a_receiver_that_is_stuck_delays_the_end_by_a_second_at_most(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/metrics"
        worker = start(
            "counted.py",
            0,
            OTEL_METRICS_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=url,
        )
        assert worker.line() == "ready"
        ending = time.monotonic()
        assert worker.exit_code() == 0
        assert time.monotonic() - ending < 10  # the request's own timeout
    assert worker.errors.startswith("OTLP export to")


def test_a_forked_child_exports_as_another_instance(start: Start, receiver: Receiver) -> None:
    worker = start("forked_child.py", **settings(receiver))
    assert worker.line() == "True"
    worker.assert_ends_cleanly()
    requests = [receiver.request() for _ in range(3)]
    instances = [resource_of(request)["service.instance.id"] for request in requests]
    assert instances[0] == instances[2] != instances[1]
    values = [metrics_of(request)["done_total"].sum.data_points[0].as_int for request in requests]
    assert values == [1, 11, 2]


def test_changes_of_the_parent_are_not_exported_by_the_child(
    start: Start, receiver: Receiver
) -> None:
    delta = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
    worker = start("child_of_changes.py", **settings(receiver, **{delta: "delta"}))
    worker.assert_ends_cleanly()
    assert sorted(done(receiver) for _ in range(3)) == [0, 3, 10]


def test_a_program_without_export_imports_nothing_of_it(start: Start) -> None:
    worker = start("without_export.py")
    assert worker.line() == "[]"
    worker.assert_ends_cleanly()
