"""From a dict of labels to a series, whatever the dict is made of."""

from __future__ import annotations

import contextlib
from collections import OrderedDict, defaultdict
from types import MappingProxyType
from typing import Any

import pytest

from dynamo.prometheus_metrics import IntCounterVec, RuntimeMetrics
from dynamo.runtime import Endpoint
from tests.support import exposition, refused, series


@pytest.fixture
def vec(metrics: RuntimeMetrics) -> IntCounterVec:
    return metrics.create_intcountervec("m", "help", ["a", "b"])


class Str(str):
    """Equal to its text, as str itself says."""

    __slots__ = ()


class LyingStr(str):
    """Says of itself what it is not."""

    def __str__(self) -> str:
        return "a lie"

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 5

    def encode(self, *_: object) -> bytes:
        raise AssertionError("the text is taken as it is")


def test_values_may_be_subclasses_of_str(endpoint: Endpoint, vec: IntCounterVec) -> None:
    vec.inc({"a": Str("x"), "b": LyingStr("y")})
    vec.inc({"a": "x", "b": "y"})
    vec.with_label_values([LyingStr("x"), Str("y")]).inc()
    assert series(exposition(endpoint), "ns_comp_ep_m", "a", "b") == {("x", "y"): 3}


def test_names_may_be_subclasses_of_str_or_made_at_run_time(vec: IntCounterVec) -> None:
    vec.inc({Str("a"): "x", "".join(["", "b"]): "y"})
    assert vec.get({"a": "x", "b": "y"}) == 1


def test_names_may_be_anything_equal_to_them(vec: IntCounterVec) -> None:
    class Name:
        def __eq__(self, other: object) -> bool:
            return other == "a"

        def __hash__(self) -> int:
            return hash("a")

    labels: dict[Any, str] = {Name(): "x", "b": "y"}
    vec.inc(labels)
    assert vec.get({"a": "x", "b": "y"}) == 1


def test_a_name_that_reads_alike_but_is_not_equal_is_no_name(vec: IntCounterVec) -> None:
    with refused(ValueError, 'label "a"', "missing"):
        vec.inc({LyingStr("a"): "x", "b": "y"})
    with refused(ValueError, "no label"):
        vec.inc({"a": "x", "b": "y", LyingStr("a"): "z"})


@pytest.mark.parametrize("key", [1, None, b"a", ("a",), 1.5])
def test_a_key_that_is_no_str_is_refused_by_name(vec: IntCounterVec, key: Any) -> None:
    with refused(ValueError, "no label", str(key).replace('"', '\\"')):
        vec.inc({"a": "x", "b": "y", key: "z"})
    with refused(ValueError, "no label", str(key)):
        vec.inc({"a": "x", key: "z"})


def test_a_key_with_a_broken_repr_is_refused_all_the_same(vec: IntCounterVec) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise AssertionError

    labels: dict[Any, str] = {"a": "x", "b": "y", Broken(): "z"}
    with refused(ValueError, "no label", "Broken"):
        vec.inc(labels)


@pytest.mark.parametrize("kind", [OrderedDict, lambda items: defaultdict(str, items)])
def test_subclasses_of_dict_are_dicts(vec: IntCounterVec, kind: Any) -> None:
    vec.inc(kind({"b": "y", "a": "x"}))
    vec.inc_by(kind({"b": "y", "a": "x"}), 2)
    assert vec.get({"a": "x", "b": "y"}) == 3


def test_what_a_subclass_makes_up_does_not_count(vec: IntCounterVec) -> None:
    class Generous(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return "made up"

        def __getitem__(self, key: str) -> str:
            return "made up"

        def get(self, key: str, default: Any = None) -> str:
            return "made up"

        def __len__(self) -> int:
            return 2

    with refused(ValueError, 'label "b"', "missing"):
        vec.inc(Generous(a="x"))
    vec.inc(Generous(a="x", b="y"))
    assert vec.get({"a": "x", "b": "y"}) == 1


@pytest.mark.parametrize(
    "labels", [MappingProxyType({"a": "x", "b": "y"}), [("a", "x"), ("b", "y")]]
)
def test_other_mappings_and_pairs_are_refused(vec: IntCounterVec, labels: Any) -> None:
    with refused(TypeError, "labels must be a dict", type(labels).__name__):
        vec.inc(labels)


def test_the_dict_is_left_as_it_was(vec: IntCounterVec) -> None:
    labels = {"b": "y", "a": "x"}
    vec.inc(labels)
    assert list(labels.items()) == [("b", "y"), ("a", "x")]


def test_a_changed_dict_means_another_series(vec: IntCounterVec) -> None:
    labels = {"a": "x", "b": "y"}
    vec.inc(labels)
    labels["b"] = "z"
    vec.inc(labels)
    del labels["b"]
    with refused(ValueError, "missing"):
        vec.inc(labels)
    assert (vec.get({"a": "x", "b": "y"}), vec.get({"a": "x", "b": "z"})) == (1, 1)


def test_values_are_compared_by_text_and_not_by_identity_or_hash(vec: IntCounterVec) -> None:
    for _ in range(3):
        vec.inc({"a": "".join(["long ", "value"]), "b": str(10**6)})
    assert vec.get({"a": "long value", "b": "1000000"}) == 3


# Keys with an __eq__ of their own, which runs in the middle of a look-up


class Evil:
    """A key in the place of a label name: it is compared when that name is looked up."""

    def __init__(self, act: Any, *, like: str) -> None:
        self.act = act
        self.like = like

    def __hash__(self) -> int:
        return hash(self.like)

    def __eq__(self, other: object) -> bool:
        return bool(self.act())


def test_an_exception_of_a_key_comes_through(vec: IntCounterVec) -> None:
    def fail() -> bool:
        raise KeyError("from the key")

    labels: dict[Any, str] = {Evil(fail, like="a"): "x", "b": "y"}
    for call in (vec.inc, vec.get, vec.remove):
        with pytest.raises(KeyError, match="from the key"):
            call(labels)
    with pytest.raises(KeyError, match="from the key"):
        vec.inc_by(1, labels)


@pytest.mark.parametrize("change", ["clear", "drop values", "grow", "replace"])
def test_a_key_that_changes_the_dict_during_the_look_up_does_no_harm(
    vec: IntCounterVec, change: str
) -> None:
    labels: dict[Any, str] = {}
    changes = {
        "clear": labels.clear,
        "drop values": lambda: labels.update({"a": "other", "b": "other"}),
        "grow": lambda: labels.update({str(number): "x" for number in range(1000)}),
        "replace": lambda: (labels.clear(), labels.update({"a": "new", "b": "new"})),
    }
    done = []

    def act() -> bool:
        if not done:
            done.append(True)
            changes[change]()
        return False

    for _ in range(100):
        labels.clear()
        done.clear()
        # The values are strings of their own, which nothing else keeps alive.
        labels["a"] = "".join(["x", "1"])
        labels[Evil(act, like="b")] = "".join(["x", "2"])
        labels["b"] = "".join(["x", "3"])
        with contextlib.suppress(ValueError):  # a label may be missing by now
            vec.inc(labels)
        assert done


def test_a_key_may_use_the_vec_during_the_look_up(vec: IntCounterVec) -> None:
    def act() -> bool:
        vec.inc({"a": "inner", "b": "inner"})
        vec.clear()
        vec.labels("x", "y").inc_by(10)
        return True

    labels: dict[Any, str] = {Evil(act, like="a"): "x", "b": "y"}
    vec.inc(labels)
    assert vec.get({"a": "x", "b": "y"}) == 11


def test_a_key_may_unregister_the_vec_and_drop_the_last_reference(metrics: RuntimeMetrics) -> None:
    held = [metrics.create_intcountervec("gone", "help", ["a"])]

    def act() -> bool:
        metrics.unregister(held.pop())
        return True

    labels: dict[Any, str] = {Evil(act, like="a"): "x"}
    held[0].inc(labels)
    assert held == []
