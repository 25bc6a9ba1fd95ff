"""Which label names are allowed."""

from __future__ import annotations

import pytest

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics
from tests.support import FACTORIES, VECS, refused

RESERVED = [
    "dynamo_namespace",
    "dynamo_component",
    "dynamo_endpoint",
    "le",
    "quantile",
    "__x",
    "__",
]
INVALID = ["", "1a", "a-b", "a:b", "a b", "é", "a\n"]


def test_a_reserved_name_is_refused_as_a_constant_label(metrics: RuntimeMetrics) -> None:
    for factory in ("create_counter", "create_histogram"):
        for label in RESERVED:
            with refused(
                MetricsError, f'label name "{label}"', '"ns_comp_ep_m"', "reserved", "another name"
            ):
                getattr(metrics, factory)("m", "help", [(label, "x")])


def test_a_reserved_name_is_refused_in_a_vec(metrics: RuntimeMetrics) -> None:
    for factory in ("create_gaugevec", "create_histogramvec"):
        for label in RESERVED:
            with refused(
                MetricsError, f'label name "{label}"', '"ns_comp_ep_m"', "reserved", "another name"
            ):
                getattr(metrics, factory)("m", "help", ["a", label])
            with refused(
                MetricsError, f'label name "{label}"', '"ns_comp_ep_m"', "reserved", "another name"
            ):
                getattr(metrics, factory)("m", "help", ["a"], {label: "x"})


def test_an_invalid_name_is_refused(metrics: RuntimeMetrics) -> None:
    for label in INVALID:
        shown = label.replace("\n", "\\n")
        with refused(MetricsError, f'label name "{shown}"', "[a-zA-Z_][a-zA-Z0-9_]*"):
            metrics.create_counter("m", "help", {label: "x"})
        with refused(MetricsError, f'label name "{shown}"', "[a-zA-Z_][a-zA-Z0-9_]*"):
            metrics.create_gaugevec("m", "help", [label])


def test_names_are_told_apart_by_case_and_underscores(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_gaugevec("m", "help", ["a", "A", "_a", "a_", "le_", "namespace"])
    vec.with_label_values(["1"] * 6).set(1)
    assert vec.variable_labels() == ["a", "A", "_a", "a_", "le_", "namespace"]


def test_a_name_given_twice_is_refused(metrics: RuntimeMetrics) -> None:
    with refused(MetricsError, 'label name "x"', "given twice"):
        metrics.create_counter("m", "help", [("x", "1"), ("x", "1")])
    with refused(MetricsError, 'label name "x"', "given twice"):
        metrics.create_countervec("m", "help", ["x", "y", "x"])


def test_a_constant_label_is_not_a_variable_one_too(metrics: RuntimeMetrics) -> None:
    with refused(MetricsError, 'label name "x"', "given twice", "constant and variable"):
        metrics.create_countervec("m", "help", ["x"], {"x": "1"})


@pytest.mark.parametrize("factory", VECS)
def test_a_vec_without_label_names_is_refused(metrics: RuntimeMetrics, factory: str) -> None:
    kind = factory.removeprefix("create_").removeprefix("int").removesuffix("vec")
    with refused(MetricsError, '"ns_comp_ep_m"', "at least one", f"plain {kind}"):
        getattr(metrics, factory)("m", "help", [])


def test_any_number_of_labels_is_allowed(metrics: RuntimeMetrics) -> None:
    names = [f"label{number}" for number in range(40)]
    vec = metrics.create_intcountervec("m", "help", names)
    labels = {name: name.upper() for name in names}
    vec.inc(labels)
    vec.inc(dict(reversed(labels.items())))
    assert vec.get(labels) == 2


def test_constant_labels_belong_to_every_kind(metrics: RuntimeMetrics) -> None:
    for number, factory in enumerate(FACTORIES):
        arguments = [["a"]] if factory in VECS else []
        metric = getattr(metrics, factory)(f"m{number}", "help", *arguments, [("x", "1")])
        assert metric.const_labels()["x"] == "1"
