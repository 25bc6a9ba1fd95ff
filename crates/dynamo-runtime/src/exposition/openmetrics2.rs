//! OpenMetrics 2.0, which is experimental. This follows the release candidate of March 2026:
//! <https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/>.
//!
//! Names are the same as in every format. A histogram is one sample; its value holds all buckets, classic
//! and native.

use super::encode::{Encoder, ExposedFamily, encode};
use super::loss::Loss;
use super::openmetrics::{write_exemplar, write_seconds};
use super::plan::{has_counter_values, split_invalid};
use super::text::{sample, write_name};
use crate::format::escape_value;
use crate::format::number::{write_float, write_integer, write_le};
use crate::metrics::{
    DataPoint, Exemplars, Family, HistogramSnapshot, Kind, NativeSnapshot, Snapshot, Spans,
    SummarySnapshot,
};

/// Appends an exposition.
pub(super) fn write(families: Vec<ExposedFamily>, out: &mut Vec<u8>) -> Vec<Loss> {
    let families = split_invalid(families, |value| match value {
        Snapshot::Summary(summary) => summary.is_complete(),
        _ => true,
    });
    let kinds = families.iter().map(|exposed| match exposed.family.kind {
        Kind::Counter if !has_counter_values(exposed) => Kind::Unknown,
        kind => kind,
    });
    let kinds = kinds.collect();
    encode(&mut OpenMetrics2 { kinds }, &families, out)
}

struct OpenMetrics2 {
    /// The type of each family.
    kinds: Vec<Kind>,
}

impl Encoder for OpenMetrics2 {
    fn begin(&mut self, position: usize, family: &Family, out: &mut Vec<u8>) {
        let mut line = |keyword: &str, text: &dyn Fn(&mut Vec<u8>)| {
            out.extend_from_slice(keyword.as_bytes());
            write_name(&family.name, family.is_quoted, out);
            out.push(b' ');
            text(out);
            out.push(b'\n');
        };
        line("# TYPE ", &|out| {
            out.extend_from_slice(self.kinds[position].to_string().as_bytes());
        });
        if let Some(unit) = &family.unit {
            line("# UNIT ", &|out| out.extend_from_slice(unit.as_bytes()));
        }
        line("# HELP ", &|out| escape_value(&family.help, out));
    }

    fn series(
        &mut self,
        _position: usize,
        family: &Family,
        point: &DataPoint<'_>,
        out: &mut Vec<u8>,
    ) {
        let labels = point.labels.text();
        sample(&family.name, family.is_quoted, "", labels, b"", out);
        match point.value {
            Snapshot::Scalar(value) => value.write(out),
            Snapshot::Histogram(histogram) => write_histogram(histogram, out),
            Snapshot::Summary(summary) => write_summary(summary, out),
        }
        if let Some(timestamp) = point.timestamp {
            out.push(b' ');
            write_seconds(timestamp, out);
        }
        let counts = matches!(family.kind, Kind::Counter | Kind::Histogram | Kind::Summary);
        if let Some(created) = point.created.filter(|_| counts) {
            out.extend_from_slice(b" st@");
            write_seconds(created.as_millis() as i64, out);
        }
        for exemplar in point.exemplars.map(Exemplars::all).unwrap_or_default() {
            write_exemplar(&exemplar, out);
        }
        out.push(b'\n');
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# EOF\n");
    }
}

fn write_histogram(histogram: HistogramSnapshot<'_>, out: &mut Vec<u8>) {
    let cumulative: Vec<u64> = histogram.cumulative().collect();
    out.extend_from_slice(b"{count:");
    write_integer(cumulative.last().copied().unwrap_or_default(), out);
    out.extend_from_slice(b",sum:");
    write_float(histogram.sum, out);
    if let Some(native) = histogram.native {
        write_native(native, out);
    }
    let bounds = histogram.buckets.bounds();
    if histogram.native.is_none() || !bounds.is_empty() {
        let bounds = bounds.iter().chain(&[f64::INFINITY]);
        list(
            ",bucket:",
            bounds.zip(cumulative),
            out,
            |(bound, count), out| {
                write_le(*bound, out);
                out.push(b':');
                write_integer(count, out);
            },
        );
    }
    out.push(b'}');
}

fn write_native(native: &NativeSnapshot, out: &mut Vec<u8>) {
    let head = format!(
        ",schema:{},zero_threshold:{:e},zero_count:{}",
        native.schema, native.zero_threshold, native.zero_count
    );
    out.extend_from_slice(head.as_bytes());
    for (name, side) in [
        ("negative", &native.negative),
        ("positive", &native.positive),
    ] {
        if side.is_empty() {
            continue;
        }
        let Spans { spans, counts } = Spans::new(side);
        let spans = spans.into_iter();
        list(
            &format!(",{name}_spans:"),
            spans,
            out,
            |(offset, length), out| {
                write_integer(offset, out);
                out.push(b':');
                write_integer(length, out);
            },
        );
        list(
            &format!(",{name}_buckets:"),
            counts.into_iter(),
            out,
            write_integer,
        );
    }
}

fn write_summary(summary: &SummarySnapshot, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{count:");
    write_float(summary.count.unwrap_or_default(), out);
    out.extend_from_slice(b",sum:");
    write_float(summary.sum.unwrap_or_default(), out);
    let quantiles = summary.quantiles.iter();
    list(",quantile:", quantiles, out, |(quantile, _, value), out| {
        write_float(*quantile, out);
        out.push(b':');
        write_float(*value, out);
    });
    out.push(b'}');
}

fn list<T>(
    head: &str,
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    out.extend_from_slice(head.as_bytes());
    out.push(b'[');
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}
