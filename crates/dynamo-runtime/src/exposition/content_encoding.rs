//! Content encodings (RFC 9110, 8.4.1 and 12.5.3).

use std::cmp::Reverse;
use std::io::{self, Write};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use smallvec::SmallVec;

/// The implementation of a content encoding.
struct Codec {
    names: &'static [&'static str],
    encode: fn(Bytes) -> io::Result<Bytes>,
}

/// The elements of an `Accept` or `Accept-Encoding` header that are read. Browsers and scrapers send at most
/// ten.
pub(super) const MAX_ELEMENTS: usize = 64;

/// The characters of one such header that are read, so that a request costs microseconds.
const MAX_LENGTH: usize = 8192;

/// The part of an `Accept` or `Accept-Encoding` header that is read.
pub(super) fn shortened(header: &str) -> &str {
    match header.len() {
        0..=MAX_LENGTH => header,
        _ => header.get(..MAX_LENGTH).unwrap_or_default(),
    }
}

/// All content encodings. Of equally weighted ones that a wildcard covers, the first is preferred. The last
/// one is identity.
const CODECS: &[Codec] = &[
    Codec {
        names: &["gzip", "x-gzip"],
        encode: gzip,
    },
    Codec {
        names: &["zstd"],
        encode: zstd,
    },
    Codec {
        names: &["identity"],
        encode: Ok,
    },
];

/// A content encoding. Greater ones are cheaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContentEncoding(usize);

impl ContentEncoding {
    /// No encoding.
    pub(crate) const IDENTITY: Self = Self(CODECS.len() - 1);

    /// The content encoding that a client prefers, from its `Accept-Encoding` headers. Invalid elements are
    /// ignored, and so are those past [`MAX_ELEMENTS`]. A client that accepts no supported encoding gets
    /// identity.
    ///
    /// Of encodings with equal weight, the first one listed wins; identity and encodings that only `*` covers
    /// come last.
    pub(crate) fn negotiate<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let accepted: SmallVec<[(&str, u16); 8]> = headers
            .flat_map(|header| shortened(header).split(','))
            .take(MAX_ELEMENTS)
            .filter_map(parse_weighted)
            .collect();
        let listed = |codec: &Codec| {
            let is_named = |token: &str| {
                let mut names = codec.names.iter();
                names.any(|name| token.eq_ignore_ascii_case(name))
            };
            accepted.iter().position(|(token, _)| is_named(token))
        };
        let wildcard = accepted.iter().find(|(token, _)| *token == "*");
        let weighted = CODECS.iter().enumerate().filter_map(|(index, codec)| {
            let position = listed(codec);
            let (_, weight) = position.map(|at| &accepted[at]).or(wildcard)?;
            let is_identity = Self(index) == Self::IDENTITY;
            let order = (is_identity, position.unwrap_or(usize::MAX), index);
            (*weight > 0).then_some((Reverse(*weight), order, Self(index)))
        });
        let best = weighted.min_by_key(|(weight, order, _)| (*weight, *order));
        best.map_or(Self::IDENTITY, |(.., encoding)| encoding)
    }

    /// The value of `Content-Encoding`; `None` for no such header.
    pub(crate) fn name(self) -> Option<&'static str> {
        (self != Self::IDENTITY).then(|| CODECS[self.0].names[0])
    }

    /// Encodes a body. Takes milliseconds per megabyte: do not call it on the thread that serves.
    pub(crate) fn encode(self, body: Bytes) -> io::Result<Bytes> {
        (CODECS[self.0].encode)(body)
    }
}

fn gzip(body: Bytes) -> io::Result<Bytes> {
    // The fastest level. Others take several times longer and save little more of such a text.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(&body)?;
    encoder.finish().map(Bytes::from)
}

fn zstd(body: Bytes) -> io::Result<Bytes> {
    // Level 1 is the fastest level that compresses such a text well.
    zstd::bulk::compress(&body, 1).map(Bytes::from)
}

/// `gzip;q=0.5` is `("gzip", 500)`; the default weight is 1000. `None` if the element is invalid.
fn parse_weighted(element: &str) -> Option<(&str, u16)> {
    let mut parts = element.split(';').map(str::trim);
    let token = parts.next().filter(|token| !token.is_empty())?;
    let Some(parameter) = parts.next() else {
        return Some((token, 1000));
    };
    let (name, value) = parameter.split_once('=')?;
    let weight = parse_weight(value)?;
    name.trim()
        .eq_ignore_ascii_case("q")
        .then_some((token, weight))
}

/// `0.5` is 500. `None` if the value is not a number from 0 to 1.
pub(super) fn parse_weight(value: &str) -> Option<u16> {
    let weight: f32 = value.trim().parse().ok()?;
    (0.0..=1.0)
        .contains(&weight)
        .then(|| (weight * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn chosen(header: &str) -> &'static str {
        ContentEncoding::negotiate([header].into_iter())
            .name()
            .unwrap_or("identity")
    }

    #[test]
    fn gzip_is_chosen_if_it_is_accepted() {
        for header in [
            "gzip",
            "GZip",
            "x-gzip",
            "deflate, gzip, br",
            "gzip;q=1.0",
            "gzip ; q = 0.001",
            "*",
            "deflate, *;q=0.5",
            "identity;q=0, gzip;q=0.1",
            "identity;q=0.5, gzip;q=0.5",
            "identity;q=0, *",
            "gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
        ] {
            assert_eq!(chosen(header), "gzip", "{header}");
        }
    }

    #[test]
    fn zstd_is_chosen_if_it_is_preferred() {
        for header in [
            "zstd",
            "br, zstd",
            "gzip;q=0.5, zstd",
            "gzip;q=0, *",
            "identity;q=0.5, zstd;q=0.6",
            "*;q=0.8, gzip;q=0.2",
            "zstd,gzip",
            "zstd;q=0.5, gzip;q=0.5",
            "identity, zstd, gzip",
            "br, zstd, *",
        ] {
            assert_eq!(chosen(header), "zstd", "{header}");
        }
        assert_eq!(chosen("gzip, deflate, br, zstd"), "gzip");
    }

    #[test]
    fn every_other_header_gets_identity() {
        for header in [
            "",
            "identity",
            "deflate, br",
            "gzip;q=0",
            "gzip;q=0.000",
            "gzip;q=0, zstd;q=0, *",
            "*;q=0",
            "identity;q=0",
            "identity, gzip;q=0.5",
            "gzip;q=high",
            "gzip;q=2",
            "gzip;q=-1",
            "gzip;q=nan",
            "gzip;level=9",
            ";;;,,,=",
            "gzipped",
        ] {
            assert_eq!(chosen(header), "identity", "{header}");
        }
    }

    #[test]
    fn several_headers_count_as_one() {
        let encoding = ContentEncoding::negotiate(["br", "gzip"].into_iter());
        assert_eq!(encoding.name(), Some("gzip"));
        assert_eq!(
            ContentEncoding::negotiate([].into_iter()),
            ContentEncoding::IDENTITY
        );
    }

    #[test]
    fn every_encoding_decodes_to_the_same_bytes() {
        let body = Bytes::from("requests_total{path=\"/ä\"} 1\n".repeat(1000));
        let encoded = |name| {
            let encoding = ContentEncoding::negotiate([name].into_iter());
            assert_eq!(encoding.name(), Some(name));
            let encoded = encoding.encode(body.clone()).unwrap();
            assert!(encoded.len() < body.len() / 10);
            encoded
        };
        let mut gunzipped = Vec::new();
        GzDecoder::new(&encoded("gzip")[..])
            .read_to_end(&mut gunzipped)
            .unwrap();
        assert_eq!(gunzipped, body);
        assert_eq!(zstd::decode_all(&encoded("zstd")[..]).unwrap(), body);
        assert_eq!(
            ContentEncoding::IDENTITY.encode(body.clone()).unwrap(),
            body
        );
    }
}
