//! Escaping in the text formats.

/// Escapes a label value: backslash, quote and line feed.
pub(crate) fn escape_value(value: &str, out: &mut Vec<u8>) {
    escape(
        value,
        &[(b'\\', b"\\\\"), (b'"', b"\\\""), (b'\n', b"\\n")],
        out,
    );
}

/// Escapes a description in the text format: backslash and line feed.
pub(crate) fn escape_help(help: &str, out: &mut Vec<u8>) {
    escape(help, &[(b'\\', b"\\\\"), (b'\n', b"\\n")], out);
}

fn escape(text: &str, replacements: &[(u8, &[u8])], out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((position, replacement)) =
        rest.iter().enumerate().find_map(|(position, byte)| {
            let (_, with) = replacements.iter().find(|(what, _)| what == byte)?;
            Some((position, with))
        })
    {
        out.extend_from_slice(&rest[..position]);
        out.extend_from_slice(replacement);
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
}
