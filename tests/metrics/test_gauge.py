"""Gauges: of floats and of whole things."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import Endpoint
from tests.support import exposition, refused, sample

BOTH = ["create_gauge", "create_intgauge"]
INF = float("inf")
NAN = float("nan")


@pytest.mark.parametrize("factory", BOTH)
def test_a_gauge_goes_anywhere(endpoint: Endpoint, factory: str) -> None:
    gauge = getattr(endpoint.metrics, factory)("m", "help")
    seen = [gauge.get()]
    for verb, *values in (
        ("set", 42),
        ("inc",),
        ("dec",),
        ("inc_by", 8),
        ("dec_by", 100),
        ("add", 5),
        ("add", -6),
        ("sub", 1),
        ("sub", -2),
    ):
        assert getattr(gauge, verb)(*values) is None
        seen.append(gauge.get())
    assert seen == [0, 42, 43, 42, 50, -50, -45, -51, -52, -50]
    families = exposition(endpoint)
    assert families["ns_comp_ep_m"].type == "gauge"
    assert sample(families, "ns_comp_ep_m") == -50


def test_what_a_gauge_returns_is_of_its_type(metrics: RuntimeMetrics) -> None:
    assert type(metrics.create_gauge("m", "help").get()) is float
    assert type(metrics.create_intgauge("n", "help").get()) is int


@pytest.mark.parametrize("factory", BOTH)
@pytest.mark.parametrize("verb", ["set", "inc_by", "dec_by", "add", "sub"])
def test_the_value_has_a_name(metrics: RuntimeMetrics, factory: str, verb: str) -> None:
    gauge = getattr(metrics, factory)("m", "help")
    getattr(gauge, verb)(value=3)
    assert abs(gauge.get()) == 3


def test_a_float_gauge_takes_every_float(endpoint: Endpoint) -> None:
    gauge = endpoint.metrics.create_gauge("m", "help")
    for value in (0.1, -1e300, 5e-324, INF, -INF, -0.0):
        gauge.set(value)
        assert gauge.get() == sample(exposition(endpoint), "ns_comp_ep_m") == value
    gauge.set(NAN)
    assert math.isnan(gauge.get())
    assert math.isnan(sample(exposition(endpoint), "ns_comp_ep_m"))


def test_an_int_gauge_takes_the_whole_range_and_stays_at_its_ends(endpoint: Endpoint) -> None:
    gauge = endpoint.metrics.create_intgauge("m", "help")
    for end, beyond in ((2**63 - 1, gauge.inc), (-(2**63), gauge.dec)):
        gauge.set(end)
        beyond()
        assert gauge.get() == sample(exposition(endpoint), "ns_comp_ep_m") == end


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 10**5000], ids=["2**63", "-2**63 - 1", "10**5000"]
)
def test_a_value_beyond_64_bits_is_refused(metrics: RuntimeMetrics, value: int) -> None:
    gauge = metrics.create_intgauge("m", "help")
    for verb in ("set", "add", "sub"):
        with refused(OverflowError, "-2**63 to 2**63 - 1", "metric of floats"):
            getattr(gauge, verb)(value)
    assert gauge.get() == 0


@pytest.mark.parametrize("value", [10**400, 10**5000], ids=["10**400", "10**5000"])
def test_an_int_beyond_every_float_is_refused(metrics: RuntimeMetrics, value: int) -> None:
    with refused(OverflowError, "too large"):
        metrics.create_gauge("m", "help").set(value)


@pytest.mark.parametrize("value", [1.0, NAN])
def test_an_int_gauge_takes_no_floats(metrics: RuntimeMetrics, value: Any) -> None:
    with refused(TypeError, str(value), "integer", "metric of floats"):
        metrics.create_intgauge("m", "help").set(value)


@pytest.mark.parametrize("factory", BOTH)
@pytest.mark.parametrize("value", ["1", None, [], {}, b"1", 1j])
def test_a_value_that_is_no_number_is_refused(
    metrics: RuntimeMetrics, factory: str, value: Any
) -> None:
    gauge = getattr(metrics, factory)("m", "help")
    with refused(TypeError, repr(value)):
        gauge.set(value)
    assert gauge.get() == 0
