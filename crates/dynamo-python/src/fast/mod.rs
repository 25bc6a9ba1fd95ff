//! The methods that token loops call, entered straight from the interpreter.
//!
//! PyO3's wrappers cost as much as the work itself here, so these are C functions of the kind
//! `METH_FASTCALL | METH_KEYWORDS`, installed as method descriptors on PyO3's classes. One generic
//! function serves all classes for each shape of call: update or read, plain or vec.

#![allow(unsafe_code)]

mod call;
mod children;
mod exemplar;
mod method;
mod ordered;
mod recent;
mod refusal;
mod series;
mod values;
mod verbs;

pub(crate) use method::install;
pub(crate) use recent::Recent;
pub(crate) use verbs::{
    counter, counter_vec, gauge, gauge_vec, histogram, histogram_vec, summary, summary_vec,
};
