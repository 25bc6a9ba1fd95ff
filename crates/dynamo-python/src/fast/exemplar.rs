//! Exemplars that an update is given: off the fast path.

use dynamo_runtime::binding::Exemplar;
use pyo3::prelude::*;

use super::call::{Object, Raised};
use crate::errors::IntoPyErr;
use crate::labels::{borrow, pairs};

/// The name of the argument.
pub(super) const EXEMPLAR: &str = "exemplar";

/// The exemplar of an update that shows as `value`, with the labels in `labels`, a dict or a list of
/// pairs.
///
/// # Safety
/// `labels` is alive.
#[cold]
pub(super) unsafe fn exemplar(
    py: Python<'_>,
    labels: Object,
    value: f64,
) -> Result<Exemplar, Raised> {
    // SAFETY: as promised by the caller.
    let labels = unsafe { Bound::from_borrowed_ptr(py, labels) };
    pairs(Some(&labels), EXEMPLAR)
        .and_then(|labels| {
            let exemplar = Exemplar::new(&borrow(&labels), value);
            exemplar.map_err(|error| error.into_py_err(py))
        })
        .map_err(|error| Raised::from(error, py))
}
