//! Exemplars that an update is given: off the fast path.

use dynamo_runtime::UseError;
use pyo3::prelude::*;

use super::call::{Object, Raised};
use crate::errors::IntoPyErr;
use crate::labels::{borrow, pairs};

/// The name of the argument.
pub(super) const EXEMPLAR: &str = "exemplar";

/// Calls `update` with the labels in `exemplar`, a dict or a list of pairs.
///
/// # Safety
/// `exemplar` is alive.
#[cold]
pub(super) unsafe fn with_exemplar(
    py: Python<'_>,
    exemplar: Object,
    update: impl FnOnce(&[(&str, &str)]) -> Result<(), UseError>,
) -> Result<(), Raised> {
    // SAFETY: as promised by the caller.
    let exemplar = unsafe { Bound::from_borrowed_ptr(py, exemplar) };
    pairs(Some(&exemplar), EXEMPLAR)
        .and_then(|labels| update(&borrow(&labels)).map_err(|error| error.into_py_err(py)))
        .map_err(|error| Raised::from(error, py))
}
