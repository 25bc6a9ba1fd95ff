"""Threads update all kinds while others scrape and create series: nothing is lost, nothing torn."""

from __future__ import annotations

from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime
from tests.support import Family, exposition, sample, series
from tests.support.threads import all_at_once

THREADS = 4
ROUNDS = 25_000
TOTAL = THREADS * ROUNDS
SERIES = 50
"""How many each vec has in the end, each created by whichever thread comes first."""


class Worker:
    """A metric of each kind, and a round of updates of all of them."""

    def __init__(self, metrics: RuntimeMetrics) -> None:
        self.counter = metrics.create_counter("counter", "help")
        self.intcounter = metrics.create_intcounter("intcounter", "help")
        self.gauge = metrics.create_gauge("gauge", "help")
        self.intgauge = metrics.create_intgauge("intgauge", "help")
        self.histogram = metrics.create_histogram("histogram", "help", buckets=[1, 2, 3])
        self.countervec = metrics.create_countervec("countervec", "help", ["a"])
        self.intcountervec = metrics.create_intcountervec("intcountervec", "help", ["a"])
        self.gaugevec = metrics.create_gaugevec("gaugevec", "help", ["a"])
        self.intgaugevec = metrics.create_intgaugevec("intgaugevec", "help", ["a"])
        self.histogramvec = metrics.create_histogramvec("histogramvec", "help", ["a"], buckets=[2])

    def round(self, number: int) -> None:
        self.counter.inc_by(0.5)
        self.intcounter.inc_by(3)
        self.gauge.add(1.5)
        self.gauge.dec()
        self.intgauge.inc()
        self.intgauge.sub(3)
        self.histogram.observe(number % 5)
        labels = {"a": str(number * SERIES // ROUNDS)}
        self.countervec.inc_by(0.25, labels)
        self.intcountervec.inc(labels)
        self.gaugevec.sub(0.5, labels)
        self.intgaugevec.dec(labels)
        self.histogramvec.observe(number % 4, labels)

    def rounds(self) -> None:
        for number in range(ROUNDS):
            self.round(number)


@pytest.fixture(scope="module")
def worker_and_pages() -> tuple[DistributedRuntime, list[list[str]]]:
    """A runtime that several threads updated, and the expositions that two others saw meanwhile."""
    runtime = DistributedRuntime()
    worker = Worker(runtime.metrics)
    scrape = runtime.metrics.prometheus_expfmt
    *_, first, second = all_at_once(*[worker.rounds] * THREADS, meanwhile=[scrape, scrape])
    return runtime, [first, second]


@pytest.fixture
def families(worker_and_pages: tuple[DistributedRuntime, Any]) -> dict[str, Family]:
    """The exposition in the end."""
    return exposition(worker_and_pages[0])


@pytest.fixture(scope="module")
def seen(worker_and_pages: tuple[Any, list[list[str]]]) -> list[list[dict[str, Family]]]:
    """Up to some thirty expositions of each scraper, in order: to parse them takes far longer."""
    return [
        [exposition(text) for text in expositions[:: len(expositions) // 30 + 1]]
        for expositions in worker_and_pages[1]
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("counter", TOTAL * 0.5),
        ("intcounter", TOTAL * 3),
        ("gauge", TOTAL * 0.5),
        ("intgauge", TOTAL * -2),
        ("histogram_count", TOTAL),
        ("histogram_sum", TOTAL * 2),
    ],
)
def test_no_update_of_a_plain_metric_is_lost(
    families: dict[str, Family], name: str, value: float
) -> None:
    assert sample(families, name) == value


@pytest.mark.parametrize(
    ("name", "of_each"),
    [
        ("countervec", 0.25),
        ("intcountervec", 1),
        ("gaugevec", -0.5),
        ("intgaugevec", -1),
        ("histogramvec_count", 1),
        ("histogramvec_sum", 1.5),
    ],
)
def test_no_update_of_a_series_is_lost(
    families: dict[str, Family], name: str, of_each: float
) -> None:
    values = {
        sample.labels["a"]: sample.value
        for sample in families[name.split("_")[0]].samples
        if sample.name == name
    }
    assert values == {str(number): TOTAL // SERIES * of_each for number in range(SERIES)}


def test_expositions_were_seen_while_the_threads_were_at_work(
    seen: list[list[dict[str, Family]]],
) -> None:
    values = {sample(families, "intcounter") for expositions in seen for families in expositions}
    assert len(values - {0, TOTAL * 3}) >= 3


def test_in_every_exposition_the_infinite_bucket_is_the_count(
    seen: list[list[dict[str, Family]]],
) -> None:
    for families in (families for expositions in seen for families in expositions):
        for name in ("histogram", "histogramvec"):
            for count, last in last_buckets(families.get(name)):
                assert count.value == last, count


def last_buckets(family: Family | None) -> list[tuple[Any, float]]:
    """The counts of a histogram's series, each with the value of its last bucket."""
    samples = family.samples if family else []
    infinite = {
        frozenset(sample.labels.items() - {("le", "+Inf")}): sample.value
        for sample in samples
        if sample.labels.get("le") == "+Inf"
    }
    counts = [sample for sample in samples if sample.name.endswith("_count")]
    return [(sample, infinite[frozenset(sample.labels.items())]) for sample in counts]


def test_in_every_exposition_buckets_hold_what_is_in_those_below(
    seen: list[list[dict[str, Family]]],
) -> None:
    for families in (families for expositions in seen for families in expositions):
        counts = [s.value for s in families["histogram"].samples if s.name.endswith("_bucket")]
        assert counts == sorted(counts)


def test_what_only_goes_up_never_goes_back(seen: list[list[dict[str, Family]]]) -> None:
    for expositions in seen:
        before: dict[Any, float] = {}
        for families in expositions:
            now = rising(families)
            assert now.keys() >= before.keys()
            assert [series for series in before if now[series] < before[series]] == []
            before = now


def rising(families: dict[str, Family]) -> dict[Any, float]:
    """The samples that may only go up."""
    return {
        (sample.name, *sample.labels.items()): sample.value
        for family in families.values()
        for sample in family.samples
        if family.type == "counter" or sample.name.endswith(("_bucket", "_count"))
    }


def test_the_series_of_a_vec_keep_their_order(seen: list[list[dict[str, Family]]]) -> None:
    for expositions in seen:
        orders = [
            list(series(p, "intcountervec", "a")) for p in expositions if "intcountervec" in p
        ]
        assert all(orders[-1][: len(order)] == order for order in orders)
