//! OpenMetrics 1.0.0 (and 0.0.1, which readers ask for and mean the same by).
//!
//! What the text format allows and OpenMetrics forbids goes out in a form that it takes, with the
//! same names; see [`plan`].

use std::collections::{BTreeMap, HashMap, HashSet};

use super::number::{write_float, write_integer, write_scalar};
use super::text::{sample, write_name};
use super::{Exposed, Format, encode, foreign, visit_all};
use crate::metrics::{
    Exemplar, Family, HistogramReading, Kind, Point, Reading, SummaryReading, escape_value,
};

/// Appends a page. With `created`, counters and histograms show when they were born as `_created`.
pub(super) fn page(families: Vec<Exposed>, created: bool, out: &mut Vec<u8>) {
    let (families, plans) = plan(families);
    encode(&mut OpenMetrics { plans, created }, &families, out);
}

struct OpenMetrics {
    /// One for each family.
    plans: Vec<Plan>,
    created: bool,
}

/// How one family goes out.
#[derive(Default)]
struct Plan {
    /// For a counter, the length of its name without `_total`. A counter without one goes out as
    /// unknown: its name must not change.
    base: Option<usize>,
    /// The values of a family `…_created` that belongs to this one, by their labels as text.
    created: BTreeMap<Vec<u8>, f64>,
}

/// The suffixes that OpenMetrics keeps for samples of these kinds.
fn suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Histogram => &["_bucket", "_count", "_sum", "_created"],
        Kind::Summary => &["_count", "_sum", "_created"],
        _ => &[],
    }
}

/// Decides how each family goes out.
///
/// OpenMetrics keeps the names of all samples apart by family: a counter `x_total` is the family
/// `x`, which must not be another family or one's sample; `x_created` belongs to `x`. So a counter
/// that has no such name of its own is of unknown type, and a gauge `x_created` of another library
/// becomes samples of `x`.
fn plan(families: Vec<Exposed>) -> (Vec<Exposed>, Vec<Plan>) {
    let kinds: HashMap<&str, Kind> = families
        .iter()
        .map(|exposed| (exposed.family.name.as_str(), exposed.family.kind))
        .collect();
    let is_sample = |name: &str| {
        [Kind::Histogram, Kind::Summary].iter().any(|kind| {
            suffixes(*kind).iter().any(|suffix| {
                let family = name.strip_suffix(suffix);
                family.is_some_and(|family| kinds.get(family) == Some(kind))
            })
        })
    };
    let base_of = |exposed: &Exposed| -> Option<usize> {
        let family = &exposed.family;
        let base = family
            .name
            .strip_suffix("_total")
            .filter(|base| !base.is_empty() && family.kind == Kind::Counter)?;
        let created = format!("{base}_created");
        let of_another_counter = base
            .strip_suffix("_created")
            .is_some_and(|other| kinds.contains_key(&*format!("{other}_total")));
        let has_created = kinds.get(&*created);
        let clashes = kinds.contains_key(base)
            || is_sample(base)
            || of_another_counter
            || has_created.is_some_and(|kind| !suffixes(*kind).is_empty());
        (!clashes && is_countable(exposed)).then_some(base.len())
    };
    let bases: Vec<Option<usize>> = families.iter().map(base_of).collect();

    // What may have a family `…_created`, by that name.
    let mut hosts: HashMap<String, usize> = HashMap::new();
    for (position, (exposed, base)) in families.iter().zip(&bases).enumerate() {
        let name = &exposed.family.name;
        match (base, exposed.family.kind) {
            (Some(base), _) => {
                hosts.insert(format!("{}_created", &name[..*base]), position);
            }
            (None, Kind::Histogram | Kind::Summary) => {
                hosts.insert(format!("{name}_created"), position);
            }
            _ => {}
        }
    }
    let mut guests = HashSet::new();
    let mut plans: Vec<Plan> = bases
        .into_iter()
        .map(|base| Plan {
            base,
            ..Plan::default()
        })
        .collect();
    for (position, exposed) in families.iter().enumerate() {
        if let Some(&host) = hosts.get(&exposed.family.name) {
            guests.insert(position);
            for source in &exposed.sources {
                visit_all(&**source, &mut |point| {
                    if let Reading::Scalar(value) = point.reading {
                        let labels = point.labels.text().to_vec();
                        plans[host].created.insert(labels, value.to_f64());
                    }
                });
            }
        }
    }
    families
        .into_iter()
        .zip(plans)
        .enumerate()
        .filter_map(|(position, of)| (!guests.contains(&position)).then_some(of))
        .unzip()
}

/// Whether all values are those of a counter; another library's need not be.
fn is_countable(exposed: &Exposed) -> bool {
    let foreign = exposed.sources.iter().filter_map(foreign::Part::of);
    foreign
        .flat_map(foreign::Part::scalars)
        .all(|value| value >= 0.0)
}

impl Format for OpenMetrics {
    fn begin(&mut self, position: usize, family: &Family, out: &mut Vec<u8>) {
        let base = self.plans[position].base;
        let name = &family.name[..base.unwrap_or(family.name.len())];
        let kind = match family.kind {
            Kind::Counter if base.is_none() => Kind::Unknown,
            kind => kind,
        };
        out.extend_from_slice(b"# TYPE ");
        write_name(name, family.is_quoted, out);
        out.push(b' ');
        out.extend_from_slice(kind.to_string().as_bytes());
        let unit = family.unit.as_deref().filter(|unit| {
            let rest = name.strip_suffix(unit);
            rest.is_some_and(|rest| rest.ends_with('_'))
        });
        if let Some(unit) = unit {
            out.extend_from_slice(b"\n# UNIT ");
            write_name(name, family.is_quoted, out);
            out.push(b' ');
            out.extend_from_slice(unit.as_bytes());
        }
        out.extend_from_slice(b"\n# HELP ");
        write_name(name, family.is_quoted, out);
        out.push(b' ');
        escape_value(&family.help, out);
        out.push(b'\n');
    }

    fn series(&mut self, position: usize, family: &Family, point: &Point<'_>, out: &mut Vec<u8>) {
        let plan = &mut self.plans[position];
        let writer = Writer { family, point };
        match point.reading {
            Reading::Scalar(value) => {
                writer.sample("", b"", out);
                write_scalar(value, out);
                let is_counter = plan.base.is_some();
                writer.end(0, is_counter, out);
            }
            Reading::Histogram(histogram) => writer.histogram(histogram, out),
            Reading::Summary(summary) => writer.summary(summary, out),
        }
        let can_be_created = plan.base.is_some() || !suffixes(family.kind).is_empty();
        let own = point.created.filter(|_| self.created && can_be_created);
        let created = plan
            .created
            .remove(point.labels.text())
            .or(own.map(|time| time.as_secs_f64()));
        if let Some(created) = created {
            write_created(family, plan.base, point.labels.text(), created, out);
        }
    }

    fn end_family(&mut self, position: usize, family: &Family, _start: usize, out: &mut Vec<u8>) {
        // Times of series that are not there. A histogram cannot consist of nothing else.
        let plan = std::mem::take(&mut self.plans[position]);
        if family.kind != Kind::Histogram {
            for (labels, created) in &plan.created {
                write_created(family, plan.base, labels, *created, out);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# EOF\n");
    }
}

fn write_created(
    family: &Family,
    base: Option<usize>,
    labels: &[u8],
    created: f64,
    out: &mut Vec<u8>,
) {
    let name = &family.name[..base.unwrap_or(family.name.len())];
    sample(name, family.is_quoted, "_created", labels, b"", out);
    write_float(created, out);
    out.push(b'\n');
}

/// Writes the samples of one series.
struct Writer<'a> {
    family: &'a Family,
    point: &'a Point<'a>,
}

impl Writer<'_> {
    fn sample(&self, suffix: &str, last: &[u8], out: &mut Vec<u8>) {
        let Family {
            name, is_quoted, ..
        } = self.family;
        sample(
            name,
            *is_quoted,
            suffix,
            self.point.labels.text(),
            last,
            out,
        );
    }

    /// Ends the line of a sample, with the exemplar of this place if the sample may have one.
    fn end(&self, place: usize, may_have_exemplar: bool, out: &mut Vec<u8>) {
        if let Some(timestamp) = self.point.timestamp {
            out.push(b' ');
            write_seconds(timestamp, out);
        }
        if may_have_exemplar
            && let Some(exemplar) = self.point.exemplars.and_then(|all| all.at(place))
        {
            write_exemplar(&exemplar, out);
        }
        out.push(b'\n');
    }

    fn histogram(&self, histogram: HistogramReading<'_>, out: &mut Vec<u8>) {
        let mut count = 0;
        let buckets = histogram
            .buckets
            .labels()
            .iter()
            .zip(histogram.cumulative());
        for (place, (le, cumulative)) in buckets.enumerate() {
            count = cumulative;
            self.sample("_bucket", le, out);
            write_integer(count, out);
            self.end(place, true, out);
        }
        // A sum is the total of what is never negative; without it there is no count either.
        let has_negative_bound = histogram
            .buckets
            .bounds()
            .first()
            .is_some_and(|first| *first < 0.0);
        if let Some(sum) = histogram.sum
            && sum >= 0.0
            && !has_negative_bound
        {
            self.sample("_sum", b"", out);
            write_float(sum, out);
            self.end(0, false, out);
            self.sample("_count", b"", out);
            write_integer(count, out);
            self.end(0, false, out);
        }
    }

    fn summary(&self, summary: &SummaryReading, out: &mut Vec<u8>) {
        let quantiles = summary.quantiles.iter();
        let quantiles = quantiles.map(|(_, label, value)| ("", &**label, Some(*value)));
        let totals = [("_sum", summary.sum), ("_count", summary.count)];
        let totals = totals.map(|(suffix, value)| (suffix, b"".as_slice(), value));
        for (suffix, last, value) in quantiles.chain(totals) {
            // Quantiles may be NaN, totals not; neither may be negative.
            let value = value.filter(|value| *value >= 0.0 || value.is_nan() && suffix.is_empty());
            if let Some(value) = value {
                self.sample(suffix, last, out);
                write_float(value, out);
                self.end(0, false, out);
            }
        }
    }
}

/// Writes milliseconds as seconds.
pub(super) fn write_seconds(millis: i64, out: &mut Vec<u8>) {
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    let text = format!("{sign}{}.{:03}", millis / 1000, millis % 1000);
    out.extend_from_slice(text.as_bytes());
}

/// Writes ` # {labels} value time`.
pub(super) fn write_exemplar(exemplar: &Exemplar, out: &mut Vec<u8>) {
    out.extend_from_slice(b" # {");
    for (position, (name, value)) in exemplar.labels.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escape_value(value, out);
        out.push(b'"');
    }
    out.extend_from_slice(b"} ");
    write_float(exemplar.value, out);
    out.push(b' ');
    write_seconds(exemplar.time.as_millis() as i64, out);
}
