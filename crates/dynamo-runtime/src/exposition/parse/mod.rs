//! Text of other libraries, read into families: Prometheus' text formats and OpenMetrics 1.
//!
//! Families are named as their samples are: OpenMetrics' counter `x` with the sample `x_total` is
//! the counter `x_total` here, its `x_created` a gauge.

mod family;
mod line;

use std::collections::HashMap;

use self::family::{FamilyText, Role};
use self::line::{Line, Sample};
use super::foreign::Part;
use super::merge::Dropped;
use crate::metrics::Kind;

/// What is taken of a text, and what is added to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Labels for series that do not have them.
    pub(crate) labels: Vec<(String, String)>,
    /// What a family's name must begin with, unless there are none.
    pub(crate) prefixes: Vec<String>,
    /// What it must not begin with.
    pub(crate) exclude: Vec<String>,
}

impl Rules {
    fn take(&self, family: &str) -> bool {
        let begins = |prefixes: &[String]| prefixes.iter().any(|prefix| family.starts_with(prefix));
        (self.prefixes.is_empty() || begins(&self.prefixes)) && !begins(&self.exclude)
    }
}

/// A text, read.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) parts: Vec<Part>,
    pub(crate) dropped: Dropped,
}

/// Reads a text. A family with a line that cannot be understood is dropped whole; the rest is kept.
pub(crate) fn parse(text: &str, rules: &Rules) -> Parsed {
    let mut page = Page {
        // Prometheus' formats count timestamps in milliseconds, OpenMetrics in seconds.
        is_openmetrics: text.lines().any(|line| line.trim_end() == "# EOF"),
        ..Page::default()
    };
    for text in text.lines() {
        match line::read(text) {
            Line::Nothing => {}
            Line::Eof => break,
            Line::Help { family, text } => {
                page.declaration(&family).help.get_or_insert(text);
            }
            Line::Unit { family, unit } => {
                let unit = unit.to_owned();
                page.declaration(&family).unit.get_or_insert(unit);
            }
            Line::Type { family, kind } => page.declare_type(&family, kind),
            Line::Sample(sample) => page.add(sample),
            Line::Garbage { name: Some(name) } => page.spoil(&name),
            Line::Garbage { name: None } => page.lost += 1,
        }
    }
    page.finish(rules)
}

/// What comments say of a family.
#[derive(Debug, Default)]
struct Declaration {
    kind: Option<Declared>,
    help: Option<String>,
    unit: Option<String>,
}

/// The types that texts declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Declared {
    Kind(Kind),
    GaugeHistogram,
    Info,
}

#[derive(Default)]
struct Page {
    is_openmetrics: bool,
    declarations: HashMap<String, Declaration>,
    families: HashMap<String, FamilyText>,
    /// The names of the families in order of appearance.
    order: Vec<String>,
    /// Lines that belong to no family at all.
    lost: u64,
}

impl Page {
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
            _ => return self.spoil(family),
        };
        let before = *self.declaration(family).kind.get_or_insert(kind);
        if before != kind {
            self.spoil(family);
        }
    }

    /// The family of a sample: its name, its kind, whose declaration describes it, and the sample's
    /// role in it.
    fn place_of(&self, sample: &str) -> (String, Kind, String, Role) {
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

    fn family(&mut self, sample: &str) -> (&mut FamilyText, Role) {
        let (name, kind, described_by, role) = self.place_of(sample);
        let family = self.families.entry(name.clone()).or_insert_with(|| {
            self.order.push(name);
            FamilyText::new(kind, described_by)
        });
        (family, role)
    }

    fn add(&mut self, sample: Sample) {
        let unit = if self.is_openmetrics { 1000.0 } else { 1.0 };
        let name = sample.name.clone();
        let (family, role) = self.family(&name);
        family.add(sample, role, unit);
    }

    fn spoil(&mut self, name: &str) {
        self.family(name).0.is_bad = true;
    }

    fn finish(mut self, rules: &Rules) -> Parsed {
        let mut parsed = Parsed::default();
        parsed.dropped.families = self.lost;
        for name in self.order {
            let Some(family) = self.families.remove(&name).filter(|_| rules.take(&name)) else {
                continue;
            };
            let declaration = self.declarations.get(&family.described_by);
            let help = declaration.and_then(|found| found.help.clone());
            let unit = declaration.and_then(|found| found.unit.clone());
            match family.into_part(name, help.unwrap_or_default(), unit, &rules.labels) {
                Some((part, duplicates)) => {
                    parsed.parts.push(part);
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
