//! Expositions: one file for each format, external families, and content negotiation.

mod content_encoding;
mod encode;
mod escaping;
mod external;
mod loss;
mod merge;
mod negotiate;
mod openmetrics;
mod openmetrics2;
mod otlp;
mod parse;
mod plan;
mod protobuf;
mod selection;
mod split;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use content_encoding::ContentEncoding;
pub(crate) use encode::ExposedFamily;
pub(crate) use external::{ExternalFamily, ExternalSeries, ExternalValue, keep_exemplar_times};
pub(crate) use loss::{Loss, Reason};
pub(crate) use merge::merge;
pub(crate) use negotiate::ExpositionFormat;
pub use otlp::{OtlpEncoder, Temporality};
pub(crate) use parse::{Parsed, Rules, parse};
pub(crate) use selection::Selection;
