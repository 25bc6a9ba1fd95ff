//! The arguments of a call, as the interpreter passes them.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// A borrowed reference.
pub(crate) type Object = *mut ffi::PyObject;

/// What a failed call returns: the exception has been raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Raised {
    /// By code of the user, such as the `__float__` of a value. The exception stays unchanged.
    Unchanged,
    /// For a value that is refused; the message lacks the call.
    Refused,
    /// For arguments that do not fit the method; the message lacks the call, and how to call it.
    Misused,
}

impl Raised {
    #[cold]
    pub(super) fn unchanged(error: PyErr, py: Python<'_>) -> Self {
        error.restore(py);
        Raised::Unchanged
    }

    #[cold]
    pub(super) fn refused(error: PyErr, py: Python<'_>) -> Self {
        error.restore(py);
        Raised::Refused
    }

    #[cold]
    pub(super) fn misused(error: PyErr, py: Python<'_>) -> Self {
        error.restore(py);
        Raised::Misused
    }
}

/// The name and the parameters of a method, for errors.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// As Python shows them.
    pub(super) parameters: &'static [&'static str],
}

/// Frees what PyO3 has put off freeing. It frees at once only in functions that it has wrapped
/// itself: without this, the exceptions that refused calls have raised would pile up.
#[cold]
pub(super) fn free_deferred() {
    // While the interpreter finalises, there is nothing to be freed for.
    let _ = Python::try_attach(|_| ());
}

/// The arguments of one call.
pub(super) struct Call<'py> {
    pub(super) py: Python<'py>,
    args: *const Object,
    nargs: usize,
    kwnames: Object,
    signature: &'static Signature,
}

impl<'py> Call<'py> {
    /// # Safety
    /// `args`, `nargs` and `kwnames` are what the interpreter passed to a function of the kind
    /// `METH_FASTCALL | METH_KEYWORDS`, which has not returned yet.
    #[inline]
    pub(super) unsafe fn new(
        py: Python<'py>,
        args: *const Object,
        nargs: ffi::Py_ssize_t,
        kwnames: Object,
        signature: &'static Signature,
    ) -> Self {
        Call {
            py,
            args,
            nargs: nargs.cast_unsigned(),
            kwnames,
            signature,
        }
    }

    /// The method.
    pub(super) fn signature(&self) -> &'static Signature {
        self.signature
    }

    /// The positional arguments.
    pub(super) fn positional(&self) -> impl ExactSizeIterator<Item = Bound<'py, PyAny>> {
        // SAFETY: there are `nargs` positional arguments, alive during the call.
        (0..self.nargs).map(|at| unsafe { Bound::from_borrowed_ptr(self.py, *self.args.add(at)) })
    }

    /// The positional arguments as a tuple.
    pub(super) fn tuple(&self) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(self.py, self.positional())
    }

    /// The keyword arguments as a dict.
    pub(super) fn dict(&self) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(self.py);
        for (position, keyword) in self.keywords().into_iter().enumerate() {
            // SAFETY: the values of keywords follow the positional arguments, in the order of the names.
            let value =
                unsafe { Bound::from_borrowed_ptr(self.py, *self.args.add(self.nargs + position)) };
            dict.set_item(keyword, value)?;
        }
        Ok(dict)
    }

    /// Whether there are keyword arguments.
    pub(super) fn has_keywords(&self) -> bool {
        !self.kwnames.is_null()
    }

    /// Whether an argument with this name is given, or any by position.
    pub(super) fn has(&self, name: &str) -> bool {
        self.nargs > 0 || self.keywords().iter().any(|keyword| *keyword == name)
    }

    /// The arguments with these names, by position or keyword; all are required, no others allowed.
    #[inline]
    pub(super) fn bind<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<[Object; N], Raised> {
        if self.nargs == N && self.kwnames.is_null() {
            // SAFETY: there are `nargs` positional arguments.
            return Ok(std::array::from_fn(|index| unsafe {
                *self.args.add(index)
            }));
        }
        self.bind_keywords(names)
            .map_err(|error| Raised::misused(error, self.py))
    }

    /// Like [`bind`](Self::bind), with one more argument that is optional and has to be named; null
    /// if it is not given, or None.
    #[inline]
    pub(super) fn bind_with_option<const N: usize>(
        &self,
        names: [&'static str; N],
        option: &'static str,
    ) -> Result<([Object; N], Object), Raised> {
        if self.kwnames.is_null() {
            return Ok((self.bind(names)?, std::ptr::null_mut()));
        }
        let mut given = std::ptr::null_mut();
        let bound = self.bind_named(names, Some((option, &mut given)));
        let bound = bound.map_err(|error| Raised::misused(error, self.py))?;
        // SAFETY: asking for the one None is always possible.
        if given == unsafe { ffi::Py_None() } {
            given = std::ptr::null_mut();
        }
        Ok((bound, given))
    }

    #[cold]
    fn bind_keywords<const N: usize>(&self, names: [&'static str; N]) -> PyResult<[Object; N]> {
        self.bind_named(names, None)
    }

    fn bind_named<const N: usize>(
        &self,
        names: [&'static str; N],
        mut option: Option<(&'static str, &mut Object)>,
    ) -> PyResult<[Object; N]> {
        let method = self.signature.name;
        let mut keywords = self.keywords().into_iter().enumerate().collect::<Vec<_>>();
        keywords.retain(|(position, keyword)| {
            let is_option = option.as_ref().is_some_and(|(name, _)| keyword == name);
            if let Some((_, place)) = option.as_mut().filter(|_| is_option) {
                // SAFETY: as below.
                **place = unsafe { *self.args.add(self.nargs + position) };
            }
            !is_option
        });
        let mut bound = [std::ptr::null_mut(); N];
        for (position, keyword) in &keywords {
            let place = names
                .iter()
                .position(|name| keyword == name)
                .ok_or_else(|| {
                    PyTypeError::new_err(format!(
                        "{method}() has no argument {:?}",
                        keyword.to_string_lossy()
                    ))
                })?;
            // SAFETY: the values of keywords follow the positional arguments, in the order of the names.
            bound[place] = unsafe { *self.args.add(self.nargs + position) };
        }
        let given = self.nargs + keywords.len();
        if given > N {
            let takes = if N == 0 {
                "no arguments".to_owned()
            } else {
                names.join(", ")
            };
            return Err(PyTypeError::new_err(format!(
                "{method}() takes {takes}; {given} given"
            )));
        }
        // The others take the places left: the value and the labels of a vec may come in either
        // order, also if one of them is named.
        let free = bound.iter_mut().filter(|object| object.is_null());
        for (index, place) in free.enumerate().take(self.nargs) {
            // SAFETY: `index` is below `nargs`.
            *place = unsafe { *self.args.add(index) };
        }
        match bound.iter().position(|object| object.is_null()) {
            Some(missing) => Err(PyTypeError::new_err(format!(
                "{method}() is missing the argument {:?}",
                names[missing]
            ))),
            None => Ok(bound),
        }
    }

    fn keywords(&self) -> Vec<Bound<'py, PyString>> {
        if self.kwnames.is_null() {
            return Vec::new();
        }
        // SAFETY: `kwnames`, if there, is a tuple of str that lives during the call.
        unsafe {
            let names = Bound::from_borrowed_ptr(self.py, self.kwnames);
            let names = names.cast_into_unchecked::<PyTuple>();
            names
                .iter()
                .map(|name| name.cast_into_unchecked())
                .collect()
        }
    }
}
