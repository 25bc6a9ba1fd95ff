//! Content encodings (RFC 9110, 8.4.1 and 12.5.3).

use std::io::{self, Write};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The implementation of a content encoding.
struct Codec {
    names: &'static [&'static str],
    encode: fn(Bytes) -> io::Result<Bytes>,
}

/// All content encodings. Of equally weighted ones, the first is preferred. The last one is identity.
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
    /// ignored. A client that accepts no supported encoding gets identity.
    pub(crate) fn negotiate<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let accepted: Vec<(&str, u16)> = headers
            .flat_map(|header| header.split(','))
            .filter_map(parse_weighted)
            .collect();
        let weight_of = |name: &str| {
            let same = |(token, _): &&(&str, u16)| token.eq_ignore_ascii_case(name);
            accepted.iter().find(same).map(|(_, weight)| *weight)
        };
        let mut best = (Self::IDENTITY, 0);
        for (index, codec) in CODECS.iter().enumerate() {
            let listed = codec.names.iter().find_map(|name| weight_of(name));
            let weight = listed.or_else(|| weight_of("*")).unwrap_or(0);
            if weight > best.1 {
                best = (Self(index), weight);
            }
        }
        best.0
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
