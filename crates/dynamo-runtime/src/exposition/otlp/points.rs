//! Data points: one message for each series.

use std::time::Duration;

use smallvec::SmallVec;

use super::delta::{Change, Since};
use crate::format::wire;
use crate::metrics::{
    DataPoint, Exemplar, Exemplars, Family, HistogramSnapshot, Kind, NativeSide, NativeSnapshot,
    Scalar, Snapshot, SummarySnapshot,
};

/// The field of all data messages that holds the data points.
const DATA_POINTS: u32 = 1;

mod number {
    pub(super) const START_TIME: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const AS_DOUBLE: u32 = 4;
    pub(super) const EXEMPLARS: u32 = 5;
    pub(super) const AS_INT: u32 = 6;
    pub(super) const ATTRIBUTES: u32 = 7;
}

mod histogram {
    pub(super) const START_TIME: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const COUNT: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const BUCKET_COUNTS: u32 = 6;
    pub(super) const EXPLICIT_BOUNDS: u32 = 7;
    pub(super) const EXEMPLARS: u32 = 8;
    pub(super) const ATTRIBUTES: u32 = 9;
}

mod exponential {
    pub(super) const ATTRIBUTES: u32 = 1;
    pub(super) const START_TIME: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const COUNT: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const SCALE: u32 = 6;
    pub(super) const ZERO_COUNT: u32 = 7;
    pub(super) const POSITIVE: u32 = 8;
    pub(super) const NEGATIVE: u32 = 9;
    pub(super) const EXEMPLARS: u32 = 11;
    pub(super) const ZERO_THRESHOLD: u32 = 14;
}

mod buckets {
    pub(super) const OFFSET: u32 = 1;
    pub(super) const COUNTS: u32 = 2;
}

mod summary {
    pub(super) const START_TIME: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const COUNT: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const QUANTILES: u32 = 6;
    pub(super) const ATTRIBUTES: u32 = 7;
}

mod quantile {
    pub(super) const QUANTILE: u32 = 1;
    pub(super) const VALUE: u32 = 2;
}

mod exemplar {
    pub(super) const TIME: u32 = 2;
    pub(super) const AS_DOUBLE: u32 = 3;
    pub(super) const SPAN_ID: u32 = 4;
    pub(super) const TRACE_ID: u32 = 5;
    pub(super) const FILTERED_ATTRIBUTES: u32 = 7;
}

/// The kind of data that a family becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

impl Shape {
    pub(super) fn of(family: &Family) -> Self {
        match family.kind {
            Kind::Counter => Shape::Sum,
            Kind::Gauge | Kind::Unknown => Shape::Gauge,
            Kind::Histogram if family.buckets.native.is_some() => Shape::Exponential,
            Kind::Histogram => Shape::Histogram,
            Kind::Summary => Shape::Summary,
        }
    }

    /// The field of `Metric` that holds the data.
    pub(super) fn field(self) -> u32 {
        match self {
            Shape::Gauge => 5,
            Shape::Sum => 7,
            Shape::Histogram => 9,
            Shape::Exponential => 10,
            Shape::Summary => 11,
        }
    }

    pub(super) fn has_temporality(self) -> bool {
        matches!(self, Shape::Sum | Shape::Histogram | Shape::Exponential)
    }
}

/// Appends a data point. `since` turns totals into changes.
#[inline]
pub(super) fn write(
    shape: Shape,
    now: Duration,
    point: &DataPoint<'_>,
    since: Option<&mut Since<'_>>,
    out: &mut Vec<u8>,
) {
    let at = point
        .timestamp
        .map_or_else(|| nanos(now), |millis| millis.cast_unsigned() * 1_000_000);
    // With the hierarchy labels, few messages are shorter than 128 bytes.
    wire::sized_message::<2>(DATA_POINTS, out, |out| match point.value {
        Snapshot::Scalar(value) => match (shape, since) {
            (Shape::Sum, Some(since)) => {
                let Change { start, value } = since.number(point, value);
                number_point(Some(start), at, value, point, out);
            }
            (Shape::Sum, None) => number_point(point.created, at, value, point, out),
            _ => number_point(None, at, value, point, out),
        },
        Snapshot::Histogram(value) => histogram_point(shape, at, value, point, since, out),
        Snapshot::Summary(value) => summary_point(at, value, point, out),
    });
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[inline]
fn number_point(
    start: Option<Duration>,
    at: u64,
    value: Scalar,
    point: &DataPoint<'_>,
    out: &mut Vec<u8>,
) {
    attributes(number::ATTRIBUTES, point, out);
    times(number::START_TIME, start, number::TIME, at, out);
    match value {
        Scalar::Signed(value) => wire::fixed64(number::AS_INT, value.cast_unsigned(), out),
        Scalar::Unsigned(value) if i64::try_from(value).is_ok() => {
            wire::fixed64(number::AS_INT, value, out);
        }
        value => wire::double(number::AS_DOUBLE, value.to_f64(), out),
    }
    if let Some(exemplar) = point.exemplars.and_then(|exemplars| exemplars.at(0)) {
        write_exemplar(number::EXEMPLARS, &exemplar, out);
    }
}

fn histogram_point(
    shape: Shape,
    at: u64,
    snapshot: HistogramSnapshot<'_>,
    point: &DataPoint<'_>,
    since: Option<&mut Since<'_>>,
    out: &mut Vec<u8>,
) {
    let count = snapshot.buckets.labels().len();
    let mut counts: SmallVec<[u64; 24]> =
        (0..count).map(|index| snapshot.counts.get(index)).collect();
    let mut sum = snapshot.sum;
    let mut start = point.created;
    let mut native = snapshot.native.map(std::borrow::Cow::Borrowed);
    if let Some(since) = since {
        let change = since.histogram(point, &counts, sum, snapshot.native);
        (start, counts, sum) = (
            Some(change.start),
            change.value.counts.into(),
            change.value.sum,
        );
        native = change.value.native.map(std::borrow::Cow::Owned);
    }
    let total = counts
        .iter()
        .fold(0_u64, |sum, count| sum.saturating_add(*count));
    match native {
        Some(native) if shape == Shape::Exponential => {
            attributes(exponential::ATTRIBUTES, point, out);
            times(exponential::START_TIME, start, exponential::TIME, at, out);
            wire::fixed64(exponential::COUNT, total, out);
            // External histograms may have none.
            if !sum.is_nan() {
                wire::double(exponential::SUM, sum, out);
            }
            native_buckets(&native, out);
            write_exemplars(exponential::EXEMPLARS, point.exemplars, out);
        }
        _ => {
            attributes(histogram::ATTRIBUTES, point, out);
            times(histogram::START_TIME, start, histogram::TIME, at, out);
            wire::fixed64(histogram::COUNT, total, out);
            // External histograms may have none.
            if !sum.is_nan() {
                wire::double(histogram::SUM, sum, out);
            }
            wire::packed64(histogram::BUCKET_COUNTS, counts.iter().copied(), out);
            let bounds = snapshot.buckets.bounds().iter();
            let bounds = bounds.map(|bound| bound.to_bits());
            wire::packed64(histogram::EXPLICIT_BOUNDS, bounds, out);
            write_exemplars(histogram::EXEMPLARS, point.exemplars, out);
        }
    }
}

fn summary_point(at: u64, snapshot: &SummarySnapshot, point: &DataPoint<'_>, out: &mut Vec<u8>) {
    attributes(summary::ATTRIBUTES, point, out);
    times(summary::START_TIME, point.created, summary::TIME, at, out);
    if let Some(count) = snapshot.count {
        wire::fixed64(summary::COUNT, count as u64, out);
    }
    if let Some(sum) = snapshot.sum {
        wire::double(summary::SUM, sum, out);
    }
    for (at, _, value) in &snapshot.quantiles {
        wire::message(summary::QUANTILES, out, |out| {
            wire::double(quantile::QUANTILE, *at, out);
            wire::double(quantile::VALUE, *value, out);
        });
    }
}

#[inline]
fn attributes(field: u32, point: &DataPoint<'_>, out: &mut Vec<u8>) {
    point.labels.each(|name, value| {
        // An empty value is no label.
        if !value.is_empty() {
            wire::attribute(field, name, value, out);
        }
    });
}

/// The times of a data point; its start is omitted if it is not known.
#[inline]
fn times(start_field: u32, start: Option<Duration>, field: u32, at: u64, out: &mut Vec<u8>) {
    if let Some(start) = start {
        wire::fixed64(start_field, nanos(start).min(at), out);
    }
    wire::fixed64(field, at, out);
}

fn native_buckets(native: &NativeSnapshot, out: &mut Vec<u8>) {
    let native = coarse_enough(native);
    wire::sint(exponential::SCALE, i64::from(native.schema), out);
    wire::fixed64(exponential::ZERO_COUNT, native.zero_count, out);
    wire::double(exponential::ZERO_THRESHOLD, native.zero_threshold, out);
    for (field, side) in [
        (exponential::POSITIVE, &native.positive),
        (exponential::NEGATIVE, &native.negative),
    ] {
        let Some((first, _)) = side.first() else {
            continue;
        };
        wire::message(field, out, |out| {
            // Prometheus numbers a bucket by its upper bound, OpenTelemetry by its lower bound.
            wire::sint(buckets::OFFSET, i64::from(first - 1), out);
            wire::message(buckets::COUNTS, out, |out| {
                let mut next = *first;
                for (index, count) in side {
                    out.resize(out.len() + (index - next) as usize, 0);
                    wire::varint(*count, out);
                    next = index + 1;
                }
            });
        });
    }
}

/// The most buckets of one side, empty ones included: OTLP has no gaps. All observations of schema 4 fit.
const MAX_BUCKETS: i32 = 1 << 16;

/// Halves the resolution until both sides fit.
fn coarse_enough(native: &NativeSnapshot) -> std::borrow::Cow<'_, NativeSnapshot> {
    let fits = |side: &NativeSide| match (side.first(), side.last()) {
        (Some((first, _)), Some((last, _))) => last - first < MAX_BUCKETS,
        _ => true,
    };
    let mut native = std::borrow::Cow::Borrowed(native);
    while !(fits(&native.positive) && fits(&native.negative)) {
        let schema = native.schema - 1;
        native.to_mut().lower_schema(schema);
    }
    native
}

fn write_exemplars(field: u32, exemplars: Option<&Exemplars>, out: &mut Vec<u8>) {
    for exemplar in exemplars.map(Exemplars::all).unwrap_or_default() {
        write_exemplar(field, &exemplar, out);
    }
}

fn write_exemplar(field: u32, exemplar: &Exemplar, out: &mut Vec<u8>) {
    wire::message(field, out, |out| {
        wire::fixed64(exemplar::TIME, nanos(exemplar.time), out);
        wire::double(exemplar::AS_DOUBLE, exemplar.value, out);
        for (name, value) in &exemplar.labels {
            match (name.as_str(), hex(value)) {
                ("trace_id", Some(id)) if id.len() == 16 => {
                    wire::bytes(exemplar::TRACE_ID, &id, out);
                }
                ("span_id", Some(id)) if id.len() == 8 => {
                    wire::bytes(exemplar::SPAN_ID, &id, out);
                }
                _ => wire::attribute(
                    exemplar::FILTERED_ATTRIBUTES,
                    name.as_bytes(),
                    value.as_bytes(),
                    out,
                ),
            }
        }
    });
}

/// The bytes that a text of hexadecimal digits stands for.
fn hex(text: &str) -> Option<SmallVec<[u8; 16]>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    rest.is_empty().then_some(())?;
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
