//! The parser for external expositions: Prometheus' text formats and OpenMetrics 1.
//!
//! Families get the names of their samples: OpenMetrics' counter `x` with the sample `x_total` becomes the
//! counter `x_total`, and its sample `x_created` a gauge.

mod family;
mod line;

use std::collections::HashMap;

use self::family::{FamilyBuilder, Role};
use self::line::{Line, Sample};
use super::external::ExternalFamily;
use super::merge::Dropped;
use crate::metrics::Kind;

/// Which families of an external exposition are shown, and which labels they get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Labels that are added to series without a label of the same name.
    pub(crate) labels: Vec<(String, String)>,
    /// The prefixes of which a family's name must have one; empty for any name.
    pub(crate) prefixes: Vec<String>,
    /// The prefixes that a family's name must not have.
    pub(crate) exclude: Vec<String>,
}

impl Rules {
    fn include(&self, family: &str) -> bool {
        let begins = |prefixes: &[String]| prefixes.iter().any(|prefix| family.starts_with(prefix));
        (self.prefixes.is_empty() || begins(&self.prefixes)) && !begins(&self.exclude)
    }
}

/// A parsed external exposition.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) families: Vec<ExternalFamily>,
    pub(crate) dropped: Dropped,
}

/// Parses an external exposition. A family with an invalid line is dropped; other families are kept.
pub(crate) fn parse(text: &str, rules: &Rules) -> Parsed {
    let mut parser = Parser {
        // Timestamps are milliseconds in Prometheus' formats and seconds in OpenMetrics.
        is_openmetrics: text.lines().any(|line| line.trim_end() == "# EOF"),
        ..Parser::default()
    };
    for text in text.lines() {
        match line::parse(text) {
            Line::Empty => {}
            Line::Eof => break,
            Line::Help { family, text } => {
                parser.declaration(&family).help.get_or_insert(text);
            }
            Line::Unit { family, unit } => {
                let unit = unit.to_owned();
                parser.declaration(&family).unit.get_or_insert(unit);
            }
            Line::Type { family, kind } => parser.declare_type(&family, kind),
            Line::Sample(sample) => parser.add(sample),
            Line::Invalid { name: Some(name) } => parser.invalidate(&name),
            Line::Invalid { name: None } => parser.invalid_lines += 1,
        }
    }
    parser.finish(rules)
}

/// The comment lines of a family.
#[derive(Debug, Default)]
struct Declaration {
    kind: Option<Declared>,
    help: Option<String>,
    unit: Option<String>,
}

/// The types that comment lines declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Declared {
    Kind(Kind),
    GaugeHistogram,
    Info,
}

/// The state of the parser.
#[derive(Default)]
struct Parser {
    is_openmetrics: bool,
    declarations: HashMap<String, Declaration>,
    families: HashMap<String, FamilyBuilder>,
    /// The names of the families in order of appearance.
    order: Vec<String>,
    /// The number of invalid lines that belong to no family.
    invalid_lines: u64,
}

impl Parser {
    fn declaration(&mut self, family: &str) -> &mut Declaration {
        self.declarations.entry(family.to_owned()).or_default()
    }

    fn declare_type(&mut self, family: &str, kind: &str) {
        let kind = match kind {
            "counter" => Declared::Kind(Kind::Counter),
            "gauge" | "stateset" => Declared::Kind(Kind::Gauge),
            "histogram" => Declared::Kind(Kind::Histogram),
            "summary" => Declared::Kind(Kind::Summary),
            "untyped" | "unknown" => Declared::Kind(Kind::Unknown),
            "gaugehistogram" => Declared::GaugeHistogram,
            "info" => Declared::Info,
            _ => return self.invalidate(family),
        };
        let before = *self.declaration(family).kind.get_or_insert(kind);
        if before != kind {
            self.invalidate(family);
        }
    }

    /// The family of a sample: its name, its kind, the name of its declaration, and the sample's role.
    fn family_of(&self, sample: &str) -> (String, Kind, String, Role) {
        let declared = |name: &str| self.declarations.get(name).and_then(|found| found.kind);
        let scalar = |kind, of: &str| (sample.to_owned(), kind, of.to_owned(), Role::Scalar);
        match declared(sample) {
            Some(Declared::Kind(Kind::Summary)) => {
                let name = sample.to_owned();
                return (name.clone(), Kind::Summary, name, Role::Quantile);
            }
            Some(Declared::Kind(Kind::Histogram) | Declared::GaugeHistogram) => {
                let name = sample.to_owned();
                return (name.clone(), Kind::Histogram, name, Role::Misplaced);
            }
            Some(Declared::Kind(kind)) => return scalar(kind, sample),
            Some(Declared::Info) => return scalar(Kind::Gauge, sample),
            None => {}
        }
        let Some((base, suffix)) = sample
            .rfind('_')
            .filter(|at| *at > 0)
            .map(|at| sample.split_at(at))
        else {
            return scalar(Kind::Unknown, sample);
        };
        let role = match suffix {
            "_bucket" => Role::Bucket,
            "_sum" => Role::Sum,
            _ => Role::Count,
        };
        match (declared(base), suffix) {
            (Some(Declared::Kind(kind @ Kind::Histogram)), "_bucket" | "_sum" | "_count")
            | (Some(Declared::Kind(kind @ Kind::Summary)), "_sum" | "_count") => {
                (base.to_owned(), kind, base.to_owned(), role)
            }
            (Some(Declared::Kind(Kind::Counter)), "_total") => scalar(Kind::Counter, base),
            (Some(Declared::Info), "_info") => scalar(Kind::Gauge, base),
            (Some(Declared::Kind(Kind::Counter | Kind::Histogram | Kind::Summary)), "_created") => {
                scalar(Kind::Gauge, base)
            }
            (Some(Declared::GaugeHistogram), "_bucket" | "_gsum" | "_gcount") => {
                scalar(Kind::Unknown, base)
            }
            _ => scalar(Kind::Unknown, sample),
        }
    }

    fn family(&mut self, sample: &str) -> (&mut FamilyBuilder, Role) {
        let (name, kind, described_by, role) = self.family_of(sample);
        let family = self.families.entry(name.clone()).or_insert_with(|| {
            self.order.push(name);
            FamilyBuilder::new(kind, described_by)
        });
        (family, role)
    }

    fn add(&mut self, sample: Sample) {
        let unit = if self.is_openmetrics { 1000.0 } else { 1.0 };
        let name = sample.name.clone();
        let (family, role) = self.family(&name);
        family.add(sample, role, unit);
    }

    fn invalidate(&mut self, name: &str) {
        self.family(name).0.is_invalid = true;
    }

    fn finish(mut self, rules: &Rules) -> Parsed {
        let mut parsed = Parsed::default();
        parsed.dropped.families = self.invalid_lines;
        for name in self.order {
            let Some(family) = self.families.remove(&name).filter(|_| rules.include(&name)) else {
                continue;
            };
            let declaration = self.declarations.get(&family.described_by);
            let help = declaration.and_then(|found| found.help.clone());
            let unit = declaration.and_then(|found| found.unit.clone());
            match family.into_external(name, help.unwrap_or_default(), unit, &rules.labels) {
                Some((external, duplicates)) => {
                    parsed.families.push(external);
                    parsed.dropped.series += duplicates;
                }
                None => parsed.dropped.families += 1,
            }
        }
        parsed
    }
}

#[cfg(test)]
mod tests;
