"""Exemplars from the spans of OpenTelemetry: in processes of their own, since it is for good."""

from __future__ import annotations

import pytest

from dynamo.prometheus_metrics import Counter
from tests.support.formats import OPENMETRICS, Exemplar, read
from tests.support.process import Start, Worker

UPDATES = (
    *("plain counter", "plain counter by a value", "counter of a vec", "value first"),
    *("labels first", "series that is held", "histogram", "histogram of a vec", "timer"),
)

ASKED = {"DYN_METRICS_TRACE_EXEMPLARS": "1"}


def run(start: Start, update: str, **settings: str) -> tuple[dict[str, str], list[Exemplar]]:
    """The ids of the span in which an update ran, and the exemplars that are shown then."""
    worker: Worker = start("spans.py", update, **settings)
    trace_id, span_id = worker.line().split()
    text = "\n".join([*worker.lines(), ""])
    worker.assert_ends_cleanly()
    page = read(OPENMETRICS, text.encode())
    assert [value for value in page.values.values() if value == 1], "it counts all the same"
    return {"trace_id": trace_id, "span_id": span_id}, list(page.exemplars.values())


@pytest.mark.parametrize("update", UPDATES)
def test_updates_take_the_current_span_where_the_flag_asks_for_it(
    start: Start, update: str
) -> None:
    ids, [exemplar] = run(start, update, **ASKED)
    assert exemplar.labels == ids


@pytest.mark.parametrize("value", ["", "0", "false", "OFF", "no"])
def test_without_the_flag_they_do_not(start: Start, value: str) -> None:
    assert run(start, "plain counter", DYN_METRICS_TRACE_EXEMPLARS=value)[1] == []


def test_an_exemplar_that_is_given_wins(start: Start) -> None:
    _, [exemplar] = run(start, "exemplar", **ASKED)
    assert exemplar.labels == {"id": "mine"}


def test_gauges_are_left_alone(start: Start) -> None:
    assert run(start, "gauge", **ASKED)[1] == []


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
