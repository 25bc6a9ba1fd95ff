//! The text format, version 0.0.4.

use super::Format;
use super::number::{write_float, write_integer, write_scalar};
use crate::metrics::{Family, Kind, Reading, escape_help};

/// `text/plain; version=0.0.4`.
pub(crate) struct Text;

impl Format for Text {
    fn family(&self, family: &Family, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(family.name.as_bytes());
        out.push(b' ');
        escape_help(&family.help, out);
        out.extend_from_slice(b"\n# TYPE ");
        out.extend_from_slice(family.name.as_bytes());
        out.extend_from_slice(match family.kind {
            Kind::Counter => b" counter\n".as_slice(),
            Kind::Gauge => b" gauge\n",
            Kind::Histogram => b" histogram\n",
        });
    }

    fn series(&self, family: &Family, labels: &[u8], reading: Reading<'_>, out: &mut Vec<u8>) {
        match reading {
            Reading::Scalar(value) => {
                sample(family, "", labels, b"", out);
                write_scalar(value, out);
                out.push(b'\n');
            }
            Reading::Histogram {
                buckets,
                counts,
                sum,
            } => {
                let mut count = 0;
                for (cell, le) in counts.iter().zip(buckets.labels()) {
                    count += cell.get();
                    sample(family, "_bucket", labels, le, out);
                    write_integer(count, out);
                    out.push(b'\n');
                }
                sample(family, "_sum", labels, b"", out);
                write_float(sum, out);
                out.push(b'\n');
                sample(family, "_count", labels, b"", out);
                write_integer(count, out);
                out.push(b'\n');
            }
        }
    }
}

/// Writes a sample up to the value: name and labels, `last` after all others.
fn sample(family: &Family, suffix: &str, labels: &[u8], last: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(family.name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    if !(labels.is_empty() && last.is_empty()) {
        out.push(b'{');
        out.extend_from_slice(labels);
        if !(labels.is_empty() || last.is_empty()) {
            out.push(b',');
        }
        out.extend_from_slice(last);
        out.push(b'}');
    }
    out.push(b' ');
}
