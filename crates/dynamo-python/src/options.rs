//! What the factories take besides labels.

use std::num::NonZeroUsize;
use std::time::Duration;

use dynamo_runtime::binding::Instrument;
use dynamo_runtime::metrics::MetricVec;
use dynamo_runtime::{Description, HistogramOptions, Name, NativeOptions};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::labels::{text, wrong_type};
use crate::python::items;

type OptionalAny<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// The name and the description of a metric to be created.
pub(crate) struct About<'a, 'py> {
    /// Of the call.
    given: &'a Bound<'py, PyAny>,
    name: String,
    help: String,
    unit: Option<String>,
    full_name: bool,
}

impl<'a, 'py> About<'a, 'py> {
    pub(crate) fn new(
        name: &'a Bound<'py, PyAny>,
        description: &Bound<'py, PyAny>,
        unit: OptionalAny<'_, 'py>,
        full_name: bool,
    ) -> PyResult<Self> {
        Ok(About {
            given: name,
            name: text(name, "name")?,
            help: text(description, "description")?,
            unit: unit.map(|unit| text(unit, "unit")).transpose()?,
            full_name,
        })
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.given.py()
    }

    pub(crate) fn name(&self) -> Name<'_> {
        if self.full_name {
            Name::Absolute(&self.name)
        } else {
            Name::Relative(&self.name)
        }
    }

    pub(crate) fn description(&self) -> Description<'_> {
        let description = Description::new(&self.help);
        match &self.unit {
            Some(unit) => description.unit(unit),
            None => description,
        }
    }
}

/// The buckets of a histogram to be created.
pub(crate) struct Layout<'a, 'py> {
    pub(crate) buckets: OptionalAny<'a, 'py>,
    pub(crate) native: bool,
    pub(crate) schema: Option<i64>,
    pub(crate) growth_factor: Option<f64>,
    pub(crate) zero_threshold: Option<f64>,
    pub(crate) max_buckets: Option<i64>,
}

impl Layout<'_, '_> {
    pub(crate) fn options(&self) -> PyResult<HistogramOptions> {
        let mut options = HistogramOptions::default();
        if let Some(bounds) = bounds(self.buckets)? {
            options = options.buckets(bounds);
        }
        if let Some(native) = self.native_options()? {
            options = options.native(native);
        }
        Ok(options)
    }

    /// The native buckets, if there are to be any.
    fn native_options(&self) -> PyResult<Option<NativeOptions>> {
        let details = [
            ("schema", self.schema.is_some()),
            ("growth_factor", self.growth_factor.is_some()),
            ("zero_threshold", self.zero_threshold.is_some()),
            ("max_buckets", self.max_buckets.is_some()),
        ];
        if !self.native {
            return match details.iter().find(|(_, given)| *given) {
                None => Ok(None),
                Some((name, _)) => Err(PyValueError::new_err(format!(
                    "{name} is about native buckets: give native=True as well"
                ))),
            };
        }
        if self.schema.is_some() && self.growth_factor.is_some() {
            return Err(PyValueError::new_err(
                "schema and growth_factor both say how fine the buckets are: give one of them",
            ));
        }
        let mut options = NativeOptions::default();
        if let Some(schema) = self.schema {
            options = options.schema(schema);
        }
        if let Some(factor) = self.growth_factor {
            options = options.growth_factor(factor);
        }
        if let Some(threshold) = self.zero_threshold {
            options = options.zero_threshold(threshold);
        }
        if let Some(count) = self.max_buckets {
            options = options.max_buckets(count);
        }
        Ok(Some(options))
    }
}

/// How many series a vec may have, and for how long.
pub(crate) struct Limits {
    max_series: Option<usize>,
    idle_timeout: Option<Duration>,
}

impl Limits {
    pub(crate) fn new(max_series: Option<isize>, idle_timeout: Option<f64>) -> PyResult<Self> {
        Ok(Limits {
            max_series: max_series.map(series).transpose()?,
            idle_timeout: idle_timeout.map(idle).transpose()?,
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

/// A number of series, 0 for any.
pub(crate) fn series(count: isize) -> PyResult<usize> {
    usize::try_from(count).map_err(|_| {
        PyValueError::new_err(format!(
            "max_series={count} is below 0: give the number of series, or 0 for no limit"
        ))
    })
}

/// A time after which an idle series goes.
pub(crate) fn idle(timeout: f64) -> PyResult<Duration> {
    let time = seconds(timeout, "idle_timeout", "a number of seconds above 0")?;
    if time.is_zero() {
        return Err(bad_seconds(
            timeout,
            "idle_timeout",
            "a number of seconds above 0",
        ));
    }
    Ok(time)
}

/// A time in seconds; `rule` says what is possible.
pub(crate) fn seconds(value: f64, what: &str, rule: &str) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| bad_seconds(value, what, rule))
}

fn bad_seconds(value: f64, what: &str, rule: &str) -> PyErr {
    PyValueError::new_err(format!("{what}={value} is not possible: give {rule}"))
}

/// Bucket bounds: any iterable of numbers.
fn bounds(buckets: OptionalAny<'_, '_>) -> PyResult<Option<Vec<f64>>> {
    let Some(buckets) = buckets.filter(|buckets| !buckets.is_none()) else {
        return Ok(None);
    };
    let wrong = || wrong_type(buckets, "buckets", "a list of numbers");
    if buckets.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let bounds = items(buckets, wrong)?;
    let bounds: PyResult<Vec<f64>> = bounds.map(|bound| bound?.extract()).collect();
    bounds.map(Some).map_err(|error| {
        if error.is_instance_of::<PyTypeError>(buckets.py()) {
            wrong()
        } else {
            error
        }
    })
}
