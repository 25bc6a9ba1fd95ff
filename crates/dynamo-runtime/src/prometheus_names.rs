//! Every metric name, label name and fixed label value, and the functions that make names valid.
//!
//! A full metric name is a prefix of [`name_prefix`], `_`, and a constant of one of the other groups,
//! each of which names its prefix. Names and values are Dynamo's, from version 0.7 on. Names that
//! Dynamo has removed stay, so that code and dashboards written for them still work.
//!
//! How names are built: `{prefix}_{measured quantity}_{unit}`, where the unit is `seconds`, `bytes`,
//! `ms`, `percent` and the like. Counters end in `_total`, gauges never do. `_counter`, `_gauge`,
//! `_time`, `_size`, `_rate` and `_sum` say too little or mean something else: `_total`,
//! `_duration_seconds`, `_bytes`, `_per_second` and `_avg` are better.

mod constants;
mod sanitize;

pub use constants::*;
pub use sanitize::{
    NameError, NameKind, build_component_metric_name, sanitize_frontend_prometheus_prefix,
    sanitize_prometheus_label, sanitize_prometheus_name,
};

/// A count as the value of an integer gauge, which is an `i64`: a count above its range becomes
/// `i64::MAX`, where a cast would be negative.
///
/// ```
/// use dynamo_runtime::prometheus_names::clamp_u64_to_i64;
///
/// assert_eq!(clamp_u64_to_i64(7), 7);
/// assert_eq!(clamp_u64_to_i64(u64::MAX), i64::MAX);
/// ```
#[must_use]
pub fn clamp_u64_to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
