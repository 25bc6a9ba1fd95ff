//! Protocol buffers on the wire, as far as Prometheus' messages need them.

/// The field `label` of a `Metric`, which is its first one.
const LABEL: u32 = 1;
/// The fields of a `LabelPair`.
const LABEL_NAME: u32 = 1;
const LABEL_VALUE: u32 = 2;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;

/// Where bytes are appended.
pub(crate) trait Extend {
    fn push(&mut self, byte: u8);
    fn extend(&mut self, bytes: &[u8]);
}

impl Extend for Vec<u8> {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        Vec::push(self, byte);
    }

    #[inline(always)]
    fn extend(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A short message on the stack: its length is known before it is copied to its place.
pub(crate) struct Short {
    bytes: [u8; 64],
    len: usize,
}

impl Short {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Short {
            bytes: [0; 64],
            len: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Extend for Short {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    #[inline(always)]
    fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

#[inline]
pub(crate) fn varint(mut value: u64, out: &mut impl Extend) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes that [`varint`] writes.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[inline(always)]
fn tag(field: u32, wire_type: u32, out: &mut impl Extend) {
    varint(u64::from(field << 3 | wire_type), out);
}

#[inline(always)]
pub(crate) fn uint(field: u32, value: u64, out: &mut impl Extend) {
    tag(field, VARINT, out);
    varint(value, out);
}

/// A number of a signed type without zig-zag: `int64`.
pub(crate) fn int(field: u32, value: i64, out: &mut Vec<u8>) {
    uint(field, value.cast_unsigned(), out);
}

/// A number of a zig-zag type: `sint32`, `sint64`.
pub(crate) fn sint(field: u32, value: i64, out: &mut Vec<u8>) {
    uint(field, zigzag(value), out);
}

#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

#[inline(always)]
pub(crate) fn double(field: u32, value: f64, out: &mut impl Extend) {
    tag(field, FIXED64, out);
    out.extend(&value.to_bits().to_le_bytes());
}

#[inline]
pub(crate) fn bytes(field: u32, value: &[u8], out: &mut impl Extend) {
    tag(field, LENGTH_DELIMITED, out);
    varint(value.len() as u64, out);
    out.extend(value);
}

/// A message whose fields `write` appends; shorter than 128 bytes for the most part.
#[inline]
pub(crate) fn message(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    sized_message::<1>(field, out, write);
}

/// A message whose fields `write` appends, and whose length mostly takes `SIZE` bytes to write: then
/// nothing has to be moved.
#[inline]
pub(crate) fn sized_message<const SIZE: usize>(
    field: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    tag(field, LENGTH_DELIMITED, out);
    let start = out.len();
    out.extend_from_slice(&[0; SIZE]);
    let begin = out.len();
    write(out);
    let end = out.len();
    let length = end - begin;
    let size = varint_len(length as u64);
    if size != SIZE {
        out.resize(end.max(start + size + length), 0);
        out.copy_within(begin..end, start + size);
        out.truncate(start + size + length);
    }
    write_length(start, length, out);
}

/// Puts the length of what follows `start` there.
pub(crate) fn delimit(start: usize, out: &mut Vec<u8>) {
    let end = out.len();
    let length = end - start;
    let size = varint_len(length as u64);
    out.resize(end + size, 0);
    out.copy_within(start..end, start + size);
    write_length(start, length, out);
}

/// Overwrites the bytes from `start` on with a varint.
#[inline]
fn write_length(start: usize, length: usize, out: &mut [u8]) {
    let mut rest = length;
    for byte in &mut out[start..] {
        *byte = rest as u8 & 0x7f;
        rest >>= 7;
        if rest == 0 {
            return;
        }
        *byte |= 0x80;
    }
}

/// A label of a metric.
pub(crate) fn label(name: &str, value: &str, out: &mut Vec<u8>) {
    named_label(&label_name(name), value.as_bytes(), out);
}

/// The name of a label, for [`named_label`].
pub(crate) fn label_name(name: &str) -> Box<[u8]> {
    let mut out = Vec::new();
    bytes(LABEL_NAME, name.as_bytes(), &mut out);
    tag(LABEL_VALUE, LENGTH_DELIMITED, &mut out);
    out.into()
}

/// A label of a metric whose name has been written by [`label_name`].
#[inline]
pub(crate) fn named_label(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let length = name.len() + varint_len(value.len() as u64) + value.len();
    tag(LABEL, LENGTH_DELIMITED, out);
    varint(length as u64, out);
    out.extend_from_slice(name);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_as_long_as_it_says() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut out = Vec::new();
            varint(value, &mut out);
            assert_eq!(out.len(), varint_len(value), "{value}");
            let back = out
                .iter()
                .rev()
                .fold(0_u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
            assert_eq!(back, value);
        }
    }

    #[test]
    fn a_message_of_any_length_follows_its_length() {
        for length in [0, 1, 127, 128, 300, 20_000, 3_000_000] {
            let grow = |out: &mut Vec<u8>| out.resize(out.len() + length, 42);
            let mut expected = vec![7, 1 << 3 | 2];
            varint(length as u64, &mut expected);
            grow(&mut expected);
            let mut short = vec![7];
            message(1, &mut short, grow);
            let mut long = vec![7];
            sized_message::<2>(1, &mut long, grow);
            let mut later = vec![7, 1 << 3 | 2];
            grow(&mut later);
            delimit(2, &mut later);
            assert!(
                [short, long, later].iter().all(|out| *out == expected),
                "{length}"
            );
        }
    }

    #[test]
    fn zigzag_keeps_small_numbers_small() {
        assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
        assert_eq!(zigzag(i64::MIN), u64::MAX);
    }
}
