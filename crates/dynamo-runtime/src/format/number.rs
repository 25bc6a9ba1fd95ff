//! Numbers in Prometheus' text formats.

#[inline]
pub(crate) fn write_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a sample's value: the shortest text that parses to the same number; integers have no
/// fraction.
#[inline]
pub(crate) fn write_float(value: f64, out: &mut Vec<u8>) {
    // Most values are integers, and an integer is written in a third of the time.
    const EXACT: f64 = 1e15;
    let whole = value as i64;
    if whole as f64 == value && value.abs() < EXACT && (whole != 0 || value.is_sign_positive()) {
        write_integer(whole, out);
    } else {
        write_any_float(value, out);
    }
}

fn write_any_float(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value);
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    } else {
        out.extend_from_slice(not_finite(value));
    }
}

/// Writes the value of an `le` or `quantile` label as Prometheus 3 normalises it, so that a series has the
/// same identity in every format: `0.005`, `1.0`, `600.0`, `1e+06`, `+Inf`.
///
/// The rule is that of Go's `strconv.FormatFloat(v, 'g', -1, 64)`, with `.0` added to integers
/// (OpenMetrics 1.0, "Canonical Numbers").
pub(crate) fn write_le(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return out.extend_from_slice(not_finite(value));
    }
    // Of two texts that are equally short and close, ryu and Go take the even one, and the standard library
    // takes the larger one.
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(value);
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        return out.extend_from_slice(shortest.as_bytes());
    }
    let digits: String = shortest
        .chars()
        .take_while(|&char| char != 'e')
        .filter(char::is_ascii_digit)
        .collect();
    let (first, rest) = digits.trim_matches('0').split_at(1);
    let minus = if value < 0.0 { "-" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    let exponent = format!("{value:e}")
        .split_once('e')
        .map_or(0, |(_, exponent)| exponent.parse::<i32>().unwrap_or(0));
    out.extend_from_slice(format!("{minus}{first}{point}{rest}e{exponent:+03}").as_bytes());
}

fn not_finite(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"NaN"
    } else if value > 0.0 {
        b"+Inf"
    } else {
        b"-Inf"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(f64, &mut Vec<u8>), value: f64) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sample_values_are_the_shortest_text_that_parses_to_the_value() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (42.0, "42"),
            (-7.0, "-7"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1000000000000000"),
            (1e16, "1e16"),
            (f64::MAX, "1.7976931348623157e308"),
            (7.5, "7.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e21, "1e21"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(write_float, value), expected);
        }
        for value in [
            f64::MAX,
            f64::MIN_POSITIVE,
            123_456.789,
            9_007_199_254_740_993.0,
        ] {
            assert_eq!(text(write_float, value).parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn le_is_written_as_prometheus_normalises_it() {
        let cases = [
            (0.0, "0.0"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.0, "1.0"),
            (2.5, "2.5"),
            (600.0, "600.0"),
            (100_000.0, "100000.0"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (-10.0, "-10.0"),
            (1e100, "1e+100"),
            (-2.5e-10, "-2.5e-10"),
            (0.1 + 0.2, "0.30000000000000004"),
            // Halfway between two texts that both parse to the value.
            (2_f64.powi(49) + 0.25, "5.629499534213122e+14"),
            (f64::from(111.111_115_f32), "111.11111450195312"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(write_le, value), expected);
        }
    }
}
