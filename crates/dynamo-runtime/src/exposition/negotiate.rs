//! Which format a reader gets: <https://prometheus.io/docs/instrumenting/content_negotiation/>.

use super::escape::{Escaping, escape};
use super::openmetrics;
use super::protobuf::Protobuf;
use super::text::Text;
use super::{Dropped, Exposed, encode, openmetrics2};

/// A format, its version, and what it does with names that not every reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exposition {
    format: Kind,
    escaping: Escaping,
    /// Whether the reader is told which escaping was used.
    says_escaping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text0,
    Text1,
    OpenMetrics0,
    OpenMetrics1,
    OpenMetrics2,
    Protobuf,
}

impl Kind {
    /// Whether the format has a way to write names of any characters.
    fn knows_utf8(self) -> bool {
        !matches!(self, Kind::Text0 | Kind::OpenMetrics0)
    }

    /// Whether the content type must say which escaping was used, asked for or not.
    fn must_say_escaping(self) -> bool {
        matches!(self, Kind::Text1 | Kind::OpenMetrics1)
    }

    fn content_type(self) -> &'static str {
        match self {
            Kind::Text0 => "text/plain; version=0.0.4; charset=utf-8",
            Kind::Text1 => "text/plain; version=1.0.0; charset=utf-8",
            Kind::OpenMetrics0 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Kind::OpenMetrics1 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Kind::OpenMetrics2 => "application/openmetrics-text; version=2.0.0; charset=utf-8",
            Kind::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

impl Exposition {
    /// The text format 0.0.4, which every reader of Prometheus' metrics understands.
    pub(crate) const TEXT: Self = Exposition {
        format: Kind::Text0,
        escaping: Escaping::Underscores,
        says_escaping: false,
    };

    /// The format a reader likes best, from its `Accept`. What cannot be understood is ignored, and
    /// a reader that accepts nothing we have gets [`Exposition::TEXT`].
    ///
    /// Among equals the first one listed wins, as with Prometheus' own libraries.
    pub(crate) fn negotiate<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let ranges = headers.flat_map(|header| split(header, ',').into_iter());
        let ranges: Vec<Range> = ranges.filter_map(Range::read).collect();
        let is_refused = |format: &&Kind| {
            let mut refusals = ranges.iter().filter(|range| range.weight == 0);
            refusals.any(|range| range.formats == [**format])
        };
        let mut best = (Self::TEXT, 0);
        for range in &ranges {
            let format = range.formats.iter().find(|format| !is_refused(format));
            if let Some(&format) = format
                && range.weight > best.1
            {
                best = (Self::new(format, range.escaping), range.weight);
            }
        }
        best.0
    }

    fn new(format: Kind, asked: Option<Escaping>) -> Self {
        let can_be = |escaping: &Escaping| *escaping != Escaping::AllowUtf8 || format.knows_utf8();
        Exposition {
            format,
            escaping: asked.filter(can_be).unwrap_or(Escaping::Underscores),
            says_escaping: asked.is_some() || format.must_say_escaping(),
        }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> String {
        let format = self.format.content_type();
        if self.says_escaping {
            format!("{format}; escaping={}", self.escaping)
        } else {
            format.to_owned()
        }
    }

    /// Appends a page of these families, which are sorted by name.
    ///
    /// With `created`, OpenMetrics 1 shows when counters and histograms were born as samples of
    /// their own; formats that have a place for it always do. Says what there was no place for.
    pub(crate) fn write(self, families: Vec<Exposed>, created: bool, out: &mut Vec<u8>) -> Dropped {
        let (families, dropped) = escape(self.escaping, families);
        match self.format {
            Kind::Text0 | Kind::Text1 => encode(&mut Text::default(), &families, out),
            Kind::OpenMetrics0 | Kind::OpenMetrics1 => openmetrics::page(families, created, out),
            Kind::OpenMetrics2 => openmetrics2::page(families, out),
            Kind::Protobuf => encode(&mut Protobuf, &families, out),
        }
        dropped
    }
}

/// One media range of an `Accept` header.
struct Range {
    /// What it covers of what we have, the first to prefer.
    formats: &'static [Kind],
    escaping: Option<Escaping>,
    /// From 0 to 1000.
    weight: u16,
}

impl Range {
    /// `None` if it covers nothing we have, or makes no sense.
    fn read(range: &str) -> Option<Self> {
        let mut parts = split(range, ';').into_iter();
        let media = parts.next()?.to_ascii_lowercase();
        let parameters: Vec<(String, &str)> = parts
            .filter_map(|part| {
                let (name, value) = part.split_once('=')?;
                let value = value.trim().trim_matches('"');
                Some((name.trim().to_ascii_lowercase(), value))
            })
            .collect();
        let parameter = |name: &str| {
            let found = parameters.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| *value)
        };
        let is_or_missing = |name, value| parameter(name).is_none_or(|given| given == value);
        let formats: &[Kind] = match (media.as_str(), parameter("version")) {
            ("text/plain", None | Some("0.0.4")) => &[Kind::Text0],
            ("text/plain", Some("1.0.0")) => &[Kind::Text1],
            ("application/openmetrics-text", Some("0.0.1")) => &[Kind::OpenMetrics0],
            ("application/openmetrics-text", None | Some("1.0.0")) => &[Kind::OpenMetrics1],
            // Only by its name: the format is not final.
            ("application/openmetrics-text", Some("2.0.0")) => &[Kind::OpenMetrics2],
            ("application/vnd.google.protobuf", _)
                if is_or_missing("proto", "io.prometheus.client.MetricFamily")
                    && is_or_missing("encoding", "delimited") =>
            {
                &[Kind::Protobuf]
            }
            ("text/*", _) => &[Kind::Text0],
            ("application/*", _) => &[Kind::OpenMetrics1, Kind::Protobuf],
            ("*/*", _) => &[Kind::Text0, Kind::OpenMetrics1, Kind::Protobuf],
            _ => return None,
        };
        Some(Range {
            formats,
            escaping: parameter("escaping").and_then(Escaping::named),
            weight: parameter("q").map_or(Some(1000), super::encoding::parse_weight)?,
        })
    }
}

/// Splits at separators outside quotes; the parts are trimmed, empty ones left out.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|char| {
        quoted ^= char == '"';
        char == separator && !quoted
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> String {
        Exposition::negotiate([accept].into_iter()).content_type()
    }

    #[test]
    fn what_prometheus_3_asks_for_is_answered_in_its_first_choice() {
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(
            chosen(accept),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
        let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.2";
        assert_eq!(
            chosen(accept),
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        );
        assert_eq!(
            chosen(
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3"
            ),
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
    }

    #[test]
    fn whoever_asks_for_nothing_in_particular_gets_the_text_format() {
        for accept in [
            "",
            "*/*",
            "text/*",
            "text/plain",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/json",
            "text/plain;version=0.0.4",
            "text/plain;version=7",
            "application/openmetrics-text;version=3.0.0",
            "application/openmetrics-text;q=0, */*",
            "text/plain;q=0, text/*",
            "text/plain;q=0, application/openmetrics-text;q=0, */*;q=0",
            "application/openmetrics-text;q=nonsense",
            "application/vnd.google.protobuf;encoding=text",
            "application/vnd.google.protobuf;proto=other.Message;encoding=delimited",
            ";;;,,=,q=1;\"",
        ] {
            assert_eq!(
                chosen(accept),
                "text/plain; version=0.0.4; charset=utf-8",
                "{accept}"
            );
        }
    }

    #[test]
    fn weights_decide_and_among_equals_the_order() {
        assert!(
            chosen("text/plain;q=0.5,application/openmetrics-text;q=0.6").contains("openmetrics")
        );
        assert!(
            chosen("text/plain;q=0.6,application/openmetrics-text;q=0.5").contains("text/plain")
        );
        assert!(chosen("application/openmetrics-text,text/plain").contains("openmetrics"));
        assert!(chosen("text/plain,application/openmetrics-text").contains("text/plain"));
        assert!(chosen("APPLICATION/OpenMetrics-Text; Version=1.0.0").contains("version=1.0.0"));
    }

    #[test]
    fn a_wildcard_does_not_stand_for_what_is_refused() {
        assert!(chosen("text/plain;q=0, */*").contains("openmetrics"));
        assert!(
            chosen("text/plain;q=0, */*;q=0.1, application/openmetrics-text;q=0")
                .contains("protobuf")
        );
        assert!(chosen("application/*").contains("openmetrics"));
        assert!(chosen("application/*;q=0.1, */*").contains("text/plain"));
    }

    #[test]
    fn openmetrics_2_is_only_for_those_who_name_it() {
        assert!(chosen("application/openmetrics-text;version=2.0.0").contains("version=2.0.0"));
        assert!(chosen("application/openmetrics-text").contains("version=1.0.0"));
        assert!(chosen("application/openmetrics-text;version=\"0.0.1\"").contains("version=0.0.1"));
    }

    #[test]
    fn names_of_any_characters_only_go_where_they_can_be_written() {
        assert_eq!(
            chosen("text/plain;version=0.0.4;escaping=allow-utf-8"),
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        );
        assert_eq!(
            chosen("application/openmetrics-text;version=1.0.0;escaping=dots"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots"
        );
        assert!(chosen("text/plain;version=1.0.0").ends_with("escaping=underscores"));
    }
}
