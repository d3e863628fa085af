//! Durations as text: `time.ParseDuration`.

use super::parse::quoted;

/// Units in nanoseconds. The micro sign is there twice, as it is in Unicode.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The greatest size, which only a negative duration can have.
const MAX: u64 = 1 << 63;

/// Nanoseconds of a duration such as `-1h2m3.5s`.
///
/// # Errors
/// In Go's words.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let error = |message: &str| format!("time: {message} {}", quoted(text.as_bytes()));
    let invalid = || error("invalid duration");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let whole = digits(&mut rest);
        let fraction = match rest.strip_prefix('.') {
            Some(behind) => {
                rest = behind;
                digits(&mut rest)
            }
            None => "",
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, behind) = rest.split_at(end);
        rest = behind;
        let whole =
            if whole.is_empty() { 0 } else { whole.parse::<u64>().ok().filter(|value| *value <= MAX).ok_or_else(invalid)? };
        if unit.is_empty() {
            return Err(error("missing unit in duration"));
        }
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(error(&format!("unknown unit {} in duration", quoted(unit.as_bytes()))));
        };
        let part = whole.checked_mul(*unit).filter(|part| *part <= MAX).ok_or_else(invalid)?;
        let part = part.saturating_add(fraction_of(fraction, *unit));
        total = total.checked_add(part).filter(|total| *total <= MAX).ok_or_else(invalid)?;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    *rest = behind;
    digits
}

/// The fraction of a unit, of as many digits as fit.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1f64);
    for byte in digits.bytes() {
        if value > (MAX - 1) / 10 {
            break;
        }
        value = value * 10 + u64::from(byte - b'0');
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}
