"""Callbacks that are defined anew, and gauges whose value a function returns."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime
from tests.support import refused
from tests.support.log import Log

CELL = """
def update():
    calls.append({number})

handle = metrics.register_callback(update)
"""


def run_cell(number: int, namespace: dict[str, Any]) -> Any:
    exec(compile(CELL.format(number=number), "cell", "exec"), namespace)
    return namespace["handle"]


@pytest.fixture
def namespace(runtime: DistributedRuntime) -> dict[str, Any]:
    return {"__name__": "notebook", "calls": [], "metrics": runtime.metrics}


def test_a_function_defined_anew_replaces_the_earlier_one(
    runtime: DistributedRuntime, namespace: dict[str, Any], log: Log
) -> None:
    first = run_cell(1, namespace)
    second = run_cell(2, namespace)
    runtime.metrics.prometheus_expfmt()
    assert namespace["calls"] == [2]
    assert (first.unregister(), second.unregister()) == (False, True)
    third = run_cell(3, namespace)
    runtime.metrics.prometheus_expfmt()
    assert namespace["calls"] == [2, 3]
    assert third.unregister()


def test_functions_of_other_nodes_modules_and_trees_stay(
    runtime: DistributedRuntime, namespace: dict[str, Any]
) -> None:
    run_cell(1, namespace)
    run_cell(2, {**namespace, "__name__": "other"})
    run_cell(3, {**namespace, "metrics": runtime.namespace("ns").metrics})
    run_cell(4, {**namespace, "metrics": DistributedRuntime().metrics})
    runtime.metrics.prometheus_expfmt()
    assert namespace["calls"] == [1, 2, 3]


def test_one_definition_registered_again_runs_again(
    runtime: DistributedRuntime, namespace: dict[str, Any]
) -> None:
    run_cell(1, namespace)
    runtime.metrics.register_callback(namespace["update"])
    runtime.metrics.prometheus_expfmt()
    assert namespace["calls"] == [1, 1]


def test_lambdas_methods_and_inner_functions_have_no_name_to_be_replaced_by(
    runtime: DistributedRuntime,
) -> None:
    calls = []

    class Engine:
        def update(self) -> None:
            calls.append(self)

    engines = [Engine(), Engine()]
    for engine in engines:
        runtime.metrics.register_callback(engine.update)
        runtime.metrics.register_callback(lambda engine=engine: calls.append(engine))
    runtime.metrics.prometheus_expfmt()
    assert calls == [engine for engine in engines for _ in range(2)]


def test_a_text_callback_defined_anew_replaces_the_earlier_one(
    runtime: DistributedRuntime, namespace: dict[str, Any]
) -> None:
    for value in (1, 2):
        code = f"def text():\n    return 'x {value}\\n'\n"
        exec(code + "metrics.register_prometheus_expfmt_callback(text)", namespace)
    assert "\nx 2\n" in runtime.metrics.prometheus_expfmt()


def test_nothing_keeps_a_callback_of_a_runtime_that_is_shut_down(
    runtime: DistributedRuntime, namespace: dict[str, Any]
) -> None:
    handle = run_cell(1, namespace)
    callback = weakref.ref(namespace.pop("update"))
    runtime.shutdown()
    gc.collect()
    assert callback() is None
    assert not handle.unregister()


# Functions of gauges


def test_a_gauge_shows_what_its_function_returns(runtime: DistributedRuntime) -> None:
    queue = [1, 2, 3]
    for create in (runtime.metrics.create_gauge, runtime.metrics.create_intgauge):
        gauge = create(create.__name__, "help")
        handle = gauge.set_function(lambda: len(queue))
        assert f"\n{create.__name__} 3\n" in runtime.metrics.prometheus_expfmt()
        assert handle.unregister()
        gauge.set(7)
        runtime.metrics.prometheus_expfmt()
        assert gauge.get() == 7


def test_a_later_function_replaces_the_earlier_one(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_gaugevec("m", "help", ["a"])
    calls = []
    first = vec.labels(a="x").set_function(lambda: calls.append(1) or 1)
    vec.labels(a="y").set_function(lambda: 5)
    vec.labels(a="x").set_function(lambda: 2)  # another handle of the same series
    runtime.metrics.prometheus_expfmt()
    assert (vec.get({"a": "x"}), vec.get({"a": "y"}), calls) == (2, 5, [])
    assert not first.unregister()


def test_the_function_runs_for_the_node_of_the_gauge(runtime: DistributedRuntime) -> None:
    calls = []
    gauge = runtime.namespace("ns").metrics.create_gauge("m", "help")
    gauge.set_function(lambda: calls.append(1) or 1)
    runtime.namespace("other").metrics.prometheus_expfmt()
    assert calls == []
    runtime.namespace("ns").metrics.prometheus_expfmt()
    assert calls == [1]


def test_a_function_that_raises_is_counted_and_logged(
    runtime: DistributedRuntime, log: Log
) -> None:
    gauge = runtime.metrics.create_gauge("m", "help")
    gauge.set(4)
    gauge.set_function(lambda: "x")  # type: ignore[arg-type, return-value]
    runtime.metrics.prometheus_expfmt()
    assert gauge.get() == 4
    assert log.until("set_function(")[-1].levelname == "ERROR"
    assert "dynamo_runtime_callback_errors_total 2" in runtime.metrics.prometheus_expfmt()


def test_what_is_no_plain_function_is_refused(runtime: DistributedRuntime) -> None:
    gauge = runtime.metrics.create_gauge("m", "help")

    async def later() -> int:
        return 1

    with refused(TypeError, "must be callable", "5"):
        gauge.set_function(5)  # type: ignore[arg-type]
    with refused(TypeError, "async"):
        gauge.set_function(later)  # type: ignore[arg-type]


def test_a_gauge_may_show_the_time(runtime: DistributedRuntime) -> None:
    import time

    for gauge in (
        runtime.metrics.create_gauge("a", "help"),
        runtime.metrics.create_intgauge("b", "help"),
    ):
        gauge.set_to_current_time()
        assert time.time() - 60 < gauge.get() <= time.time()
