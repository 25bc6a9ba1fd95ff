//! Calls into Python. The binding imports nothing by name: `dynamo_metrics` hands over what is called,
//! once, at its import.
//!
//! While the interpreter finalises, CPython before 3.14 ends a daemon thread that runs Python code by
//! unwinding its stack, and a frame of ours on it makes that an abort. So [`call`] keeps such a
//! thread where it is, as later versions do, and as PyO3 does with one that asks for the GIL.

#![allow(unsafe_code)]

use std::hint::black_box;
use std::sync::OnceLock;
use std::{mem, ptr, thread};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// A callable that Python has handed over.
pub(crate) struct Installed {
    name: &'static str,
    /// Not PyO3's cell: a fork may come while another thread fills it, and the child would wait
    /// forever.
    object: OnceLock<Py<PyAny>>,
}

impl Installed {
    const fn new(name: &'static str) -> Self {
        Installed {
            name,
            object: OnceLock::new(),
        }
    }

    /// Calls it with positional arguments.
    pub(crate) fn call<'py>(
        &self,
        py: Python<'py>,
        args: &[&Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.object.get() {
            Some(object) => call(object.bind(py), args),
            None => Err(PyRuntimeError::new_err(format!(
                "dynamo_metrics._native has no {}: import dynamo_metrics first",
                self.name
            ))),
        }
    }
}

macro_rules! installed {
    ($($(#[$doc:meta])* $place:ident = $argument:ident;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $place: Installed = Installed::new(stringify!($argument));
        )*

        /// Take over what the native core calls in Python. The first call wins.
        #[pyfunction]
        #[pyo3(signature = (*, $($argument),*))]
        #[expect(clippy::too_many_arguments)]
        fn install($($argument: Py<PyAny>),*) {
            $(
                let _ = $place.object.set($argument);
            )*
        }
    };
}

installed! {
    /// Makes a `MetricsError` of a message, the metric's name or None, the reason, the owners.
    METRICS_ERROR = metrics_error;
    /// Starts the thread that passes messages to `logging`, if it is not running.
    START_LOG = start_log;
    /// Makes the exception for an argument of the wrong type: the object, what it is, what is expected.
    WRONG_TYPE = wrong_type;
    /// Makes the exception for a value that no label can have: the value and the label's name.
    LABEL_VALUE_ERROR = label_value_error;
    /// Returns the text of a label value that is no str, an int, bool or enum: the value and the label's name.
    LABEL_VALUE = label_value;
    /// Adds the call to the message of an error and returns it: the error, the metric's name, the method's,
    /// its parameters, the label names, the arguments, the keyword arguments, whether they do not fit.
    REFUSED = refused;
    /// Represents an object on one line.
    SHOWN = shown;
    /// Returns the pairs of label names and values in a dict or a list; the second argument names it.
    PAIRS = pairs;
    /// Returns a list of label values as a list of str; the second argument is the label names.
    LABEL_VALUES = label_values;
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(install, module)?)
}

/// Calls a Python object with positional arguments. Whatever runs Python code is called by this.
fn call<'py>(
    callable: &Bound<'py, PyAny>,
    args: &[&Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    type Object = *mut ffi::PyObject;
    type DeclaredByPyO3 = unsafe extern "C" fn(Object, Object, Object) -> Object;
    type MayUnwind = unsafe extern "C-unwind" fn(Object, Object, Object) -> Object;

    let args = PyTuple::new(callable.py(), args)?;
    // SAFETY: the two ABIs differ only in what an unwinding does. The objects are alive, the
    // arguments are a tuple, and null stands for no keywords.
    unsafe {
        let function = mem::transmute::<DeclaredByPyO3, MayUnwind>(ffi::PyObject_Call);
        // The optimiser knows the declaration and must not know what is called.
        let function = black_box(function);
        let thread = KeptWhenUnwound;
        let result = function(callable.as_ptr(), args.as_ptr(), ptr::null_mut());
        mem::forget(thread);
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// Its drop never returns.
struct KeptWhenUnwound;

impl Drop for KeptWhenUnwound {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}
