"""Whatever is created, used or removed, the exposition is unambiguous and has what was counted."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import FACTORIES, VECS, exposition

NAMES = ["m", "m_sum", "m_count", "m_bucket"]
LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)


@st.composite
def metrics(draw: st.DrawFn) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """A factory and what it is called with, from so few values that conflicts are likely."""
    factory = draw(st.sampled_from(list(FACTORIES)))
    description = draw(st.sampled_from(["help", "help", "another help"]))
    arguments: list[Any] = [draw(st.sampled_from(NAMES)), description]
    if factory in VECS:
        arguments.append(draw(st.sampled_from([["a"], ["b"], ["a", "b"], ["b", "a"]])))
    arguments.append(draw(LABELS))
    options: dict[str, Any] = {"full_name": True}
    if "histogram" in factory:
        options["buckets"] = draw(st.sampled_from([[1], [1], [1, 2]]))
    return factory, tuple(arguments), options


def touch(metric: Any) -> None:
    """Creates all series of a vec that these few values allow."""
    if not hasattr(metric, "variable_labels"):
        return
    names = metric.variable_labels()
    for values in ("xx", "xy", "yx", "yy"):
        metric.with_label_values(list(values[: len(names)]))


@given(st.lists(st.tuples(st.integers(0, 1), metrics()), max_size=12), st.data())
def test_no_conflict_reaches_the_exposition(
    creations: list[tuple[int, tuple[str, tuple[Any, ...], dict[str, Any]]]], data: st.DataObject
) -> None:
    runtime = DistributedRuntime()
    nodes: list[Any] = [runtime, runtime.namespace("ns")]
    created = []
    for node, (factory, arguments, options) in creations:
        try:
            metric = getattr(nodes[node].metrics, factory)(*arguments, **options)
        except MetricsError:
            continue
        touch(metric)
        created.append(metric)
        exposition(runtime)  # finds families and series that stand twice
    shown = {name for name in exposition(runtime) if name in NAMES}
    assert shown == {metric.name() for metric in created}
    if created:
        gone = data.draw(st.sampled_from(created))
        assert runtime.metrics.unregister(gone)
        left = {metric.name() for metric in created if metric is not gone}
        assert {name for name in exposition(runtime) if name in NAMES} == left


STEPS = st.lists(
    st.tuples(st.sampled_from(["inc", "inc", "inc", "remove", "clear"]), st.integers(0, 6))
)


@given(STEPS)
def test_a_vec_shows_the_series_it_has_in_order_of_creation(steps: list[tuple[str, int]]) -> None:
    runtime = DistributedRuntime()
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"])
    model: dict[str, int] = {}
    for step, number in steps:
        value = str(number)
        if step == "inc":
            vec.inc({"a": value})
            model[value] = model.get(value, 0) + 1
        elif step == "remove":
            assert vec.remove({"a": value}) is (model.pop(value, None) is not None)
        else:
            vec.clear()
            model.clear()
    shown = exposition(runtime).get("m")
    pairs = [(sample.labels["a"], sample.value) for sample in shown.samples] if shown else []
    assert pairs == list(model.items())
