//! The protobuf writer: the part of the wire format that Prometheus' messages need.

/// The field `label` of a `Metric`.
const LABEL: u32 = 1;
/// The fields of a `LabelPair`.
const LABEL_NAME: u32 = 1;
const LABEL_VALUE: u32 = 2;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;

/// A buffer that bytes are appended to.
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

/// A short message on the stack: its length is known before it is copied into the buffer.
pub(crate) struct ShortMessage {
    bytes: [u8; 64],
    len: usize,
}

impl ShortMessage {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        ShortMessage {
            bytes: [0; 64],
            len: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Extend for ShortMessage {
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

/// The number of bytes that [`varint`] writes.
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
    // Go's NaN. Other NaNs may have a meaning for Prometheus: one of them marks a series as gone.
    const NAN: u64 = 0x7ff8_0000_0000_0001;
    let bits = if value.is_nan() { NAN } else { value.to_bits() };
    tag(field, FIXED64, out);
    out.extend(&bits.to_le_bytes());
}

/// A number of eight bytes without a sign: `fixed64`. `sfixed64` has the same bytes.
#[inline(always)]
pub(crate) fn fixed64(field: u32, value: u64, out: &mut impl Extend) {
    tag(field, FIXED64, out);
    out.extend(&value.to_le_bytes());
}

/// Numbers of eight bytes in one packed field: `repeated fixed64`, `repeated double`.
pub(crate) fn packed64(field: u32, values: impl ExactSizeIterator<Item = u64>, out: &mut Vec<u8>) {
    tag(field, LENGTH_DELIMITED, out);
    varint(8 * values.len() as u64, out);
    values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

#[inline]
pub(crate) fn bytes(field: u32, value: &[u8], out: &mut impl Extend) {
    tag(field, LENGTH_DELIMITED, out);
    varint(value.len() as u64, out);
    out.extend(value);
}

/// A message whose fields `write` appends. Fastest for messages shorter than 128 bytes.
#[inline]
pub(crate) fn message(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    sized_message::<1>(field, out, write);
}

/// A message whose fields `write` appends. Fastest if the length of the message takes `SIZE` bytes: other
/// messages are moved to fit.
#[inline]
pub(crate) fn sized_message<const SIZE: usize>(
    field: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    tag(field, LENGTH_DELIMITED, out);
    let start = out.len();
    out.extend_from_slice(&[0; SIZE]);
    write(out);
    write_length_of(start, SIZE, out);
}

/// Begins a long message. Returns its start, for [`end`].
pub(crate) fn begin(field: u32, out: &mut Vec<u8>) -> usize {
    tag(field, LENGTH_DELIMITED, out);
    let start = out.len();
    reserve_length(out);
    start
}

/// Ends the message that began at `start`.
pub(crate) fn end(start: usize, out: &mut Vec<u8>) {
    write_length(start, out);
}

/// The number of bytes that [`reserve_length`] reserves: enough for a message of up to 256 MiB.
const RESERVED: usize = 4;

/// Reserves bytes for the length of a long message. [`write_length`] writes the length.
pub(crate) fn reserve_length(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; RESERVED]);
}

/// Writes the length of the message after the bytes reserved at `start`. Long messages are not moved.
pub(crate) fn write_length(start: usize, out: &mut Vec<u8>) {
    write_length_of(start, RESERVED, out);
}

/// Writes the length of the message that follows the `reserved` bytes at `start`, and moves the message if
/// the length takes another number of bytes.
#[inline]
fn write_length_of(start: usize, reserved: usize, out: &mut Vec<u8>) {
    let (begin, end) = (start + reserved, out.len());
    let length = end - begin;
    let size = varint_len(length as u64);
    if size != reserved {
        out.resize(end.max(start + size + length), 0);
        out.copy_within(begin..end, start + size);
        out.truncate(start + size + length);
    }
    overwrite_varint(start, length, out);
}

/// Overwrites the bytes from `start` on with a varint of the same size.
#[inline]
fn overwrite_varint(start: usize, length: usize, out: &mut [u8]) {
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
    let field = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
    tag(LABEL, LENGTH_DELIMITED, out);
    varint((field(name) + field(value)) as u64, out);
    bytes(LABEL_NAME, name.as_bytes(), out);
    bytes(LABEL_VALUE, value.as_bytes(), out);
}

/// A `KeyValue` of OpenTelemetry with a string value.
#[inline]
pub(crate) fn attribute(field: u32, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    const STRING: u32 = 1;
    const KEY: u32 = 1;
    const VALUE: u32 = 2;
    let sized = |length: usize| 1 + varint_len(length as u64) + length;
    let any = sized(value.len());
    tag(field, LENGTH_DELIMITED, out);
    varint((sized(name.len()) + sized(any)) as u64, out);
    bytes(KEY, name, out);
    tag(VALUE, LENGTH_DELIMITED, out);
    varint(any as u64, out);
    bytes(STRING, value, out);
}

/// The bytes before the value of a label: preceding labels and the start of the label itself. They are
/// encoded once, with a placeholder for the length, which depends on the value.
#[derive(Debug)]
pub(crate) struct Head {
    bytes: Box<[u8]>,
    length_at: usize,
}

impl Head {
    /// The head of the label `name`, after encoded labels.
    pub(crate) fn new(mut before: Vec<u8>, name: &str) -> Self {
        tag(LABEL, LENGTH_DELIMITED, &mut before);
        let length_at = before.len();
        before.push(0);
        bytes(LABEL_NAME, name.as_bytes(), &mut before);
        tag(LABEL_VALUE, LENGTH_DELIMITED, &mut before);
        Head {
            bytes: before.into(),
            length_at,
        }
    }

    /// Writes the head and the value.
    #[inline]
    pub(crate) fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        let name = self.bytes.len() - self.length_at - 1;
        let length = name + varint_len(value.len() as u64) + value.len();
        if length < 0x80 {
            let start = out.len();
            out.extend_from_slice(&self.bytes);
            out[start + self.length_at] = length as u8;
            out.push(value.len() as u8);
        } else {
            out.extend_from_slice(&self.bytes[..self.length_at]);
            varint(length as u64, out);
            out.extend_from_slice(&self.bytes[self.length_at + 1..]);
            varint(value.len() as u64, out);
        }
        out.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varint_len_is_the_length_of_a_varint() {
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
            reserve_length(&mut later);
            grow(&mut later);
            write_length(2, &mut later);
            assert!(
                [short, long, later].iter().all(|out| *out == expected),
                "{length}"
            );
        }
    }

    #[test]
    fn a_label_with_a_head_equals_the_label_written_at_once() {
        for length in [0, 1, 120, 127, 128, 300, 20_000] {
            let value = "x".repeat(length);
            let mut expected = vec![7];
            label("constant", "1", &mut expected);
            let before = expected[1..].to_vec();
            label("name", &value, &mut expected);
            let mut out = vec![7];
            Head::new(before, "name").write(value.as_bytes(), &mut out);
            assert!(out == expected, "{length}");
        }
    }

    #[test]
    fn zigzag_keeps_small_numbers_small() {
        assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
        assert_eq!(zigzag(i64::MIN), u64::MAX);
    }
}
