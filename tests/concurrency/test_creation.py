"""Threads create, remove and register the same things at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import exposition, sample, series
from tests.support.threads import all_at_once

THREADS = 4
ROUNDS = 2000


def test_threads_that_create_a_metric_at_once_get_the_same_one(endpoint: Endpoint) -> None:
    for number in range(100):

        def create(name: str = f"m{number}") -> object:
            counter = endpoint.metrics.create_intcounter(name, "help")
            counter.inc()
            return counter

        counters = all_at_once(*[create] * THREADS)
        assert all(counter is counters[0] for counter in counters)
        assert sample(exposition(endpoint), f"ns_comp_ep_m{number}") == THREADS


@pytest.mark.parametrize(
    "touch",
    [
        lambda vec, value: vec.inc({"a": value}),
        lambda vec, value: vec.with_label_values([value]).inc(),
        lambda vec, value: vec.labels(a=value).inc(),
    ],
    ids=["inc", "with_label_values", "labels"],
)
def test_threads_that_create_a_series_at_once_get_the_same_one(
    endpoint: Endpoint, touch: Callable[[Any, str], object]
) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])

    def create() -> None:
        for number in range(1000):
            touch(vec, str(number))

    all_at_once(*[create] * THREADS)
    expected = {str(number): THREADS for number in range(1000)}
    assert series(exposition(endpoint), "ns_comp_ep_m", "a") == expected


def test_series_and_metrics_that_come_and_go_leave_the_others_alone(endpoint: Endpoint) -> None:
    metrics = endpoint.metrics
    vec = metrics.create_intcountervec("m", "help", ["a"])
    kept = vec.labels("kept")

    def count() -> None:
        for _ in range(ROUNDS):
            kept.inc()
            vec.inc({"a": "kept"})

    def come_and_go() -> None:
        for number in range(50):
            vec.inc({"a": str(number)})
            vec.remove({"a": str((number + 25) % 50)})
            labels = {"x": str(number % 3)}
            metrics.unregister(metrics.create_histogram("gone", "help", labels))

    all_at_once(count, meanwhile=[come_and_go, come_and_go, lambda: exposition(endpoint)])
    assert sample(exposition(endpoint), "ns_comp_ep_m", a="kept") == kept.get() == 2 * ROUNDS


def test_a_vec_emptied_and_filled_all_the_time_shows_no_series_twice(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_gaugevec("m", "help", ["a"])
    labels = [{"a": str(number)} for number in range(1000)]

    def refill() -> None:
        for _ in range(300):
            for each in labels:
                vec.set(1, each)
            vec.clear()

    _, expositions = all_at_once(refill, meanwhile=[endpoint.metrics.prometheus_expfmt])
    # A series that stands twice makes an exposition longer than others. exposition() would find it.
    for text in sorted(expositions, key=len)[-30:]:
        exposition(text)


def test_a_vec_cleared_while_others_fill_it_stays_whole(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_gaugevec("m", "help", ["a"])

    def update() -> None:
        for number in range(ROUNDS):
            vec.set(number, {"a": str(number % 300)})

    all_at_once(update, update, meanwhile=[vec.clear, lambda: exposition(endpoint)])
    vec.clear()
    vec.set(1, {"a": "x"})
    assert series(exposition(endpoint), "ns_comp_ep_m", "a") == {"x": 1}


def test_callbacks_that_come_and_go_leave_the_others_alone(runtime: DistributedRuntime) -> None:
    counter = runtime.metrics.create_intcounter("m", "help")
    runtime.metrics.register_callback(counter.inc)
    others = runtime.metrics.create_intcounter("others", "help")

    def scrape() -> None:
        for _ in range(50):
            exposition(runtime)

    def come_and_go() -> None:
        runtime.metrics.register_callback(others.inc).unregister()

    all_at_once(scrape, meanwhile=[come_and_go, come_and_go])
    families = exposition(runtime)
    assert counter.get() == 51
    for figure in ("errors", "timeouts"):
        assert sample(families, f"dynamo_runtime_callback_{figure}_total") == 0
