"""Exemplars from the spans of OpenTelemetry: in processes of their own, since it is for good."""

from __future__ import annotations

import json

import pytest

from dynamo.prometheus_metrics import Counter
from tests.support.formats import OPENMETRICS, read
from tests.support.process import Start, Worker

ASKED = {"DYN_METRICS_TRACE_EXEMPLARS": "1"}

Traced = dict[str, tuple[dict[str, str], list[dict[str, str]]]]
"""For each update the ids of the span in which it ran, and the exemplars that it has left."""


def run(start: Start, **settings: str) -> Traced:
    worker: Worker = start("spans.py", **settings)
    traced: Traced = {}
    for line in worker.lines():
        update, ids, text = json.loads(line)
        exposition = read(OPENMETRICS, text.encode())
        assert 1 in exposition.values.values(), "it counts all the same"
        traced[update] = ids, [exemplar.labels for exemplar in exposition.exemplars.values()]
    worker.assert_ends_cleanly()
    return traced


def test_updates_take_the_current_span_where_the_flag_asks_for_it(start: Start) -> None:
    traced = run(start, **ASKED)
    assert traced.pop("gauge")[1] == []
    assert traced.pop("exemplar that is given")[1] == [{"id": "mine"}]
    assert len(traced) == 9
    for update, (ids, exemplars) in traced.items():
        assert exemplars == [ids], update


@pytest.mark.parametrize("value", ["", "OFF"])
def test_without_the_flag_they_do_not(start: Start, value: str) -> None:
    for update, (_, exemplars) in run(start, DYN_METRICS_TRACE_EXEMPLARS=value).items():
        assert exemplars == ([{"id": "mine"}] if update == "exemplar that is given" else [])


def test_outside_of_spans_and_in_those_not_sampled_there_is_none(start: Start) -> None:
    worker = start(
        "outside_of_spans.py",
        **ASKED,
    )
    assert worker.line() == "0"
    worker.assert_ends_cleanly()


def test_opentelemetry_is_not_imported_for_it(start: Start) -> None:
    worker = start(
        "imports_no_opentelemetry.py",
        **ASKED,
    )
    assert worker.line() == "3.0 []"
    worker.assert_ends_cleanly()


def test_what_updates_refuse_they_still_refuse(start: Start) -> None:
    worker = start(
        "refused_updates.py",
        **ASKED,
    )
    first = f"{(Counter.inc.__doc__ or '').splitlines()[0]} inc"
    assert worker.lines() == ["ValueError", "TypeError", "ValueError", "ValueError", first]
    worker.assert_ends_cleanly()


def test_a_flag_that_is_neither_yes_nor_no_is_refused(start: Start) -> None:
    worker = start(
        "bad_flag.py",
        DYN_METRICS_TRACE_EXEMPLARS="maybe",
    )
    message = worker.line()
    assert message.startswith("DYN_METRICS_TRACE_EXEMPLARS=maybe is neither yes nor no: use 1")
    worker.assert_ends_cleanly()
