//! Calls into Python: of what lives there and is imported once, when first needed, and of iterables.
//!
//! While the interpreter finalises, CPython before 3.14 ends a daemon thread that runs Python code by
//! unwinding its stack, and a frame of ours on it makes that an abort. So [`call`] keeps such a
//! thread where it is, as later versions do, and as PyO3 does with one that asks for the GIL.

#![allow(unsafe_code)]

use std::hint::black_box;
use std::sync::OnceLock;
use std::{mem, ptr, thread};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyString, PyTuple};

/// An attribute of a Python module.
pub(crate) struct Imported {
    module: &'static str,
    name: &'static str,
    /// Not PyO3's cell: that lets a fork come in the middle, and the child would wait for ever.
    object: OnceLock<Py<PyAny>>,
}

/// Makes ready for a callback: refuses what cannot be one, starts the thread that runs it.
pub(crate) static PREPARE_CALLBACK: Imported =
    Imported::new("dynamo_metrics._threads", "prepare_callback");

/// Starts the thread that runs callbacks, if none does.
pub(crate) static START_CALLBACKS: Imported =
    Imported::new("dynamo_metrics._threads", "start_callbacks");

/// Starts the thread that passes on what is logged, if none does.
pub(crate) static START_LOG: Imported = Imported::new("dynamo_metrics._threads", "start_log");

/// Returns a function that writes a `prometheus_client` registry as text.
pub(crate) static EXPOSITION_OF: Imported =
    Imported::new("dynamo_metrics._collector", "exposition_of");

/// What `Histogram.time()` returns.
pub(crate) static TIMER: Imported = Imported::new("dynamo_metrics._timer", "Timer");

/// `iter()`.
static ITER: Imported = Imported::new("builtins", "iter");

impl Imported {
    const fn new(module: &'static str, name: &'static str) -> Self {
        Imported {
            module,
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
        call(self.get(py)?, args)
    }

    fn get<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        if let Some(object) = self.object.get() {
            return Ok(object.bind(py));
        }
        let import = py.import("builtins")?.getattr("__import__")?;
        let none = py.None().into_bound(py);
        let module = PyString::new(py, self.module).into_any();
        let wanted = PyTuple::new(py, [self.name])?.into_any();
        let module = call(&import, &[&module, &none, &none, &wanted])?;
        let object = module.getattr(self.name)?.unbind();
        Ok(self.object.get_or_init(|| object).bind(py))
    }
}

/// The items of `iterable`, all there before the first is taken, so that taking them runs no Python
/// code; what `not_iterable` returns if it is none.
pub(crate) fn items<'py>(
    iterable: &Bound<'py, PyAny>,
    not_iterable: impl FnOnce() -> PyErr,
) -> PyResult<Bound<'py, PyIterator>> {
    if iterable.is_exact_instance_of::<PyList>() || iterable.is_exact_instance_of::<PyTuple>() {
        return iterable.try_iter();
    }
    let iterator = ITER
        .call(iterable.py(), &[iterable])
        .map_err(|_| not_iterable())?;
    call(iterable.py().get_type::<PyList>().as_any(), &[&iterator])?.try_iter()
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
