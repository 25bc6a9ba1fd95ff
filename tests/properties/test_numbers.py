"""Any number is either refused or read back from the exposition as it went in."""

from __future__ import annotations

import contextlib
import itertools
import math
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import buckets, exposition, sample

INTEGERS = (
    st.integers()
    | st.booleans()
    | st.builds(
        lambda power, offset, sign: sign * (2**power + offset),
        st.sampled_from([31, 32, 52, 53, 62, 63, 64, 65, 1024]),
        st.integers(-2, 2),
        st.sampled_from([1, -1]),
    )
    | st.just(10**5000)
)
FLOATS = st.floats() | st.floats(width=32) | st.sampled_from([-0.0, 5e-324, 2.0**53, 2.0**63])


class IntSubclass(int):
    pass


class FloatSubclass(float):
    pass


def or_subclass(numbers: st.SearchStrategy[Any], subclass: type) -> st.SearchStrategy[Any]:
    return numbers | numbers.map(subclass)


def same(first: float, second: float) -> bool:
    """Equal, with NaN equal to itself."""
    return first == second or (math.isnan(first) and math.isnan(second))


@given(or_subclass(FLOATS, FloatSubclass))
def test_a_float_gauge_shows_any_float(value: float) -> None:
    runtime = DistributedRuntime()
    gauge = runtime.metrics.create_gauge("m", "help")
    gauge.set(value)
    assert same(gauge.get(), value)
    assert math.copysign(1, gauge.get()) == math.copysign(1, value)
    assert same(sample(exposition(runtime), "m"), value)


@given(or_subclass(INTEGERS, IntSubclass))
def test_a_float_gauge_shows_an_integer_as_the_nearest_float(value: int) -> None:
    runtime = DistributedRuntime()
    gauge = runtime.metrics.create_gauge("m", "help")
    try:
        expected = float(value)
    except OverflowError:
        with pytest.raises(OverflowError):
            gauge.set(value)
    else:
        gauge.set(value)
        assert sample(exposition(runtime), "m") == expected


@given(or_subclass(INTEGERS, IntSubclass))
def test_an_int_gauge_shows_any_integer_of_64_bits(value: int) -> None:
    runtime = DistributedRuntime()
    gauge = runtime.metrics.create_intgauge("m", "help")
    if -(2**63) <= value < 2**63:
        gauge.set(value)
        assert gauge.get() == sample(exposition(runtime), "m") == value
    else:
        with pytest.raises(OverflowError, match=r"-2\*\*63"):
            gauge.set(value)


@given(or_subclass(INTEGERS, IntSubclass))
def test_an_int_counter_shows_any_unsigned_integer_of_64_bits(value: int) -> None:
    runtime = DistributedRuntime()
    counter = runtime.metrics.create_intcounter("m", "help")
    if 0 <= value < 2**64:
        counter.inc_by(value)
        assert counter.get() == sample(exposition(runtime), "m") == value
    else:
        with pytest.raises(ValueError if value < 0 else OverflowError):
            counter.inc_by(value)
        assert counter.get() == 0


def refused_increment() -> contextlib.AbstractContextManager[object]:
    return pytest.raises(ValueError, match="increased by")


@given(or_subclass(FLOATS, FloatSubclass))
def test_a_counter_shows_any_float_that_is_not_negative(value: float) -> None:
    runtime = DistributedRuntime()
    counter = runtime.metrics.create_counter("m", "help")
    if value >= 0:
        counter.inc_by(value)
        assert counter.get() == sample(exposition(runtime), "m") == value
    else:
        with contextlib.nullcontext() if math.isnan(value) else refused_increment():
            counter.inc_by(value)
        assert counter.get() == 0


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_an_int_gauge_stays_at_its_limits(values: list[int]) -> None:
    gauge = DistributedRuntime().metrics.create_intgauge("m", "help")
    expected = 0
    for value in values:
        gauge.add(value)
        expected = max(-(2**63), min(2**63 - 1, expected + value))
        assert gauge.get() == expected
        gauge.sub(value)
        expected = max(-(2**63), min(2**63 - 1, expected - value))
        assert gauge.get() == expected


BOUNDS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=12)


def le(bound: float) -> str:
    """As Go writes a float in its shortest form, with ``.0`` after what looks like an integer."""
    shortest = Decimal(repr(bound)).normalize()
    if bound == 0 or -4 <= shortest.adjusted() < 6:
        text = f"{shortest:f}"
        return text if "." in text else f"{text}.0"
    mantissa = shortest.scaleb(-shortest.adjusted()).normalize()
    return f"{mantissa:f}e{shortest.adjusted():+03}"


@given(BOUNDS.map(lambda bounds: sorted({bound + 0.0 for bound in bounds})), st.lists(FLOATS))
def test_observations_are_counted_below_every_bound_that_holds_them(
    bounds: list[float], values: list[float]
) -> None:
    runtime = DistributedRuntime()
    histogram = runtime.metrics.create_histogram("m", "help", buckets=bounds)
    total = 0.0
    observed = []
    for value in values:
        if math.isnan(value):
            histogram.observe(value)  # changes nothing
        else:
            histogram.observe(value)
            observed.append(value)
            total += value
    families = exposition(runtime)
    expected = {le(bound): sum(value <= bound for value in observed) for bound in bounds}
    assert buckets(families, "m") == {**expected, "+Inf": len(observed)}
    assert list(buckets(families, "m")) == [*expected, "+Inf"]
    assert [float(text) for text in expected] == bounds
    assert sample(families, "m_count") == histogram.get_sample_count() == len(observed)
    assert same(sample(families, "m_sum"), total)
    assert same(histogram.get_sample_sum(), total)


@given(st.lists(FLOATS, max_size=6))
def test_any_bounds_make_a_histogram_or_are_refused(bounds: list[float]) -> None:
    runtime = DistributedRuntime()
    finite = bounds[:-1] if bounds[-1:] == [math.inf] else bounds
    rising = all(first < second for first, second in itertools.pairwise(finite))
    if finite and rising and all(map(math.isfinite, finite)):
        runtime.metrics.create_histogram("m", "help", buckets=bounds)
        shown = [float(text) for text in buckets(exposition(runtime), "m")]
        assert shown == [*finite, math.inf]
    else:
        with pytest.raises(MetricsError, match="bucket"):
            runtime.metrics.create_histogram("m", "help", buckets=bounds)
        assert "m" not in exposition(runtime)
