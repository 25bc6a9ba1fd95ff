"""Exemplars from the spans of OpenTelemetry: in processes of their own, since it is for good."""

from __future__ import annotations

import pytest

from dynamo.prometheus_metrics import Counter
from tests.support.formats import OPENMETRICS, Exemplar, read
from tests.support.process import Start, Worker

SPANS = """
import sys
from dynamo.runtime import DistributedRuntime
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

provider = TracerProvider()
tracer = provider.get_tracer("test")
metrics = DistributedRuntime().namespace("ns").metrics

def show():
    context = span.get_span_context()
    print(format(context.trace_id, "032x"), format(context.span_id, "016x"))
    sys.stdout.write(metrics.exposition("application/openmetrics-text")[2].decode())

with tracer.start_as_current_span("request") as span:
"""

UPDATES = {
    "plain counter": 'metrics.create_counter("m_total", "help").inc()',
    "plain counter by a value": 'metrics.create_intcounter("m_total", "help").inc_by(1)',
    "counter of a vec": 'metrics.create_countervec("m_total", "help", ["a"]).inc({"a": "x"})',
    "value first": 'metrics.create_intcountervec("m_total", "help", ["a"]).inc_by(1, {"a": "x"})',
    "labels first": 'metrics.create_intcountervec("m_total", "help", ["a"]).inc_by({"a": "x"}, 1)',
    "series that is held": 'metrics.create_countervec("m_total", "help", ["a"]).labels("x").inc()',
    "histogram": 'metrics.create_histogram("m", "help").observe(1)',
    "histogram of a vec": 'metrics.create_histogramvec("m", "help", ["a"]).observe(1, {"a": "x"})',
    "timer": """
    with metrics.create_histogram("m", "help", buckets=[3600]).time():
        pass
    """,
}

ASKED = {"DYN_METRICS_TRACE_EXEMPLARS": "1"}


def run(start: Start, update: str, **settings: str) -> tuple[dict[str, str], list[Exemplar]]:
    """The ids of the span in which an update ran, and the exemplars that are shown then."""
    worker: Worker = start(f"{SPANS}    {update.strip()}\n    show()\n", **settings)
    trace_id, span_id = worker.line().split()
    text = "\n".join([*worker.lines(), ""])
    worker.assert_ends_cleanly()
    page = read(OPENMETRICS, text.encode())
    assert [value for value in page.values.values() if value == 1], "it counts all the same"
    return {"trace_id": trace_id, "span_id": span_id}, list(page.exemplars.values())


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_updates_take_the_current_span_where_the_flag_asks_for_it(
    start: Start, update: str
) -> None:
    ids, [exemplar] = run(start, update, **ASKED)
    assert exemplar.labels == ids


@pytest.mark.parametrize("value", ["", "0", "false", "OFF", "no"])
def test_without_the_flag_they_do_not(start: Start, value: str) -> None:
    update = UPDATES["plain counter"]
    assert run(start, update, DYN_METRICS_TRACE_EXEMPLARS=value)[1] == []


def test_an_exemplar_that_is_given_wins(start: Start) -> None:
    update = 'metrics.create_counter("m_total", "help").inc(exemplar={"id": "mine"})'
    _, [exemplar] = run(start, update, **ASKED)
    assert exemplar.labels == {"id": "mine"}


def test_gauges_are_left_alone(start: Start) -> None:
    assert run(start, 'metrics.create_gauge("m", "help").inc()', **ASKED)[1] == []


def test_outside_of_spans_and_in_those_not_sampled_there_is_none(start: Start) -> None:
    worker = start(
        SPANS.replace("TracerProvider()", "TracerProvider(sampler=ALWAYS_OFF)")
        + """
    metrics.create_counter("m_total", "help").inc()
metrics.create_counter("m_total", "help").inc()
print(metrics.exposition("application/openmetrics-text")[2].decode().count(" # "))
""",
        **ASKED,
    )
    assert worker.line() == "0"
    worker.assert_ends_cleanly()


def test_opentelemetry_is_not_imported_for_it(start: Start) -> None:
    worker = start(
        """
        import sys
        from dynamo.runtime import DistributedRuntime

        counter = DistributedRuntime().metrics.create_counter("m_total", "help")
        counter.inc()
        counter.inc_by(2)
        print(counter.get(), [name for name in sys.modules if "opentelemetry" in name])
        """,
        **ASKED,
    )
    assert worker.line() == "3.0 []"
    worker.assert_ends_cleanly()


def test_what_updates_refuse_they_still_refuse(start: Start) -> None:
    worker = start(
        """
        from dynamo.runtime import DistributedRuntime

        metrics = DistributedRuntime().metrics
        counter = metrics.create_counter("m_total", "help")
        vec = metrics.create_countervec("n_total", "help", ["a"])
        for wrong in (
            lambda: counter.inc_by(-1),
            lambda: counter.inc("1"),
            lambda: vec.inc({"b": "x"}),
            lambda: counter.inc(exemplar={"a": "x" * 200}),
        ):
            try:
                wrong()
            except (TypeError, ValueError) as error:
                print(type(error).__name__)
        print(counter.inc.__doc__.splitlines()[0], counter.inc.__name__)
        """,
        **ASKED,
    )
    first = f"{(Counter.inc.__doc__ or '').splitlines()[0]} inc"
    assert worker.lines() == ["ValueError", "TypeError", "ValueError", "ValueError", first]
    worker.assert_ends_cleanly()


def test_a_flag_that_is_neither_yes_nor_no_is_refused(start: Start) -> None:
    worker = start(
        """
        from dynamo.runtime import DistributedRuntime

        try:
            DistributedRuntime()
        except ValueError as error:
            print(error)
        """,
        DYN_METRICS_TRACE_EXEMPLARS="maybe",
    )
    message = worker.line()
    assert message.startswith("DYN_METRICS_TRACE_EXEMPLARS=maybe is neither yes nor no: use 1")
    worker.assert_ends_cleanly()
