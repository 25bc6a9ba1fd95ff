"""Receivers that are down, slow, wrong or choosy."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from dynamo.runtime import DistributedRuntime
from dynamo_metrics.push import _exporter
from tests.support.exposition import exposition, sample
from tests.support.otlp import Answer, Receiver, http_receiver
from tests.support.process import free_port

EXPORTS = "dynamo_runtime_push_exports_total"
RETRIES = "dynamo_runtime_push_retries_total"
REJECTED = "dynamo_runtime_push_rejected_points_total"


@pytest.fixture
def pushed(runtime: DistributedRuntime, receiver: Receiver) -> Iterator[DistributedRuntime]:
    runtime.push.start(receiver.url, interval=3600)
    yield runtime
    runtime.push.stop(0)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "dynamo.runtime")
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of exports."""
    return [line for line in log.messages if line.startswith("OTLP")]


def exports(runtime: DistributedRuntime, outcome: str) -> float:
    return sample(exposition(runtime), EXPORTS, outcome=outcome)


def thread_of_exports() -> threading.Thread:
    [thread] = [one for one in threading.enumerate() if one.name == "dynamo-push"]
    return thread


def closed_port() -> str:
    """The URL of a port on which nobody listens."""
    return f"http://127.0.0.1:{free_port()}/v1/metrics"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_receiver_that_is_busy_gets_the_request_again(
    pushed: DistributedRuntime, receiver: Receiver, status: int
) -> None:
    for _ in range(2):
        receiver.answers.put(Answer(status, {"Retry-After": "0"}))
    assert pushed.push.flush()
    assert [receiver.metrics() for _ in range(3)]
    assert sample(exposition(pushed), RETRIES) == 2
    assert exports(pushed, "success") == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 500])
def test_a_request_that_is_refused_is_not_sent_again(
    pushed: DistributedRuntime, receiver: Receiver, log: pytest.LogCaptureFixture, status: int
) -> None:
    receiver.answers.put(Answer(status, {"Location": receiver.url}, b"no such thing"))
    assert not pushed.push.flush()
    assert exports(pushed, "failure") == 1
    assert sample(exposition(pushed), RETRIES) == 0
    assert pushed.push.flush()
    assert len(receiver.sizes) == 2
    assert f"HTTP {status}" in lines(log)[0]


def test_failures_are_logged_once_until_an_export_succeeds(
    pushed: DistributedRuntime, receiver: Receiver, log: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        receiver.answers.put(Answer(400))
        assert not pushed.push.flush()
    assert pushed.push.flush()
    assert exports(pushed, "failure") == 3
    failed, recovered = lines(log)
    assert failed.startswith(f"OTLP export to {receiver.url} failed: HTTP 400")
    assert recovered == f"OTLP export to {receiver.url} recovered after 3 failures"


def test_the_end_without_a_last_export_is_no_failure(
    runtime: DistributedRuntime, receiver: Receiver, log: pytest.LogCaptureFixture
) -> None:
    runtime.push.start(receiver.url, interval=3600)
    replaced = thread_of_exports()
    runtime.push.start(receiver.url, interval=3600)
    replaced.join()
    stopped = thread_of_exports()
    runtime.push.stop(0)
    stopped.join()
    assert lines(log) == []
    assert 'outcome="failure"' not in exposition(runtime)


def test_a_last_export_that_fails_promises_no_other(
    runtime: DistributedRuntime, log: pytest.LogCaptureFixture
) -> None:
    url = closed_port()
    runtime.push.start(url, interval=3600)
    stopped = thread_of_exports()
    runtime.push.stop(1e-9)
    stopped.join()
    reason = "the last export could not begin in time"
    assert lines(log) == [f"OTLP export to {url} failed: {reason}"]
    assert exports(runtime, "failure") == 1


def test_a_partial_success_is_counted_and_logged(
    pushed: DistributedRuntime, receiver: Receiver, log: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        receiver.answers.put(Answer.partial(3, "too old"))
        assert pushed.push.flush()
    assert sample(exposition(pushed), REJECTED) == 6
    assert exports(pushed, "partial") == 2
    [line] = lines(log)
    assert "rejected 3 data points: too old" in line


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first retry would pass the end of any interval: one export is one attempt."""
    monkeypatch.setattr(_exporter, "_FIRST_RETRY_SECONDS", 1e6)


def test_nobody_waits_for_a_receiver_that_is_down(
    runtime: DistributedRuntime, log: pytest.LogCaptureFixture, no_retries: None
) -> None:
    url = closed_port()
    runtime.push.start(url, interval=3600)
    try:
        assert not runtime.push.flush()
    finally:
        runtime.push.stop(0)
    assert lines(log)[0].startswith(f"OTLP export to {url} failed: ")
    assert "Connection refused" in lines(log)[0]


@pytest.mark.parametrize(
    "url", ["http://no-such-host.invalid:4318/v1/metrics", "http://127.0.0.1:1/v1/metrics"]
)
def test_an_endpoint_that_is_nowhere_is_a_failure_like_others(
    runtime: DistributedRuntime, url: str
) -> None:
    runtime.push.start(url, interval=0.2)
    try:
        assert not runtime.push.flush()
        assert exports(runtime, "failure") >= 1
    finally:
        runtime.push.stop(0)


def test_a_receiver_that_never_answers_is_given_up_after_the_timeout(
    runtime: DistributedRuntime, log: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/metrics"
        runtime.push.start(url, timeout=0.05, interval=0.1)
        try:
            assert not runtime.push.flush()
        finally:
            runtime.push.stop(0)
    assert "timed out" in lines(log)[0]


def test_a_server_that_speaks_another_protocol_is_a_failure(
    runtime: DistributedRuntime, log: pytest.LogCaptureFixture, no_retries: None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1/metrics"
        runtime.push.start(url, interval=3600)
        try:
            assert not runtime.push.flush()
        finally:
            runtime.push.stop(0)
            thread.join()
    assert lines(log)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_both_sides_show_certificates(
    runtime: DistributedRuntime,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = authority.issue_cert("worker.example")
    for name, blob in (
        ("CERTIFICATE", authority.cert_pem),
        ("CLIENT_KEY", client.private_key_pem),
        ("CLIENT_CERTIFICATE", client.cert_chain_pems[0]),
    ):
        blob.write_to_path(str(tmp_path / name))
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", str(tmp_path / name))
    with http_receiver(server_context(authority)) as receiver:
        runtime.push.start(receiver.url, interval=3600)
        try:
            assert runtime.push.flush()
        finally:
            runtime.push.stop(0)
        assert receiver.metrics()


def test_a_certificate_of_somebody_else_is_refused(
    runtime: DistributedRuntime,
    authority: trustme.CA,
    log: pytest.LogCaptureFixture,
    no_retries: None,
) -> None:
    with http_receiver(server_context(authority)) as receiver:
        runtime.push.start(receiver.url, interval=3600)
        try:
            assert not runtime.push.flush()
        finally:
            runtime.push.stop(0)
        assert receiver.sizes == []
    assert "CERTIFICATE_VERIFY_FAILED" in lines(log)[0]
