//! Entry points of the fuzz targets in `fuzz/`: input from outside, and what must hold for any of it. The unit
//! tests run them on the inputs in `fuzz/seeds/`.

#![allow(clippy::missing_panics_doc, reason = "a panic is a finding")]

use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;

use crate::exposition::{
    ContentEncoding, ExposedFamily, ExpositionFormat, Parsed, Rules, merge, parse,
};
use crate::server::{callback_deadline, parse_web_config};

const ACCEPT: &[&str] = &[
    "text/plain;version=0.0.4",
    "text/plain;version=0.0.4;escaping=values",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=0.0.1;escaping=dots",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=2.0.0",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
];

/// Separates the expositions of an input.
const NEXT: &str = "# NEXT\n";

/// Parses external expositions and writes them in every format. What is written can be parsed without loss.
pub fn exposition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let rules = Rules {
        labels: vec![("worker".to_owned(), "1".to_owned())],
        ..Rules::default()
    };
    let parsed = text.split(NEXT).map(|text| parse_all(text, &rules));
    let external = parsed.flat_map(|parsed| parsed.families);
    let (families, _) = merge(Vec::new(), external);
    for accept in ACCEPT {
        let format = ExpositionFormat::negotiate([*accept].into_iter());
        let mut out = Vec::new();
        format.write(families.clone(), None, true, &mut out);
        match std::str::from_utf8(&out) {
            Ok(written) if accept.starts_with("text/plain") => {
                // Escaping can give two families or labels one name, or the name of another's sample.
                if accept.contains("allow-utf-8") {
                    assert_eq!(rewritten(written, format), written);
                }
            }
            Ok(written) if accept.starts_with("application/openmetrics") => {
                assert!(written.ends_with("# EOF\n"), "{written}");
            }
            _ if accept.contains("protobuf") => check_frames(&out),
            written => panic!("{accept}: {written:?}"),
        }
    }
}

fn parse_all(text: &str, rules: &Rules) -> Parsed {
    parse(text, rules, &"fuzz".into())
}

fn rewritten(text: &str, format: ExpositionFormat) -> String {
    let Parsed { families, losses } = parse_all(text, &Rules::default());
    assert!(losses.is_empty(), "{losses:?} in:\n{text}");
    let (families, losses): (Vec<ExposedFamily>, _) = merge(Vec::new(), families.into_iter());
    assert!(losses.is_empty(), "{losses:?} in:\n{text}");
    let mut out = Vec::new();
    format.write(families, None, true, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Checks that messages with their lengths fill the exposition.
fn check_frames(mut rest: &[u8]) {
    while !rest.is_empty() {
        let mut len = 0;
        let mut shift = 0;
        loop {
            let (byte, tail) = rest.split_first().expect("a length has an end");
            rest = tail;
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        rest = rest.get(len..).expect("a message is as long as announced");
    }
}

/// Parses the headers of a scrape: `Accept`, `Accept-Encoding` and the timeout, one on each line.
pub fn headers(data: &[u8]) {
    // As hyper gives them: without control characters, and in ASCII.
    let printable = |line: &&[u8]| line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let mut lines = data
        .split(|byte| *byte == b'\n')
        .filter(printable)
        .filter_map(|line| std::str::from_utf8(line).ok());
    let accept = lines.next().unwrap_or_default();
    let format = ExpositionFormat::negotiate([accept, "*/*;q=0.1"].into_iter());
    let content_type = format.content_type();
    assert!(HeaderValue::from_str(&content_type).is_ok());
    let again = ExpositionFormat::negotiate([content_type.as_str()].into_iter());
    assert_eq!(again, format, "{content_type}");

    let encoding = ContentEncoding::negotiate(lines.next().into_iter());
    if let Some(name) = encoding.name() {
        assert_eq!(ContentEncoding::negotiate([name].into_iter()), encoding);
    }

    let arrival = Instant::now();
    if let Some(deadline) = lines
        .next()
        .and_then(|line| callback_deadline(arrival, line))
    {
        assert!(deadline >= arrival + Duration::from_millis(50));
    }
}

/// Parses a web config file. An error is one line that names the file.
pub fn web_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Values may name files: none of them is there.
    let path = Path::new("/nonexistent/web.yml");
    if let Err(error) = parse_web_config(path, text) {
        let message = error.to_string();
        assert!(message.starts_with("/nonexistent/web.yml"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        let lines = text.split(['\r', '\n']).count() as u64 + 1;
        assert!(error.line.is_none_or(|line| line <= lines), "{message}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn replay(target: &str, run: fn(&[u8])) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
        let seeds: Vec<_> = fs::read_dir(root.join(target)).unwrap().collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            run(&fs::read(path).unwrap());
        }
    }

    #[test]
    fn expositions_of_any_content_are_parsed_and_written() {
        replay("exposition", exposition);
    }

    #[test]
    fn headers_of_any_content_are_parsed() {
        replay("headers", headers);
    }

    #[test]
    fn web_configs_of_any_content_are_parsed() {
        replay("web_config", web_config);
    }
}
