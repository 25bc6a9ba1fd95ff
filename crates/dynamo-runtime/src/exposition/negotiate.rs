//! Content negotiation: <https://prometheus.io/docs/instrumenting/content_negotiation/>.

use super::content_encoding::{MAX_ELEMENTS, parse_weight, shortened};
use super::encode::{ExposedFamily, encode};
use super::escaping::{Escaping, escape};
use super::loss::Loss;
use super::openmetrics;
use super::openmetrics2;
use super::protobuf::Protobuf;
use super::selection::Selection;
use super::text::Text;

/// A format, its version, and its escaping scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExpositionFormat {
    syntax: Syntax,
    escaping: Escaping,
    /// Whether the content type names the escaping scheme.
    shows_escaping: bool,
}

/// A format in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Syntax {
    Text0,
    Text1,
    OpenMetrics0,
    OpenMetrics1,
    OpenMetrics2,
    Protobuf,
}

impl Syntax {
    /// Whether the format can write names of any characters.
    fn allows_utf8(self) -> bool {
        !matches!(self, Syntax::Text0 | Syntax::OpenMetrics0)
    }

    /// Whether the content type must name the escaping scheme, even if the scraper has not asked for one.
    fn must_show_escaping(self) -> bool {
        matches!(self, Syntax::Text1 | Syntax::OpenMetrics1)
    }

    fn content_type(self) -> &'static str {
        match self {
            Syntax::Text0 => "text/plain; version=0.0.4; charset=utf-8",
            Syntax::Text1 => "text/plain; version=1.0.0; charset=utf-8",
            Syntax::OpenMetrics0 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Syntax::OpenMetrics1 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Syntax::OpenMetrics2 => "application/openmetrics-text; version=2.0.0; charset=utf-8",
            Syntax::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

impl ExpositionFormat {
    /// The text format 0.0.4, which every scraper supports.
    pub(crate) const TEXT: Self = ExpositionFormat {
        syntax: Syntax::Text0,
        escaping: Escaping::Underscores,
        shows_escaping: false,
    };

    /// The format that a scraper prefers, from its `Accept` headers. Invalid elements are ignored. A scraper
    /// that accepts no supported format gets [`ExpositionFormat::TEXT`].
    ///
    /// Of formats with equal weight, the first one listed wins, as in Prometheus' own libraries. Elements
    /// past [`MAX_ELEMENTS`] are ignored.
    pub(crate) fn negotiate<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let elements = headers.flat_map(|header| split(shortened(header), ','));
        let elements = elements.take(MAX_ELEMENTS);
        let ranges: Vec<Range> = elements.filter_map(Range::read).collect();
        let refused: Vec<&[Syntax]> = ranges
            .iter()
            .filter(|range| range.weight == 0 && range.syntaxes.len() == 1)
            .map(|range| range.syntaxes)
            .collect();
        let is_refused = |syntax: &&Syntax| refused.iter().any(|refused| refused == &[**syntax]);
        let mut best = (Self::TEXT, 0);
        for range in &ranges {
            let syntax = range.syntaxes.iter().find(|syntax| !is_refused(syntax));
            if let Some(&syntax) = syntax
                && range.weight > best.1
            {
                best = (Self::new(syntax, range.escaping), range.weight);
            }
        }
        best.0
    }

    fn new(syntax: Syntax, asked: Option<Escaping>) -> Self {
        let is_possible =
            |escaping: &Escaping| *escaping != Escaping::AllowUtf8 || syntax.allows_utf8();
        ExpositionFormat {
            syntax,
            escaping: asked.filter(is_possible).unwrap_or(Escaping::Underscores),
            shows_escaping: asked.is_some() || syntax.must_show_escaping(),
        }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> String {
        let content_type = self.syntax.content_type();
        if self.shows_escaping {
            format!("{content_type}; escaping={}", self.escaping)
        } else {
            content_type.to_owned()
        }
    }

    /// Appends the exposition of these families, which are sorted by name: of all, or of those selected.
    ///
    /// With `created`, OpenMetrics 1 has `_created` samples; OpenMetrics 2 and protobuf always show creation
    /// times. Returns what was dropped because names or labels are the same in this format.
    pub(crate) fn write(
        self,
        families: Vec<ExposedFamily>,
        selection: Option<&Selection>,
        created: bool,
        out: &mut Vec<u8>,
    ) -> Vec<Loss> {
        let (mut families, mut losses) = escape(self.escaping, families);
        if let Some(selection) = selection {
            selection.retain(self.escaping, &mut families);
        }
        losses.extend(match self.syntax {
            Syntax::Text0 | Syntax::Text1 => encode(&mut Text::default(), &families, out),
            Syntax::OpenMetrics0 | Syntax::OpenMetrics1 => {
                openmetrics::write(families, created, out)
            }
            Syntax::OpenMetrics2 => openmetrics2::write(families, out),
            Syntax::Protobuf => encode(&mut Protobuf, &families, out),
        });
        losses
    }
}

/// The parameters of a media range that are read. Scrapers send at most four.
const MAX_PARAMETERS: usize = 8;

/// One media range of an `Accept` header.
struct Range {
    /// The supported formats that it covers, the preferred one first.
    syntaxes: &'static [Syntax],
    escaping: Option<Escaping>,
    /// From 0 to 1000.
    weight: u16,
}

impl Range {
    /// `None` if the range is invalid or covers no supported format.
    fn read(range: &str) -> Option<Self> {
        let mut parts = split(range, ';');
        let media = parts.next()?.to_ascii_lowercase();
        let parameters: Vec<(String, &str)> = parts
            .take(MAX_PARAMETERS)
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
        let syntaxes: &[Syntax] = match (media.as_str(), parameter("version")) {
            ("text/plain", None | Some("0.0.4")) => &[Syntax::Text0],
            ("text/plain", Some("1.0.0")) => &[Syntax::Text1],
            ("application/openmetrics-text", Some("0.0.1")) => &[Syntax::OpenMetrics0],
            ("application/openmetrics-text", None | Some("1.0.0")) => &[Syntax::OpenMetrics1],
            // Only for scrapers that name it: the format is not final.
            ("application/openmetrics-text", Some("2.0.0")) => &[Syntax::OpenMetrics2],
            ("application/vnd.google.protobuf", _)
                if is_or_missing("proto", "io.prometheus.client.MetricFamily")
                    && is_or_missing("encoding", "delimited") =>
            {
                &[Syntax::Protobuf]
            }
            ("text/*", _) => &[Syntax::Text0],
            ("application/*", _) => &[Syntax::OpenMetrics1, Syntax::Protobuf],
            ("*/*", _) => &[Syntax::Text0, Syntax::OpenMetrics1, Syntax::Protobuf],
            _ => return None,
        };
        Some(Range {
            syntaxes,
            escaping: parameter("escaping").and_then(Escaping::named),
            weight: parameter("q").map_or(Some(1000), parse_weight)?,
        })
    }
}

/// Splits at separators outside quotes. Parts are trimmed; empty parts are omitted.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |char| {
        quoted ^= char == '"';
        char == separator && !quoted
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> String {
        ExpositionFormat::negotiate([accept].into_iter()).content_type()
    }

    #[test]
    fn prometheus_3_gets_its_first_choice() {
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
    fn the_text_format_is_the_default() {
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
    fn the_weight_decides_and_the_order_breaks_ties() {
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
    fn a_wildcard_does_not_cover_refused_formats() {
        assert!(chosen("text/plain;q=0, */*").contains("openmetrics"));
        assert!(
            chosen("text/plain;q=0, */*;q=0.1, application/openmetrics-text;q=0")
                .contains("protobuf")
        );
        assert!(chosen("application/*").contains("openmetrics"));
        assert!(chosen("application/*;q=0.1, */*").contains("text/plain"));
    }

    #[test]
    fn elements_past_the_limit_are_ignored() {
        let filler = "text/plain;q=0,".repeat(MAX_ELEMENTS - 1);
        let named = "application/openmetrics-text";
        assert!(chosen(&format!("{filler}{named}")).contains("openmetrics"));
        assert!(chosen(&format!("{filler}*/*;q=0.1,{named}")).contains("openmetrics"));
        assert!(chosen(&format!("{filler}a/b,{named}")).contains("text/plain"));
    }

    #[test]
    fn a_long_header_is_read_in_part() {
        for element in ["*/*;q=0.1,", "text/plain;q=0,", ";x=\"a,b\"", ","] {
            let before = element.repeat(62_000 / element.len());
            let accept = format!("{before},application/openmetrics-text");
            assert_eq!(chosen(&accept), chosen("text/plain"), "{element}");
        }
        let accept = "*/*;q=0.1,".repeat(MAX_ELEMENTS - 1) + "application/openmetrics-text";
        assert!(chosen(&accept).contains("openmetrics"));
    }

    #[test]
    fn openmetrics_2_must_be_named() {
        assert!(chosen("application/openmetrics-text;version=2.0.0").contains("version=2.0.0"));
        assert!(chosen("application/openmetrics-text").contains("version=1.0.0"));
        assert!(chosen("application/openmetrics-text;version=\"0.0.1\"").contains("version=0.0.1"));
    }

    #[test]
    fn the_escaping_scheme_is_one_that_the_format_supports() {
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
