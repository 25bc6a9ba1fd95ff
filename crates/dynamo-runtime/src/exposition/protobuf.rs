//! Protobuf: `io.prometheus.client.MetricFamily` messages, each with its length before it, encoded directly
//! from the series.
//!
//! The field numbers are those of `metrics.proto` in Prometheus' client model.

use std::time::Duration;

use super::encode::Encoder;
use crate::format::wire::{self, Extend, ShortMessage};
use crate::metrics::{
    DataPoint, Exemplar, Exemplars, Family, HistogramSnapshot, Kind, NativeSnapshot, Scalar,
    Snapshot, Spans, SummarySnapshot,
};

mod family {
    pub(super) const NAME: u32 = 1;
    pub(super) const HELP: u32 = 2;
    pub(super) const TYPE: u32 = 3;
    pub(super) const METRIC: u32 = 4;
    pub(super) const UNIT: u32 = 5;
}

mod metric {
    pub(super) const GAUGE: u32 = 2;
    pub(super) const COUNTER: u32 = 3;
    pub(super) const SUMMARY: u32 = 4;
    pub(super) const UNTYPED: u32 = 5;
    pub(super) const TIMESTAMP_MS: u32 = 6;
    pub(super) const HISTOGRAM: u32 = 7;
}

/// The value of a `Counter`, `Gauge` or `Untyped`.
const VALUE: u32 = 1;

mod counter {
    pub(super) const EXEMPLAR: u32 = 2;
    pub(super) const CREATED: u32 = 3;
}

mod summary {
    pub(super) const COUNT: u32 = 1;
    pub(super) const SUM: u32 = 2;
    pub(super) const QUANTILE: u32 = 3;
    pub(super) const CREATED: u32 = 4;
}

mod quantile {
    pub(super) const QUANTILE: u32 = 1;
    pub(super) const VALUE: u32 = 2;
}

mod histogram {
    pub(super) const COUNT: u32 = 1;
    pub(super) const SUM: u32 = 2;
    pub(super) const BUCKET: u32 = 3;
    pub(super) const SCHEMA: u32 = 5;
    pub(super) const ZERO_THRESHOLD: u32 = 6;
    pub(super) const ZERO_COUNT: u32 = 7;
    pub(super) const NEGATIVE_SPAN: u32 = 9;
    pub(super) const NEGATIVE_DELTA: u32 = 10;
    pub(super) const POSITIVE_SPAN: u32 = 12;
    pub(super) const POSITIVE_DELTA: u32 = 13;
    pub(super) const CREATED: u32 = 15;
    pub(super) const EXEMPLARS: u32 = 16;
}

mod bucket {
    pub(super) const CUMULATIVE_COUNT: u32 = 1;
    pub(super) const UPPER_BOUND: u32 = 2;
    pub(super) const EXEMPLAR: u32 = 3;
}

mod span {
    pub(super) const OFFSET: u32 = 1;
    pub(super) const LENGTH: u32 = 2;
}

mod exemplar {
    pub(super) const VALUE: u32 = 2;
    pub(super) const TIMESTAMP: u32 = 3;
}

mod timestamp {
    pub(super) const SECONDS: u32 = 1;
    pub(super) const NANOS: u32 = 2;
}

/// `application/vnd.google.protobuf`.
pub(super) struct Protobuf;

impl Encoder for Protobuf {
    fn begin(&mut self, _position: usize, family: &Family, out: &mut Vec<u8>) {
        wire::reserve_length(out);
        wire::bytes(family::NAME, family.name.as_bytes(), out);
        wire::bytes(family::HELP, family.help.as_bytes(), out);
        wire::uint(family::TYPE, type_number(family.kind), out);
        if let Some(unit) = &family.unit {
            wire::bytes(family::UNIT, unit.as_bytes(), out);
        }
    }

    fn series(
        &mut self,
        _position: usize,
        family: &Family,
        point: &DataPoint<'_>,
        out: &mut Vec<u8>,
    ) {
        // With the hierarchy labels, few messages are shorter than 128 bytes.
        wire::sized_message::<2>(family::METRIC, out, |out| {
            point.labels.write_protobuf(out);
            match point.value {
                Snapshot::Scalar(value) => scalar(family.kind, value, point, out),
                Snapshot::Histogram(value) => wire::message(metric::HISTOGRAM, out, |out| {
                    histogram(value, point, out);
                }),
                Snapshot::Summary(value) => {
                    wire::message(metric::SUMMARY, out, |out| summary(value, point, out));
                }
            }
            if let Some(timestamp) = point.timestamp {
                wire::int(metric::TIMESTAMP_MS, timestamp, out);
            }
        });
    }

    fn end_family(&mut self, start: usize, out: &mut Vec<u8>) {
        wire::write_length(start, out);
    }
}

fn type_number(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Unknown => 3,
        Kind::Histogram => 4,
    }
}

fn scalar(kind: Kind, value: Scalar, point: &DataPoint<'_>, out: &mut Vec<u8>) {
    let mut message = ShortMessage::new();
    wire::double(VALUE, value.to_f64(), &mut message);
    let field = match kind {
        Kind::Counter => metric::COUNTER,
        Kind::Gauge => metric::GAUGE,
        _ => metric::UNTYPED,
    };
    if kind != Kind::Counter {
        return wire::bytes(field, message.as_slice(), out);
    }
    if let Some(created) = point.created {
        write_time(counter::CREATED, created, &mut message);
    }
    match point.exemplars.and_then(|exemplars| exemplars.at(0)) {
        None => wire::bytes(field, message.as_slice(), out),
        Some(exemplar) => wire::message(field, out, |out| {
            out.extend_from_slice(message.as_slice());
            write_exemplar(counter::EXEMPLAR, &exemplar, out);
        }),
    }
}

fn summary(snapshot: &SummarySnapshot, point: &DataPoint<'_>, out: &mut Vec<u8>) {
    if let Some(count) = snapshot.count {
        wire::uint(summary::COUNT, count as u64, out);
    }
    if let Some(sum) = snapshot.sum {
        wire::double(summary::SUM, sum, out);
    }
    for (at, _, value) in &snapshot.quantiles {
        wire::message(summary::QUANTILE, out, |out| {
            wire::double(quantile::QUANTILE, *at, out);
            wire::double(quantile::VALUE, *value, out);
        });
    }
    if let Some(created) = point.created {
        write_time(summary::CREATED, created, out);
    }
}

fn histogram(snapshot: HistogramSnapshot<'_>, point: &DataPoint<'_>, out: &mut Vec<u8>) {
    let bounds = snapshot.buckets.bounds().iter().chain(&[f64::INFINITY]);
    // Without classic bounds, the +Inf bucket of a native histogram would only repeat the count.
    let shows_classic = snapshot.native.is_none() || !snapshot.buckets.bounds().is_empty();
    let mut count = 0;
    for (index, (cumulative, bound)) in snapshot.cumulative().zip(bounds).enumerate() {
        count = cumulative;
        if shows_classic {
            wire::message(histogram::BUCKET, out, |out| {
                wire::uint(bucket::CUMULATIVE_COUNT, count, out);
                wire::double(bucket::UPPER_BOUND, *bound, out);
                if let Some(exemplar) = point.exemplars.and_then(|exemplars| exemplars.at(index)) {
                    write_exemplar(bucket::EXEMPLAR, &exemplar, out);
                }
            });
        }
    }
    wire::uint(histogram::COUNT, count, out);
    wire::double(histogram::SUM, snapshot.sum, out);
    if let Some(native) = snapshot.native {
        write_native(native, point.exemplars, out);
    }
    if let Some(created) = point.created {
        write_time(histogram::CREATED, created, out);
    }
}

fn write_native(native: &NativeSnapshot, exemplars: Option<&Exemplars>, out: &mut Vec<u8>) {
    use histogram::{NEGATIVE_DELTA, NEGATIVE_SPAN, POSITIVE_DELTA, POSITIVE_SPAN};

    wire::sint(histogram::SCHEMA, i64::from(native.schema), out);
    wire::double(histogram::ZERO_THRESHOLD, native.zero_threshold, out);
    wire::uint(histogram::ZERO_COUNT, native.zero_count, out);
    for (side, span_field, delta_field) in [
        (&native.negative, NEGATIVE_SPAN, NEGATIVE_DELTA),
        (&native.positive, POSITIVE_SPAN, POSITIVE_DELTA),
    ] {
        let Spans { spans, counts } = Spans::new(side);
        for (offset, length) in spans {
            wire::message(span_field, out, |out| {
                wire::sint(span::OFFSET, i64::from(offset), out);
                wire::uint(span::LENGTH, u64::from(length), out);
            });
        }
        let mut before = 0;
        for count in counts {
            // Not packed, as in the proto2 definition.
            wire::sint(delta_field, count.wrapping_sub(before).cast_signed(), out);
            before = count;
        }
    }
    let is_empty =
        native.zero_count == 0 && native.positive.is_empty() && native.negative.is_empty();
    if is_empty && native.zero_threshold == 0.0 {
        // An empty span distinguishes an empty native histogram from a classic one.
        wire::message(POSITIVE_SPAN, out, |out| {
            wire::sint(span::OFFSET, 0, out);
            wire::uint(span::LENGTH, 0, out);
        });
    }
    for exemplar in exemplars.map(Exemplars::all).unwrap_or_default() {
        write_exemplar(histogram::EXEMPLARS, &exemplar, out);
    }
}

fn write_exemplar(field: u32, exemplar: &Exemplar, out: &mut Vec<u8>) {
    wire::message(field, out, |out| {
        for (name, value) in &exemplar.labels {
            wire::label(name, value, out);
        }
        wire::double(exemplar::VALUE, exemplar.value, out);
        write_time(exemplar::TIMESTAMP, exemplar.time, out);
    });
}

#[inline]
fn write_time(field: u32, time: Duration, out: &mut impl Extend) {
    let mut message = ShortMessage::new();
    wire::uint(timestamp::SECONDS, time.as_secs(), &mut message);
    wire::uint(
        timestamp::NANOS,
        u64::from(time.subsec_nanos()),
        &mut message,
    );
    wire::bytes(field, message.as_slice(), out);
}
