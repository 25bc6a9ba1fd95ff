//! The text formats of Prometheus, versions 0.0.4 and 1.0.0.
//!
//! The versions differ in the names they allow; see [`super::escaping`].

use super::encode::{Encoder, samples};
use crate::format::number::write_integer;
use crate::format::{escape_help, escape_value};
use crate::metrics::{DataPoint, Family, Kind, Snapshot};

/// `text/plain`.
#[derive(Default)]
pub(super) struct Text {
    /// The bytes before the labels of the current family: its name and a brace.
    before_labels: Vec<u8>,
}

impl Encoder for Text {
    fn begin(&mut self, _position: usize, family: &Family, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# HELP ");
        write_name(&family.name, family.is_quoted, out);
        out.push(b' ');
        escape_help(&family.help, out);
        out.extend_from_slice(b"\n# TYPE ");
        write_name(&family.name, family.is_quoted, out);
        out.extend_from_slice(match family.kind {
            Kind::Counter => b" counter\n".as_slice(),
            Kind::Gauge => b" gauge\n",
            Kind::Histogram => b" histogram\n",
            Kind::Summary => b" summary\n",
            Kind::Unknown => b" untyped\n",
        });
        self.before_labels.clear();
        self.before_labels.extend_from_slice(family.name.as_bytes());
        self.before_labels.push(b'{');
    }

    fn series(
        &mut self,
        _position: usize,
        family: &Family,
        point: &DataPoint<'_>,
        out: &mut Vec<u8>,
    ) {
        let labels = point.labels.text();
        let end = |out: &mut Vec<u8>| {
            if let Some(timestamp) = point.timestamp {
                out.push(b' ');
                write_integer(timestamp, out);
            }
            out.push(b'\n');
        };
        // The most frequent form, of which there may be a million series.
        if let Snapshot::Scalar(value) = point.value
            && !(labels.is_empty() || family.is_quoted)
        {
            out.extend_from_slice(&self.before_labels);
            out.extend_from_slice(labels);
            out.extend_from_slice(b"} ");
            value.write(out);
            return end(out);
        }
        samples(point.value, |suffix, last, value| {
            sample(&family.name, family.is_quoted, suffix, labels, last, out);
            value.write(out);
            end(out);
        });
    }
}

/// Writes the name of a family in a comment line.
pub(super) fn write_name(name: &str, is_quoted: bool, out: &mut Vec<u8>) {
    if is_quoted {
        out.push(b'"');
        escape_value(name, out);
        out.push(b'"');
    } else {
        out.extend_from_slice(name.as_bytes());
    }
}

/// Writes a sample up to its value: the name and the labels, `last` after all others.
#[inline]
pub(super) fn sample(
    name: &str,
    is_quoted: bool,
    suffix: &str,
    labels: &[u8],
    last: &[u8],
    out: &mut Vec<u8>,
) {
    if is_quoted {
        return quoted_sample(name, suffix, labels, last, out);
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    if !(labels.is_empty() && last.is_empty()) {
        out.push(b'{');
        write_labels(labels, last, out);
        out.push(b'}');
    }
    out.push(b' ');
}

/// Writes a sample with a quoted name, inside the braces and before the labels.
#[cold]
fn quoted_sample(name: &str, suffix: &str, labels: &[u8], last: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"");
    escape_value(name, out);
    out.extend_from_slice(suffix.as_bytes());
    out.push(b'"');
    if !(labels.is_empty() && last.is_empty()) {
        out.push(b',');
        write_labels(labels, last, out);
    }
    out.extend_from_slice(b"} ");
}

#[inline]
fn write_labels(labels: &[u8], last: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(labels);
    if !(labels.is_empty() || last.is_empty()) {
        out.push(b',');
    }
    out.extend_from_slice(last);
}
