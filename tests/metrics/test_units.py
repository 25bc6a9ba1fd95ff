"""Units: the end of a metric's name, told apart from it."""

from __future__ import annotations

import pytest

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics
from tests.support import FACTORIES, create, refused


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_kind_may_have_a_unit(endpoint: object, factory: str) -> None:
    assert create(endpoint, factory, "m_bytes", unit="bytes").name().endswith("m_bytes")


def test_a_counter_has_its_unit_before_the_suffix(metrics: RuntimeMetrics) -> None:
    metrics.create_counter("m_seconds_total", "help", unit="seconds")
    with refused(MetricsError, '"total"', "end the name in _total"):
        metrics.create_counter("n_total", "help", unit="total")


@pytest.mark.parametrize(
    ("name", "unit"),
    [("m", "seconds"), ("mseconds", "seconds"), ("m_seconds", "second"), ("m_", ""), ("m_s", "m")],
)
def test_a_unit_that_the_name_does_not_end_in_is_refused(
    metrics: RuntimeMetrics, name: str, unit: str
) -> None:
    with refused(MetricsError, f'unit "{unit}"', f"end the name in _{unit}"):
        metrics.create_gauge(name, "help", unit=unit)


def test_a_unit_is_a_str(metrics: RuntimeMetrics) -> None:
    with refused(TypeError, "unit must be a str", "int"):
        metrics.create_gauge("m_1", "help", unit=1)  # type: ignore[arg-type]


def test_metrics_of_one_name_have_one_unit(metrics: RuntimeMetrics) -> None:
    first = metrics.create_gauge("m_bytes", "help", unit="bytes")
    assert metrics.create_gauge("m_bytes", "help", unit="bytes") is first
    with refused(MetricsError, 'the unit here is "", there "bytes"', "the same unit"):
        metrics.create_gauge("m_bytes", "help", {"a": "x"})
