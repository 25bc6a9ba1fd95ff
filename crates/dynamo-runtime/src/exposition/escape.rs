//! Names of any characters, for readers that only know `[a-zA-Z0-9_:]`:
//! <https://prometheus.io/docs/instrumenting/escaping_schemes/>.
//!
//! Our own metrics never have such names; another library's may.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::foreign::{self, Series};
use super::{Exposed, merge};
use crate::metrics::{Family, ForeignLabels, is_valid_label, is_valid_name};

/// What is done with a name that not every reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Escaping {
    /// It stays, in quotes.
    AllowUtf8,
    /// What is not allowed becomes `_`.
    Underscores,
    /// `.` becomes `_dot_`, `_` and all else that is not allowed `__`.
    Dots,
    /// `U__` and the name, in which what is not allowed becomes its code point: `_2e_`.
    Values,
}

const NAMES: [(&str, Escaping); 4] = [
    ("allow-utf-8", Escaping::AllowUtf8),
    ("underscores", Escaping::Underscores),
    ("dots", Escaping::Dots),
    ("values", Escaping::Values),
];

impl fmt::Display for Escaping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(_, escaping)| escaping == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

impl Escaping {
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, escaping)| *escaping)
    }

    fn apply(self, name: &str, is_valid: impl Fn(&str) -> bool) -> Cow<'_, str> {
        match self {
            // A name that every reader knows is never changed, whatever the scheme says of it.
            _ if is_valid(name) => Cow::Borrowed(name),
            Escaping::AllowUtf8 => Cow::Borrowed(name),
            Escaping::Underscores => self.each(name, "", |_| "_".to_owned()).into(),
            Escaping::Dots => self
                .each(name, "", |char| {
                    (if char == '.' { "_dot_" } else { "__" }).to_owned()
                })
                .into(),
            Escaping::Values => self
                .each(name, "U__", |char| match char {
                    '_' => "__".to_owned(),
                    other => format!("_{:x}_", u32::from(other)),
                })
                .into(),
        }
    }

    fn each(self, name: &str, prefix: &str, replace: impl Fn(char) -> String) -> String {
        let mut out = prefix.to_owned();
        for (position, char) in name.chars().enumerate() {
            let first = position == 0;
            let kept = match char {
                '_' => self == Escaping::Underscores,
                '0'..='9' => !first,
                _ => char.is_ascii_alphabetic() || char == ':',
            };
            if kept {
                out.push(char);
            } else {
                out += &replace(char);
            }
        }
        out
    }
}

/// The families with names that a reader of this escaping knows. What then has one name is merged.
pub(super) fn escape(escaping: Escaping, families: Vec<Exposed>) -> Vec<Exposed> {
    let is_plain = |exposed: &Exposed| {
        let mut parts = exposed.sources.iter().filter_map(foreign::Part::of);
        !exposed.family.is_quoted && parts.all(|part| !part.has_quoted_labels())
    };
    if escaping == Escaping::AllowUtf8 || families.iter().all(is_plain) {
        return families;
    }
    let (plain, quoted): (Vec<_>, Vec<_>) = families.into_iter().partition(is_plain);
    let escaped = quoted.iter().flat_map(|exposed| {
        let parts = exposed.sources.iter().filter_map(foreign::Part::of);
        parts.map(|part| escape_part(escaping, &exposed.family, part))
    });
    let (families, _) = merge(plain, escaped);
    families
}

fn escape_part(escaping: Escaping, family: &Family, part: &foreign::Part) -> foreign::Part {
    let family = Family {
        name: escaping.apply(&family.name, is_valid_name).into_owned(),
        is_quoted: false,
        ..family.clone()
    };
    let series = part.series().map(|series| {
        let pairs = series.labels.pairs.iter().map(|(name, value)| {
            let name = escaping.apply(name, is_valid_label);
            (name.into_owned(), value.clone())
        });
        Series {
            labels: ForeignLabels::new(pairs.collect()),
            ..series.clone()
        }
    });
    part.with(Arc::new(family), series.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escaping: Escaping, name: &str) -> String {
        escaping.apply(name, is_valid_name).into_owned()
    }

    #[test]
    fn each_scheme_gives_the_names_of_its_specification() {
        for (name, underscores, dots, values) in [
            ("plain:name1", "plain:name1", "plain:name1", "plain:name1"),
            ("with_bar", "with_bar", "with_bar", "with_bar"),
            (
                "http.status:sum",
                "http_status:sum",
                "http_dot_status:sum",
                "U__http_2e_status:sum",
            ),
            (
                "label with 😱",
                "label_with__",
                "label__with____",
                "U__label_20_with_20__1f631_",
            ),
            ("a_b.c", "a_b_c", "a__b_dot_c", "U__a__b_2e_c"),
            ("1x", "_x", "__x", "U___31_x"),
        ] {
            assert_eq!(escaped(Escaping::Underscores, name), underscores);
            assert_eq!(escaped(Escaping::Dots, name), dots);
            assert_eq!(escaped(Escaping::Values, name), values);
            assert_eq!(escaped(Escaping::AllowUtf8, name), name);
        }
    }

    #[test]
    fn a_scheme_is_known_by_the_name_it_shows() {
        for (name, escaping) in NAMES {
            assert_eq!(Escaping::named(name), Some(escaping));
            assert_eq!(escaping.to_string(), name);
        }
        assert_eq!(Escaping::named("none"), None);
    }
}
