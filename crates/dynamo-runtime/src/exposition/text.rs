//! The text formats of Prometheus, versions 0.0.4 and 1.0.0.
//!
//! The two differ in what names they allow; see [`super::escape`].

use super::number::{write_integer, write_scalar};
use super::{Format, samples};
use crate::metrics::{Family, Kind, Point, Reading, escape_help, escape_value};

/// `text/plain`.
#[derive(Default)]
pub(super) struct Text {
    /// What comes before the labels of the family at hand: its name and a brace.
    before_labels: Vec<u8>,
}

impl Format for Text {
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

    fn series(&mut self, _position: usize, family: &Family, point: &Point<'_>, out: &mut Vec<u8>) {
        let labels = point.labels.text();
        let end = |out: &mut Vec<u8>| {
            if let Some(timestamp) = point.timestamp {
                out.push(b' ');
                write_integer(timestamp, out);
            }
            out.push(b'\n');
        };
        // Most series are of this sort, and there may be a million of them.
        if let Reading::Scalar(value) = point.reading
            && !(labels.is_empty() || family.is_quoted)
        {
            out.extend_from_slice(&self.before_labels);
            out.extend_from_slice(labels);
            out.extend_from_slice(b"} ");
            write_scalar(value, out);
            return end(out);
        }
        samples(point.reading, |suffix, last, value| {
            sample(&family.name, family.is_quoted, suffix, labels, last, out);
            write_scalar(value, out);
            end(out);
        });
    }
}

/// Writes the name of a family in a comment.
pub(super) fn write_name(name: &str, is_quoted: bool, out: &mut Vec<u8>) {
    if is_quoted {
        out.push(b'"');
        escape_value(name, out);
        out.push(b'"');
    } else {
        out.extend_from_slice(name.as_bytes());
    }
}

/// Writes a sample up to the value: name and labels, `last` after all others.
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

/// Writes a sample whose name stands, quoted, before its labels.
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
