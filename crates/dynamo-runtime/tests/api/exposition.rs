//! A strict parser of the text format 0.0.4: it accepts only expositions with lines in order, unique series,
//! and histograms with consistent buckets.

use std::collections::{BTreeMap, HashSet};

pub(crate) type Labels = BTreeMap<String, String>;

/// An exposition: its families by name.
#[derive(Debug, Default)]
pub(crate) struct Exposition(pub(crate) BTreeMap<String, Family>);

/// A family with all its samples, including `_bucket`, `_sum` and `_count`.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// Why an exposition is invalid.
type Fault = String;

impl Exposition {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut exposition = Exposition::default();
        let mut open: Option<(String, Family)> = None;
        let mut seen = HashSet::new();
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line does not end".to_owned());
        }
        let mut lines = text.lines().map(Line);
        while let Some(mut line) = lines.next() {
            if line.take("# HELP ") {
                exposition.close(open.take())?;
                let name = line.name()?;
                line.expect(" ")?;
                let help = unescape(line.0, "\\n")?;
                let mut line = lines.next().ok_or("a HELP is the last line")?;
                line.expect(&format!("# TYPE {name} "))?;
                let kind = line.0.to_owned();
                if !["counter", "gauge", "histogram"].contains(&kind.as_str()) {
                    return Err(format!("{name} is of no known type: {kind}"));
                }
                let samples = Vec::new();
                open = Some((
                    name,
                    Family {
                        kind,
                        help,
                        samples,
                    },
                ));
            } else {
                let sample = line.sample()?;
                let (name, family) = open.as_mut().ok_or("a sample comes before any family")?;
                if !family.owns(name, &sample.name) {
                    return Err(format!("{} is no sample of {name}", sample.name));
                }
                if !seen.insert((sample.name.clone(), sample.labels.clone())) {
                    return Err(format!("twice: {} {:?}", sample.name, sample.labels));
                }
                family.samples.push(sample);
            }
        }
        exposition.close(open)?;
        Ok(exposition)
    }

    fn close(&mut self, family: Option<(String, Family)>) -> Result<(), Fault> {
        let Some((name, family)) = family else {
            return Ok(());
        };
        if family.kind == "histogram" {
            family.check_buckets(&name)?;
        }
        match self.0.insert(name.clone(), family) {
            Some(_) => Err(format!("{name} is given twice")),
            None => Ok(()),
        }
    }

    /// The value of the only sample with this name and at least these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let samples = self.0.values().flat_map(|family| &family.samples);
        let mut found = samples.filter(|sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).map(String::as_str) == Some(value)
            };
            sample.name == name && labels.iter().all(has)
        });
        let sample = found.next();
        assert!(found.next().is_none(), "{name} {labels:?} is ambiguous");
        sample.map(|sample| sample.value)
    }
}

impl Family {
    fn owns(&self, name: &str, sample: &str) -> bool {
        match self.kind.as_str() {
            "histogram" => sample
                .strip_prefix(name)
                .is_some_and(|suffix| ["_bucket", "_sum", "_count"].contains(&suffix)),
            _ => sample == name,
        }
    }

    /// Checks that bucket counts do not decrease, and that `+Inf` equals the count.
    fn check_buckets(&self, name: &str) -> Result<(), Fault> {
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for sample in self.samples_of(&format!("{name}_bucket")) {
            let mut labels = sample.labels.clone();
            let le = labels.remove("le").ok_or("a bucket has no le")?;
            let le = le
                .parse()
                .map_err(|_| format!("le is not a number: {le}"))?;
            buckets.entry(labels).or_default().push((le, sample.value));
        }
        for sample in self.samples_of(&format!("{name}_count")) {
            let buckets = buckets
                .remove(&sample.labels)
                .ok_or("a count has no buckets")?;
            let grow = buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
            if !grow || buckets.last() != Some(&(f64::INFINITY, sample.value)) {
                return Err(format!("{name} counts {} in {buckets:?}", sample.value));
            }
        }
        match buckets.keys().next() {
            Some(labels) => Err(format!("{name} {labels:?} has no count")),
            None => Ok(()),
        }
    }

    fn samples_of(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name)
    }
}

/// The rest of a line.
struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    fn take(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, text: &str) -> Result<(), Fault> {
        match self.take(text) {
            true => Ok(()),
            false => Err(format!("{text:?} is missing before {:?}", self.0)),
        }
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(ends).unwrap_or(self.0.len());
        let (found, rest) = self.0.split_at(end);
        self.0 = rest;
        found
    }

    /// The name of a metric or label.
    fn name(&mut self) -> Result<String, Fault> {
        let name = self.until(|char| !char.is_ascii_alphanumeric() && !"_:".contains(char));
        match name.chars().next() {
            Some(first) if !first.is_ascii_digit() => Ok(name.to_owned()),
            _ => Err(format!("no name: {name:?}{:?}", self.0)),
        }
    }

    fn sample(&mut self) -> Result<Sample, Fault> {
        let name = self.name()?;
        let mut labels = Labels::new();
        if self.take("{") {
            loop {
                let label = self.name()?;
                self.expect("=\"")?;
                let value = self.quoted()?;
                if labels.insert(label.clone(), value).is_some() {
                    return Err(format!("{name} has the label {label} twice"));
                }
                if !self.take(",") {
                    break;
                }
            }
            self.expect("}")?;
        }
        self.expect(" ")?;
        let value = self
            .0
            .parse()
            .map_err(|_| format!("{name} has no number: {:?}", self.0))?;
        Ok(Sample {
            name,
            labels,
            value,
        })
    }

    /// A label's value, up to its closing quote.
    fn quoted(&mut self) -> Result<String, Fault> {
        let mut escaped = false;
        let end = self.0.find(|char| {
            let closes = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            closes
        });
        let (value, rest) = self.0.split_at(end.ok_or("a label's value does not end")?);
        self.0 = &rest[1..];
        unescape(value, "\\n\"")
    }
}

/// Replaces escapes of the characters in `allowed`; `n` is a line feed.
fn unescape(text: &str, allowed: &str) -> Result<String, Fault> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(char) if allowed.contains(char) => plain.push(char),
                other => return Err(format!("no escape: {other:?} in {text:?}")),
            },
            char => plain.push(char),
        }
    }
    Ok(plain)
}

#[test]
fn a_valid_exposition_is_parsed() {
    let exposition = Exposition::parse(
        "# HELP a Line\\nfeed, back\\\\slash\n# TYPE a gauge\na{x=\"\\\"\\n\\\\\",y=\"é}\"} -Inf\na 1e3\n",
    )
    .unwrap();
    assert_eq!(exposition.0["a"].help, "Line\nfeed, back\\slash");
    assert_eq!(
        exposition.value("a", &[("x", "\"\n\\"), ("y", "é}")]),
        Some(f64::NEG_INFINITY)
    );
    assert_eq!(exposition.0["a"].samples[1].value, 1000.0);
}

#[test]
fn an_invalid_exposition_is_refused() {
    for (exposition, fault) in [
        ("# HELP a A\n# TYPE a gauge\na 1", "does not end"),
        ("# HELP a A\n", "last line"),
        ("# HELP a A\n# TYPE b gauge\n", "is missing"),
        ("# HELP a A\n# TYPE a thing\n", "no known type"),
        ("a 1\n", "before any family"),
        ("# HELP a A\n# TYPE a gauge\nb 1\n", "no sample of a"),
        ("# HELP a A\n# TYPE a gauge\na 1\na 2\n", "twice: a"),
        (
            "# HELP a A\n# TYPE a gauge\n# HELP a A\n# TYPE a gauge\n",
            "is given twice",
        ),
        (
            "# HELP a A\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
            "the label x twice",
        ),
        ("# HELP a A\n# TYPE a gauge\na{x=\"1} 1\n", "does not end"),
        ("# HELP a A\n# TYPE a gauge\na{x=\"\\t\"} 1\n", "no escape"),
        ("# HELP a A\n# TYPE a gauge\na{1=\"1\"} 1\n", "no name"),
        ("# HELP a A\n# TYPE a gauge\na one\n", "no number"),
        (
            "# HELP a A\n# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
            "a counts 1",
        ),
        (
            "# HELP a A\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 1\n",
            "a counts 1",
        ),
        (
            "# HELP a A\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\n",
            "has no count",
        ),
    ] {
        let error = Exposition::parse(exposition).expect_err(exposition);
        assert!(error.contains(fault), "{exposition}: {error}");
    }
}
