//! What Python gives for a metric to be created. Python has checked the types.

use std::num::NonZeroUsize;
use std::time::Duration;

use dynamo_runtime::binding::Instrument;
use dynamo_runtime::metrics::MetricVec;
use dynamo_runtime::{Description, HistogramOptions, Name, NativeOptions};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::limits;

/// A metric to be created: what all kinds take, and the options that some take.
pub(crate) struct NewMetric<'a> {
    pub(crate) name: &'a str,
    pub(crate) full_name: bool,
    pub(crate) description: &'a str,
    pub(crate) unit: Option<&'a str>,
    pub(crate) labels: Vec<(PyBackedStr, PyBackedStr)>,
    pub(crate) label_names: Vec<PyBackedStr>,
    pub(crate) limits: Limits,
    pub(crate) buckets: Option<Vec<f64>>,
    pub(crate) native: Option<Native>,
}

/// Schema, growth factor, zero threshold and number of native buckets, each if it was given.
pub(crate) type Native = (Option<i64>, Option<f64>, Option<f64>, Option<i64>);

impl NewMetric<'_> {
    pub(crate) fn name(&self) -> Name<'_> {
        if self.full_name {
            Name::Absolute(self.name)
        } else {
            Name::Relative(self.name)
        }
    }

    pub(crate) fn description(&self) -> Description<'_> {
        let description = Description::new(self.description);
        match self.unit {
            Some(unit) => description.unit(unit),
            None => description,
        }
    }

    pub(crate) fn labels(&self) -> Vec<(&str, &str)> {
        let labels = self.labels.iter();
        labels.map(|(name, value)| (&**name, &**value)).collect()
    }

    pub(crate) fn label_names(&self) -> Vec<&str> {
        self.label_names.iter().map(|name| &**name).collect()
    }

    pub(crate) fn histogram(&self) -> HistogramOptions {
        let mut options = HistogramOptions::default();
        if let Some(bounds) = &self.buckets {
            options = options.buckets(bounds.clone());
        }
        if let Some(native) = self.native {
            options = options.native(native_options(native));
        }
        options
    }
}

fn native_options((schema, growth_factor, zero_threshold, max_buckets): Native) -> NativeOptions {
    let mut options = NativeOptions::default();
    if let Some(schema) = schema {
        options = options.schema(schema);
    }
    if let Some(factor) = growth_factor {
        options = options.growth_factor(factor);
    }
    if let Some(threshold) = zero_threshold {
        options = options.zero_threshold(threshold);
    }
    if let Some(count) = max_buckets {
        options = options.max_buckets(count);
    }
    options
}

/// How many series a vec may have, and for how long an idle one stays.
pub(crate) struct Limits {
    max_series: Option<usize>,
    idle_timeout: Option<Duration>,
}

impl Limits {
    pub(crate) fn new(max_series: Option<isize>, idle_timeout: Option<f64>) -> PyResult<Self> {
        Ok(Limits {
            max_series: max_series.map(limits::series).transpose()?,
            idle_timeout: idle_timeout.map(limits::idle_timeout).transpose()?,
        })
    }

    /// Sets what was given and leaves the rest.
    pub(crate) fn apply<I: Instrument>(&self, vec: &MetricVec<I>) {
        if let Some(limit) = self.max_series {
            vec.set_max_series(NonZeroUsize::new(limit));
        }
        if let Some(timeout) = self.idle_timeout {
            vec.set_idle_timeout(Some(timeout));
        }
    }
}
