"""Children that a vec remembers by the very strings that named them last."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dynamo.prometheus_metrics import IntCounterVec
from dynamo.runtime import Endpoint
from tests.support.exposition import exposition, sample
from tests.support.waiting import eventually

MANY = 40
"""More calls than it takes for a child to be remembered."""


@pytest.fixture
def vec(endpoint: Endpoint) -> IntCounterVec:
    return endpoint.metrics.create_intcountervec("calls_total", "Calls", ["a", "b"])


def named(number: int) -> dict[str, str]:
    """Labels of new strings, equal to those of every other call."""
    return {"a": f"value-{number}", "b": f"other-{number}"}


def test_every_call_with_the_same_strings_counts_in_the_same_series(vec: IntCounterVec) -> None:
    labels = named(1)
    for _ in range(MANY):
        vec.inc(labels)
    assert vec.get(labels) == MANY


def test_equal_strings_that_are_other_objects_count_in_the_same_series(vec: IntCounterVec) -> None:
    for _ in range(MANY):
        kept = named(1)
        for _ in range(MANY):
            vec.inc(kept)
        vec.inc(named(1))
    assert vec.get(named(1)) == MANY * (MANY + 1)


def test_a_dict_that_is_changed_names_another_series(vec: IntCounterVec) -> None:
    labels = named(1)
    for number in range(MANY):
        labels["a"] = f"value-{number}"
        for _ in range(number + 1):
            vec.inc(labels)
    counts = [vec.get({**labels, "a": f"value-{number}"}) for number in range(MANY)]
    assert counts == list(range(1, MANY + 1))


def test_strings_in_another_order_name_another_series(vec: IntCounterVec) -> None:
    one, other = "1", "2"
    for _ in range(MANY):
        vec.inc({"a": one, "b": other})
        vec.inc({"a": other, "b": one})
    assert (vec.get({"a": one, "b": other}), vec.get({"a": other, "b": one})) == (MANY, MANY)


def test_an_address_that_is_used_again_means_the_new_string(vec: IntCounterVec) -> None:
    for number in range(2_000):
        labels = named(number)  # the strings of the one before are free to be used again
        for _ in range(MANY):
            vec.inc(labels)
    assert all(vec.get(named(number)) == MANY for number in range(2_000))


@pytest.mark.parametrize(
    "take_out",
    [lambda vec, labels: vec.remove(labels), lambda vec, labels: vec.clear()],
    ids=["remove", "clear"],
)
def test_a_series_taken_out_is_forgotten(
    vec: IntCounterVec,
    endpoint: Endpoint,
    take_out: Callable[[IntCounterVec, dict[str, str]], object],
) -> None:
    labels = named(1)
    for _ in range(MANY):
        vec.inc(labels)
    take_out(vec, labels)
    vec.inc(labels)
    assert vec.get(labels) == 1
    assert sample(exposition(endpoint), vec.name(), **labels) == 1


def test_handles_by_list_and_updates_by_dict_reach_the_same_series(vec: IntCounterVec) -> None:
    labels = named(1)
    for _ in range(MANY):
        vec.with_label_values(list(labels.values())).inc()
        vec.inc(labels)
    assert vec.get(labels) == 2 * MANY


def test_a_str_of_a_class_of_its_own_is_never_kept(vec: IntCounterVec) -> None:
    freed = []

    class Noisy(str):
        def __del__(self) -> None:
            freed.append(str(self))
            vec.inc({"a": "from", "b": "del"})

    for _ in range(3):
        labels = {"a": Noisy("noisy"), "b": "b"}
        for _ in range(MANY):
            vec.inc(labels)
        del labels
    assert freed == ["noisy"] * 3
    assert vec.get({"a": "from", "b": "del"}) == 3


def test_what_a_limit_keeps_out_is_not_remembered(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("few_total", "Few", ["a"], max_series=1)
    vec.inc({"a": "in"})
    out = {"a": "out"}
    for _ in range(MANY):
        vec.inc(out)
    vec.remove({"a": "in"})
    vec.inc(out)
    assert (vec.get(out), vec.get({"a": "__overflow__"})) == (1, MANY)


def test_a_remembered_series_that_is_idle_goes_all_the_same(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("idle_total", "Idle", ["a"], idle_timeout=0.01)
    labels = {"a": "1"}
    for _ in range(MANY):
        vec.inc(labels)
    eventually(lambda: vec.name() not in exposition(endpoint) or None)
    vec.inc(labels)
    vec.set_idle_timeout(86_400)
    assert vec.get(labels) == 1
