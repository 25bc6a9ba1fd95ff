"""The metrics that every served endpoint has, without a line of user code."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING

from dynamo._settings import METRICS_WORKER_ID
from dynamo.prometheus_metrics import REQUEST_DURATION, MetricsError
from dynamo.prometheus_names import labels as label_names
from dynamo.prometheus_names import name_prefix, work_handler
from dynamo_metrics import _arguments

if TYPE_CHECKING:
    import dynamo_metrics

Labels = Iterable[tuple[str, str]] | dict[str, str]

CANCELLED = "cancelled"
"""The outcome of a request whose client disconnected, or that the shutdown cancelled."""

_ERROR_TYPES = (
    work_handler.error_types.DESERIALIZATION,
    work_handler.error_types.INVALID_MESSAGE,
    work_handler.error_types.RESPONSE_STREAM,
    work_handler.error_types.GENERATE,
    work_handler.error_types.SERIALIZATION,
    work_handler.error_types.PUBLISH_RESPONSE,
    work_handler.error_types.PUBLISH_FINAL,
)
_FIRST_RESPONSE = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def worker_labels(instance_id: int) -> dict[str, str]:
    """Return the label ``worker_id``, the id of the instance in hexadecimal; empty unless it is on.

    It has another value after each start of the worker, so it is off by default. Raises
    ``ValueError`` for a bad ``DYN_METRICS_WORKER_ID``.
    """
    if not METRICS_WORKER_ID.read():
        return {}
    return {label_names.WORKER_ID: f"{instance_id:x}"}


class RequestMetrics:
    """Counts the requests of an endpoint.

    A request counts once in ``requests_total``, when it arrives, and ends as a success, as one
    error type or as a cancellation. Its duration counts in any case.

    Names, help and buckets are those of Dynamo's work handler.
    """

    def __init__(
        self, endpoint: dynamo_metrics.Endpoint, labels: Labels | None, instance_id: int
    ) -> None:
        """Create the metrics, or find them if this endpoint was served before.

        Raises ``MetricsError`` for a bad label, or if a metric of the user's has one of the names.
        """
        create = endpoint.metrics
        const = _arguments.pairs(labels)
        given = {name for name, _ in const}
        const += [pair for pair in worker_labels(instance_id).items() if pair[0] not in given]

        def name(name: str) -> str:
            return f"{name_prefix.COMPONENT}_{name}"

        try:
            requests = create.create_intcounter(
                name(work_handler.REQUESTS_TOTAL),
                "Total number of requests processed by work handler",
                const,
                full_name=True,
            )
            duration = create.create_histogram(
                name(work_handler.REQUEST_DURATION_SECONDS),
                "Time spent processing requests by work handler",
                const,
                REQUEST_DURATION,
                full_name=True,
            )
            inflight = create.create_intgauge(
                name(work_handler.INFLIGHT_REQUESTS),
                "Number of requests currently being processed by work handler",
                const,
                full_name=True,
            )
            request_bytes = create.create_intcounter(
                name(work_handler.REQUEST_BYTES_TOTAL),
                "Total number of bytes received in requests by work handler",
                const,
                full_name=True,
            )
            response_bytes = create.create_intcounter(
                name(work_handler.RESPONSE_BYTES_TOTAL),
                "Total number of bytes sent in responses by work handler",
                const,
                full_name=True,
            )
            errors = create.create_intcountervec(
                name(work_handler.ERRORS_TOTAL),
                "Total number of errors in work handler processing",
                [work_handler.ERROR_TYPE_LABEL],
                const,
                full_name=True,
            )
            cancellations = create.create_intcounter(
                name(work_handler.CANCELLATION_TOTAL),
                "Total number of requests cancelled by work handler",
                const,
                full_name=True,
            )
            first_response = create.create_histogram(
                name(work_handler.TIME_TO_FIRST_RESPONSE_SECONDS),
                "Backend processing time from the arrival of a request to the first item of its "
                "response (seconds)",
                const,
                _FIRST_RESPONSE,
                full_name=True,
            )
            incomplete_requests = create.create_intgauge(
                f"{name_prefix.COMPONENT}_incomplete_requests",
                "Number of requests whose bodies have not arrived completely",
                const,
                full_name=True,
            )
            incomplete_bytes = create.create_intgauge(
                f"{name_prefix.COMPONENT}_incomplete_request_bytes",
                "Number of bytes held of requests whose bodies have not arrived completely",
                const,
                full_name=True,
            )
        except MetricsError as error:
            if error.reason != "conflict":
                raise
            raise MetricsError(
                f"{endpoint!r} cannot be served, a metric of your own has the name of a built-in "
                "one: rename yours, or have names built from the path with "
                f"DYN_METRICS_NAME_STYLE=hierarchy ({error})",
                *(error.name, error.reason, error.owners),
            ) from None
        # Bound methods, looked up once: all of them together cost a request about a microsecond.
        self._arrived = requests.inc
        self._request_bytes = request_bytes.inc_by
        self._enter = inflight.inc
        self._leave = inflight.dec
        self._duration = duration.observe
        self._first_response = first_response.observe
        self.sent = response_bytes.inc_by
        self._incomplete_requests = incomplete_requests.add
        self._incomplete_bytes = incomplete_bytes.add
        self._outcomes = {kind: errors.with_label_values([kind]).inc for kind in _ERROR_TYPES}
        self._outcomes[CANCELLED] = cancellations.inc

    def begin(self, size: int) -> float:
        """Count a request of ``size`` bytes; return its start for ``first_sent`` and ``end``."""
        self._arrived()
        self._request_bytes(size)
        self._enter()
        return perf_counter()

    def first_sent(self, begun: float) -> None:
        """Observe the time to the first item, which was sent now."""
        self._first_response(perf_counter() - begun)

    def end(self, begun: float, outcome: str | None) -> None:
        """Count the end of a request: None is a success, else an error type or ``CANCELLED``."""
        self._leave()
        self._duration(perf_counter() - begun)
        if outcome is not None:
            self._outcomes[outcome]()

    def rejected(self, size: int, error_type: str) -> None:
        """Count a request that did not reach a handler."""
        self.end(self.begin(size), error_type)

    def incomplete(self, requests: int, size: int) -> None:
        """Add to the number of requests without a complete body, and to their bytes."""
        self._incomplete_requests(requests)
        self._incomplete_bytes(size)
