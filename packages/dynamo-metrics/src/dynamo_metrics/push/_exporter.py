"""The thread that exports the metrics of one runtime by OTLP."""

from __future__ import annotations

import atexit
import os
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from dynamo_metrics import _native
from dynamo_metrics._threads.log import start_log
from dynamo_metrics.push import _settings
from dynamo_metrics.push._http import HttpSender
from dynamo_metrics.push._send import Accepted, RefusedError, RetryableError, Sender
from dynamo_metrics.push._settings import Receiver
from dynamo_metrics.push._stats import Stats

if TYPE_CHECKING:
    from typing_extensions import Self

_AT_EXIT_TIMEOUT = 1.0
"""Seconds that the end of the process waits for all last exports together."""

_LAST_EXPORT_TIMEOUT = 0.8
"""Seconds that a last export has at the end of the process: less, so that a failure is logged."""

_FIRST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0

_lock = threading.Lock()
_exporters: dict[int, _Exporter] = {}
"""The running exporters, by the tree that each exports."""


class Push:
    """The OTLP export of one runtime: ``runtime.push``."""

    __module__ = "dynamo_metrics"
    __slots__ = ("_before", "_node")

    def __init__(self, node: _native.Node, before: Callable[[], None]) -> None:
        """Runtimes make this; ``before`` is called first when metrics are encoded."""
        self._node = node
        self._before = before

    def start(
        self,
        endpoint: str | None = None,
        *,
        protocol: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        interval: float | None = None,
        compression: str | None = None,
        temporality: str | None = None,
    ) -> Self:
        """Export all metrics of the runtime every ``interval`` seconds (default 60).

        ``endpoint`` is the URL of an OTLP receiver: with its path for ``protocol``
        ``"http/protobuf"`` (default ``http://localhost:4318/v1/metrics``), ``scheme://host:port``
        for ``"grpc"`` (default ``http://localhost:4317``). ``timeout`` is for one request, in
        seconds (default 10). ``compression`` is ``"none"`` or ``"gzip"``, ``temporality``
        ``"cumulative"``, ``"delta"`` or ``"lowmemory"``. What is not given comes from the
        ``OTEL_*`` variables of OpenTelemetry. A second start replaces the first one.

        A thread exports; the runtime lives until ``stop()``, ``shutdown()`` or the end of the
        process, which exports once more.

        Raises ``ValueError`` for a bad setting, ``ImportError`` for ``"grpc"`` without grpcio,
        ``MetricsError`` if a metric of your own has the name of a built-in one.
        """
        receiver = _settings.from_environment(
            endpoint=endpoint,
            protocol=protocol,
            headers=headers,
            timeout=timeout,
            interval=interval,
            compression=compression,
            temporality=temporality,
        )
        exporter = _Exporter(self._node, self._before, receiver)
        with _lock:
            replaced = _exporters.pop(self._node.tree_id, None)
            _exporters[self._node.tree_id] = exporter
        if replaced is not None:
            replaced.end(0.0)
        exporter.run()
        return self

    def flush(self, timeout: float = 10.0) -> bool:
        """Export now and wait, for ``timeout`` seconds at most; return whether it succeeded.

        Raises ``RuntimeError`` if nothing is exported: call ``start()`` first.
        """
        exporter = _exporters.get(self._node.tree_id)
        if exporter is None:
            raise RuntimeError(
                "nothing is pushed: call push.start(), or set OTEL_METRICS_EXPORTER=otlp before "
                "the runtime is created"
            )
        return exporter.flush(timeout)

    def stop(self, timeout: float = _AT_EXIT_TIMEOUT) -> None:
        """Export once more, for ``timeout`` seconds at most, and stop. Safe to call again.

        With 0 there is no last export.
        """
        stop(self._node, timeout)


def stop(node: _native.Node, timeout: float = _AT_EXIT_TIMEOUT) -> None:
    """Stop the export of the runtime of ``node``, if there is one."""
    with _lock:
        exporter = _exporters.pop(node.tree_id, None)
    if exporter is not None:
        exporter.end(timeout)


class _Exporter:
    """One receiver, and the thread that exports to it.

    At most one export is in memory: what could not be exported within the interval is dropped,
    and the next one has the values of then.
    """

    def __init__(self, node: _native.Node, before: Callable[[], None], receiver: Receiver) -> None:
        self._node = node
        self._before = before
        self._receiver = receiver
        # All is imported here: a daemon thread must not import while the interpreter finalises.
        self._connect: Callable[[Receiver], Sender] = HttpSender
        if receiver.protocol == "grpc":
            from dynamo_metrics.push._grpc import GrpcSender

            self._connect = GrpcSender
        self._stats = Stats(node, receiver.endpoint)
        self._prepare()

    def _prepare(self) -> None:
        """Make what belongs to one process."""
        instance = str(uuid.uuid4())
        self._encoder = _native.OtlpEncoder(_settings.resource(instance), self._receiver.delta)
        self._changed = threading.Condition()
        self._wanted = 0
        """The number of the last export with a waiter."""
        self._done = 0
        """The number of the last export that has ended."""
        self._result = False
        self._ends_at: float | None = None
        self._exports_last = False
        """Whether the end comes with a last export."""
        self._inherited = False
        """Whether the values of now are another process' changes, which it exports itself."""
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Start the thread."""
        start_log()
        self._thread = threading.Thread(target=self._run, name="dynamo-push", daemon=True)
        self._thread.start()

    def after_fork_in_child(self) -> None:
        """Export on, as another instance: a fork does not take threads along."""
        self._prepare()
        self._inherited = self._receiver.delta
        self.run()

    def flush(self, timeout: float) -> bool:
        """Export now; return whether it succeeded in time."""
        with self._changed:
            # An export that has begun may lack the last updates: wait for the one after it.
            self._wanted = wanted = self._wanted + 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= wanted, timeout)
            return self._done >= wanted and self._result

    def ask_to_end(self, timeout: float) -> None:
        """Have the thread export once more and end, at most ``timeout`` seconds from now.

        With 0 it ends without another export.
        """
        with self._changed:
            self._ends_at = monotonic() + timeout
            self._exports_last = timeout > 0
            self._changed.notify_all()

    def end(self, timeout: float) -> None:
        """Export once more, unless ``timeout`` is 0, and end the thread."""
        self.ask_to_end(timeout)
        self.join(timeout)

    def join(self, timeout: float) -> None:
        """Wait for the thread to end."""
        if self._thread is not None:
            self._thread.join(timeout)

    def join_at_exit(self, timeout: float) -> None:
        """Wait for the thread. Log it if it does not end in time: it could not log that itself."""
        self.join(timeout)
        if self._thread is not None and self._thread.is_alive():
            self._stats.failed(timeout, "the last export did not end in time", is_last=True)

    def _run(self) -> None:
        if self._inherited:
            self._encoder.encode(self._node, 0.0)
            self._encoder.commit()
        due = monotonic() + self._receiver.interval
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._wanted > self._done or self._ends_at is not None,
                    max(0.0, due - monotonic()),
                )
                wanted, ends_at = self._wanted, self._ends_at
            now = monotonic()
            if ends_at is not None and now >= ends_at:
                if self._exports_last:
                    reason = "the last export could not begin in time"
                    self._stats.failed(0.0, reason, is_last=True)
                return
            due = now + self._receiver.interval
            result = self._export(due, is_last=ends_at is not None)
            with self._changed:
                self._done, self._result = wanted, result
                self._changed.notify_all()
                if ends_at is not None:
                    return

    def _export(self, deadline: float, *, is_last: bool) -> bool:
        """Export all metrics, with retries until ``deadline``; return whether it succeeded."""
        started = monotonic()
        rejected, message = 0, ""
        try:
            self._before()
            requests = self._encoder.encode(self._node, self._left(deadline))
            sender = self._connect(self._receiver)
            try:
                while requests:
                    outcome = self._send(sender, requests[0], deadline)
                    rejected += outcome.rejected
                    message = outcome.message or message
                    del requests[0]
            finally:
                sender.close()
        except (RefusedError, RetryableError) as error:
            self._stats.failed(monotonic() - started, str(error), is_last=is_last)
            return False
        except Exception as error:
            # An unexpected error must not stop all later exports.
            reason = f"{type(error).__name__}: {error}"
            self._stats.failed(monotonic() - started, reason, is_last=is_last)
            return False
        self._encoder.commit()
        self._stats.succeeded(monotonic() - started, rejected, message)
        return True

    def _send(self, sender: Sender, request: bytes, deadline: float) -> Accepted:
        wait = _FIRST_RETRY_SECONDS
        while True:
            try:
                return sender.send(request, min(self._receiver.timeout, self._left(deadline)))
            except RetryableError as error:
                pause = wait * random.uniform(0.8, 1.2) if error.after is None else error.after
                if pause >= self._left(deadline):
                    raise
                if not self._sleep(pause):
                    raise
                self._stats.retried()
                wait = min(1.5 * wait, _LONGEST_RETRY_SECONDS)

    def _left(self, deadline: float) -> float:
        """Return the seconds that an export still has: it is cut short when the thread must end."""
        ends_at = self._ends_at
        return max(0.001, min(deadline, ends_at or deadline) - monotonic())

    def _sleep(self, seconds: float) -> bool:
        """Wait; return whether there is time for another try."""
        with self._changed:
            if self._ends_at is None:
                self._changed.wait_for(lambda: self._ends_at is not None, seconds)
            elif self._ends_at - monotonic() > seconds:
                self._changed.wait_for(lambda: False, seconds)
            else:
                return False
        return True


def start_if_asked(push: Push) -> None:
    """Start the export if ``OTEL_METRICS_EXPORTER`` says so and the tree has none yet.

    Raises as ``Push.start``.
    """
    if push._node.tree_id not in _exporters:
        push.start()


def _at_exit() -> None:
    with _lock:
        exporters = list(_exporters.values())
        _exporters.clear()
    for exporter in exporters:
        exporter.ask_to_end(_LAST_EXPORT_TIMEOUT)
    deadline = monotonic() + _AT_EXIT_TIMEOUT
    for exporter in exporters:
        exporter.join_at_exit(max(0.0, deadline - monotonic()))


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for exporter in list(_exporters.values()):
        exporter.after_fork_in_child()


# Runs before the threads for callbacks end: what is registered last runs first.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
