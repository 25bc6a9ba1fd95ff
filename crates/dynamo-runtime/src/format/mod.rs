//! Writers for numbers, escaped text and protobuf fields. They do not depend on metrics.

mod escape;
pub(crate) mod number;
pub(crate) mod wire;

pub(crate) use escape::{escape_help, escape_value};
