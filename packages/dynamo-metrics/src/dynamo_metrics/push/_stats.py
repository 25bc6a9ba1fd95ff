"""How exports went, as metrics of the runtime that is exported."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dynamo_metrics._errors import MetricsError
from dynamo_metrics._runtime_metrics import RuntimeMetrics
from dynamo_metrics._threads.log import LOGGER
from dynamo_metrics.prometheus_names import name_prefix, runtime_metrics

if TYPE_CHECKING:
    from dynamo_metrics import _native

_log = logging.getLogger(LOGGER)


class Stats:
    """Counts exports, and logs once when they begin to fail and when they recover."""

    def __init__(self, node: _native.Node, endpoint: str) -> None:
        self._endpoint = endpoint
        self._failed = 0
        self._warned_of_rejections = False
        metrics = RuntimeMetrics(node)
        prefix = name_prefix.RUNTIME
        try:
            self._exports = metrics.create_intcountervec(
                f"{prefix}_{runtime_metrics.PUSH_EXPORTS_TOTAL}",
                "OTLP exports by outcome: success, partial (the receiver rejected data points) or "
                "failure.",
                ["outcome"],
                full_name=True,
            )
            self._retries = metrics.create_intcounter(
                f"{prefix}_{runtime_metrics.PUSH_RETRIES_TOTAL}",
                "OTLP requests that were sent again.",
                full_name=True,
            )
            self._rejected = metrics.create_intcounter(
                f"{prefix}_{runtime_metrics.PUSH_REJECTED_POINTS_TOTAL}",
                "Data points that the OTLP receiver rejected.",
                full_name=True,
            )
            self._duration = metrics.create_gauge(
                f"{prefix}_{runtime_metrics.PUSH_DURATION_SECONDS}",
                "Duration of the last OTLP export, callbacks and retries included, in seconds.",
                full_name=True,
            )
        except MetricsError as error:
            raise MetricsError(
                f"metrics cannot be pushed, a metric of your own has the name of a built-in one: "
                f"rename yours ({error})",
                error.name,
                error.reason,
                error.owners,
            ) from None

    def retried(self) -> None:
        """Count a request that is sent again."""
        self._retries.inc()

    def succeeded(self, seconds: float, rejected: int, message: str) -> None:
        """Count an export that the receiver has, without ``rejected`` data points."""
        self._duration.set(seconds)
        self._exports.inc({"outcome": "partial" if rejected else "success"})
        if rejected:
            self._rejected.inc_by(rejected)
        if self._failed:
            _log.info(f"OTLP export to {self._endpoint} recovered after {self._failed} failures")
            self._failed = 0
        if message and not self._warned_of_rejections:
            self._warned_of_rejections = True
            what = f"rejected {rejected} data points" if rejected else "warns"
            _log.warning(
                f"OTLP receiver {self._endpoint} {what}: {message}; later ones are only counted"
            )

    def failed(self, seconds: float, reason: str, *, is_last: bool) -> None:
        """Count an export that the receiver does not have; after the last one none comes."""
        self._duration.set(seconds)
        self._exports.inc({"outcome": "failure"})
        self._failed += 1
        if self._failed == 1:
            later = "; exports go on, later failures are only counted until one succeeds"
            _log.warning(
                f"OTLP export to {self._endpoint} failed: {reason}{'' if is_last else later}"
            )
