//! stub
#![allow(missing_docs)]
pub mod labels {
    pub const NAMESPACE: &str = "dynamo_namespace";
    pub const COMPONENT: &str = "dynamo_component";
    pub const ENDPOINT: &str = "dynamo_endpoint";
}
pub mod name_prefix {
    pub const COMPONENT: &str = "dynamo_component";
    pub const RUNTIME: &str = "dynamo_runtime";
}
pub mod distributed_runtime {
    pub const UPTIME_SECONDS: &str = "uptime_seconds";
}
pub mod runtime_metrics {
    pub const CALLBACK_ERRORS_TOTAL: &str = "callback_errors_total";
    pub const CALLBACK_TIMEOUTS_TOTAL: &str = "callback_timeouts_total";
}
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("x")]
pub struct NameError {
    pub raw: String,
}
pub fn sanitize_prometheus_name(raw: &str) -> Result<String, NameError> {
    let mut s: String = raw
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == ':' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if s.starts_with(|c: char| c.is_ascii_digit() || c == ':') {
        s.insert(0, '_');
    }
    if s.chars().all(|c| c == '_') {
        return Err(NameError { raw: raw.into() });
    }
    Ok(s)
}
