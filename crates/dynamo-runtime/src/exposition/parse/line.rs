//! The parser for one line of Prometheus' text formats and OpenMetrics.

use std::time::Duration;

/// A parsed line.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    Help {
        family: String,
        text: String,
    },
    Type {
        family: String,
        kind: &'a str,
    },
    Unit {
        family: String,
        unit: &'a str,
    },
    /// The end of an OpenMetrics exposition.
    Eof,
    Sample(Sample<'a>),
    /// A comment or an empty line.
    Empty,
    /// An invalid line, with the name it seems to have.
    Invalid {
        name: Option<String>,
    },
}

/// A name, labels and a value.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    /// In the unit of the format: milliseconds or seconds.
    pub(super) timestamp: Option<f64>,
    /// The text of the exemplar, for [`exemplar`].
    pub(super) exemplar: Option<&'a str>,
}

/// An exemplar before its validation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawExemplar {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    /// Since 1970, UTC.
    pub(super) time: Option<Duration>,
}

/// Parses one line, without its line feed.
pub(super) fn parse(line: &str) -> Line<'_> {
    let line = line.trim();
    if line.is_empty() {
        return Line::Empty;
    }
    if let Some(comment) = line.strip_prefix('#') {
        return comment_line(comment);
    }
    let mut cursor = Cursor { rest: line };
    match cursor.sample() {
        Some(sample) => Line::Sample(sample),
        None => Line::Invalid {
            name: Cursor { rest: line }.any_name(),
        },
    }
}

/// Parses the text after a sample's `#`.
pub(super) fn exemplar(text: &str) -> Option<RawExemplar> {
    Cursor { rest: text }.exemplar()
}

fn comment_line(comment: &str) -> Line<'_> {
    let mut cursor = Cursor { rest: comment };
    let keyword = cursor.word();
    if keyword == "EOF" {
        return Line::Eof;
    }
    if !["HELP", "TYPE", "UNIT"].contains(&keyword) {
        return Line::Empty;
    }
    cursor.skip_blanks();
    let Some(family) = cursor.name() else {
        return Line::Invalid { name: None };
    };
    let text = cursor.rest.trim_start_matches([' ', '\t']);
    match keyword {
        "HELP" => Line::Help {
            family,
            text: unescape(text),
        },
        "TYPE" => Line::Type { family, kind: text },
        _ => Line::Unit { family, unit: text },
    }
}

/// The rest of a line.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Consumes `text`, if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Consumes everything up to the next blank.
    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let end = self.rest.find([' ', '\t']).unwrap_or(self.rest.len());
        self.split(end)
    }

    fn split(&mut self, end: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// A name: in quotes, or of `[a-zA-Z0-9_:]`.
    fn name(&mut self) -> Option<String> {
        if self.rest.starts_with('"') {
            return self.quoted().filter(|name| !name.is_empty());
        }
        let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
        let end = self
            .rest
            .find(|char| !allowed(char))
            .unwrap_or(self.rest.len());
        let name = self.split(end);
        let starts_well = !name.starts_with(|char: char| char.is_ascii_digit());
        (!name.is_empty() && starts_well).then(|| name.to_owned())
    }

    /// The name that an invalid line seems to have.
    fn any_name(&mut self) -> Option<String> {
        self.take("{");
        self.name()
    }

    /// A quoted text.
    fn quoted(&mut self) -> Option<String> {
        if !self.take("\"") {
            return None;
        }
        let mut escaped = false;
        let end = self.rest.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        })?;
        let text = unescape(self.split(end));
        self.take("\"");
        Some(text)
    }

    fn sample(&mut self) -> Option<Sample<'a>> {
        let (name, labels) = if self.take("{") {
            // The quoted name comes before the labels.
            self.skip_blanks();
            let name = self.quoted().filter(|name| !name.is_empty())?;
            self.skip_blanks();
            self.take(",");
            (name, self.labels()?)
        } else {
            let name = self.name()?;
            self.skip_blanks();
            let labels = if self.take("{") {
                self.labels()?
            } else {
                Vec::new()
            };
            (name, labels)
        };
        let value = number(self.word())?;
        self.skip_blanks();
        let timestamp = match self.rest {
            "" => None,
            rest if rest.starts_with('#') => None,
            _ => Some(number(self.word()).filter(|time| time.is_finite())?),
        };
        self.skip_blanks();
        let exemplar = self.take("#").then(|| self.split(self.rest.len()));
        self.rest.is_empty().then_some(Sample {
            name,
            labels,
            value,
            timestamp,
            exemplar,
        })
    }

    /// Labels up to and with the closing brace, sorted by name. `None` for a duplicate name.
    fn labels(&mut self) -> Option<Vec<(String, String)>> {
        let mut labels: Vec<(String, String)> = Vec::new();
        loop {
            self.skip_blanks();
            if self.take("}") {
                labels.sort_unstable();
                let is_duplicate = labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
                // A label without a value is no label (Prometheus' data model).
                labels.retain(|(_, value)| !value.is_empty());
                return (!is_duplicate).then_some(labels);
            }
            let name = self.name()?;
            self.skip_blanks();
            if !self.take("=") {
                return None;
            }
            self.skip_blanks();
            let value = self.quoted()?;
            // These names are reserved for scrapers.
            if name.starts_with("__") {
                return None;
            }
            // Kept until the end, for the check for duplicates.
            labels.push((name, value));
            self.skip_blanks();
            if !self.take(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
    }

    fn exemplar(&mut self) -> Option<RawExemplar> {
        self.skip_blanks();
        if !self.take("{") {
            return None;
        }
        let labels = self.labels()?;
        let value = number(self.word())?;
        self.skip_blanks();
        let time = match self.rest {
            "" => None,
            _ => Some(seconds(self.word())?),
        };
        self.skip_blanks();
        self.rest.is_empty().then_some(RawExemplar {
            labels,
            value,
            time,
        })
    }
}

/// A time in seconds, as its decimal digits say: a float has no exact milliseconds.
fn seconds(text: &str) -> Option<Duration> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let mantissa = mantissa.strip_prefix('+').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    let zeros = digits.len() - significant.len();
    // The number of significant digits before the decimal point.
    let point = whole.len() as i64 - zeros as i64 + i64::from(exponent);
    const LONGEST: i64 = 20;
    if point > LONGEST && !significant.is_empty() {
        return None;
    }
    let digits = significant.bytes().chain(std::iter::repeat(b'0'));
    let nanos = digits
        .take((point.min(LONGEST) + 9).max(0) as usize)
        .fold(0, |nanos, digit| nanos * 10 + u128::from(digit - b'0'));
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).ok()?;
    Some(Duration::new(seconds, (nanos % SECOND) as u32))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Replaces `\\`, `\"` and `\n`. Other characters after a backslash are kept with the backslash.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some(escaped @ ('\\' | '"')) => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(line: &str) -> Option<Sample<'_>> {
        match parse(line) {
            Line::Sample(sample) => Some(sample),
            _ => None,
        }
    }

    #[test]
    fn the_time_of_an_exemplar_is_exact() {
        for millis in 0..1000 {
            let expected = Duration::new(1_708_470_054, millis * 1_000_000);
            for text in [
                format!("1708470054.{millis:03}"),
                format!("1.708470054{millis:03}e+09"),
                format!("1708470054{millis:03}E-3"),
            ] {
                assert_eq!(seconds(&text), Some(expected), "{text}");
            }
        }
        for (text, expected) in [
            ("+7", Duration::from_secs(7)),
            (".5", Duration::from_millis(500)),
            ("001.5e3", Duration::from_secs(1500)),
            ("0.001e3", Duration::from_secs(1)),
            ("0.1234567891", Duration::new(0, 123_456_789)),
            ("1e-2000000000", Duration::ZERO),
            ("0e2000000000", Duration::ZERO),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            ".",
            "-1",
            "x",
            "1e",
            "e1",
            "NaN",
            "Inf",
            "99999999999999999999",
            "1e2000000000",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_label_without_a_value_is_no_label() {
        let read = sample("x{a=\"\",b=\"1\"} 1").unwrap();
        assert_eq!(read.labels, [("b".to_owned(), "1".to_owned())]);
        assert_eq!(sample("x{a=\"\",a=\"1\"} 1"), None);
    }

    #[test]
    fn a_sample_is_read_with_all_it_may_have() {
        let read = sample("a:b_1{x=\"1\", y = \"\\\\\\\"\\n}\" ,} -1.5e3 1520879607.789 # {trace_id=\"t\"} 0.5 1520879600").unwrap();
        let pairs = |labels: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
            labels.iter().map(owned).collect()
        };
        assert_eq!(read.name, "a:b_1");
        assert_eq!(read.labels, pairs(&[("x", "1"), ("y", "\\\"\n}")]));
        assert_eq!(
            (read.value, read.timestamp),
            (-1500.0, Some(1_520_879_607.789))
        );
        let exemplar = read.exemplar.and_then(exemplar).unwrap();
        assert_eq!(exemplar.labels, pairs(&[("trace_id", "t")]));
        assert_eq!(exemplar.time, Some(Duration::from_secs(1_520_879_600)));
    }

    #[test]
    fn an_exemplar_has_labels_a_value_and_perhaps_a_time() {
        assert!(exemplar("{} 1").is_some() && exemplar(" {a=\"b\"}  NaN 5 ").is_some());
        for text in [
            "",
            "1",
            "{} ",
            "{a=\"b\"}",
            "{a=b} 1",
            "{} one",
            "{} 1 x",
            "{} 1 -5",
            "{} 1 5 6",
        ] {
            assert_eq!(exemplar(text), None, "{text}");
            let line = format!("x 1 #{text}");
            assert_eq!(sample(&line).unwrap().exemplar, Some(text.trim_end()));
        }
    }

    #[test]
    fn names_of_any_characters_stand_in_quotes() {
        let read = sample("{\"http.requests\",\"a.b\"=\"c\"} 1").unwrap();
        assert_eq!(read.name, "http.requests");
        assert_eq!(read.labels, [("a.b".to_owned(), "c".to_owned())]);
        assert_eq!(sample("{\"x\"} +Inf").unwrap().value, f64::INFINITY);
        assert!(sample("x NaN").unwrap().value.is_nan());
    }

    #[test]
    fn an_invalid_line_has_the_name_it_seems_to_have() {
        for line in [
            "x",
            "x{",
            "x{a=\"1\"",
            "x{a=1} 1",
            "x{a=\"1\" b=\"2\"} 1",
            "x{a=\"1\",a=\"2\"} 1",
            "x one",
            "x 1 2 3",
            "x{a=\"\\\"} 1",
            "x{=\"1\"} 1",
            "x 1 NaN",
            "x{__name__=\"y\"} 1",
            "x{\"__x\"=\"y\"} 1",
        ] {
            let name = Some("x".to_owned());
            assert_eq!(parse(line), Line::Invalid { name }, "{line}");
        }
        for line in ["1x 1", "{a=\"b\"} 1", "{\"\"} 1", "é 1", "= 1"] {
            assert!(matches!(parse(line), Line::Invalid { .. }), "{line}");
        }
    }

    #[test]
    fn comments_are_read_if_they_describe_a_family() {
        let help = parse("# HELP x some \\\\ \\n text ");
        assert_eq!(
            help,
            Line::Help {
                family: "x".into(),
                text: "some \\ \n text".into()
            }
        );
        assert_eq!(
            parse("# TYPE \"a.b\" gauge"),
            Line::Type {
                family: "a.b".into(),
                kind: "gauge"
            }
        );
        assert_eq!(
            parse("# UNIT x seconds"),
            Line::Unit {
                family: "x".into(),
                unit: "seconds"
            }
        );
        assert_eq!(
            parse("# HELP x"),
            Line::Help {
                family: "x".into(),
                text: String::new()
            }
        );
        assert_eq!(parse("# EOF"), Line::Eof);
        for line in ["# a comment", "#", "", "   ", "# HELPER x y"] {
            assert_eq!(parse(line), Line::Empty, "{line}");
        }
        assert_eq!(parse("# TYPE"), Line::Invalid { name: None });
    }
}
