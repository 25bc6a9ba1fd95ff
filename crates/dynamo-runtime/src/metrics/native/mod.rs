//! Native histograms: bucket widths grow by a constant factor, and only buckets with observations exist.
//!
//! The model is Prometheus': bucket `i` of schema `s` ends, inclusively, at 2^(i / 2^s). Values near
//! zero have a bucket of their own. See <https://prometheus.io/docs/specs/native_histograms/>.

mod buckets;
mod index;
mod merge;
mod options;
mod spans;
#[cfg(test)]
mod tests;

pub(super) use self::buckets::NativeBuckets;
pub(super) use self::options::NativeLayout;
pub use self::options::{NativeError, NativeOptions};
pub(crate) use self::spans::Spans;

/// The schemas of Prometheus, from the coarsest to the finest resolution.
const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;
