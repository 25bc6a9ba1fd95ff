"""Vecs: every verb in every order of arguments, and the series behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import Endpoint
from tests.support import PLAIN, VECS, create, exposition, refused, sample, series

LABELS = {"a": "x", "b": "y"}

# What a series is at 10 after: the factory, the verb, its value.
UPDATES = [
    ("create_countervec", "inc_by", 2.5, 12.5),
    ("create_intcountervec", "inc_by", 2, 12),
    *(
        (factory, verb, 2, expected)
        for factory in ("create_gaugevec", "create_intgaugevec")
        for verb, expected in (
            ("set", 2),
            ("inc_by", 12),
            ("dec_by", 8),
            ("add", 12),
            ("sub", 8),
        )
    ),
]
STEPS = [
    ("create_countervec", "inc", 11),
    ("create_intcountervec", "inc", 11),
    ("create_gaugevec", "inc", 11),
    ("create_gaugevec", "dec", 9),
    ("create_intgaugevec", "inc", 11),
    ("create_intgaugevec", "dec", 9),
]
ORDERS: dict[str, Callable[..., object]] = {
    "value, labels": lambda method, value: method(value, LABELS),
    "labels, value": lambda method, value: method(LABELS, value),
    "value=, labels=": lambda method, value: method(value=value, labels=LABELS),
    "labels=, value=": lambda method, value: method(labels=LABELS, value=value),
    "value, labels=": lambda method, value: method(value, labels=LABELS),
    "labels, value=": lambda method, value: method(LABELS, value=value),
}


def vec_at_ten(metrics: RuntimeMetrics, factory: str, name: str = "m") -> Any:
    vec = getattr(metrics, factory)(name, "help", ["a", "b"])
    child = vec.with_label_values(["x", "y"])
    child.set(10) if "gauge" in factory else child.inc_by(10)
    return vec


@pytest.mark.parametrize(("factory", "verb", "value", "expected"), UPDATES)
def test_the_value_and_the_labels_come_in_either_order(
    metrics: RuntimeMetrics, factory: str, verb: str, value: float, expected: float
) -> None:
    for number, (order, call) in enumerate(ORDERS.items()):
        vec = vec_at_ten(metrics, factory, f"m{number}")
        assert call(getattr(vec, verb), value) is None
        assert vec.get(LABELS) == vec.get(labels=LABELS) == expected, order


@pytest.mark.parametrize(("factory", "verb", "expected"), STEPS)
def test_steps_take_the_labels(
    metrics: RuntimeMetrics, factory: str, verb: str, expected: float
) -> None:
    vec = vec_at_ten(metrics, factory)
    assert getattr(vec, verb)(LABELS) is None
    assert vec.get(LABELS) == expected
    getattr(vec, verb)(labels=LABELS)
    assert vec.get(LABELS) == 2 * expected - 10


@pytest.mark.parametrize("order", ORDERS)
def test_a_histogram_observes_in_either_order(metrics: RuntimeMetrics, order: str) -> None:
    vec = metrics.create_histogramvec("m", "help", ["a", "b"])
    assert ORDERS[order](vec.observe, 2.5) is None
    assert vec.get_sample_count(LABELS) == vec.get_sample_count(labels=LABELS) == 1
    assert vec.get_sample_sum(LABELS) == vec.get_sample_sum(labels=LABELS) == 2.5


def test_values_are_checked_before_a_series_is_created(endpoint: Endpoint) -> None:
    metrics = endpoint.metrics
    with refused(ValueError, "increased by -1"):
        metrics.create_countervec("c", "help", ["a"]).inc_by(-1, {"a": "x"})
    histograms = metrics.create_histogramvec("h", "help", ["a"])
    with refused(ValueError, "missing"):
        histograms.observe(float("nan"), {})
    with refused(TypeError, "'1'"):
        metrics.create_gaugevec("g", "help", ["a"]).set("1", {"a": "x"})  # type: ignore[call-overload]
    assert exposition(endpoint) == {}


# Labels


@pytest.mark.parametrize("factory", ["create_intcountervec", "create_histogramvec"])
@pytest.mark.parametrize(
    ("labels", "parts"),
    [
        ({"a": "x"}, ["ns_comp_ep_m.", 'label "b"', "missing", '["a", "b"]']),
        ({}, ["ns_comp_ep_m.", 'label "a"', "missing", '["a", "b"]']),
        ({"a": "x", "B": "y"}, ["ns_comp_ep_m.", 'no label "B"', '["a", "b"]']),
        ({"z": "y"}, ["ns_comp_ep_m.", 'no label "z"', '["a", "b"]']),
        ({**LABELS, "c": "z"}, ["ns_comp_ep_m.", 'no label "c"', '["a", "b"]']),
        ({**LABELS, "dynamo_namespace": "ns"}, ['no label "dynamo_namespace"']),
    ],
)
def test_a_missing_unknown_or_surplus_label_is_refused_by_name(
    endpoint: Endpoint, factory: str, labels: dict[str, str], parts: list[str]
) -> None:
    vec = create(endpoint, factory, label_names=["a", "b"])
    calls: list[Callable[[], object]] = [
        lambda: vec.labels(**labels),
        lambda: (vec.get if hasattr(vec, "get") else vec.get_sample_count)(labels),
        lambda: vec.observe(1, labels) if hasattr(vec, "observe") else vec.inc(labels),
    ]
    for call in calls[0 if labels else 1 :]:
        with refused(ValueError, *parts):
            call()
    assert exposition(endpoint) == {}


def test_a_label_value_that_is_no_text_is_refused(metrics: RuntimeMetrics) -> None:
    for value in [1.5, None, b"x", ["x"]]:
        vec = metrics.create_intcountervec("m", "help", ["a", "b"])
        message = ['value of label "b" must be a str', repr(value)]
        with refused(TypeError, *message):
            vec.inc({"a": "x", "b": value})
        with refused(TypeError, *message):
            vec.with_label_values(["x", value])
        with refused(TypeError, *message):
            vec.labels(a="x", b=value)
        with refused(TypeError, *message):
            vec.labels("x", value)


def test_a_label_value_with_a_lone_surrogate_is_refused(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_intcountervec("m", "help", ["a"])
    for call in (
        lambda: vec.inc({"a": "\udcff"}),
        lambda: vec.with_label_values(["\udcff"]),
        lambda: vec.labels(a="\udcff"),
        lambda: vec.remove({"a": "\udcff"}),
    ):
        with refused(ValueError, 'value of label "a"', r"'\udcff'", "UTF-8", "errors="):
            call()


@pytest.mark.parametrize("labels", [None, 5, "a", ["a"], [("a", "x")]])
def test_labels_that_are_no_dict_are_refused(metrics: RuntimeMetrics, labels: Any) -> None:
    vec = metrics.create_gaugevec("m", "help", ["a"])
    for call in (
        lambda: vec.inc(labels),
        lambda: vec.set(1, labels),
        lambda: vec.get(labels),
        lambda: vec.remove(labels),
    ):
        with refused(TypeError, "labels must be a dict", repr(labels)):
            call()


@pytest.mark.parametrize("value", ["", " ", "ü", '"', "\\", "\n", "\0", "🦀", "x" * 10_000])
def test_any_text_is_a_label_value(endpoint: Endpoint, value: str) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    vec.inc({"a": value})
    assert series(exposition(endpoint), "ns_comp_ep_m", "a") == {value: 1}


def test_values_that_join_alike_are_different_series(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a", "b"])
    for number, values in enumerate([("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")]):
        vec.labels(*values).inc_by(number)
    shown = series(exposition(endpoint), "ns_comp_ep_m", "a", "b")
    assert shown == {("ab", "c"): 0, ("a", "bc"): 1, ("", "abc"): 2, ("abc", ""): 3}


# Children


@pytest.mark.parametrize(("factory", "plain"), list(zip(VECS, PLAIN, strict=True)))
def test_a_series_is_a_plain_metric_of_its_kind(
    endpoint: Endpoint, factory: str, plain: str
) -> None:
    vec = create(endpoint, factory)
    child = vec.with_label_values(["x"])
    assert type(child) is PLAIN[plain]
    assert child.name() == vec.name()
    assert child.description() == vec.description()
    assert child.const_labels() == vec.const_labels()


def test_all_ways_lead_to_the_same_series(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_intcountervec("m", "help", ["a", "b"])
    for child in (
        vec.with_label_values(["x", "y"]),
        vec.with_label_values(("x", "y")),
        vec.with_label_values(value for value in "xy"),
        vec.labels("x", "y"),
        vec.labels(b="y", a="x"),
        vec.labels(**LABELS),
    ):
        child.inc()
    vec.inc(LABELS)
    vec.inc({"b": "y", "a": "x"})
    assert vec.get(LABELS) == 8


def test_a_wrong_number_of_values_is_refused(metrics: RuntimeMetrics) -> None:
    for values in [[], ["x"], ["x", "y", "z"]]:
        vec = metrics.create_gaugevec("m", "help", ["a", "b"])
        message = ["ns_comp_ep_m.", f"{len(values)} given", "2 expected", '["a", "b"]']
        with refused(ValueError, *message):
            vec.with_label_values(values)
        with refused(ValueError, *message):
            vec.labels(*values)


def test_values_without_an_order_of_their_own_are_refused(metrics: RuntimeMetrics) -> None:
    for values in ["xy", LABELS, {"x", "y"}, frozenset("xy"), None, 5]:
        vec = metrics.create_gaugevec("m", "help", ["a", "b"])
        with refused(TypeError, "label values must be a list of str", type(values).__name__):
            vec.with_label_values(values)


def test_values_come_in_order_or_by_name_but_not_both(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_gaugevec("m", "help", ["a", "b"])
    with refused(TypeError, ".labels(", "in order or by name"):
        vec.labels("x", b="y")


def test_reading_creates_no_series(endpoint: Endpoint) -> None:
    assert endpoint.metrics.create_intgaugevec("g", "help", ["a"]).get({"a": "x"}) == 0
    histogram = endpoint.metrics.create_histogramvec("h", "help", ["a"])
    assert histogram.get_sample_count({"a": "x"}) == 0
    assert histogram.get_sample_sum({"a": "x"}) == 0.0
    assert exposition(endpoint) == {}


# Removing


@pytest.mark.parametrize("factory", VECS)
def test_a_removed_series_is_not_shown(endpoint: Endpoint, factory: str) -> None:
    vec = create(endpoint, factory)
    vec.labels("kept")
    vec.labels("gone")
    assert vec.remove({"a": "gone"}) is True
    assert vec.remove({"a": "gone"}) is False
    assert {sample.labels["a"] for sample in exposition(endpoint)["ns_comp_ep_m"].samples} == {
        "kept"
    }


@pytest.mark.parametrize("remove", [lambda vec: vec.remove({"a": "x"}), lambda vec: vec.clear()])
def test_a_held_handle_counts_unseen_and_a_new_one_starts_at_zero(
    endpoint: Endpoint, remove: Callable[[Any], object]
) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    old = vec.labels("x")
    old.inc_by(5)
    remove(vec)
    old.inc()
    assert exposition(endpoint) == {}
    assert vec.get({"a": "x"}) == 0
    new = vec.labels("x")
    new.inc()
    old.inc()
    assert (old.get(), new.get(), vec.get({"a": "x"})) == (7, 1, 1)
    assert sample(exposition(endpoint), "ns_comp_ep_m") == 1


def test_clear_takes_all_series(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_gaugevec("m", "help", ["a"])
    for value in "xyz":
        vec.labels(value)
    assert vec.clear() is None
    assert exposition(endpoint) == {}


def test_a_series_created_again_stands_last(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    for value in "xyz":
        vec.inc({"a": value})
    vec.remove({"a": "x"})
    vec.inc({"a": "x"})
    assert list(series(exposition(endpoint), "ns_comp_ep_m", "a")) == ["y", "z", "x"]


def test_thousands_of_series_come_and_go(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    for number in range(5000):
        vec.inc_by(number, {"a": str(number)})
    for number in range(5000):
        if number % 7:
            vec.remove({"a": str(number)})
    for number in range(5000, 5100):
        vec.inc_by(number, {"a": str(number)})
    expected = [number for number in range(5000) if number % 7 == 0] + list(range(5000, 5100))
    shown = series(exposition(endpoint), "ns_comp_ep_m", "a")
    assert list(shown.items()) == [(str(number), number) for number in expected]
