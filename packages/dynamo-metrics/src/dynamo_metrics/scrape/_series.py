"""Rules about the series of a family, which a reader that looks at single lines cannot check."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from dynamo_metrics.scrape._formats import PROTOBUF, Format
from dynamo_metrics.scrape._line import number_of
from dynamo_metrics.scrape._model import Family, Labels, Problem, Sample


def series_problems(family: Family, form: Format) -> Iterator[Problem]:
    """Check a family: duplicates, values, and the parts of histograms and summaries."""
    yield from _duplicates(family)
    yield from _values(family, form)
    if family.type in ("histogram", "gaugehistogram"):
        yield from _histograms(family)
    if family.type == "summary":
        yield from _summaries(family)
    if form.is_openmetrics and form is not PROTOBUF:
        yield from _torn(family)


def _duplicates(family: Family) -> Iterator[Problem]:
    seen: dict[tuple[str, Labels, float | None], int] = {}
    for sample in family.samples:
        key = (sample.name, sample.without(""), sample.timestamp)
        first = seen.get(key)
        if first is None:
            seen[key] = sample.line
            continue
        yield Problem(
            sample.line,
            sample.name,
            "duplicate",
            f"the same series as in line {first}",
            "write each combination of label values once; an empty value is no label",
        )


def _values(family: Family, form: Format) -> Iterator[Problem]:
    if family.type != "counter":
        return
    for sample in family.samples:
        if sample.value < 0 or (form.is_openmetrics and math.isnan(sample.value)):
            yield Problem(
                sample.line,
                sample.name,
                "value",
                f"a counter is {sample.value:g}",
                "count up from 0, or make it a gauge",
            )


def _histograms(family: Family) -> Iterator[Problem]:
    series: dict[Labels, list[Sample]] = {}
    counts: dict[Labels, Sample] = {}
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            if sample.label("le") is None:
                yield _histogram(sample, "a bucket has no label le", 'write le="0.1"')
            else:
                series.setdefault(sample.without("le"), []).append(sample)
        elif sample.name.endswith("count"):
            counts[sample.without("")] = sample
    for labels, buckets in series.items():
        yield from _buckets(buckets, counts.get(labels))
    for labels, count in counts.items():
        if labels not in series:
            yield _histogram(count, "a count has no buckets", 'write le="+Inf" at least')


def _buckets(buckets: list[Sample], count: Sample | None) -> Iterator[Problem]:
    bounds = [number_of(bucket.label("le") or "") for bucket in buckets]
    for bucket, bound in zip(buckets, bounds, strict=True):
        if bound is None or math.isnan(bound):
            yield _histogram(
                bucket, f"le={bucket.label('le')!r} is not a number", 'write le="0.1" or le="+Inf"'
            )
            return
    numbers = [bound for bound in bounds if bound is not None]
    for before, after, bucket in zip(numbers, numbers[1:], buckets[1:], strict=False):
        if after < before:
            yield _histogram(bucket, "the buckets are not in order", "sort them by le")
            break
    ascending = sorted(zip(numbers, buckets, strict=True), key=lambda one: one[0])
    for (_, before_it), (_, it) in pairwise(ascending):
        if it.value < before_it.value:
            yield _histogram(
                it,
                f"bucket le={it.label('le')!r} is below the one before it",
                "a bucket counts all observations up to le",
            )
            break
    last, total = ascending[-1]
    if last != math.inf:
        yield _histogram(total, 'the bucket le="+Inf" is missing', "write it: it equals _count")
    elif count is not None and count.value != total.value:
        yield _histogram(
            count,
            f'_count is {count.value:g} and the bucket le="+Inf" {total.value:g}',
            "read both at once",
        )


def _summaries(family: Family) -> Iterator[Problem]:
    for sample in family.samples:
        if sample.name != family.name:
            continue
        quantile = number_of(sample.label("quantile") or "")
        if quantile is None or not 0 <= quantile <= 1:
            yield Problem(
                sample.line,
                sample.name,
                "summary",
                "a summary's sample has no label quantile from 0 to 1",
                'write quantile="0.99", or the suffix _sum or _count',
            )


def _torn(family: Family) -> Iterator[Problem]:
    """OpenMetrics: the samples of one series follow each other."""
    special = "quantile" if family.type == "summary" else "le"
    closed: set[Labels] = set()
    current: Labels | None = None
    for sample in family.samples:
        labels = sample.without(special)
        if labels == current:
            continue
        if current is not None:
            closed.add(current)
        current = labels
        if labels in closed:
            yield Problem(
                sample.line,
                sample.name,
                "grouping",
                "the samples of a series are not together",
                "write all samples with the same labels one after the other",
            )
            return


def _histogram(sample: Sample, problem: str, remedy: str) -> Problem:
    return Problem(sample.line, sample.name, "histogram", problem, remedy)
