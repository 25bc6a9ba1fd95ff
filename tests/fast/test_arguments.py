"""The arguments of the methods entered straight from the interpreter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from dynamo.prometheus_metrics import Counter, IntCounter, RuntimeMetrics
from tests.support import FACTORIES, PLAIN, VECS, create, exposition, refused
from tests.support.waiting import eventually

NO_ARGUMENTS = {
    "create_counter": ["get"],
    "create_intcounter": ["get"],
    "create_gauge": ["get"],
    "create_intgauge": ["get"],
    "create_histogram": ["get_sample_count", "get_sample_sum"],
}
PERHAPS_A_VALUE = {
    "create_counter": ["inc"],
    "create_intcounter": ["inc"],
    "create_gauge": ["inc", "dec"],
    "create_intgauge": ["inc", "dec"],
}
A_VALUE = {
    "create_counter": ["inc_by"],
    "create_intcounter": ["inc_by"],
    "create_gauge": ["set", "inc_by", "dec_by", "add", "sub"],
    "create_intgauge": ["set", "inc_by", "dec_by", "add", "sub"],
    "create_histogram": ["observe"],
}
TAKE_EXEMPLARS = [
    ("create_counter", "inc"),
    ("create_counter", "inc_by"),
    ("create_intcounter", "inc"),
    ("create_intcounter", "inc_by"),
    ("create_histogram", "observe"),
]


def methods(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(factory, method) for factory, names in table.items() for method in names]


def vec_methods(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    pairs = methods(table)
    return [(f"{factory}vec", method) for factory, method in pairs]


def signature(function: Callable[..., Any]) -> list[str]:
    return str(inspect.signature(function))[1:-1].replace(", /", "").split(", ")


def options(factory: str, method: str) -> list[str]:
    return ["*", "exemplar=None"] if (factory, method) in TAKE_EXEMPLARS else []


@pytest.mark.parametrize(("factory", "method"), methods(NO_ARGUMENTS))
def test_what_takes_no_arguments_refuses_any(endpoint: Any, factory: str, method: str) -> None:
    call = getattr(create(endpoint, factory), method)
    with refused(TypeError, f"{method}() takes no arguments; 1 given"):
        call(1)
    with refused(TypeError, f'{method}() has no argument "value"'):
        call(value=1)


@pytest.mark.parametrize(("factory", "method"), methods(PERHAPS_A_VALUE))
def test_what_may_take_a_value_takes_one(endpoint: Any, factory: str, method: str) -> None:
    metric = create(endpoint, factory)
    call, sign = getattr(metric, method), -1 if method == "dec" else 1
    call()
    call(3)
    call(value=2)
    assert metric.get() == 6 * sign
    with refused(TypeError, f"{method}() takes value; 2 given"):
        call(1, 2)
    with refused(TypeError, f"{method}() takes value; 2 given"):
        call(1, value=2)
    with refused(TypeError, f'{method}() has no argument "amount"'):
        call(amount=1)
    with refused(TypeError, "must be a", "'3'"):
        call("3")
    assert metric.get() == 6 * sign


@pytest.mark.parametrize(("factory", "method"), methods(PERHAPS_A_VALUE))
def test_a_child_may_take_a_value_too(endpoint: Any, factory: str, method: str) -> None:
    child = create(endpoint, f"{factory}vec").with_label_values(["x"])
    getattr(child, method)(3)
    assert abs(child.get()) == 3


def test_an_increment_by_a_value_may_have_an_exemplar_and_must_not_be_negative(
    metrics: RuntimeMetrics,
) -> None:
    counter = metrics.create_intcounter("m_total", "help")
    counter.inc(2, exemplar={"trace_id": "a"})
    counter.inc(exemplar={"trace_id": "a"}, value=3)
    assert counter.get() == 5
    with refused(ValueError, "increased by -1"):
        counter.inc(-1)
    with refused(TypeError, 'has no argument "exemplar"'):
        metrics.create_gauge("g", "help").inc(2, exemplar={})  # type: ignore[call-arg]


@pytest.mark.parametrize(("factory", "method"), methods(A_VALUE))
def test_what_takes_a_value_takes_just_one(endpoint: Any, factory: str, method: str) -> None:
    call = getattr(create(endpoint, factory), method)
    with refused(TypeError, f'{method}() is missing the argument "value"'):
        call()
    with refused(TypeError, f"{method}() takes value; 2 given"):
        call(1, 2)
    with refused(TypeError, f"{method}() takes value; 2 given"):
        call(1, value=2)
    with refused(TypeError, f'{method}() has no argument "amount"'):
        call(amount=1)


@pytest.mark.parametrize(
    ("factory", "method"), [*vec_methods(NO_ARGUMENTS), *vec_methods(PERHAPS_A_VALUE)]
)
def test_what_takes_labels_takes_just_them(endpoint: Any, factory: str, method: str) -> None:
    call = getattr(create(endpoint, factory), method)
    with refused(TypeError, f'{method}() is missing the argument "labels"'):
        call()
    with refused(TypeError, f"{method}() takes labels; 2 given"):
        call({"a": "x"}, {"a": "x"})
    with refused(TypeError, f'{method}() has no argument "b"'):
        call(b="x")
    right = f"labels(a='x').{method}() or {method}({{'a': 'x'}})"
    with refused(TypeError, f'{method}() has no argument "a"', right):
        call(a="x")


@pytest.mark.parametrize(("factory", "method"), vec_methods(A_VALUE))
def test_what_takes_a_value_and_labels_takes_just_both(
    endpoint: Any, factory: str, method: str
) -> None:
    labels = {"a": "x"}
    call = getattr(create(endpoint, factory), method)
    with refused(TypeError, f'{method}() is missing the argument "value"'):
        call()
    with refused(TypeError, f"{method}() is missing the argument"):
        call(1)
    with refused(TypeError, f"{method}() is missing the argument"):
        call(labels=labels)
    with refused(TypeError, f"{method}() takes value, labels; 3 given"):
        call(1, labels, 2)
    with refused(TypeError, f"{method}() takes value, labels; 3 given"):
        call(1, labels, value=2)
    with refused(TypeError, f'{method}() has no argument "label"'):
        call(1, label=labels)
    with refused(TypeError, f"labels(a='x').{method}(1) or {method}(1, {{'a': 'x'}})"):
        call(1, a="x")
    with refused(TypeError, "labels must be a dict", "2"):
        call(1, 2)
    with refused(TypeError, "value must be a"):
        call(labels, labels)


def test_plain_methods_have_a_signature_and_a_docstring() -> None:
    for factory, method in [*methods(NO_ARGUMENTS), *methods(PERHAPS_A_VALUE), *methods(A_VALUE)]:
        function = getattr(PLAIN[factory], method)
        names = ["self", "value"]
        if (factory, method) in methods(NO_ARGUMENTS):
            names = ["self"]
        elif (factory, method) in methods(PERHAPS_A_VALUE):
            names = ["self", "value=1"]
        assert signature(function) == [*names, *options(factory, method)]
        assert inspect.getdoc(function)


def test_vec_methods_have_a_signature_and_a_docstring() -> None:
    for factory, method in [
        *vec_methods(NO_ARGUMENTS),
        *vec_methods(PERHAPS_A_VALUE),
        *vec_methods(A_VALUE),
    ]:
        function = getattr(VECS[factory], method)
        takes_value = (factory, method) in vec_methods(A_VALUE)
        names = ["self", "value", "labels"] if takes_value else ["self", "labels"]
        assert signature(function) == [*names, *options(factory.removesuffix("vec"), method)]
        assert inspect.getdoc(function)


def test_a_method_of_one_class_does_not_work_on_another(metrics: RuntimeMetrics) -> None:
    counter = metrics.create_counter("m", "help")
    with refused(TypeError, "inc", "IntCounter", "Counter"):
        IntCounter.inc(counter)  # type: ignore[arg-type]
    with refused(TypeError, "inc"):
        Counter.inc(None)  # type: ignore[arg-type]
    with refused(TypeError, "inc"):
        Counter.inc()  # type: ignore[call-arg]


def test_metric_types_cannot_be_subclassed() -> None:
    for kind in FACTORIES.values():
        with refused(TypeError, "not an acceptable base type"):
            type("Sub", (kind,), {})


def test_metrics_have_no_attributes_of_the_users(metrics: RuntimeMetrics) -> None:
    with refused(AttributeError, "extra"):
        metrics.create_counter("m", "help").extra = 1  # type: ignore[attr-defined]


# Numbers


class Index:
    """An integer by ``__index__`` only."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Float:
    """A number by ``__float__`` only."""

    def __float__(self) -> float:
        return 2.5


class IntSubclass(int):
    """Lies when it is compared."""

    def __lt__(self, other: object) -> bool:
        return True

    def __gt__(self, other: object) -> bool:
        return True


class FloatSubclass(float):
    def __float__(self) -> float:
        raise AssertionError("a float is taken as it is")


@pytest.mark.parametrize(
    ("value", "expected"), [(True, 1), (Index(3), 3), (Index(2**62), 2**62), (IntSubclass(7), 7)]
)
@pytest.mark.parametrize("factory", ["create_counter", "create_intcounter"])
def test_what_stands_for_an_integer_is_taken_as_one(
    metrics: RuntimeMetrics, factory: str, value: Any, expected: int
) -> None:
    counter = getattr(metrics, factory)("m", "help")
    counter.inc_by(value)
    assert counter.get() == expected
    gauge = metrics.create_intgauge("g", "help")
    gauge.set(value)
    assert gauge.get() == expected


@pytest.mark.parametrize("value", [Index(2**63), Index(2**64 - 1), IntSubclass(2**63)])
def test_the_upper_half_of_the_range_is_open_to_them_too(
    metrics: RuntimeMetrics, value: Any
) -> None:
    counter = metrics.create_intcounter("m", "help")
    counter.inc_by(value)
    assert counter.get() == value.__index__()


def test_negative_ones_are_refused_as_increments(metrics: RuntimeMetrics) -> None:
    for value in [Index(-1), Index(-(2**70)), IntSubclass(-5)]:
        for factory in (metrics.create_counter, metrics.create_intcounter):
            counter = factory("m", "help", {"of": factory.__name__})
            with refused(ValueError, "increased by -"):
                counter.inc_by(value)
            assert counter.get() == 0


@pytest.mark.parametrize(("value", "expected"), [(Float(), 2.5), (FloatSubclass(1.5), 1.5)])
def test_what_stands_for_a_float_is_taken_as_one(
    metrics: RuntimeMetrics, value: Any, expected: float
) -> None:
    gauge = metrics.create_gauge("m", "help")
    gauge.set(value)
    assert gauge.get() == expected


ERRORS = [KeyError("mine"), TypeError("mine"), ValueError("mine"), OverflowError("mine")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("method", ["__index__", "__float__"])
def test_an_exception_of_a_number_comes_through(
    metrics: RuntimeMetrics, method: str, error: Exception
) -> None:
    def raises(self: object) -> Any:
        raise error

    value = type("Broken", (), {method: raises})()
    updates: list[Callable[[Any], None]] = [
        metrics.create_gauge("g", "help").set,
        metrics.create_counter("c", "help").inc_by,
        metrics.create_histogram("h", "help").observe,
        metrics.create_gaugevec("v", "help", ["a"]).set_idle_timeout,
        lambda value: metrics.create_gaugevec("w", "help", ["a"], idle_timeout=value),
    ]
    if method == "__index__":
        updates += [
            metrics.create_gaugevec("v", "help", ["a"]).set_max_series,
            lambda value: metrics.create_gaugevec("w", "help", ["a"], max_series=value),
            metrics.create_intgauge("ig", "help").set,
            metrics.create_intcounter("ic", "help").inc_by,
        ]
    for update in updates:
        with pytest.raises(type(error)) as caught:
            update(value)
        assert caught.value is error
        assert error.args == ("mine",)


def test_a_number_may_use_the_metric_while_it_is_converted(metrics: RuntimeMetrics) -> None:
    gauge = metrics.create_gauge("m", "help")
    vec = metrics.create_gaugevec("v", "help", ["a"])

    class Reentrant:
        def __float__(self) -> float:
            gauge.set(5)
            vec.set(5, {"a": "x"})
            vec.clear()
            return gauge.get() + 1

    gauge.set(Reentrant())
    assert gauge.get() == 6
    vec.set(Reentrant(), {"a": "x"})
    assert vec.get({"a": "x"}) == 6


def test_a_value_that_is_refused_is_no_update(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_gaugevec("m", "help", ["a"], idle_timeout=0.001)
    child = vec.with_label_values(["x"])
    child.set(1)
    eventually(lambda: None if vec.name() in exposition(metrics.prometheus_expfmt()) else True)
    with refused(TypeError, "value must be a number"):
        child.set("2")  # type: ignore[arg-type]
    assert vec.name() not in exposition(metrics.prometheus_expfmt())
