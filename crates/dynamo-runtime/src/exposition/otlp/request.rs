//! Requests: resource, scope and metrics, split at a size that receivers accept.

use std::time::Duration;

use super::Temporality;
use super::delta::Since;
use super::points::{self, Shape};
use crate::format::wire;
use crate::metrics::{DataPoint, Family};

const RESOURCE_METRICS: u32 = 1;

mod resource_metrics {
    pub(super) const RESOURCE: u32 = 1;
    pub(super) const SCOPE_METRICS: u32 = 2;
}

/// The attributes of a `Resource`.
const ATTRIBUTES: u32 = 1;

mod scope_metrics {
    pub(super) const SCOPE: u32 = 1;
    pub(super) const METRICS: u32 = 2;
}

mod scope {
    pub(super) const NAME: u32 = 1;
    pub(super) const VERSION: u32 = 2;
}

mod metric {
    pub(super) const NAME: u32 = 1;
    pub(super) const DESCRIPTION: u32 = 2;
    pub(super) const UNIT: u32 = 3;
}

/// The fields of `Sum`, `Histogram` and `ExponentialHistogram` after the data points.
const AGGREGATION_TEMPORALITY: u32 = 2;
const IS_MONOTONIC: u32 = 3;

/// The length at which a request ends, in bytes. Receivers accept 4 MiB by default (gRPC).
const MAX_LEN: usize = 2 << 20;

/// Builds requests one after the other.
pub(super) struct Requests<'a> {
    finished: Vec<Vec<u8>>,
    /// The request that is being built; empty if there is none.
    out: Vec<u8>,
    /// Where the messages `ResourceMetrics` and `ScopeMetrics` of the request begin.
    starts: (usize, usize),
    /// The encoded `Resource` and `InstrumentationScope`.
    resource: Vec<u8>,
    scope: Vec<u8>,
    family: Option<OpenFamily<'a>>,
}

/// The family whose data points are being appended.
struct OpenFamily<'a> {
    family: &'a Family,
    shape: Shape,
    temporality: Temporality,
    /// Where its messages `Metric` and the one of its data begin, once it has a data point.
    starts: Option<(usize, usize)>,
}

impl<'a> Requests<'a> {
    pub(super) fn new(attributes: &[(String, String)]) -> Self {
        let mut resource = Vec::new();
        for (name, value) in attributes {
            wire::attribute(ATTRIBUTES, name.as_bytes(), value.as_bytes(), &mut resource);
        }
        let mut scope = Vec::new();
        wire::bytes(scope::NAME, b"dynamo_metrics", &mut scope);
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        wire::bytes(scope::VERSION, version, &mut scope);
        Requests {
            finished: Vec::new(),
            out: Vec::new(),
            starts: (0, 0),
            resource,
            scope,
            family: None,
        }
    }

    pub(super) fn begin_family(&mut self, family: &'a Family, temporality: Temporality) {
        self.family = Some(OpenFamily {
            family,
            shape: Shape::of(family),
            temporality,
            starts: None,
        });
    }

    /// Appends one data point to the family that was begun last.
    pub(super) fn point(
        &mut self,
        now: Duration,
        point: &DataPoint<'_>,
        since: Option<&mut Since<'_>>,
    ) {
        if self.out.is_empty() {
            self.begin_request();
        }
        let Some(open) = &mut self.family else {
            return;
        };
        if open.starts.is_none() {
            open.starts = Some(open.begin(&mut self.out));
        }
        points::write(open.shape, now, point, since, &mut self.out);
        if self.out.len() > MAX_LEN {
            self.close_family();
            self.end_request();
        }
    }

    pub(super) fn end_family(&mut self) {
        self.close_family();
        self.family = None;
    }

    pub(super) fn finish(mut self) -> Vec<Vec<u8>> {
        self.end_request();
        self.finished
    }

    fn begin_request(&mut self) {
        let out = &mut self.out;
        let resource_metrics = wire::begin(RESOURCE_METRICS, out);
        wire::bytes(resource_metrics::RESOURCE, &self.resource, out);
        let scope_metrics = wire::begin(resource_metrics::SCOPE_METRICS, out);
        wire::bytes(scope_metrics::SCOPE, &self.scope, out);
        self.starts = (resource_metrics, scope_metrics);
    }

    fn close_family(&mut self) {
        if let Some(open) = &mut self.family
            && let Some(starts) = open.starts.take()
        {
            open.end(starts, &mut self.out);
        }
    }

    fn end_request(&mut self) {
        if self.out.is_empty() {
            return;
        }
        let (resource_metrics, scope_metrics) = self.starts;
        wire::end(scope_metrics, &mut self.out);
        wire::end(resource_metrics, &mut self.out);
        self.finished.push(std::mem::take(&mut self.out));
    }
}

impl OpenFamily<'_> {
    fn begin(&self, out: &mut Vec<u8>) -> (usize, usize) {
        let metric = wire::begin(scope_metrics::METRICS, out);
        wire::bytes(metric::NAME, self.family.name.as_bytes(), out);
        if !self.family.help.is_empty() {
            wire::bytes(metric::DESCRIPTION, self.family.help.as_bytes(), out);
        }
        if let Some(unit) = &self.family.unit {
            wire::bytes(metric::UNIT, ucum(unit).as_bytes(), out);
        }
        (metric, wire::begin(self.shape.field(), out))
    }

    fn end(&self, (metric, data): (usize, usize), out: &mut Vec<u8>) {
        if self.shape.has_temporality() {
            let temporality = match self.temporality {
                Temporality::Delta => 1,
                Temporality::Cumulative => 2,
            };
            wire::uint(AGGREGATION_TEMPORALITY, temporality, out);
        }
        if self.shape == Shape::Sum {
            wire::uint(IS_MONOTONIC, 1, out);
        }
        wire::end(data, out);
        wire::end(metric, out);
    }
}

/// A unit as OpenTelemetry writes it (UCUM), which is how receivers recognise the suffix of a name.
fn ucum(unit: &str) -> &str {
    match unit {
        "seconds" => "s",
        "milliseconds" => "ms",
        "microseconds" => "us",
        "nanoseconds" => "ns",
        "minutes" => "min",
        "hours" => "h",
        "days" => "d",
        "bytes" => "By",
        "ratio" => "1",
        "percent" => "%",
        "celsius" => "Cel",
        "meters" => "m",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "watts" => "W",
        "grams" => "g",
        "hertz" => "Hz",
        other => other,
    }
}
