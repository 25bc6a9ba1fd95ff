"""The message of every wrong call: the metric, the method, the arguments, and a way out.

A case is the methods with the kinds that have them, the call, the type of the exception, and the
way out, which is the end of the message.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from tests.support import refused

COUNTERS = ("counter", "intcounter")
GAUGES = ("gauge", "intgauge")
OBSERVERS = ("histogram", "summary")
NUMBERS = (*COUNTERS, *GAUGES)

Methods: TypeAlias = dict[str, tuple[str, ...]]
Case: TypeAlias = tuple[Methods, str, type[Exception], str]

STEPS: Methods = {"inc": NUMBERS, "dec": GAUGES}
UPDATES: Methods = {
    "inc_by": NUMBERS,
    "dec_by": GAUGES,
    "add": GAUGES,
    "sub": GAUGES,
    "set": GAUGES,
    "observe": OBSERVERS,
}
READS: Methods = {"get": NUMBERS, "get_sample_count": OBSERVERS, "get_sample_sum": OBSERVERS}
TIME: Methods = {"time": OBSERVERS}
INPROGRESS: Methods = {"track_inprogress": GAUGES}
NOW: Methods = {"set_to_current_time": GAUGES}
EXCEPTIONS: Methods = {"count_exceptions": COUNTERS}
FUNCTION: Methods = {"set_function": GAUGES}


def of(methods: Methods, *kinds: str) -> Methods:
    return {name: tuple(k for k in kinds if k in having) for name, having in methods.items()}


def method(name: str) -> Methods:
    """A method that all kinds have."""
    return {name: (*NUMBERS, *OBSERVERS)}


def function() -> None:
    """A function to decorate."""


NAMES: dict[str, object] = {
    "function": function,
    "huge": 10**400,
    "nan": math.nan,
}


FLOATS = of(STEPS | UPDATES, "counter", "gauge", *OBSERVERS)
INTS = of(STEPS | UPDATES, "intcounter", "intgauge")
INCREMENTS = of({"inc": NUMBERS, "inc_by": NUMBERS}, *COUNTERS)
OF_FLOATS = "takes integers: use a metric of floats"
A_GAUGE = "give a number >= 0, or use a gauge for a value that goes down"
A_VEC = ", or a vec for series told apart by labels"
DECORATOR = "decorate with parentheses: use @metric.{}()"
CLASSES = "must be a class of exceptions or a tuple of classes, not str: got 'Error'"

PLAIN: list[Case] = [
    (INCREMENTS, "{}(-1)", ValueError, A_GAUGE),
    (FLOATS, "{}('3')", TypeError, "value must be a number, not str: got '3'"),
    (FLOATS, "{}(None)", TypeError, "value must be a number, not NoneType: got None"),
    (FLOATS, "{}(huge)", OverflowError, "give a number up to 1.7976931348623157e308"),
    (INTS, "{}('3')", TypeError, "value must be an int, not str: got '3'"),
    (INTS, "{}(1.5)", TypeError, OF_FLOATS),
    (INTS, "{}(nan)", TypeError, OF_FLOATS),
    (INTS, "{}(huge)", OverflowError, "use a metric of floats"),
    (STEPS | UPDATES, "{}({'a': 'b'})", TypeError, A_VEC),
    (STEPS, "{}(1, 2)", TypeError, "2 given: use {}(value=1)"),
    (STEPS, "{}(amount=1)", TypeError, '"amount": use {}(value=1)' + A_VEC),
    (UPDATES, "{}()", TypeError, '"value": use {}(value)'),
    (UPDATES, "{}(1, 2)", TypeError, "2 given: use {}(value)"),
    (UPDATES, "{}(1, {'a': 'b'})", TypeError, "2 given: use {}(value)" + A_VEC),
    (READS | TIME | INPROGRESS | NOW, "{}(1)", TypeError, ": use {}()"),
    (READS | TIME | INPROGRESS | NOW, "{}(route='/')", TypeError, ": use {}()" + A_VEC),
    (TIME | INPROGRESS | EXCEPTIONS, "{}(function)", TypeError, DECORATOR),
    (EXCEPTIONS, "{}('Error')", TypeError, CLASSES),
    (EXCEPTIONS, "{}(OSError, KeyError)", TypeError, ": use {}(exception)"),
    (FUNCTION, "{}()", TypeError, ": use {}(function)"),
    (FUNCTION, "{}(3)", TypeError, "a metrics callback must be callable, not int: 3"),
]


def either(value: str = "", a: str = "...", b: str = "...") -> str:
    """Both ways to give a series: by its handle, or as a dict."""
    labels = f"{{'a': {a}, 'b': {b}}}"
    arguments = f"{value}, {labels}" if value else labels
    return f": use labels(a={a}, b={b}).{{}}({value}) or {{}}({arguments})"


STEP_BY = ": use labels(a='x', b=2).{}(3) or {}_by(3, {'a': 'x', 'b': 2})"
NO_DICT = "labels must be a dict of label names and values, not str: got '/'"
MISSING = 'label "b" is missing: give a value for each of ["a", "b"]'
UNKNOWN = 'there is no label "c": the labels are ["a", "b"]'
FLOAT = 'value of label "b" must be a str, an int, a bool or an enum, not float: got 1.5'
SURROGATE = 'decode bytes with errors="replace" before they get here'
IN_ORDER = "give one value for each name, in that order"
VALUES = ": use with_label_values(['x', 'y']) or labels('x', 'y')"
LABELED = STEPS | READS | TIME

VEC: list[Case] = [
    (STEPS | READS, "{}()", TypeError, '"labels"' + either()),
    (LABELED, "{}('/')", TypeError, NO_DICT + either()),
    (READS | TIME, "{}(3)", TypeError, "not int: got 3" + either()),
    (STEPS, "{}(3)", TypeError, "{}(3) or {}_by(3, {'a': ..., 'b': ...})"),
    (LABELED, "{}(a='x', b=2)", TypeError, either(a="'x'", b="2")),
    (LABELED, "{}(c='x')", TypeError, either()),
    (STEPS | READS, "{}({'a': 'x'})", ValueError, MISSING),
    (STEPS | READS, "{}({'a': 'x', 'c': 'y'})", ValueError, UNKNOWN),
    (STEPS | READS, "{}({'a': 'x', 'b': 'y', 'c': 'z'})", ValueError, UNKNOWN),
    (STEPS | READS, "{}({'a': 'x', 'b': 1.5})", TypeError, FLOAT),
    (STEPS | READS, "{}({'a': 'x', 'b': '\\ud800'})", ValueError, SURROGATE),
    (STEPS, "{}({'a': 'x', 'b': 2}, 3)", TypeError, STEP_BY),
    (TIME, "{}(function)", TypeError, DECORATOR),
    (UPDATES, "{}()", TypeError, '"value"' + either("value")),
    (UPDATES, "{}(3)", TypeError, '"labels"' + either("3")),
    (UPDATES, "{}(3, '/')", TypeError, NO_DICT + either("3")),
    (UPDATES, "{}(3, a='x', b=2)", TypeError, either("3", "'x'", "2")),
    (UPDATES, "{}(a='x', value=3)", TypeError, either("3", "'x'")),
    (UPDATES, "{}({'a': 'x', 'b': 2})", TypeError, either("value", "'x'", "2")),
    (UPDATES, "{}(3, {}, 4)", TypeError, "3 given" + either("3")),
    (UPDATES, "{}(3, {'a': 'x'})", ValueError, MISSING),
    (UPDATES, "{}({'a': 'x', 'c': 'y'}, 3)", ValueError, UNKNOWN),
    (UPDATES, "{}('3', {'a': 'x', 'b': 2})", TypeError, "not str: got '3'"),
    (of(UPDATES, *COUNTERS), "{}(-1, {'a': 'x', 'b': 2})", ValueError, A_GAUGE),
    (of(UPDATES, "intgauge"), "{}(1.5, {'a': 'x', 'b': 2})", TypeError, OF_FLOATS),
    (of(UPDATES, "gauge", *OBSERVERS), "{}(huge, {'a': 'x', 'b': 2})", OverflowError, "e308"),
    (method("labels"), "{}()", ValueError, IN_ORDER),
    (method("labels"), "{}('x')", ValueError, IN_ORDER),
    (method("labels"), "{}('x', 1.5)", TypeError, FLOAT),
    (method("labels"), "{}(['x', 'y'])", TypeError, VALUES),
    (method("labels"), "{}({'a': 'x', 'b': 'y'})", TypeError, "labels(a='x', b='y')"),
    (method("labels"), "{}('x', b='y')", TypeError, "labels(a=..., b='y')"),
    (method("labels"), "{}(a='x')", ValueError, MISSING),
    (method("labels"), "{}(a='x', b=1.5)", TypeError, FLOAT),
    (method("labels"), "{}(a='x', b='\\ud800')", ValueError, SURROGATE),
    (method("with_label_values"), "{}('x')", TypeError, "labels(a=..., b=...)"),
    (method("with_label_values"), "{}('x', 'y')", TypeError, VALUES),
    (method("with_label_values"), "{}(['x'])", ValueError, IN_ORDER),
    (method("with_label_values"), "{}(['x', 1.5])", TypeError, FLOAT),
    (method("with_label_values"), "{}(['x', '\\ud800'])", ValueError, SURROGATE),
    (method("remove"), "{}()", TypeError, ": use {}({'a': ..., 'b': ...})"),
    (method("remove"), "{}('/')", TypeError, NO_DICT + ": use {}({'a': ..., 'b': ...})"),
    (method("remove"), "{}(a='x')", TypeError, ": use {}({'a': 'x'})"),
    (method("remove"), "{}({})", ValueError, ": use {}({'a': ..., 'b': ...})"),
    (method("remove"), "{}({'c': 'x'})", ValueError, UNKNOWN),
    (method("remove"), "{}({'b': 1.5})", TypeError, FLOAT),
    (method("clear"), "{}(a='x')", TypeError, ": use {}() or remove({'a': 'x'})"),
    (method("set_max_series"), "{}()", TypeError, ": use {}(max_series)"),
    (
        method("set_max_series"),
        "{}(-1)",
        ValueError,
        "give the number of series, or 0 for no limit",
    ),
    (method("set_max_series"), "{}('3')", TypeError, "must be an int, not str: got '3'"),
    (method("set_max_series"), "{}(huge)", OverflowError, "give a smaller number"),
    (method("set_idle_timeout"), "{}(0)", ValueError, "give a number of seconds above 0"),
    (
        method("set_idle_timeout"),
        "{}('3')",
        TypeError,
        "must be a number or None, not str: got '3'",
    ),
]


def check(metric: Any, name: str, call: str, error: type[Exception], way_out: str) -> None:
    call, way_out = call.replace("{}", name, 1), way_out.replace("{}", name)
    if "function" in call or "huge" in call:
        shown = call.partition("(")[0]
    else:
        shown = f"{call}: ".replace("OSError, KeyError", "<class 'OSError'>, <class 'KeyError'>")
    with refused(error, f"ns_comp_ep_m.{shown}", way_out) as caught:
        eval(f"metric.{call}", {"metric": metric, **NAMES})
    assert caught.type is error
    assert str(caught.value).endswith(way_out)


@pytest.mark.parametrize(("methods", "call", "error", "way_out"), PLAIN)
def test_a_wrong_call_of_a_metric_names_the_call_and_a_way_out(
    metrics: RuntimeMetrics, methods: Methods, call: str, error: type[Exception], way_out: str
) -> None:
    for name, kinds in methods.items():
        for kind in kinds:
            plain = getattr(metrics, f"create_{kind}")("m", "help")
            check(plain, name, call, error, way_out)
            metrics.unregister(plain)
            vec = getattr(metrics, f"create_{kind}vec")("m", "help", ["a"])
            check(vec.labels("x"), name, call, error, way_out)
            metrics.unregister(vec)


@pytest.mark.parametrize(("methods", "call", "error", "way_out"), VEC)
def test_a_wrong_call_of_a_vec_names_the_call_and_a_way_out(
    metrics: RuntimeMetrics, methods: Methods, call: str, error: type[Exception], way_out: str
) -> None:
    for name, kinds in methods.items():
        for kind in kinds:
            vec = getattr(metrics, f"create_{kind}vec")("m", "help", ["a", "b"])
            check(vec, name, call, error, way_out)
            metrics.unregister(vec)
