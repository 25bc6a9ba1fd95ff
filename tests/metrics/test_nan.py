"""NaN as an update: it changes nothing, is counted, and is logged once for each metric."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime
from tests.support import exposition, refused, sample
from tests.support.log import Log

REJECTED = "dynamo_runtime_rejected_updates_total"
NAN = math.nan

UPDATES: list[Callable[[RuntimeMetrics], None]] = [
    lambda metrics: metrics.create_counter("m", "help").inc_by(NAN),
    lambda metrics: metrics.create_counter("m", "help").inc_by(NAN, exemplar={"trace_id": "a"}),
    lambda metrics: metrics.create_histogram("m", "help").observe(NAN),
    lambda metrics: metrics.create_histogram("m", "help").observe(NAN, exemplar={"trace_id": "a"}),
    lambda metrics: metrics.create_histogram("m", "help", native=True).observe(NAN),
    lambda metrics: metrics.create_countervec("m", "help", ["a"]).inc_by(NAN, {"a": "x"}),
    lambda metrics: metrics.create_countervec("m", "help", ["a"]).labels(a="x").inc_by(NAN),
    lambda metrics: metrics.create_histogramvec("m", "help", ["a"]).observe({"a": "x"}, NAN),
    lambda metrics: metrics.create_counter("m", "help").inc(NAN),
    lambda metrics: metrics.create_summary("m", "help").observe(NAN),
    lambda metrics: metrics.create_summaryvec("m", "help", ["a"]).observe(NAN, {"a": "x"}),
    lambda metrics: metrics.create_summaryvec("m", "help", ["a"]).labels(a="x").observe(NAN),
]


@pytest.mark.parametrize("update", UPDATES)
def test_nan_changes_nothing_and_is_counted(
    runtime: DistributedRuntime, update: Callable[[RuntimeMetrics], None]
) -> None:
    for expected in (1, 2):
        update(runtime.metrics)
        families = exposition(runtime)
        assert sample(families, REJECTED, metric="m", reason="nan") == expected
    samples = families["m"].samples if "m" in families else []
    assert all(sample.value == 0 for sample in samples)


def test_nan_creates_no_series_and_the_labels_are_checked(runtime: DistributedRuntime) -> None:
    histograms = runtime.metrics.create_histogramvec("m", "help", ["a"])
    histograms.observe(NAN, {"a": "x"})
    with refused(ValueError, "missing"):
        histograms.observe(NAN, {})
    assert "m" not in exposition(runtime)


def test_nan_is_logged_once_for_each_metric(runtime: DistributedRuntime, log: Log) -> None:
    for name in ("first", "second"):
        histogram = runtime.metrics.create_histogram(name, "help")
        histogram.observe(NAN)
        histogram.observe(NAN)
    records = log.until('metric "second"')
    assert ['"first"' in record.getMessage() for record in records].count(True) == 1


def test_the_log_says_when_updates_cannot_be_counted(runtime: DistributedRuntime, log: Log) -> None:
    runtime.metrics.create_gauge(REJECTED, "mine")
    runtime.metrics.create_histogram("m", "help").observe(NAN)
    [record] = log.until("later ones are not counted")
    assert REJECTED in record.getMessage()


def test_a_negative_increment_still_raises(metrics: RuntimeMetrics) -> None:
    with refused(ValueError, "increased by -inf"):
        metrics.create_counter("m", "help").inc_by(-math.inf)


@pytest.mark.parametrize("kind", ["intcounter", "intgauge"])
def test_a_metric_of_integers_refuses_nan_as_any_float(
    runtime: DistributedRuntime, kind: str
) -> None:
    plain = getattr(runtime.metrics, f"create_{kind}")("m", "help")
    vec = getattr(runtime.metrics, f"create_{kind}vec")("n", "help", ["a"])
    updates: list[Callable[[], None]] = [
        lambda: plain.inc(NAN),
        lambda: plain.inc_by(NAN),
        lambda: vec.inc_by(NAN, {"a": "x"}),
        lambda: vec.labels(a="x").inc_by(NAN),
    ]
    for update in updates:
        with refused(TypeError, "nan is no integer", "use a metric of floats"):
            update()
    assert REJECTED not in exposition(runtime)


def test_a_gauge_takes_nan(runtime: DistributedRuntime) -> None:
    gauge = runtime.metrics.create_gauge("m", "help")
    gauge.set(NAN)
    assert math.isnan(gauge.get())
    assert REJECTED not in exposition(runtime)
