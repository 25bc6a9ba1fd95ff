"""Creating metrics: what the factories take, and that an identical metric is the same one."""

from __future__ import annotations

import gc
import inspect
import weakref
from typing import Any

import pytest

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import FACTORIES, PLAIN, VECS, create, exposition, refused, sample

SIGNATURES = {
    "create_counter": ["name", "description", "labels=None"],
    "create_intcounter": ["name", "description", "labels=None"],
    "create_gauge": ["name", "description", "labels=None"],
    "create_intgauge": ["name", "description", "labels=None"],
    "create_histogram": ["name", "description", "labels=None", "buckets=None"],
    "create_countervec": ["name", "description", "label_names", "const_labels=None"],
    "create_intcountervec": ["name", "description", "label_names", "const_labels=None"],
    "create_gaugevec": ["name", "description", "label_names", "const_labels=None"],
    "create_intgaugevec": ["name", "description", "label_names", "const_labels=None"],
    "create_histogramvec": [
        "name",
        "description",
        "label_names",
        "const_labels=None",
        "buckets=None",
    ],
    "register_callback": ["callback"],
    "prometheus_expfmt": [],
    "unregister": ["metric"],
}


def test_factories_take_the_documented_arguments() -> None:
    for factory in SIGNATURES:
        parameters = inspect.signature(getattr(RuntimeMetrics, factory)).parameters.values()
        positional = [
            str(parameter.replace(annotation=parameter.empty))
            for parameter in parameters
            if parameter.kind.name != "KEYWORD_ONLY"
        ]
        assert positional == ["self", *SIGNATURES[factory]]


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_factory_creates_its_type_on_every_level(
    runtime: DistributedRuntime, factory: str
) -> None:
    namespace = runtime.namespace("ns")
    component = namespace.component("comp")
    for node in (runtime, namespace, component, component.endpoint("ep")):
        assert type(create(node, factory)) is FACTORIES[factory]


@pytest.mark.parametrize("factory", FACTORIES)
def test_an_identical_metric_is_the_first_one(endpoint: Endpoint, factory: str) -> None:
    labels = "const_labels" if factory in VECS else "labels"
    first = create(endpoint, factory, **{labels: [("x", "1"), ("y", "2")]})
    assert create(endpoint, factory, **{labels: {"y": "2", "x": "1"}}) is first


@pytest.mark.parametrize("factory", ["create_histogram", "create_histogramvec"])
def test_default_buckets_spelled_out_are_the_same_buckets(endpoint: Endpoint, factory: str) -> None:
    bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    first = create(endpoint, factory)
    assert create(endpoint, factory, buckets=bounds) is first
    assert create(endpoint, factory, buckets=[*bounds, float("inf")]) is first


def test_a_metric_nobody_holds_keeps_its_value(metrics: RuntimeMetrics) -> None:
    metrics.create_intcounter("m", "help").inc_by(3)
    gc.collect()
    counter = metrics.create_intcounter("m", "help")
    counter.inc()
    assert counter.get() == 4


def test_objects_that_have_gone_leave_no_entries_behind(metrics: RuntimeMetrics) -> None:
    kept = metrics.create_counter("kept", "help")
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        metrics.unregister(metrics.create_counter(f"m{number}", "help"))
    assert len(gc.get_objects()) - before < 500
    assert metrics.create_counter("kept", "help") is kept


def test_a_metric_that_goes_runs_no_python_code(metrics: RuntimeMetrics) -> None:
    """It is freed by native code, below which CPython may end a daemon thread at exit."""
    metric = metrics.create_counter("m", "help")
    assert [reference.__callback__ for reference in weakref.getweakrefs(metric)] == [None]


def test_equal_metrics_of_two_nodes_are_two_metrics(runtime: DistributedRuntime) -> None:
    component = runtime.namespace("ns").component("comp")
    first = create(component.endpoint("a"), "create_counter", full_name=True)
    second = create(component.endpoint("b"), "create_counter", full_name=True)
    assert first is not second
    first.inc()
    assert second.get() == 0


def test_a_metric_describes_itself(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_gaugevec("m", "What it is", ["b", "a"], [("z", "1"), ("y", "2")])
    assert vec.name() == "ns_comp_ep_m"
    assert vec.description() == "What it is"
    assert vec.variable_labels() == ["b", "a"]
    assert list(vec.const_labels().items()) == [
        ("dynamo_namespace", "ns"),
        ("dynamo_component", "comp"),
        ("dynamo_endpoint", "ep"),
        ("z", "1"),
        ("y", "2"),
    ]
    assert repr(vec) == "<GaugeVec ns_comp_ep_m>"


@pytest.mark.parametrize("factory", FACTORIES)
def test_changing_what_a_metric_says_of_itself_changes_nothing(
    endpoint: Endpoint, factory: str
) -> None:
    metric = create(endpoint, factory)
    metric.const_labels().clear()
    assert metric.const_labels()
    if factory in VECS:
        metric.variable_labels().clear()
        assert metric.variable_labels() == ["a"]


@pytest.mark.parametrize(
    "labels",
    [
        [("x", "1"), ("y", "2")],
        (("x", "1"), ("y", "2")),
        {"x": "1", "y": "2"},
        {"x": "1", "y": "2"}.items(),
    ],
    ids=["list", "tuple", "dict", "items"],
)
def test_constant_labels_may_be_pairs_or_a_dict(metrics: RuntimeMetrics, labels: Any) -> None:
    counter = metrics.create_counter("m", "help", labels)
    assert list(counter.const_labels().items())[3:] == [("x", "1"), ("y", "2")]


@pytest.mark.parametrize("labels", [None, [], {}, ()])
def test_no_constant_labels_are_none_or_empty(metrics: RuntimeMetrics, labels: Any) -> None:
    assert len(metrics.create_counter("m", "help", labels).const_labels()) == 3


def test_a_plain_metric_shows_at_once_and_a_vec_with_its_first_series(endpoint: Endpoint) -> None:
    endpoint.metrics.create_counter("plain", "help")
    vec = endpoint.metrics.create_countervec("vec", "help", ["a"])
    assert list(exposition(endpoint)) == ["ns_comp_ep_plain"]
    vec.with_label_values(["x"])
    assert sample(exposition(endpoint), "ns_comp_ep_vec", a="x") == 0


def test_metrics_are_created_by_nodes_only() -> None:
    for kind in FACTORIES.values():
        with refused(TypeError, "cannot create", kind.__name__):
            kind()


# Errors


def test_a_creation_error_is_both_a_value_error_and_a_runtime_error() -> None:
    assert issubclass(MetricsError, ValueError)
    assert issubclass(MetricsError, RuntimeError)


def vec_with(metrics: RuntimeMetrics, label_names: Any) -> object:
    return metrics.create_countervec("m", "help", label_names)


def counter_with(metrics: RuntimeMetrics, labels: Any) -> object:
    return metrics.create_counter("m", "help", labels)


def test_labels_of_the_wrong_type_are_refused(metrics: RuntimeMetrics) -> None:
    cases = [
        (counter_with, "ab", ["labels must be a dict or a list of", "'ab'"]),
        (counter_with, 5, ["labels must be a dict or a list of", "int", "5"]),
        (
            counter_with,
            ["ab"],
            ["labels must be a dict or a list of", "create_countervec", "['ab']"],
        ),
        (counter_with, [("a",)], ["labels must be a dict or a list of", "[('a',)]"]),
        (counter_with, [("a", 5.5)], ['value of label "a" must be a str', "float", "5.5"]),
        (counter_with, {"a": None}, ['value of label "a" must be a str', "None"]),
        (counter_with, {5: "a"}, ["label name must be a str", "5"]),
        (vec_with, "ab", ["label_names must be a list of str", "'ab'"]),
        (vec_with, None, ["label_names must be a list of str", "None"]),
        (vec_with, 5, ["label_names must be a list of str", "5"]),
        (vec_with, [5], ["label name must be a str", "5"]),
        (vec_with, b"a", ["label name must be a str", "97"]),
        (vec_with, {"a", "b"}, ["label_names must be a list of str", "set"]),
    ]
    for make, argument, parts in cases:
        with refused(TypeError, *parts):
            make(metrics, argument)


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_name_or_description_that_is_no_str_is_refused(
    metrics: RuntimeMetrics, factory: str
) -> None:
    labels = [["a"]] if factory in VECS else []
    with refused(TypeError, "name must be a str", "5"):
        getattr(metrics, factory)(5, "help", *labels)
    with refused(TypeError, "description must be a str", "None"):
        getattr(metrics, factory)("m", None, *labels)


@pytest.mark.parametrize("factory", PLAIN)
def test_a_lone_surrogate_is_refused_wherever_it_stands(
    metrics: RuntimeMetrics, factory: str
) -> None:
    surrogate = "\ud800"
    factory_method = getattr(metrics, factory)
    with refused(MetricsError, "name", r"'\ud800'", "UTF-8"):
        factory_method(surrogate, "help")
    with refused(MetricsError, "description", r"'\ud800'", "UTF-8"):
        factory_method("m", surrogate)
    with refused(MetricsError, "label name", r"'\ud800'", "UTF-8"):
        factory_method("m", "help", {surrogate: "x"})
    with refused(MetricsError, 'value of label "x"', r"'\ud800'", "UTF-8"):
        factory_method("m", "help", {"x": surrogate})


def test_what_was_refused_leaves_no_trace(endpoint: Endpoint) -> None:
    with pytest.raises(MetricsError):
        endpoint.metrics.create_counter("m", "help", {"le": "1"})
    assert exposition(endpoint) == {}
    assert endpoint.metrics.create_gauge("m", "another help").get() == 0
