"""Counters: of floats and of whole things."""

from __future__ import annotations

from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import Endpoint
from tests.support import exposition, refused, sample

BOTH = ["create_counter", "create_intcounter"]
INF = float("inf")
NAN = float("nan")


@pytest.mark.parametrize("factory", BOTH)
def test_a_counter_counts_up(endpoint: Endpoint, factory: str) -> None:
    counter = getattr(endpoint.metrics, factory)("m", "help")
    assert counter.get() == 0
    counter.inc()
    counter.inc_by(5)
    counter.inc_by(value=0)
    assert counter.get() == 6
    families = exposition(endpoint)
    assert families["ns_comp_ep_m"].type == "counter"
    assert sample(families, "ns_comp_ep_m") == 6


def test_what_a_counter_returns_is_of_its_type(metrics: RuntimeMetrics) -> None:
    assert type(metrics.create_counter("m", "help").get()) is float
    assert type(metrics.create_intcounter("n", "help").get()) is int


@pytest.mark.parametrize("factory", BOTH)
def test_updates_return_none(metrics: RuntimeMetrics, factory: str) -> None:
    counter = getattr(metrics, factory)("m", "help")
    assert counter.inc() is None
    assert counter.inc_by(1) is None


@pytest.mark.parametrize("factory", BOTH)
def test_a_counter_never_goes_back(metrics: RuntimeMetrics, factory: str) -> None:
    counter = getattr(metrics, factory)("m", "help")
    counter.inc_by(3)
    with refused(ValueError, "increased by -1", ">= 0", "gauge"):
        counter.inc_by(-1)
    assert counter.get() == 3


@pytest.mark.parametrize(("increment", "shown"), [(-0.5, "-0.5"), (-INF, "-inf")])
def test_a_negative_increment_is_refused(
    metrics: RuntimeMetrics, increment: float, shown: str
) -> None:
    counter = metrics.create_counter("m", "help")
    with refused(ValueError, f"increased by {shown}", ">= 0"):
        counter.inc_by(increment)
    assert counter.get() == 0


@pytest.mark.parametrize("increment", [-1, -(2**63), -(2**64), -(10**400)])
def test_a_negative_integer_of_any_size_is_refused(metrics: RuntimeMetrics, increment: int) -> None:
    counter = metrics.create_intcounter("m", "help")
    with refused(ValueError, "increased by -", ">= 0"):
        counter.inc_by(increment)
    assert counter.get() == 0


@pytest.mark.parametrize(
    "increment", [2**64, 10**400, 10**5000], ids=["2**64", "10**400", "10**5000"]
)
def test_an_increment_above_64_bits_is_refused(metrics: RuntimeMetrics, increment: int) -> None:
    counter = metrics.create_intcounter("m", "help")
    with refused(OverflowError, "0 to 2**64 - 1", "metric of floats"):
        counter.inc_by(increment)
    assert counter.get() == 0


@pytest.mark.parametrize("increment", [1.0, 1.5, NAN])
def test_whole_things_are_not_counted_in_floats(metrics: RuntimeMetrics, increment: Any) -> None:
    counter = metrics.create_intcounter("m", "help")
    with refused(TypeError, str(increment), "integer", "metric of floats"):
        counter.inc_by(increment)
    assert counter.get() == 0


@pytest.mark.parametrize("factory", BOTH)
@pytest.mark.parametrize("increment", ["1", None, [], {}, b"1", 1j])
def test_an_increment_that_is_no_number_is_refused(
    metrics: RuntimeMetrics, factory: str, increment: Any
) -> None:
    counter = getattr(metrics, factory)("m", "help")
    with refused(TypeError, repr(increment)):
        counter.inc_by(increment)
    assert counter.get() == 0


def test_an_int_counter_takes_the_whole_range_and_stays_at_its_end(endpoint: Endpoint) -> None:
    counter = endpoint.metrics.create_intcounter("m", "help")
    counter.inc_by(2**63)
    counter.inc_by(2**63 - 1)
    assert counter.get() == sample(exposition(endpoint), "ns_comp_ep_m") == 2**64 - 1
    counter.inc()
    counter.inc_by(2**64 - 1)
    assert counter.get() == 2**64 - 1


def test_a_float_counter_takes_fractions_and_infinity(endpoint: Endpoint) -> None:
    counter = endpoint.metrics.create_counter("m", "help")
    counter.inc_by(0.25)
    counter.inc()
    assert sample(exposition(endpoint), "ns_comp_ep_m") == 1.25
    counter.inc_by(INF)
    assert counter.get() == INF
