"""Label values that are not str, and labels that are only some of a vec's."""

from __future__ import annotations

import enum
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from dynamo.prometheus_metrics import IntCounterVec, RuntimeMetrics
from dynamo_metrics import testing
from tests.support import refused


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Number(int):
    def __str__(self) -> str:
        return f"number {int(self)}"


VALUES = [200, True, False, -1, 2**70, Color.RED, Level.HIGH, HTTPStatus.OK, Number(7)]


@pytest.fixture
def vec(metrics: RuntimeMetrics) -> IntCounterVec:
    return metrics.create_intcountervec("m", "help", ["a", "b"])


def test_ints_bools_and_enums_are_written_as_str_writes_them(vec: IntCounterVec) -> None:
    for value in VALUES:
        labels = {"a": value, "b": "x"}
        for _ in range(20):  # more than a cache needs to keep the series
            vec.inc(labels)
        vec.inc_by(2, labels)
        vec.with_label_values([value, "x"]).inc()
        vec.labels(value, "x").inc()
        vec.labels(a=value, b="x").inc()
        assert vec.get({"a": str(value), "b": "x"}) == vec.get(labels) == 25
        assert vec.remove(labels)
        assert vec.get(labels) == 0


def test_constant_labels_may_be_ints_too(metrics: RuntimeMetrics) -> None:
    counter = metrics.create_intcounter("c", "help", {"rank": 0, "up": True})
    vec = metrics.create_intcountervec("v", "help", ["a"], [("rank", 1)])
    assert counter.const_labels()["rank"] == "0"
    assert counter.const_labels()["up"] == "True"
    assert vec.const_labels()["rank"] == "1"


def test_an_enum_of_str_is_its_text(vec: IntCounterVec) -> None:
    class Role(str, enum.Enum):
        PREFILL = "prefill"

    vec.inc({"a": Role.PREFILL, "b": "x"})
    assert vec.get({"a": "prefill", "b": "x"}) == 1


def test_a_value_may_use_the_vec_while_it_is_written(vec: IntCounterVec) -> None:
    class Reentrant(enum.Enum):
        ONE = 1

        def __str__(self) -> str:
            vec.clear()
            labels.clear()
            return "one"

    labels: dict[str, Any] = {"a": Reentrant.ONE, "b": "x"}
    with refused(ValueError, 'label "b"'):
        vec.inc(labels)
    labels = {"a": Reentrant.ONE}
    assert vec.remove(labels) is False
    assert labels == {}


@pytest.mark.parametrize("error", [KeyError("mine"), TypeError("mine"), ValueError("mine")])
def test_what_str_raises_comes_through(vec: IntCounterVec, error: Exception) -> None:
    class Broken(enum.Enum):
        ONE = 1

        def __str__(self) -> str:
            raise error

    labels: dict[str, Any] = {"a": Broken.ONE, "b": "x"}
    calls: list[Callable[[], object]] = [
        lambda: vec.inc(labels),
        lambda: vec.labels(**labels),
        lambda: vec.labels(*labels.values()),
        lambda: vec.with_label_values([*labels.values()]),
        lambda: vec.remove({"a": Broken.ONE}),  # type: ignore[dict-item]
    ]
    for call in calls:
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
        assert error.args == ("mine",)


# Some of the labels


@pytest.fixture
def filled(vec: IntCounterVec) -> IntCounterVec:
    for a in ("1", "2"):
        for b in ("x", "y"):
            vec.inc({"a": a, "b": b})
    return vec


def shown(metrics: RuntimeMetrics) -> list[tuple[str, str]]:
    return [
        (a, b)
        for a in ("1", "2")
        for b in ("x", "y")
        if testing.sample(metrics, "ns_comp_ep_m", a=a, b=b) is not None
    ]


def test_some_of_the_labels_remove_all_series_that_match(
    metrics: RuntimeMetrics, filled: IntCounterVec
) -> None:
    assert filled.remove({"a": 1}) is True
    assert shown(metrics) == [("2", "x"), ("2", "y")]
    assert filled.remove({"a": "1"}) is False
    assert filled.remove({"b": "y"}) is True
    assert shown(metrics) == [("2", "x")]


def test_a_removed_series_starts_at_zero(filled: IntCounterVec) -> None:
    labels = {"a": "1", "b": "x"}
    for _ in range(50):
        filled.inc(labels)
    filled.remove({"b": "x"})
    filled.inc(labels)
    assert filled.get(labels) == 1


def test_labels_that_select_nothing_are_refused(filled: IntCounterVec) -> None:
    with refused(ValueError, "no label", "clear()"):
        filled.remove({})
    with refused(ValueError, 'no label "c"', '["a", "b"]'):
        filled.remove({"c": "x"})
    with refused(ValueError, 'no label "5"'):
        filled.remove({5: "x"})  # type: ignore[dict-item]
    with refused(TypeError, 'value of label "a"', "1.5"):
        filled.remove({"a": 1.5})  # type: ignore[dict-item]
    with refused(TypeError, "labels must be a dict"):
        filled.remove("x")  # type: ignore[arg-type]


def test_values_that_are_no_list_are_told_how_to_be_given(vec: IntCounterVec) -> None:
    right = "use with_label_values(['a', 'b']) or labels('a', 'b')"
    with refused(TypeError, "ns_comp_ep_m", "2 given", right):
        vec.with_label_values("a", "b")  # type: ignore[call-arg, arg-type]
