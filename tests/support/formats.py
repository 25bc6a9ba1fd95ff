"""The exposition in every format, read by a parser that is not ours, in one form to compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.utils import floatToGoString

from tests.support import openmetrics2, protobuf
from tests.support.exposition import exposition

TEXT = "text/plain;version=0.0.4"
TEXT_1 = "text/plain;version=1.0.0;escaping=allow-utf-8"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
OPENMETRICS_0 = "application/openmetrics-text;version=0.0.1"
OPENMETRICS_2 = "application/openmetrics-text;version=2.0.0;escaping=allow-utf-8"
PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ";escaping=allow-utf-8"
)

ALL = {
    "text": TEXT,
    "text 1.0.0": TEXT_1,
    "openmetrics": OPENMETRICS,
    "openmetrics 0.0.1": OPENMETRICS_0,
    "openmetrics 2": OPENMETRICS_2,
    "protobuf": PROTOBUF,
}
"""What to accept for each format."""


class Key(NamedTuple):
    """What tells a sample from all others."""

    name: str
    labels: frozenset[tuple[str, str]]


class Exemplar(NamedTuple):
    """An exemplar of a sample."""

    labels: dict[str, str]
    value: float
    timestamp: float


class Native(NamedTuple):
    """The native buckets of a histogram."""

    schema: int
    zero_threshold: float
    zero_count: int
    positive: dict[int, int]
    negative: dict[int, int]

    @property
    def count(self) -> int:
        """All observations."""
        return self.zero_count + sum(self.positive.values()) + sum(self.negative.values())


@dataclass
class Exposition:
    """What an exposition says, whatever its format."""

    types: dict[str, str] = field(default_factory=dict)
    """By the name of the family, which OpenMetrics 1 has without a counter's ``_total``."""
    helps: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    values: dict[Key, float | str] = field(default_factory=dict)
    """Samples as the text format names them, in the numbers that Prometheus has.

    NaN is a str, so that it is equal to itself.
    """
    exemplars: dict[Key, Exemplar] = field(default_factory=dict)
    natives: dict[Key, Native] = field(default_factory=dict)
    native_exemplars: dict[Key, list[Exemplar]] = field(default_factory=dict)
    created: dict[Key, float] = field(default_factory=dict)
    """When series were born, where the format has a place for it that is no sample."""
    timestamps: dict[Key, float] = field(default_factory=dict)
    """Of samples, in seconds."""

    def add(self, name: str, labels: Mapping[str, str], value: float, **more: Any) -> None:
        """Adds a sample, which must be a new one."""
        at = key(name, **labels)
        assert at not in self.values, f"a sample stands twice: {at}"
        self.values[at] = "NaN" if math.isnan(value) else float(value)
        if more.get("exemplar"):
            self.exemplars[at] = more["exemplar"]
        if more.get("timestamp") is not None:
            self.timestamps[at] = float(more["timestamp"])

    def named(self, *names: str) -> dict[Key, float | str]:
        """The samples with these names."""
        return {at: value for at, value in self.values.items() if at.name in names}


def key(name: str, **labels: str) -> Key:
    """The key of a sample."""
    return Key(name, frozenset(labels.items()))


def render(node: Any, accept: str) -> Exposition:
    """The exposition of a node in the format that is accepted first."""
    content_type, encoding, body = node.metrics.exposition(accept)
    assert encoding is None
    return read(content_type, body)


def read(content_type: str, body: bytes) -> Exposition:
    """An exposition of this type, read."""
    if content_type.startswith("application/vnd.google.protobuf"):
        return _of_protobuf(body)
    text = body.decode()
    if content_type.startswith("text/plain"):
        return _of_text(text)
    assert content_type.startswith("application/openmetrics-text")
    return _of_openmetrics_2(text) if "version=2" in content_type else _of_openmetrics(text)


def _of_text(text: str) -> Exposition:
    result = Exposition()
    for family in exposition(text).values():
        result.types[family.name] = family.type
        result.helps[family.name] = family.help
        for sample in family.samples:
            result.add(sample.name, sample.labels, sample.value, timestamp=sample.timestamp)
    return result


def _of_openmetrics(text: str) -> Exposition:
    result = Exposition()
    for family in parse_openmetrics(text):
        assert family.name not in result.types
        result.types[family.name] = family.type
        result.helps[family.name] = family.documentation
        if family.unit:
            result.units[family.name] = family.unit
        for sample in family.samples:
            exemplar = sample.exemplar and Exemplar(
                sample.exemplar.labels, sample.exemplar.value, float(sample.exemplar.timestamp)
            )
            result.add(
                sample.name,
                sample.labels,
                sample.value,
                exemplar=exemplar,
                timestamp=sample.timestamp,
            )
    return result


def _of_openmetrics_2(text: str) -> Exposition:
    result = Exposition()
    for name, family in openmetrics2.read(text).items():
        result.types[name] = family.metadata["TYPE"]
        result.helps[name] = family.metadata["HELP"]
        if "UNIT" in family.metadata:
            result.units[name] = family.metadata["UNIT"]
        for sample in family.samples:
            labels, parts = sample.labels, sample.composite
            at = key(name, **labels)
            exemplars = [Exemplar(*exemplar) for exemplar in sample.exemplars]
            if sample.start is not None:
                result.created[at] = sample.start
            if sample.number is not None:
                last = exemplars[-1] if exemplars else None
                result.add(name, labels, sample.number, exemplar=last, timestamp=sample.timestamp)
                continue
            for quantile, value in openmetrics2.pairs(parts.get("quantile", "")):
                result.add(name, {**labels, "quantile": _number(quantile)}, value)
            if family.metadata["TYPE"] == "histogram":
                bounds = openmetrics2.pairs(parts.get("bucket", f"+Inf:{parts['count']}"))
                for bound, count in bounds:
                    result.add(f"{name}_bucket", {**labels, "le": _number(bound)}, count)
                assert bounds[-1][0] == "+Inf"
                result.native_exemplars[at] = exemplars
            result.add(f"{name}_sum", labels, float(parts["sum"]))
            result.add(f"{name}_count", labels, float(parts["count"]))
            if "schema" in parts:
                result.natives[at] = Native(
                    int(parts["schema"]),
                    float(parts["zero_threshold"]),
                    int(parts["zero_count"]),
                    *(_side_of_text(parts, side) for side in ("positive", "negative")),
                )
    return result


def _side_of_text(parts: Mapping[str, str], side: str) -> dict[int, int]:
    spans = [span.split(":") for span in parts.get(f"{side}_spans", "").split(",") if span]
    counts = [int(count) for count in parts.get(f"{side}_buckets", "").split(",") if count]
    return _side(((int(offset), int(length)) for offset, length in spans), counts)


def _of_protobuf(body: bytes) -> Exposition:
    result = Exposition()
    for family in protobuf.families(body):
        assert family.name not in result.types
        kind = protobuf.TYPES[family.type].lower()
        result.types[family.name] = "unknown" if kind == "untyped" else kind
        result.helps[family.name] = family.help
        if family.unit:
            result.units[family.name] = family.unit
        for metric in family.metric:
            labels = {pair.name: pair.value for pair in metric.label}
            assert len(labels) == len(metric.label), "a label stands twice"
            assert metric.HasField(kind), f"{family.name} holds no {kind}"
            timestamp = metric.timestamp_ms / 1000 if metric.HasField("timestamp_ms") else None
            _Metric(result, family.name, labels, timestamp).add(kind, getattr(metric, kind))
    return result


class _Metric(NamedTuple):
    """A ``Metric`` of protobuf, on its way into the exposition."""

    exposition: Exposition
    name: str
    labels: dict[str, str]
    timestamp: float | None

    def add(self, kind: str, value: Any) -> None:
        if kind in ("counter", "histogram") and value.HasField("created_timestamp"):
            created = value.created_timestamp
            at = key(self.name, **self.labels)
            self.exposition.created[at] = created.seconds + created.nanos / 1e9
        if kind == "histogram":
            self.add_histogram(value)
        elif kind == "summary":
            for quantile in value.quantile:
                self.sample("", quantile.value, quantile=floatToGoString(quantile.quantile))
            if value.HasField("sample_sum"):
                self.sample("_sum", value.sample_sum)
            if value.HasField("sample_count"):
                self.sample("_count", value.sample_count)
        else:
            exemplar = (
                kind == "counter" and value.HasField("exemplar") and _exemplar(value.exemplar)
            )
            at = key(self.name, **self.labels)
            self.sample("", value.value)
            if exemplar:
                self.exposition.exemplars[at] = exemplar

    def add_histogram(self, value: Any) -> None:
        bounds = [bucket.upper_bound for bucket in value.bucket]
        for bucket in value.bucket:
            le = floatToGoString(bucket.upper_bound)
            self.sample("_bucket", bucket.cumulative_count, le=le)
            if bucket.HasField("exemplar"):
                at = key(f"{self.name}_bucket", **self.labels, le=le)
                self.exposition.exemplars[at] = _exemplar(bucket.exemplar)
        if math.inf not in bounds:
            assert not bounds
            self.sample("_bucket", value.sample_count, le="+Inf")
        if value.HasField("sample_sum"):
            self.sample("_sum", value.sample_sum)
        self.sample("_count", value.sample_count)
        at = key(self.name, **self.labels)
        if value.HasField("schema"):
            self.exposition.natives[at] = Native(
                value.schema,
                value.zero_threshold,
                value.zero_count,
                _side_of_deltas(value.positive_span, value.positive_delta),
                _side_of_deltas(value.negative_span, value.negative_delta),
            )
            self.exposition.native_exemplars[at] = [_exemplar(one) for one in value.exemplars]

    def sample(self, suffix: str, value: float, **more: str) -> None:
        labels = {**self.labels, **more}
        self.exposition.add(f"{self.name}{suffix}", labels, value, timestamp=self.timestamp)


def _exemplar(exemplar: Any) -> Exemplar:
    labels = {pair.name: pair.value for pair in exemplar.label}
    time = exemplar.timestamp
    return Exemplar(labels, exemplar.value, time.seconds + time.nanos / 1e9)


def _side_of_deltas(spans: Any, deltas: Iterable[int]) -> dict[int, int]:
    counts = []
    total = 0
    for delta in deltas:
        total += delta
        counts.append(total)
    return _side(((span.offset, span.length) for span in spans), counts)


def _side(spans: Iterable[tuple[int, int]], counts: list[int]) -> dict[int, int]:
    """Buckets that hold something, by index."""
    buckets = {}
    index = 0
    rest = iter(counts)
    for offset, length in spans:
        index += offset
        for _ in range(length):
            buckets[index] = next(rest)
            index += 1
    assert not list(rest), "more buckets than the spans have room for"
    return {index: count for index, count in buckets.items() if count}


def _number(text: str) -> str:
    return floatToGoString(float(text))
