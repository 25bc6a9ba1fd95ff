//! The C functions, and how they become methods of a class.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dynamo_runtime::binding::{MetricExt, MetricVecExt};
use pyo3::IntoPyObjectExt;
use pyo3::ffi;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::call::{Call, Object, Raised, Signature, free_deferred};
use super::children::{child, with_child, with_existing};
use super::exemplar::{EXEMPLAR, exemplar};
use super::refusal::complete;
use super::values::Value;
use crate::classes::{MetricClass, SingleClass, VecClass};
use crate::log::start_if_needed;

/// An update that needs no value, like `inc`.
pub(super) trait Step<I> {
    const NAME: &'static str;
    const DOC: &'static str;
    /// What an exemplar of it shows as its value; `None` if there are no exemplars of it.
    const EXEMPLAR: Option<f64> = None;
    /// The update that it is when it gets a value all the same.
    type By: Update<I>;
    fn apply(cell: &I);
}

/// An update that takes a value, like `set`.
pub(super) trait Update<I> {
    const NAME: &'static str;
    const DOC: &'static str;
    type Value: Value;
    /// What an exemplar shows of the value; `None` if there are no exemplars of it.
    const EXEMPLAR: Option<fn(Self::Value) -> f64> = None;
    fn apply(cell: &I, value: Self::Value);
}

/// Something read, like `get`.
pub(super) trait Read<I> {
    const NAME: &'static str;
    const DOC: &'static str;
    type Value: for<'py> IntoPyObject<'py> + Default;
    fn read(cell: &I) -> Self::Value;
}

// What the methods with a value that is optional add to the docstrings.
const OR_VALUE: &str = ", or value.";
// What the methods of vecs add.
const OF_SERIES: &str = "labels, a dict, name the series, which is created at 0 if it is new";
const EITHER_ORDER: &str = "they may come first";
/// The name of the argument.
const VALUE: &str = "value";
/// The name of the argument.
const LABELS: &str = "labels";
// What those add that take exemplars.
const WITH_EXEMPLAR: &str = "\
exemplar, a dict such as {\"trace_id\": \"...\"}, is kept as an example; ValueError for more
than 128 characters.";
const OF_EXISTING: &str =
    "labels, a dict, name the series; 0 if there is none, and none is created.";

const fn signature(name: &'static str, parameters: &'static [&'static str]) -> Signature {
    Signature { name, parameters }
}

/// A method to be installed on a class.
pub(crate) struct Method {
    name: &'static str,
    doc: String,
    function: ffi::PyCFunctionFastWithKeywords,
}

impl Method {
    pub(super) fn new(
        name: &'static str,
        arguments: &str,
        doc: &str,
        function: ffi::PyCFunctionFastWithKeywords,
    ) -> Self {
        // The form from which the interpreter reads `__text_signature__`.
        let doc = format!("{name}($self{arguments})\n--\n\n{doc}");
        Method {
            name,
            doc,
            function,
        }
    }

    pub(super) fn step<C: SingleClass, S: Step<C::Cell>>() -> Self {
        let doc = format!("{}{OR_VALUE}", S::DOC.trim_end_matches('.'));
        let (option, doc) = option(S::EXEMPLAR.is_some(), doc);
        Self::new(S::NAME, &format!(", value=1{option}"), &doc, step::<C, S>)
    }

    pub(super) fn update<C: SingleClass, U: Update<C::Cell>>() -> Self {
        let (option, doc) = option(U::EXEMPLAR.is_some(), U::DOC.to_owned());
        Self::new(U::NAME, &format!(", value{option}"), &doc, update::<C, U>)
    }

    pub(super) fn read<C: SingleClass, R: Read<C::Cell>>() -> Self {
        Self::new(R::NAME, "", R::DOC, read::<C, R>)
    }

    pub(super) fn step_vec<C: VecClass, S: Step<C::Cell>>() -> Self {
        let doc = format!("{}\n\n{OF_SERIES}.", S::DOC);
        let (option, doc) = option(S::EXEMPLAR.is_some(), doc);
        Self::new(
            S::NAME,
            &format!(", labels{option}"),
            &doc,
            step_vec::<C, S>,
        )
    }

    pub(super) fn update_vec<C: VecClass, U: Update<C::Cell>>() -> Self {
        let doc = format!("{}\n\n{OF_SERIES}; {EITHER_ORDER}.", U::DOC);
        let (option, doc) = option(U::EXEMPLAR.is_some(), doc);
        let arguments = format!(", value, labels{option}");
        Self::new(U::NAME, &arguments, &doc, update_vec::<C, U>)
    }

    pub(super) fn read_vec<C: VecClass, R: Read<C::Cell>>() -> Self {
        let doc = format!("{}\n\n{OF_EXISTING}", R::DOC);
        Self::new(R::NAME, ", labels", &doc, read_vec::<C, R>)
    }
}

/// The argument of methods that take exemplars, as in a signature, and the docstring with it.
fn option(is_taken: bool, doc: String) -> (&'static str, String) {
    if is_taken {
        (", *, exemplar=None", format!("{doc}\n\n{WITH_EXEMPLAR}"))
    } else {
        ("", doc)
    }
}

/// Makes the methods attributes of `class`, which is the class they were built for.
pub(crate) fn install(class: &Bound<'_, PyType>, methods: Vec<Method>) -> PyResult<()> {
    for Method {
        name,
        doc,
        function,
    } in methods
    {
        // A class is never unloaded, and neither is what its methods point to.
        let definition = Box::leak(Box::new(ffi::PyMethodDef {
            ml_name: CString::new(name)?.into_raw(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunctionFastWithKeywords: function,
            },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: CString::new(doc)?.into_raw(),
        }));
        // SAFETY: `definition` lives for ever, and `class` is a type.
        let descriptor = unsafe {
            let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
            Bound::from_owned_ptr_or_err(class.py(), descriptor)?
        };
        class.setattr(name, descriptor)?;
    }
    Ok(())
}

/// Runs the body of a C function: hands out the receiver and the arguments, returns a new reference
/// or raises. A panic becomes an exception.
///
/// # Safety
/// Called by the interpreter for a method of `C`, which has checked the receiver, with its arguments.
#[inline]
pub(super) unsafe fn enter<C: MetricClass>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
    signature: &'static Signature,
    body: impl FnOnce(&C, &Call<'_>) -> Result<Object, Raised>,
) -> Object {
    let run = AssertUnwindSafe(|| {
        // SAFETY: the interpreter is attached while it calls. `slf` is a `C`, since the descriptor
        // belongs to that class.
        unsafe {
            let py = Python::assume_attached();
            let this = Borrowed::from_ptr(py, slf).cast_unchecked::<C>();
            let call = Call::new(py, args, nargs, kwnames, signature);
            let result = body(this.get(), &call);
            result.inspect_err(|raised| complete(this.get(), &call, *raised))
        }
    });
    match catch_unwind(run) {
        Ok(Ok(object)) => object,
        Ok(Err(_)) => {
            free_deferred();
            std::ptr::null_mut()
        }
        Err(payload) => {
            let message = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("panic in the native core");
            // SAFETY: as above.
            PanicException::new_err(message.to_owned())
                .restore(unsafe { Python::assume_attached() });
            free_deferred();
            std::ptr::null_mut()
        }
    }
}

/// A new reference to `None`.
#[inline]
pub(super) fn none() -> Object {
    // SAFETY: the interpreter is attached in every function of this module.
    unsafe { ffi::Py_NewRef(ffi::Py_None()) }
}

fn new_reference<T: for<'py> IntoPyObject<'py>>(
    py: Python<'_>,
    value: T,
) -> Result<Object, Raised> {
    match value.into_py_any(py) {
        Ok(object) => Ok(object.into_ptr()),
        Err(error) => Err(Raised::unchanged(error, py)),
    }
}

unsafe extern "C" fn step<C: SingleClass, S: Step<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        if nargs != 0 || !kwnames.is_null() {
            return step_with_arguments::<C, S>(slf, args, nargs, kwnames);
        }
        let signature = const { &signature(S::NAME, &[]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, _| {
            S::apply(this.metric().update());
            Ok(none())
        })
    }
}

/// A step by a given value, or with an exemplar.
///
/// # Safety
/// As [`enter`].
#[inline(never)]
unsafe fn step_with_arguments<C: SingleClass, S: Step<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: as promised by the caller.
    unsafe {
        let signature = const { &signature(S::NAME, &["value=1"]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, call| {
            if call.has(VALUE) {
                return update_with_arguments::<C, S::By>(this, call);
            }
            let Some(value) = S::EXEMPLAR else {
                let [] = call.bind([])?;
                return Ok(none());
            };
            let ([], labels) = call.bind_with_option([], EXEMPLAR)?;
            if labels.is_null() {
                S::apply(this.metric().update());
            } else {
                let exemplar = exemplar(call.py, labels, value)?;
                this.metric().update_with_exemplar(exemplar, S::apply);
            }
            Ok(none())
        })
    }
}

/// # Safety
/// The arguments are alive.
#[inline(always)]
unsafe fn update_with_arguments<C: SingleClass, U: Update<C::Cell>>(
    this: &C,
    call: &Call<'_>,
) -> Result<Object, Raised> {
    // SAFETY: as promised by the caller.
    unsafe {
        let Some(shown) = U::EXEMPLAR else {
            let [value] = call.bind([VALUE])?;
            let value = U::Value::from_object(call.py, value)?;
            if value.is_rejected() {
                this.metric().reject(f64::NAN);
                start_if_needed(call.py);
                return Ok(none());
            }
            U::apply(this.metric().update(), value);
            return Ok(none());
        };
        let ([value], labels) = call.bind_with_option([VALUE], EXEMPLAR)?;
        let value = U::Value::from_object(call.py, value)?;
        if value.is_rejected() {
            this.metric().reject(shown(value));
            start_if_needed(call.py);
            return Ok(none());
        }
        if labels.is_null() {
            U::apply(this.metric().update(), value);
        } else {
            let exemplar = exemplar(call.py, labels, shown(value))?;
            let update = |cell: &C::Cell| U::apply(cell, value);
            this.metric().update_with_exemplar(exemplar, update);
        }
        Ok(none())
    }
}

unsafe extern "C" fn update<C: SingleClass, U: Update<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        let signature = const { &signature(U::NAME, &[VALUE]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, call| {
            update_with_arguments::<C, U>(this, call)
        })
    }
}

unsafe extern "C" fn read<C: SingleClass, R: Read<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        let signature = const { &signature(R::NAME, &[]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, call| {
            let [] = call.bind([])?;
            new_reference(call.py, R::read(this.metric().cell()))
        })
    }
}

unsafe extern "C" fn step_vec<C: VecClass, S: Step<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        let signature = const { &signature(S::NAME, &[LABELS]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, call| {
            let Some(value) = S::EXEMPLAR else {
                let [labels] = call.bind([LABELS])?;
                with_child(call.py, this, labels, S::apply)?;
                return Ok(none());
            };
            let ([labels], of_exemplar) = call.bind_with_option([LABELS], EXEMPLAR)?;
            if of_exemplar.is_null() {
                with_child(call.py, this, labels, S::apply)?;
            } else {
                let exemplar = exemplar(call.py, of_exemplar, value)?;
                let child = child(call.py, this, labels)?;
                child.update_with_exemplar(exemplar, S::apply);
            }
            Ok(none())
        })
    }
}

unsafe extern "C" fn update_vec<C: VecClass, U: Update<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        let signature = const { &signature(U::NAME, &[VALUE, LABELS]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, call| {
            let names = [VALUE, LABELS];
            let ([mut value, mut labels], of_exemplar) = match U::EXEMPLAR {
                None => (call.bind(names)?, std::ptr::null_mut()),
                Some(_) => call.bind_with_option(names, EXEMPLAR)?,
            };
            if ffi::PyDict_Check(labels) == 0 && ffi::PyDict_Check(value) != 0 {
                std::mem::swap(&mut value, &mut labels);
            }
            let value = U::Value::from_object(call.py, value)?;
            if value.is_rejected() {
                // The labels are checked, and no series is created.
                with_existing(call.py, this, labels, |_| ())?;
                this.vec().reject(f64::NAN);
                start_if_needed(call.py);
                return Ok(none());
            }
            let update = |cell: &C::Cell| U::apply(cell, value);
            match U::EXEMPLAR.filter(|_| !of_exemplar.is_null()) {
                None => with_child(call.py, this, labels, update)?,
                Some(shown) => {
                    let exemplar = exemplar(call.py, of_exemplar, shown(value))?;
                    let child = child(call.py, this, labels)?;
                    child.update_with_exemplar(exemplar, update);
                }
            }
            Ok(none())
        })
    }
}

unsafe extern "C" fn read_vec<C: VecClass, R: Read<C::Cell>>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        let signature = const { &signature(R::NAME, &[LABELS]) };
        enter::<C>(slf, args, nargs, kwnames, signature, |this, call| {
            let [labels] = call.bind([LABELS])?;
            let value = with_existing(call.py, this, labels, R::read)?;
            new_reference(call.py, value.unwrap_or_default())
        })
    }
}
