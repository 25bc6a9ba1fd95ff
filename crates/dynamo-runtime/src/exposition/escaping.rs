//! Escaping schemes, for scrapers that accept only names of `[a-zA-Z0-9_:]`:
//! <https://prometheus.io/docs/instrumenting/escaping_schemes/>.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::encode::ExposedFamily;
use super::external::{ExternalFamily, ExternalSeries};
use super::loss::{Loss, Reason};
use super::merge::{collides, merge};
use crate::metrics::{Collector, ExternalLabels, Family, is_valid_label, is_valid_name};

/// How a name with characters outside `[a-zA-Z0-9_:]` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Escaping {
    /// The name does not change and is quoted.
    AllowUtf8,
    /// Each other character becomes `_`.
    Underscores,
    /// `.` becomes `_dot_`; `_` and each other character become `__`.
    Dots,
    /// `U__` and the name, in which each other character becomes its code point: `_2e_`.
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
    pub(super) const ALL: [Escaping; 4] = [
        Escaping::AllowUtf8,
        Escaping::Underscores,
        Escaping::Dots,
        Escaping::Values,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        // Prometheus' documentation of content negotiation once had this spelling.
        let name = if name == "allow-utf8" {
            "allow-utf-8"
        } else {
            name
        };
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, escaping)| *escaping)
    }

    pub(super) fn metric(self, name: &str) -> Cow<'_, str> {
        self.apply(name, is_valid_name(name), ":")
    }

    fn label(self, name: &str) -> Cow<'_, str> {
        self.apply(name, is_valid_label(name), "")
    }

    /// Characters in `also` are allowed besides letters, digits and `_`.
    fn apply<'a>(self, name: &'a str, is_valid: bool, also: &str) -> Cow<'a, str> {
        // A valid name does not change in any scheme.
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

/// Escapes the names of the families. Families that then have the same name are merged, ours before external
/// ones and valid names before escaped ones. Returns what the merge dropped.
pub(super) fn escape(
    escaping: Escaping,
    families: Vec<ExposedFamily>,
) -> (Vec<ExposedFamily>, Vec<Loss>) {
    let needs_escaping = |collector: &Arc<dyn Collector>| {
        ExternalFamily::of(collector).is_some_and(ExternalFamily::needs_escaping)
    };
    let any_needs_escaping = |exposed: &ExposedFamily| {
        exposed.family.is_quoted || exposed.collectors.iter().any(needs_escaping)
    };
    let mut losses = Vec::new();
    if escaping == Escaping::AllowUtf8 || !families.iter().any(any_needs_escaping) {
        return (families, losses);
    }
    let mut plain = BTreeMap::new();
    let mut own = Vec::new();
    let mut external = Vec::new();
    let mut escaped = Vec::new();
    for ExposedFamily { family, collectors } in families {
        let mut ours = Vec::new();
        for collector in collectors {
            match ExternalFamily::of(&collector) {
                None => ours.push(collector),
                Some(of_family) if of_family.needs_escaping() => {
                    let (of_family, lost) = escape_external(escaping, &family, of_family);
                    losses.extend(lost);
                    escaped.push(of_family);
                }
                Some(of_family) => external.push(of_family.clone()),
            }
        }
        if ours.is_empty() {
            continue;
        }
        let name = family.name.clone();
        let exposed = ExposedFamily {
            family,
            collectors: ours,
        };
        if exposed.family.is_quoted {
            own.push(exposed);
        } else {
            plain.insert(name, exposed);
        }
    }
    for exposed in own {
        let name = exposed.family.name.clone();
        if !add_escaped(escaping, exposed, &mut plain) {
            losses.push(Loss {
                reason: Reason::Escaping,
                source: "".into(),
                family: name,
                line: 0,
                text: String::new(),
                families: 1,
                series: 0,
            });
        }
    }
    let plain = plain.into_values().collect();
    let (families, by_merge) = merge(plain, external.into_iter().chain(escaped));
    losses.extend(by_merge);
    (families, losses)
}

/// Adds a family of our own under its escaped name. Returns false if another family, or one of its samples,
/// has that name or a name of the family's samples.
fn add_escaped(
    escaping: Escaping,
    ExposedFamily { family, collectors }: ExposedFamily,
    families: &mut BTreeMap<String, ExposedFamily>,
) -> bool {
    let family = Arc::new(Family {
        name: escaping.metric(&family.name).into_owned(),
        is_quoted: false,
        ..(*family).clone()
    });
    let is_free = !families.contains_key(&family.name) && !collides(families, &family);
    if is_free {
        families.insert(family.name.clone(), ExposedFamily { family, collectors });
    }
    is_free
}

/// Escapes the names of one family. Drops series of which two labels get the same name, or one a name that
/// is reserved for scrapers, such as `__name__`.
fn escape_external(
    escaping: Escaping,
    family: &Family,
    external: &ExternalFamily,
) -> (ExternalFamily, Option<Loss>) {
    let family = Family {
        name: escaping.metric(&family.name).into_owned(),
        is_quoted: false,
        ..family.clone()
    };
    let mut dropped_series = 0;
    let mut all = Vec::new();
    for series in external.series() {
        let pairs = series.labels.pairs.iter().map(|(name, value)| {
            let name = escaping.label(name);
            (name.into_owned(), value.clone())
        });
        let labels = ExternalLabels::new(pairs.collect());
        let is_twice = labels.pairs.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if is_twice || labels.pairs.iter().any(|(name, _)| name.starts_with("__")) {
            dropped_series += 1;
            continue;
        }
        all.push(ExternalSeries {
            labels,
            ..series.clone()
        });
    }
    let (external, duplicates) = external.with(Arc::new(family), all);
    let lost = external.lost_series(Reason::Escaping, dropped_series + duplicates);
    (external, lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escaping: Escaping, name: &str) -> String {
        escaping.metric(name).into_owned()
    }

    #[test]
    fn each_scheme_follows_its_specification() {
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
    fn a_colon_is_allowed_in_metric_names_only() {
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
    fn a_scheme_is_parsed_from_the_name_it_shows() {
        for (name, escaping) in NAMES {
            assert_eq!(Escaping::named(name), Some(escaping));
            assert_eq!(escaping.to_string(), name);
        }
        assert_eq!(Escaping::named("allow-utf8"), Some(Escaping::AllowUtf8));
        assert_eq!(Escaping::named("none"), None);
    }
}
