"""A callback that refers to its own metric keeps nothing alive for ever."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from dynamo.runtime import DistributedRuntime
from tests.support import exposition, sample
from tests.support.client import is_refused
from tests.support.waiting import eventually


class Token:
    """Tells that a callback was collected."""


def forgotten(*, of_vec: bool = False) -> weakref.ref[Token]:
    """A token that only the callback of a runtime that nobody holds refers to."""
    token = Token()
    metrics = DistributedRuntime().namespace("ns").component("comp").endpoint("ep").metrics
    if of_vec:
        vec = metrics.create_gaugevec("m", "help", ["a"])
        child = vec.labels(a="x")

        def call() -> None:
            child.set(len([token, vec]))

        metrics.register_callback(call)
    else:
        gauge = metrics.create_gauge("m", "help")

        def call() -> None:
            gauge.set(len([token, metrics]))

        metrics.register_callback(call)
    return weakref.ref(token)


@pytest.mark.parametrize("of_vec", [False, True])
def test_a_runtime_that_only_its_callbacks_refer_to_is_collected(of_vec: bool) -> None:
    tokens = [forgotten(of_vec=of_vec) for _ in range(10)]

    def are_collected() -> bool | None:
        gc.collect()  # does nothing while another thread collects
        return not any(token() for token in tokens) or None

    eventually(are_collected)


def test_so_are_its_port_and_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")

    def serve() -> str:
        runtime = DistributedRuntime()
        gauge = runtime.metrics.create_gauge("m", "help")
        runtime.metrics.register_callback(lambda: gauge.set(1))
        address = runtime.system_status_address
        assert address is not None
        return address

    address = serve()
    gc.collect()
    eventually(lambda: is_refused(address) or None)


def test_a_metric_that_is_held_keeps_the_callbacks(runtime: DistributedRuntime) -> None:
    def register() -> None:
        gauge = runtime.metrics.create_gauge("m", "help")
        runtime.metrics.register_callback(lambda: gauge.set(7))

    register()
    gc.collect()
    assert sample(exposition(runtime), "m") == 7


def test_a_handle_of_a_collected_callback_can_be_unregistered() -> None:
    def register() -> object:
        metrics = DistributedRuntime().metrics
        gauge = metrics.create_gauge("m", "help")
        return metrics.register_callback(lambda: gauge.set(1))

    handle = register()
    gc.collect()
    handle.unregister()  # type: ignore[attr-defined]


def test_collections_during_scrapes_lose_no_callback(runtime: DistributedRuntime) -> None:
    calls = runtime.metrics.create_intcounter("calls", "help")
    runtime.metrics.register_callback(calls.inc)
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            gc.collect()

    collecting = threading.Thread(target=collect)
    collecting.start()
    try:
        for expected in range(1, 20):
            assert sample(exposition(runtime), "calls") == expected
    finally:
        stop.set()
        collecting.join()
