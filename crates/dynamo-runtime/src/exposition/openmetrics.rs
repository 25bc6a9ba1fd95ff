//! OpenMetrics 1.0.0, and 0.0.1, which is the same for scrapers.
//!
//! Families that it does not allow are represented in another form under the same names; see
//! [`super::plan`].

use std::sync::Arc;

use super::encode::{Encoder, ExposedFamily, encode, samples};
use super::loss::Loss;
use super::plan::{Plan, plan, reserved_suffixes};
use super::text::{sample, write_name};
use crate::format::escape_value;
use crate::format::number::{write_float, write_integer};
use crate::metrics::{DataPoint, Exemplar, Family, HistogramSnapshot, Kind, Snapshot};

/// Appends an exposition. With `created`, counters and histograms have `_created` samples.
pub(super) fn write(families: Vec<ExposedFamily>, created: bool, out: &mut Vec<u8>) -> Vec<Loss> {
    let (families, plans): (Vec<_>, Vec<_>) = plan(families).into_iter().unzip();
    encode(&mut OpenMetrics { plans, created }, &families, out)
}

struct OpenMetrics {
    /// One plan for each family.
    plans: Vec<Plan>,
    created: bool,
}

impl Encoder for OpenMetrics {
    fn begin(&mut self, position: usize, family: &Family, out: &mut Vec<u8>) {
        let base = self.plans[position].base;
        let name = &family.name[..base.unwrap_or(family.name.len())];
        let kind = match family.kind {
            Kind::Counter if base.is_none() => Kind::Unknown,
            kind => kind,
        };
        out.extend_from_slice(b"# TYPE ");
        write_name(name, family.is_quoted, out);
        out.push(b' ');
        out.extend_from_slice(kind.to_string().as_bytes());
        let unit = family.unit.as_deref().filter(|unit| {
            let rest = name.strip_suffix(unit);
            rest.is_some_and(|rest| rest.ends_with('_'))
        });
        if let Some(unit) = unit {
            out.extend_from_slice(b"\n# UNIT ");
            write_name(name, family.is_quoted, out);
            out.push(b' ');
            out.extend_from_slice(unit.as_bytes());
        }
        out.extend_from_slice(b"\n# HELP ");
        write_name(name, family.is_quoted, out);
        out.push(b' ');
        escape_value(&family.help, out);
        out.push(b'\n');
    }

    fn series(
        &mut self,
        position: usize,
        family: &Family,
        point: &DataPoint<'_>,
        out: &mut Vec<u8>,
    ) {
        let plan = &self.plans[position];
        let is_counter = plan.base.is_some();
        let writer = Writer { family, point };
        match point.value {
            Snapshot::Histogram(histogram) => writer.histogram(histogram, out),
            value => samples(value, |suffix, last, value| {
                writer.sample(suffix, last, out);
                value.write(out);
                let exemplars = point.exemplars.filter(|_| is_counter);
                writer.end(exemplars.and_then(|all| all.at(0)), out);
            }),
        }
        let can_be_created = is_counter || !reserved_suffixes(family.kind).is_empty();
        let own = point.created.filter(|_| self.created && can_be_created);
        let created = plan.created.get(point.labels.text()).copied();
        if let Some(created) = created.or(own.map(|time| time.as_secs_f64())) {
            let name = &family.name[..plan.base.unwrap_or(family.name.len())];
            let labels = point.labels.text();
            sample(name, family.is_quoted, "_created", labels, b"", out);
            write_float(created, out);
            writer.end(None, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# EOF\n");
    }
}

/// Writes the samples of one series.
struct Writer<'a> {
    family: &'a Family,
    point: &'a DataPoint<'a>,
}

impl Writer<'_> {
    fn sample(&self, suffix: &str, last: &[u8], out: &mut Vec<u8>) {
        let Family {
            name, is_quoted, ..
        } = self.family;
        let labels = self.point.labels.text();
        sample(name, *is_quoted, suffix, labels, last, out);
    }

    /// Ends the line of a sample.
    fn end(&self, exemplar: Option<Arc<Exemplar>>, out: &mut Vec<u8>) {
        if let Some(timestamp) = self.point.timestamp {
            out.push(b' ');
            write_seconds(timestamp, out);
        }
        if let Some(exemplar) = exemplar {
            write_exemplar(&exemplar, out);
        }
        out.push(b'\n');
    }

    fn histogram(&self, histogram: HistogramSnapshot<'_>, out: &mut Vec<u8>) {
        let bounds = histogram.buckets.bounds();
        // Without classic buckets, exemplars are stored by magnitude: the +Inf bucket shows the newest.
        let exemplar = |index| match bounds {
            [] => self.point.exemplars?.last(),
            _ => self.point.exemplars?.at(index),
        };
        let mut count = 0;
        let labels = histogram.buckets.labels().iter();
        for (index, (le, cumulative)) in labels.zip(histogram.cumulative()).enumerate() {
            count = cumulative;
            self.sample("_bucket", le, out);
            write_integer(count, out);
            self.end(exemplar(index), out);
        }
        self.sample("_sum", b"", out);
        write_float(histogram.sum, out);
        self.end(None, out);
        self.sample("_count", b"", out);
        write_integer(count, out);
        self.end(None, out);
    }
}

/// Writes milliseconds as seconds.
pub(super) fn write_seconds(millis: i64, out: &mut Vec<u8>) {
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    let text = format!("{sign}{}.{:03}", millis / 1000, millis % 1000);
    out.extend_from_slice(text.as_bytes());
}

/// Writes ` # {labels} value time`.
pub(super) fn write_exemplar(exemplar: &Exemplar, out: &mut Vec<u8>) {
    out.extend_from_slice(b" # {");
    for (position, (name, value)) in exemplar.labels.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escape_value(value, out);
        out.push(b'"');
    }
    out.extend_from_slice(b"} ");
    write_float(exemplar.value, out);
    out.push(b' ');
    write_seconds(exemplar.time.as_millis() as i64, out);
}
