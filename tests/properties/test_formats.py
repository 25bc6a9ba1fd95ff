"""Whatever metrics there are beside each other: every format shows the same series and values."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import FACTORIES, VECS
from tests.support.formats import ALL, PROTOBUF, TEXT, render

# Names that some format keeps for samples of others.
NAMES = [
    *("m", "m_total", "m_created", "m_count", "m_bucket", "m_sum", "m_info"),
    *("m_total_total", "m_created_total", "m_total_created", "m_created_created", "m_count_total"),
    *("m_count_created", "total", "_total", "m_seconds", "m_seconds_total"),
]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
COUNTS = st.integers(0, 2**53)
NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([0.0, float("inf"), float("nan"), 5e-324])
AMOUNTS = st.floats(0, 1e9)


def _update(data: st.DataObject, metric: Any, labels: tuple[dict[str, str], ...]) -> None:
    exemplar = data.draw(st.none() | st.dictionaries(st.sampled_from("ab"), st.just("x")))
    if hasattr(metric, "observe"):
        for amount in data.draw(st.lists(AMOUNTS, max_size=5)):
            metric.observe(amount, *labels, exemplar=exemplar)
    elif hasattr(metric, "set"):
        whole = "Int" in type(metric).__name__
        metric.set(data.draw(COUNTS if whole else NUMBERS), *labels)
    else:
        metric.inc_by(data.draw(COUNTS), *labels, exemplar=exemplar)


@given(st.data())
def test_every_format_shows_the_same(data: st.DataObject) -> None:
    runtime = DistributedRuntime()
    node = runtime.namespace("ns")
    for factory in data.draw(st.lists(st.sampled_from(list(FACTORIES)), max_size=6)):
        options: dict[str, Any] = {}
        if "histogram" in factory:
            options["native"] = data.draw(st.booleans())
            options["buckets"] = data.draw(st.sampled_from([None, [0.0, 1.0], [1e-5, 1e6]]))
        if factory in VECS:
            options["label_names"] = ["a"]
        name, description = data.draw(st.sampled_from(NAMES)), data.draw(TEXTS)
        if "seconds" in name:
            options["unit"] = data.draw(st.sampled_from([None, "seconds"]))
        create = getattr(node.metrics, factory)
        try:
            metric = create(name, description, full_name=name != "_total", **options)
        except MetricsError:
            continue
        for value in data.draw(st.lists(TEXTS, max_size=3)) if factory in VECS else [None]:
            _update(data, metric, () if value is None else ({"a": value},))
    expected = render(node, TEXT).values
    natives = render(node, PROTOBUF).natives
    for accept in ALL.values():
        exposition = render(node, accept)
        assert exposition.values == expected
        assert exposition.natives in ({}, natives)
    runtime.shutdown()
