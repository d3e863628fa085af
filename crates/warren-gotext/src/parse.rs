//! Numbers as Go programs read them: `strconv.ParseInt` and `strconv.ParseFloat` with their errors.

use crate::quote;

/// A text that is no number, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberError {
    function: &'static str,
    text: Box<str>,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Syntax,
    Range,
    Base(i64),
}

impl std::fmt::Display for NumberError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut quoted = String::new();
        quote(&mut quoted, &self.text);
        write!(f, "strconv.{}: parsing {quoted}: ", self.function)?;
        match self.reason {
            Reason::Syntax => f.write_str("invalid syntax"),
            Reason::Range => f.write_str("value out of range"),
            Reason::Base(base) => write!(f, "invalid base {base}"),
        }
    }
}

impl std::error::Error for NumberError {}

/// `strconv.ParseInt(text, base, 64)`. Base 0 takes the base from a prefix (`0x`, `0o`, `0b`, `0`) and allows underscores between digits.
///
/// # Errors
/// When it is no number, the number does not fit, or the base is none.
pub fn parse_int(text: &str, base: i64) -> Result<i64, NumberError> {
    let error = |reason| NumberError { function: "ParseInt", text: text.into(), reason };
    let (negative, digits) = signed(text);
    let size = magnitude(digits, base).map_err(error)?;
    if base == 0 && digits.contains('_') && !underscores_separate_digits(text) {
        return Err(error(Reason::Syntax));
    }
    let value = if negative { 0i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() };
    value.ok_or_else(|| error(Reason::Range))
}

fn magnitude(text: &str, base: i64) -> Result<u64, Reason> {
    if text.is_empty() {
        return Err(Reason::Syntax);
    }
    let (digits, radix) = match base {
        0 => prefixed(text),
        2..=36 => (text, base as u64),
        _ => return Err(Reason::Base(base)),
    };
    let mut value = 0u64;
    for byte in digits.bytes() {
        let digit = match byte {
            b'_' if base == 0 => continue,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'z' => byte - b'a' + 10,
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => return Err(Reason::Syntax),
        };
        if u64::from(digit) >= radix {
            return Err(Reason::Syntax);
        }
        value = value.checked_mul(radix).and_then(|value| value.checked_add(u64::from(digit))).ok_or(Reason::Range)?;
    }
    Ok(value)
}

/// The digits behind the prefix, and the base it stands for.
fn prefixed(text: &str) -> (&str, u64) {
    let Some(rest) = text.strip_prefix('0') else { return (text, 10) };
    if rest.len() >= 2 {
        for (letters, base) in [(['b', 'B'], 2), (['o', 'O'], 8), (['x', 'X'], 16)] {
            if let Some(digits) = rest.strip_prefix(letters) {
                return (digits, base);
            }
        }
    }
    (rest, 8)
}

fn signed(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Whether every underscore stands between digits, or between a base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let (_, text) = signed(text);
    let bytes = text.as_bytes();
    let prefix = matches!(bytes, [b'0', b'b' | b'B' | b'o' | b'O' | b'x' | b'X', ..]);
    let hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let mut last = if prefix { b'0' } else { b'^' };
    for byte in bytes.iter().skip(if prefix { 2 } else { 0 }) {
        last = match byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' | b'A'..=b'F' if hex => b'0',
            b'_' if last == b'0' => b'_',
            b'_' => return false,
            _ if last == b'_' => return false,
            _ => b'!',
        };
    }
    last != b'_'
}

/// `strconv.ParseFloat(text, 64)`: decimal and hexadecimal numbers, `Inf`, `Infinity` and `NaN` in any case.
///
/// # Errors
/// When it is no number, or the number is too great.
pub fn parse_float(text: &str) -> Result<f64, NumberError> {
    let error = |reason| NumberError { function: "ParseFloat", text: text.into(), reason };
    let (negative, digits) = signed(text);
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if digits.contains('_') && !underscores_separate_digits(text) {
        return Err(error(Reason::Syntax));
    }
    let plain = digits.replace('_', "");
    let size = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(hex) => hexadecimal(hex),
        None => decimal(&plain),
    };
    let size = size.ok_or_else(|| error(Reason::Syntax))?;
    if size.is_infinite() {
        return Err(error(Reason::Range));
    }
    Ok(if negative { -size } else { size })
}

fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain || text.starts_with(['+', '-']) { None } else { text.parse().ok() }
}

/// Digits of base 16 with an exponent of base 2, which must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (negative, exponent) = signed(exponent);
    if exponent.is_empty() || !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Beyond this, the number is zero or too great however long the mantissa is.
    let exponent = exponent.bytes().fold(0i64, |value, byte| (value * 10 + i64::from(byte - b'0')).min(1 << 40));
    let mut exponent = if negative { -exponent } else { exponent };
    let (mut value, mut digits, mut fraction) = (0u64, 0usize, false);
    for byte in mantissa.bytes() {
        if byte == b'.' && !fraction {
            fraction = true;
            continue;
        }
        let digit = u64::from((byte as char).to_digit(16)?);
        digits += 1;
        if value >> 59 == 0 {
            value = value << 4 | digit;
            exponent -= if fraction { 4 } else { 0 };
        } else {
            // What does not fit only decides how to round.
            value |= u64::from(digit != 0);
            exponent += if fraction { 0 } else { 4 };
        }
    }
    (digits > 0).then(|| scaled(value, exponent))
}

/// `mantissa × 2^exponent`, rounded to even.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let leading = mantissa.leading_zeros();
    let top = exponent - i64::from(leading) + 63;
    if top > 1023 {
        return f64::INFINITY;
    }
    let kept = (top + 1075).min(53);
    if kept < 0 {
        return 0.0;
    }
    let mantissa = u128::from(mantissa << leading);
    let dropped = (64 - kept) as u32;
    let (quotient, rest, half) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1), 1u128 << (dropped - 1));
    let up = rest > half || (rest == half && quotient & 1 == 1);
    (quotient as u64 + u64::from(up)) as f64 * power_of_two(top - 63 + i64::from(dropped))
}

/// `2^exponent` for exponents from -1074 to 1023.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(if exponent >= -1022 { ((exponent + 1023) as u64) << 52 } else { 1 << (exponent + 1074) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Known results of Go's `strconv.ParseInt`.
    #[test]
    fn whole_numbers_are_read_as_go_does() {
        for (text, base, expected) in [
            ("12", 10, Ok(12)),
            ("+12", 10, Ok(12)),
            ("-9223372036854775808", 10, Ok(i64::MIN)),
            ("9223372036854775807", 10, Ok(i64::MAX)),
            ("0x1f", 0, Ok(31)),
            ("-0b101", 0, Ok(-5)),
            ("0o17", 0, Ok(15)),
            ("017", 0, Ok(15)),
            ("0", 0, Ok(0)),
            ("1_000", 0, Ok(1000)),
            ("0x_1f", 0, Ok(31)),
            ("zz", 36, Ok(1295)),
            ("ZZ", 36, Ok(1295)),
            ("9223372036854775808", 10, Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range")),
            ("99999999999999999999x", 10, Err("strconv.ParseInt: parsing \"99999999999999999999x\": value out of range")),
            ("12a", 10, Err("strconv.ParseInt: parsing \"12a\": invalid syntax")),
            ("1_000", 10, Err("strconv.ParseInt: parsing \"1_000\": invalid syntax")),
            ("1__0", 0, Err("strconv.ParseInt: parsing \"1__0\": invalid syntax")),
            ("0x", 0, Err("strconv.ParseInt: parsing \"0x\": invalid syntax")),
            ("-", 10, Err("strconv.ParseInt: parsing \"-\": invalid syntax")),
            ("", 10, Err("strconv.ParseInt: parsing \"\": invalid syntax")),
            (" 1", 10, Err("strconv.ParseInt: parsing \" 1\": invalid syntax")),
            ("1", 37, Err("strconv.ParseInt: parsing \"1\": invalid base 37")),
            ("1", 1, Err("strconv.ParseInt: parsing \"1\": invalid base 1")),
        ] {
            let read = parse_int(text, base).map_err(|error| error.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{text} {base}");
        }
    }

    /// Known results of Go's `strconv.ParseFloat`.
    #[test]
    fn fractions_are_read_as_go_does() {
        for (text, expected) in [
            ("1", Some(1.0)),
            ("-.5e-3", Some(-0.0005)),
            ("5.", Some(5.0)),
            ("1_000", Some(1000.0)),
            ("0x1p4", Some(16.0)),
            ("0x.8p1", Some(1.0)),
            ("-0X1.8P-1", Some(-0.75)),
            ("0x1.fffffffffffff8p1023", None),
            ("0x1p-1074", Some(5e-324)),
            ("0x0.8p-1074", Some(0.0)),
            ("0x1.8p-1074", Some(1e-323)),
            ("0x123456789abcdef01p0", Some(2.098_829_547_942_064_5e19)),
            ("Inf", Some(f64::INFINITY)),
            ("-infinity", Some(f64::NEG_INFINITY)),
            ("1e400", None),
            ("1e-400", Some(0.0)),
            ("0x1", None),
            ("0xp1", None),
            ("", None),
            (".", None),
            ("e5", None),
            ("--1", None),
            (" 1", None),
            ("1_", None),
            ("+nan", None),
        ] {
            assert_eq!(parse_float(text).ok(), expected, "{text}");
        }
        assert!(parse_float("nan").unwrap().is_nan());
        assert_eq!(parse_float("1e400").unwrap_err().to_string(), "strconv.ParseFloat: parsing \"1e400\": value out of range");
        assert_eq!(parse_float("x").unwrap_err().to_string(), "strconv.ParseFloat: parsing \"x\": invalid syntax");
    }

    proptest! {
        #[test]
        fn prop_nothing_makes_it_fail_otherwise_than_by_an_error(text in "[-+_.0-9a-fxXpPeEoObB]{0,12}", base in -1i64..40) {
            let _ = (parse_int(&text, base), parse_float(&text));
        }

        #[test]
        fn prop_whole_numbers_read_back(value in any::<i64>()) {
            prop_assert_eq!(parse_int(&value.to_string(), 10).unwrap(), value);
            prop_assert_eq!(parse_int(&value.to_string(), 0).unwrap(), value);
        }
    }
}
