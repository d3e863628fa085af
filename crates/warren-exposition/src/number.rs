//! Values as pages spell them.

/// The one `NaN` that values become, as Prometheus has it.
const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// Digits of a whole number that a double holds exactly.
const EXACT_DIGITS_MAX: usize = 15;

/// Reads a number by Go's grammar without hexadecimal forms with exponents and without underscores.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    if let Some(whole) = whole_number(text) {
        return Some(whole);
    }
    let first = *text.first()?;
    let digits = if matches!(first, b'+' | b'-') { text.get(1..)? } else { text };
    if digits.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
        let fits = digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
        // Beyond the range Go reports an error, and Prometheus refuses the page.
        return if fits { fast_float2::parse::<f64, _>(text).ok().filter(|value| value.is_finite()) } else { None };
    }
    let is = |word: &str| digits.eq_ignore_ascii_case(word.as_bytes());
    if is("inf") || is("infinity") {
        return Some(if first == b'-' { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    (text.eq_ignore_ascii_case(b"nan")).then(|| f64::from_bits(NORMAL_NAN))
}

/// A whole number short enough to be exact, the most common value of all.
fn whole_number(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > EXACT_DIGITS_MAX {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value as f64)
}

/// Reads a timestamp in seconds as OpenMetrics spells it, in milliseconds.
pub(crate) fn seconds_to_millis(text: &[u8]) -> Option<i64> {
    parse_number(text).filter(|seconds| seconds.is_finite()).map(|seconds| (seconds * 1000.0) as i64)
}
