//! The parser for external expositions: Prometheus' text formats and OpenMetrics 1.
//!
//! Families get the names of their samples: OpenMetrics' counter `x` with the sample `x_total` becomes the
//! counter `x_total`, and its sample `x_created` a gauge.

mod family;
mod line;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use self::family::{FamilyBuilder, Role};
use self::line::{Line, Sample};
use super::external::{ExternalFamily, ExternalValue};
use super::loss::{Loss, Reason};
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
    /// What is not shown; the name of the callback is not set.
    pub(crate) losses: Vec<Loss>,
}

/// Parses an external exposition. Drops what is not valid: a line, or a series whose samples contradict each
/// other. `source` is the name of the callback.
pub(crate) fn parse(text: &str, rules: &Rules, source: &Arc<str>) -> Parsed {
    let mut parser = Parser {
        // Timestamps are milliseconds in Prometheus' formats and seconds in OpenMetrics.
        is_openmetrics: text.lines().any(|line| line.trim_end() == "# EOF"),
        ..Parser::default()
    };
    for (text, line) in text.lines().zip(1..) {
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
            Line::Type { family, kind } => parser.declare_type(&family, kind, line),
            Line::Sample(sample) => parser.add(sample, line),
            Line::Invalid { name } => parser.invalid_lines.push((name.unwrap_or_default(), line)),
        }
    }
    let mut parsed = parser.finish(rules, source);
    quote_lines(&mut parsed.losses, text);
    parsed
}

/// Adds to each loss the beginning of its line.
fn quote_lines(losses: &mut [Loss], text: &str) {
    const LONGEST: usize = 120;
    if losses.is_empty() {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    for loss in losses {
        let line = loss.line.checked_sub(1).and_then(|index| lines.get(index));
        loss.text = line.map_or("", |line| line).chars().take(LONGEST).collect();
    }
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
    /// The names that invalid lines seem to have, and their numbers.
    invalid_lines: Vec<(String, usize)>,
}

impl Parser {
    fn declaration(&mut self, family: &str) -> &mut Declaration {
        self.declarations.entry(family.to_owned()).or_default()
    }

    fn declare_type(&mut self, family: &str, kind: &str, line: usize) {
        let kind = match kind {
            "counter" => Declared::Kind(Kind::Counter),
            "gauge" | "stateset" => Declared::Kind(Kind::Gauge),
            "histogram" => Declared::Kind(Kind::Histogram),
            "summary" => Declared::Kind(Kind::Summary),
            "untyped" | "unknown" => Declared::Kind(Kind::Unknown),
            "gaugehistogram" => Declared::GaugeHistogram,
            "info" => Declared::Info,
            _ => return self.invalid_lines.push((family.to_owned(), line)),
        };
        let before = *self.declaration(family).kind.get_or_insert(kind);
        if before != kind {
            self.invalid_lines.push((family.to_owned(), line));
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

    fn add(&mut self, sample: Sample<'_>, line: usize) {
        let unit = if self.is_openmetrics { 1000.0 } else { 1.0 };
        let name = sample.name.clone();
        let (family, role) = self.family(&name);
        family.add(sample, role, unit, line);
    }

    fn finish(mut self, rules: &Rules, source: &Arc<str>) -> Parsed {
        let mut parsed = Parsed::default();
        for name in self.order {
            let Some(family) = self.families.remove(&name).filter(|_| rules.include(&name)) else {
                continue;
            };
            let declaration = self.declarations.get(&family.described_by);
            let help = declaration.and_then(|found| found.help.clone());
            let unit = declaration.and_then(|found| found.unit.clone());
            let (external, losses) =
                family.into_external(name, help.unwrap_or_default(), unit, &rules.labels, source);
            parsed.families.extend(external);
            parsed.losses.extend(losses);
        }
        let invalid = self.invalid_lines.into_iter();
        let invalid = invalid.filter(|(name, _)| name.is_empty() || rules.include(name));
        parsed.losses.extend(invalid.map(|(family, line)| Loss {
            reason: Reason::InvalidLine,
            source: Arc::clone(source),
            family,
            line,
            text: String::new(),
            families: 0,
            series: 1,
        }));
        set_created(&mut parsed.families);
        parsed
    }
}

/// Gives the series of counters, histograms and summaries the times of creation that gauges beside them have.
fn set_created(families: &mut [ExternalFamily]) {
    let gauges: HashMap<String, usize> = families
        .iter()
        .enumerate()
        .filter(|(_, external)| external.family.kind == Kind::Gauge)
        .filter_map(|(index, external)| {
            let base = external.family.name.strip_suffix("_created")?;
            Some((base.to_owned(), index))
        })
        .collect();
    if gauges.is_empty() {
        return;
    }
    for index in 0..families.len() {
        let family = &families[index].family;
        let base = match family.kind {
            Kind::Counter => family.name.strip_suffix("_total"),
            Kind::Histogram | Kind::Summary => Some(&*family.name),
            _ => None,
        };
        let Some(gauge) = base.and_then(|base| gauges.get(base)) else {
            continue;
        };
        let gauge = families[*gauge].clone();
        let created = gauge.series().filter_map(|series| match series.value {
            ExternalValue::Scalar(value) => {
                let time = Duration::try_from_secs_f64(value).ok()?;
                Some((&*series.labels.text, round_to_millis(time)))
            }
            _ => None,
        });
        families[index].set_created(&created.collect());
    }
}

/// A float has no exact milliseconds.
fn round_to_millis(time: Duration) -> Duration {
    const HALF: Duration = Duration::from_micros(500);
    Duration::from_millis(time.saturating_add(HALF).as_millis() as u64)
}

#[cfg(test)]
mod tests;
