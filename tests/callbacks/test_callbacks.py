"""Callbacks: which run, when, and in what order."""

from __future__ import annotations

import functools
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import exposition, refused, sample
from tests.support.client import TIMEOUT_SECONDS


def test_a_callback_runs_before_the_exposition_is_rendered(endpoint: Endpoint) -> None:
    gauge = endpoint.metrics.create_intgauge("m", "help")
    endpoint.metrics.register_callback(gauge.inc)
    assert sample(exposition(endpoint), "ns_comp_ep_m") == 1
    assert sample(exposition(endpoint), "ns_comp_ep_m") == 2


def test_registering_runs_nothing(metrics: RuntimeMetrics) -> None:
    gauge = metrics.create_intgauge("m", "help")
    metrics.register_callback(callback=gauge.inc)
    assert gauge.get() == 0


def test_callbacks_run_in_the_order_registered_whichever_node_they_are_of(
    runtime: DistributedRuntime,
) -> None:
    namespace = runtime.namespace("ns")
    component = namespace.component("comp")
    endpoint = component.endpoint("ep")
    ran: list[int] = []
    for number, node in enumerate([endpoint, runtime, component, namespace, endpoint]):
        node.metrics.register_callback(functools.partial(ran.append, number))
    exposition(runtime)
    assert ran == [0, 1, 2, 3, 4]


def test_an_exposition_runs_the_callbacks_of_its_node_and_below(
    runtime: DistributedRuntime,
) -> None:
    component = runtime.namespace("ns").component("comp")
    nodes: dict[str, Any] = {
        "runtime": runtime,
        "component": component,
        "endpoint": component.endpoint("ep"),
        "sibling": component.endpoint("other"),
    }
    ran: list[str] = []
    for name, node in nodes.items():
        node.metrics.register_callback(functools.partial(ran.append, name))
    exposition(component)
    assert ran == ["component", "endpoint", "sibling"]
    ran.clear()
    exposition(nodes["endpoint"])
    assert ran == ["endpoint"]


def test_one_function_registered_twice_runs_twice(metrics: RuntimeMetrics) -> None:
    ran: list[None] = []
    handles = [metrics.register_callback(lambda: ran.append(None)) for _ in range(2)]
    assert handles[0] is not handles[1]
    metrics.prometheus_expfmt()
    assert len(ran) == 2


def test_each_of_several_expositions_at_once_has_a_call_that_began_after_it(
    endpoint: Endpoint,
) -> None:
    gauge = endpoint.metrics.create_intgauge("m", "help")
    endpoint.metrics.register_callback(gauge.inc)

    def ask(_: int) -> bool:
        before = gauge.get()
        return sample(exposition(endpoint), "ns_comp_ep_m") > before

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(40)))
    assert gauge.get() <= 40


def test_callbacks_run_on_a_daemon_thread_of_their_own(metrics: RuntimeMetrics) -> None:
    threads: list[threading.Thread] = []
    for _ in range(2):
        metrics.register_callback(lambda: threads.append(threading.current_thread()))
    metrics.prometheus_expfmt()
    assert threads[0] is threads[1]
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


class Callable:
    def __init__(self, ran: list[None]) -> None:
        self.ran = ran

    def method(self) -> None:
        self.ran.append(None)

    __call__ = method


@pytest.mark.parametrize(
    "make",
    [
        lambda ran: lambda: ran.append(None),
        lambda ran: Callable(ran).method,
        lambda ran: functools.partial(ran.append, None),
        lambda ran: functools.partial(ran.append, None).__call__,
        Callable,
    ],
    ids=["function", "method", "partial", "native", "object"],
)
def test_anything_that_can_be_called_is_a_callback(metrics: RuntimeMetrics, make: Any) -> None:
    ran: list[None] = []
    metrics.register_callback(make(ran))
    metrics.prometheus_expfmt()
    assert ran == [None]


@pytest.mark.parametrize("callback", [None, 5, "callback", object()])
def test_what_cannot_be_called_is_refused(metrics: RuntimeMetrics, callback: Any) -> None:
    with refused(TypeError, "callback must be callable", repr(callback)):
        metrics.register_callback(callback)


class Shown:
    """Not callable, and shown in the way given, as a table of a thousand rows may be."""

    def __init__(self, shown: str | None) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        if self.shown is None:
            raise KeyError
        return self.shown


@pytest.mark.parametrize(
    ("shown", "message"),
    [("a\n  b", "Shown: a b"), ("x\n" * 1000, f"Shown: {'x ' * 50}…"), (None, "Shown: <Shown>")],
)
def test_a_refusal_is_one_line_whatever_the_callback(
    metrics: RuntimeMetrics, shown: str | None, message: str
) -> None:
    with refused(TypeError, message):
        metrics.register_callback(Shown(shown))  # type: ignore[arg-type]


def test_a_callback_that_cannot_be_shown_is_registered_all_the_same(
    metrics: RuntimeMetrics,
) -> None:
    class Callback(Shown):
        def __call__(self) -> None: ...

    assert metrics.register_callback(Callback(None)).unregister()


async def coroutine() -> None: ...


async def async_generator() -> Any:
    yield


class AsyncCallable:
    async def __call__(self) -> None: ...


@pytest.mark.parametrize(
    "callback",
    [coroutine, async_generator, functools.partial(coroutine), AsyncCallable()],
    ids=["function", "generator", "partial", "object"],
)
def test_an_async_callback_is_refused(metrics: RuntimeMetrics, callback: Any) -> None:
    with refused(TypeError, "plain function", "async", "event loop", "task"):
        metrics.register_callback(callback)


# Unregistering


def test_an_unregistered_callback_runs_no_more(metrics: RuntimeMetrics) -> None:
    ran: list[str] = []
    handle = metrics.register_callback(lambda: ran.append("gone"))
    metrics.register_callback(lambda: ran.append("kept"))
    assert handle.unregister() is True
    assert handle.unregister() is False
    metrics.prometheus_expfmt()
    assert ran == ["kept"]


def test_a_callback_stays_registered_when_its_handle_is_dropped(metrics: RuntimeMetrics) -> None:
    ran: list[None] = []
    metrics.register_callback(lambda: ran.append(None))
    gc.collect()
    metrics.prometheus_expfmt()
    assert ran == [None]


def test_an_unregistered_callback_is_forgotten(metrics: RuntimeMetrics) -> None:
    forgotten = threading.Event()

    class Callback:
        def __call__(self) -> None: ...

        def __del__(self) -> None:
            forgotten.set()

    handle = metrics.register_callback(Callback())
    metrics.prometheus_expfmt()
    handle.unregister()
    del handle
    assert forgotten.wait(TIMEOUT_SECONDS)


def test_shutdown_forgets_all_callbacks(runtime: DistributedRuntime) -> None:
    ran: list[None] = []
    handle = runtime.namespace("ns").metrics.register_callback(lambda: ran.append(None))
    runtime.shutdown()
    exposition(runtime)
    assert ran == []
    assert handle.unregister() is False


# Inside a callback


def test_a_metric_created_in_a_callback_is_in_the_same_exposition(endpoint: Endpoint) -> None:
    def create() -> None:
        endpoint.metrics.create_intgaugevec("m", "help", ["a"]).inc({"a": "x"})

    endpoint.metrics.register_callback(create)
    assert sample(exposition(endpoint), "ns_comp_ep_m", a="x") == 1
    assert sample(exposition(endpoint), "ns_comp_ep_m", a="x") == 2


def test_a_metric_unregistered_in_a_callback_is_not_in_the_exposition(endpoint: Endpoint) -> None:
    gauge = endpoint.metrics.create_gauge("m", "help")
    endpoint.metrics.register_callback(lambda: endpoint.metrics.unregister(gauge))
    assert exposition(endpoint) == {}


def test_a_callback_registered_in_a_callback_runs_from_the_next_exposition_on(
    metrics: RuntimeMetrics,
) -> None:
    ran: list[str] = []

    def register() -> None:
        ran.append("outer")
        handle.unregister()
        metrics.register_callback(lambda: ran.append("inner"))

    handle = metrics.register_callback(register)
    metrics.prometheus_expfmt()
    assert ran == ["outer"]
    metrics.prometheus_expfmt()
    assert ran == ["outer", "inner"]


def test_a_callback_unregistered_by_an_earlier_one_does_not_run(metrics: RuntimeMetrics) -> None:
    ran: list[str] = []
    metrics.register_callback(lambda: handle.unregister())
    handle = metrics.register_callback(lambda: ran.append("second"))
    metrics.register_callback(lambda: ran.append("third"))
    metrics.prometheus_expfmt()
    assert ran == ["third"]


def test_an_exposition_asked_for_in_a_callback_runs_none(
    runtime: DistributedRuntime, endpoint: Endpoint
) -> None:
    gauge = endpoint.metrics.create_intgauge("m", "help")
    seen: list[float] = []

    def look() -> None:
        gauge.inc()
        seen.append(sample(exposition(runtime), "ns_comp_ep_m"))
        other.prometheus_expfmt()

    other = DistributedRuntime().metrics
    others: list[None] = []
    other.register_callback(lambda: others.append(None))
    endpoint.metrics.register_callback(look)
    exposition(runtime)
    assert (seen, others) == ([1], [])


def test_a_callback_may_shut_the_runtime_down(runtime: DistributedRuntime) -> None:
    ran: list[str] = []
    runtime.metrics.register_callback(runtime.shutdown)
    runtime.metrics.register_callback(lambda: ran.append("second"))
    exposition(runtime)
    exposition(runtime)
    assert ran == []
