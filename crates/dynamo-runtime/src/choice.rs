//! Settings with a fixed set of values, and values inside messages.

use std::fmt;

use thiserror::Error;

/// A value that is not one of the choices of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is not known: use {choices}", OneLine(value))]
pub struct UnknownChoice {
    /// The value given.
    pub value: String,
    /// The choices.
    pub choices: &'static str,
}

impl UnknownChoice {
    pub(crate) fn parse<T: Copy>(
        value: &str,
        known: &[(&str, T)],
        choices: &'static str,
    ) -> Result<T, Self> {
        let found = known.iter().find(|(name, _)| *name == value);
        found.map(|(_, choice)| *choice).ok_or_else(|| Self {
            value: value.to_owned(),
            choices,
        })
    }
}

/// A value inside a message: on one line, and truncated.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        let mut chars = self.0.chars();
        for char in chars.by_ref().take(SHOWN) {
            if char.is_control() {
                write!(f, "{}", char.escape_default())?;
            } else {
                write!(f, "{char}")?;
            }
        }
        f.write_str(if chars.next().is_some() { "…" } else { "" })
    }
}
