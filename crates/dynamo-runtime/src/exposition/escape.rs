//! Names of any characters, for readers that only know `[a-zA-Z0-9_:]`:
//! <https://prometheus.io/docs/instrumenting/escaping_schemes/>.
//!
//! Our own metrics never have such names; another library's may.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::foreign::{Part, Series};
use super::{Dropped, Exposed, merge};
use crate::metrics::{Family, ForeignLabels, Source, is_valid_label, is_valid_name};

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
        // Prometheus' page about negotiation spelled it so for a while.
        let name = if name == "allow-utf8" {
            "allow-utf-8"
        } else {
            name
        };
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, escaping)| *escaping)
    }

    fn metric(self, name: &str) -> Cow<'_, str> {
        self.apply(name, is_valid_name(name), ":")
    }

    fn label(self, name: &str) -> Cow<'_, str> {
        self.apply(name, is_valid_label(name), "")
    }

    /// `also` is allowed besides letters, digits and `_`.
    fn apply<'a>(self, name: &'a str, is_valid: bool, also: &str) -> Cow<'a, str> {
        // A name that every reader knows is never changed, whatever the scheme says of it.
        if is_valid || self == Escaping::AllowUtf8 {
            return Cow::Borrowed(name);
        }
        let mut out = String::new();
        if self == Escaping::Values {
            out += "U__";
        }
        for (position, char) in name.chars().enumerate() {
            let is_kept = match char {
                '_' => self == Escaping::Underscores,
                '0'..='9' => position > 0,
                _ => char.is_ascii_alphabetic() || also.contains(char),
            };
            match (self, char) {
                _ if is_kept => out.push(char),
                (Escaping::Dots, '.') => out += "_dot_",
                (Escaping::Dots, _) | (Escaping::Values, '_') => out += "__",
                (Escaping::Values, _) => out += &format!("_{:x}_", u32::from(char)),
                _ => out.push('_'),
            }
        }
        out.into()
    }
}

/// The families with names that a reader of this escaping knows. What then has one name is merged;
/// says what that leaves no place for.
pub(super) fn escape(escaping: Escaping, families: Vec<Exposed>) -> (Vec<Exposed>, Dropped) {
    let is_odd = |source: &Arc<dyn Source>| Part::of(source).is_some_and(Part::has_odd_names);
    let has_odd = |exposed: &Exposed| exposed.sources.iter().any(is_odd);
    let mut dropped = Dropped::default();
    if escaping == Escaping::AllowUtf8 || !families.iter().any(has_odd) {
        return (families, dropped);
    }
    let mut plain = Vec::new();
    let mut escaped = Vec::new();
    for Exposed { family, sources } in families {
        let (odd, sources): (Vec<_>, Vec<_>) = sources.into_iter().partition(is_odd);
        for part in odd.iter().filter_map(Part::of) {
            let (part, lost) = escape_part(escaping, &family, part);
            dropped.series += lost;
            escaped.push(part);
        }
        if !sources.is_empty() {
            plain.push(Exposed { family, sources });
        }
    }
    let (families, lost) = merge(plain, escaped.into_iter());
    (families, dropped + lost)
}

/// A series with two labels that get the same name cannot be shown.
fn escape_part(escaping: Escaping, family: &Family, part: &Part) -> (Part, u64) {
    let family = Family {
        name: escaping.metric(&family.name).into_owned(),
        is_quoted: false,
        ..family.clone()
    };
    let mut lost = 0;
    let mut all = Vec::new();
    for series in part.series() {
        let pairs = series.labels.pairs.iter().map(|(name, value)| {
            let name = escaping.label(name);
            (name.into_owned(), value.clone())
        });
        let labels = ForeignLabels::new(pairs.collect());
        if labels.pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            lost += 1;
            continue;
        }
        all.push(Series {
            labels,
            ..series.clone()
        });
    }
    let (part, duplicates) = part.with(Arc::new(family), all);
    (part, lost + duplicates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escaping: Escaping, name: &str) -> String {
        escaping.metric(name).into_owned()
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
    fn a_colon_is_for_metrics_only() {
        for (escaping, label) in [
            (Escaping::Underscores, "a_b"),
            (Escaping::Dots, "a__b"),
            (Escaping::Values, "U__a_3a_b"),
            (Escaping::AllowUtf8, "a:b"),
        ] {
            assert_eq!(escaping.label("a:b"), label);
            assert_eq!(escaping.metric("a:b"), "a:b");
        }
    }

    #[test]
    fn a_scheme_is_known_by_the_name_it_shows() {
        for (name, escaping) in NAMES {
            assert_eq!(Escaping::named(name), Some(escaping));
            assert_eq!(escaping.to_string(), name);
        }
        assert_eq!(Escaping::named("allow-utf8"), Some(Escaping::AllowUtf8));
        assert_eq!(Escaping::named("none"), None);
    }
}
