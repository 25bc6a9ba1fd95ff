"""Whatever text another library returns: every format stays readable and shows our own metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.utils import floatToGoString

from dynamo.runtime import DistributedRuntime
from tests.support.formats import ALL, OPENMETRICS, OPENMETRICS_0, TEXT, key, read, render

# So few that they meet, with each other and with our own.
BASES = ["a", "a_b", "own", "own_counted", "own_seconds", '"a.b"']
SUFFIXES = ["", "_total", "_created", "_bucket", "_sum", "_count", "_info", "_gsum"]
TYPES = [
    *("counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset"),
    *("gaugehistogram", "thing"),
]
NUMBERS = [
    *("0", "1", "2", "3", "-1", "0.5", "NaN", "+Inf", "-Inf", "inf", "1e400", "-0", "5e-324"),
    *("9007199254740993", "1_0", "0x1", "", "one"),
]
LABELS = [
    *('x="1"', 'x="2"', 'x=""', 'y="\\"\\\\\\n"', '"x.y"="1"', 'x_y="1"', 'x:y="1"', '__x="1"'),
    *('le="1"', 'le="+Inf"', 'le="-1"', 'le="NaN"', 'le="x"', 'le="1.0"', 'dynamo_namespace="own"'),
    *('quantile="0.5"', 'quantile="2"', 'quantile="-0"', "x=1", 'x="', "x"),
]
REST = [
    "",
    "",
    "",
    " 1700000000",
    " 1700000000.5",
    " -5",
    " 9e99",
    ' # {t="1"} 1',
    " # {} 1 2",
    " #",
]


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A line that is right, or nearly."""
    pick = st.sampled_from
    base, suffix = draw(pick(BASES)), draw(pick(SUFFIXES))
    name = f'{base[:-1]}{suffix}"' if base.startswith('"') else base + suffix
    kind = draw(pick(["sample", "sample", "sample", "TYPE", "HELP", "UNIT", "other"]))
    if kind == "TYPE":
        return f"# TYPE {name} {draw(pick(TYPES))}"
    if kind in ("HELP", "UNIT"):
        return f"# {kind} {name} {draw(pick(['', 'b', 'a b', chr(92), chr(34)]))}"
    if kind == "other":
        return draw(st.one_of(pick(["", "# EOF", "#", "{", '{""} 1', "# TYPE"]), st.text()))
    labels = ",".join(draw(st.lists(pick(LABELS), max_size=3)))
    if name.startswith('"'):
        name, labels = "", f"{name},{labels}"
    return f"{name}{{{labels}}} {draw(pick(NUMBERS))}{draw(pick(REST))}"


texts = st.one_of(
    st.lists(lines(), max_size=25).map("\n".join),
    st.text(),
    st.text(alphabet='{}"\\=,# \n\r\t_:.0123aeE+-InfN\x00\u2028\ufeff'),
)


@given(texts)
def test_no_text_breaks_an_exposition_or_hides_our_own_metrics(text: str) -> None:
    runtime = DistributedRuntime()
    metrics = runtime.namespace("own").metrics
    metrics.create_gauge("counted", "help").set(7)
    metrics.create_counter("counted_total", "help").inc_by(5)
    metrics.create_counter("total", "help").inc_by(3)
    metrics.create_histogram("seconds", "help", buckets=[1]).observe(2)
    metrics.register_prometheus_expfmt_callback(lambda: text)
    for accept in ALL.values():
        assert render(runtime, accept).values.items() >= OURS.items()
    runtime.shutdown()


OURS = {
    key(name, dynamo_namespace="own", **labels): value
    for name, labels, value in (
        ("own_counted", {}, 7),
        ("own_counted_total", {}, 5),
        ("own_total", {}, 3),
        ("own_seconds_bucket", {"le": "1.0"}, 0),
        ("own_seconds_bucket", {"le": "+Inf"}, 1),
        ("own_seconds_sum", {}, 2),
        ("own_seconds_count", {}, 1),
    )
}


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}x", fullmatch=True).filter(
    lambda name: not name.endswith(tuple(SUFFIXES[1:]))
)
# A label without a value is no label: two such sets could be equal.
label_values = st.text(st.characters(codec="utf-8", exclude_characters='"'), min_size=1)
label_sets = st.dictionaries(st.sampled_from(["a", "b", "c"]), label_values, max_size=2)
numbers = st.floats(allow_subnormal=True)
amounts = st.floats(0, allow_infinity=False)
counts = st.integers(0, 2**50)


@st.composite
def families(draw: st.DrawFn) -> Any:
    """A family as prometheus_client has it."""
    name, help_text = draw(names), draw(st.text())
    series = draw(
        st.lists(label_sets, min_size=1, max_size=3, unique_by=lambda d: str(sorted(d.items())))
    )
    family: Any
    match draw(st.sampled_from(["counter", "gauge", "histogram", "summary"])):
        case "counter":
            family = CounterMetricFamily(name, help_text)
            for labels in series:
                family.add_sample(f"{name}_total", labels, draw(amounts))
        case "gauge":
            family = GaugeMetricFamily(name, help_text)
            for labels in series:
                family.add_sample(name, labels, draw(numbers))
        case "histogram":
            family = HistogramMetricFamily(name, help_text)
            bounds = [*draw(st.lists(amounts, max_size=3, unique=True).map(sorted)), float("inf")]
            for labels in series:
                total = 0
                for bound in bounds:
                    total += draw(counts)
                    le = floatToGoString(bound)
                    family.add_sample(f"{name}_bucket", {**labels, "le": le}, total)
                family.add_sample(f"{name}_sum", labels, draw(amounts))
                family.add_sample(f"{name}_count", labels, total)
        case "summary":
            family = SummaryMetricFamily(name, help_text)
            for labels in series:
                family.add_sample(name, {**labels, "quantile": "0.5"}, draw(amounts))
                family.add_sample(f"{name}_sum", labels, draw(amounts))
                family.add_sample(f"{name}_count", labels, draw(counts))
    return family


class Registry:
    """Collects just these families."""

    def __init__(self, collected: list[Any]) -> None:
        self._collected = collected

    def collect(self) -> Iterator[Any]:
        yield from self._collected


@pytest.mark.parametrize("write", [generate_latest, generate_openmetrics])
@given(st.lists(families(), max_size=4, unique_by=lambda family: family.name))
def test_what_prometheus_client_writes_is_the_same_in_every_format(
    write: Any, collected: list[Any]
) -> None:
    written = write(Registry(collected))
    expected = read(OPENMETRICS if write is generate_openmetrics else TEXT, written)
    runtime = DistributedRuntime()
    node = runtime.namespace("empty")
    node.metrics.register_prometheus_expfmt_callback(lambda: written)
    for accept in ALL.values():
        shown = render(node, accept)
        assert shown.values == expected.values
        has_bases = accept in (OPENMETRICS, OPENMETRICS_0)
        for family in collected:
            name = family.name
            if family.type == "counter" and not has_bases:
                name += "_total"
            assert shown.types[name] == family.type
            # Readers take spaces at the ends of a line for nothing.
            assert shown.helps[name].strip() == family.documentation.strip()
    runtime.shutdown()
