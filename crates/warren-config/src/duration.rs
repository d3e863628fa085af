//! Durations as Go and Prometheus write them.

use std::fmt;
use std::time::Duration;

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The largest magnitude of a negative duration in nanoseconds; a positive one stops one below.
const MAX_NANOS: u64 = 1 << 63;

/// A signed duration in nanoseconds, for the few settings where a negative value means something. All others use
/// [`std::time::Duration`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub i64);

/// Why a text is no duration. The texts are those of Go's `time` package, without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a duration at all, or out of range.
    #[error("time: invalid duration")]
    Invalid,
    /// A number without a unit.
    #[error("time: missing unit in duration")]
    MissingUnit,
    /// A unit that Go does not have.
    #[error("time: unknown unit")]
    UnknownUnit,
}

/// Why a text is no Prometheus duration. The texts are those of `prometheus/common/model`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrometheusDurationError {
    /// Nothing at all.
    #[error("empty duration string")]
    Empty,
    /// Not a duration.
    #[error("not a valid duration string: {0:?}")]
    Invalid(String),
    /// Longer than about 292 years.
    #[error("duration out of range")]
    Range,
}

impl GoDuration {
    /// As an unsigned duration; none when negative.
    pub fn as_duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

/// Parses a Go duration: `1h30m`, `1.5s`, `-2us`, `0`. Units are ns, us, ms, s, m, h.
pub fn parse_go(text: &str) -> Result<GoDuration, DurationError> {
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(GoDuration(0));
    }
    if rest.is_empty() {
        return Err(DurationError::Invalid);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, tail) = go_term(rest)?;
        rest = tail;
        total = total.checked_add(nanos).filter(|sum| *sum <= MAX_NANOS).ok_or(DurationError::Invalid)?;
    }
    match (negative, total) {
        (true, MAX_NANOS) => Ok(GoDuration(i64::MIN)),
        (true, _) => Ok(GoDuration(-(total as i64))),
        (false, MAX_NANOS) => Err(DurationError::Invalid),
        (false, _) => Ok(GoDuration(total as i64)),
    }
}

/// Reads one number with its unit off the front: nanoseconds and what follows.
fn go_term(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Invalid);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let scale: u64 = match unit {
        "" => return Err(DurationError::MissingUnit),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => NANOS_PER_MILLI,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3600 * NANOS_PER_SECOND,
        _ => return Err(DurationError::UnknownUnit),
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::Invalid)? };
    let mut nanos = whole.checked_mul(scale).filter(|n| *n <= MAX_NANOS).ok_or(DurationError::Invalid)?;
    nanos += fraction_of(fraction, scale);
    Ok((nanos, rest))
}

/// The part after the point in nanoseconds, with the arithmetic of Go: as many digits as fit 63 bits, then in floating point.
fn fraction_of(digits: &str, scale: u64) -> u64 {
    let (mut value, mut divisor) = (0u64, 1f64);
    for digit in digits.bytes() {
        if value > (MAX_NANOS - 1) / 10 {
            break;
        }
        value = value * 10 + u64::from(digit - b'0');
        divisor *= 10.0;
    }
    (value as f64 * (scale as f64 / divisor)) as u64
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len()))
}

impl fmt::Display for GoDuration {
    /// As Go prints it: `1m0s`, `1.5s`, `300ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimal(nanos, 3)),
            1_000_000..NANOS_PER_SECOND => write!(f, "{}ms", decimal(nanos, 6)),
            _ => {
                let seconds = nanos / NANOS_PER_SECOND;
                let rest = decimal(seconds % 60 * NANOS_PER_SECOND + nanos % NANOS_PER_SECOND, 9);
                match (seconds / 3600, seconds / 60 % 60) {
                    (0, 0) => write!(f, "{rest}s"),
                    (0, minutes) => write!(f, "{minutes}m{rest}s"),
                    (hours, minutes) => write!(f, "{hours}h{minutes}m{rest}s"),
                }
            }
        }
    }
}

/// `value / 10^places` without trailing zeros.
fn decimal(value: u64, places: usize) -> String {
    let unit = 10u64.pow(places as u32);
    let fraction = format!("{:0places$}", value % unit);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        fraction => format!("{}.{fraction}", value / unit),
    }
}

/// Formats a duration as Go prints it; one beyond 292 years is shown as 292 years.
pub fn format_go(duration: Duration) -> String {
    GoDuration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)).to_string()
}

/// A time for people, as Go prints it: to the second, or exactly if it is a short one.
pub fn format_seconds(time: Duration) -> String {
    format_go(if time > Duration::from_secs(10) { Duration::from_secs(time.as_secs()) } else { time })
}

/// Units of a Prometheus duration in their order, in milliseconds.
const PROMETHEUS_UNITS: [(&str, u64); 7] =
    [("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Parses a Prometheus duration: `1y2w3d4h5m6s7ms`, units in this order and each at most once; `0` needs none.
pub fn parse_prometheus(text: &str) -> Result<Duration, PrometheusDurationError> {
    match text {
        "" => return Err(PrometheusDurationError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let invalid = || PrometheusDurationError::Invalid(text.to_owned());
    let (mut rest, mut next, mut millis) = (text, 0, 0u64);
    while !rest.is_empty() {
        let (digits, tail) = split_digits(rest);
        let end = tail.bytes().position(|b| b.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let rank = PROMETHEUS_UNITS.iter().skip(next).position(|(name, _)| *name == unit).ok_or_else(invalid)? + next;
        if digits.is_empty() {
            return Err(invalid());
        }
        let (_, scale) = PROMETHEUS_UNITS[rank];
        let value: u64 = digits.parse().map_err(|_| PrometheusDurationError::Range)?;
        millis = value.checked_mul(scale).and_then(|v| v.checked_add(millis)).ok_or(PrometheusDurationError::Range)?;
        (rest, next) = (tail, rank + 1);
    }
    if millis > i64::MAX as u64 / NANOS_PER_MILLI {
        return Err(PrometheusDurationError::Range);
    }
    Ok(Duration::from_millis(millis))
}

/// Formats a duration as Prometheus prints it: years and weeks only when they divide it, `0s` for nothing.
pub fn format_prometheus(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, scale) in PROMETHEUS_UNITS {
        let exact_only = matches!(unit, "y" | "w");
        if millis >= scale && (!exact_only || millis % scale == 0) {
            text += &format!("{}{unit}", millis / scale);
            millis %= scale;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read_as_go_reads_them() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("-5s", -5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1us1µs1μs", 3_000),
            ("39h9m14.425s", 140_954_425_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_go(text), Ok(GoDuration(nanos)), "{text}");
        }
    }

    #[test]
    fn bad_go_durations_are_refused_in_gos_words() {
        use DurationError::{Invalid, MissingUnit, UnknownUnit};
        let cases = [
            ("", Invalid),
            ("-", Invalid),
            ("s", Invalid),
            (".s", Invalid),
            ("3", MissingUnit),
            ("1m5", MissingUnit),
            ("5x", UnknownUnit),
            ("1d", UnknownUnit),
            ("5 s", UnknownUnit),
            ("9223372036854775808ns", Invalid),
            ("3000000h", Invalid),
            ("99999999999999999999s", Invalid),
        ];
        for (text, error) in cases {
            assert_eq!(parse_go(text), Err(error), "{text}");
        }
    }

    #[test]
    fn go_durations_are_printed_as_go_prints_them() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (60_000_000_000, "1m0s"),
            (245_000_000_000, "4m5s"),
            (18_367_000_000_000, "5h6m7s"),
            (245_001_000_000, "4m5.001s"),
            (-1_500_000_000, "-1.5s"),
            (i64::MAX, "2562047h47m16.854775807s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(GoDuration(nanos).to_string(), text);
        }
    }

    #[test]
    fn prometheus_durations_have_their_own_grammar() {
        let cases = [
            ("0", 0),
            ("0s", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1y2w3d4h5m6s7ms", 33_019_506_007),
            ("90d", 7_776_000_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_prometheus(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "-1m", "1.5m", "1m1h", "1m1m", "m", "5x", "1 m", "294y"] {
            assert!(parse_prometheus(text).is_err(), "{text}");
        }
        let shown = [
            (0, "0s"),
            (60_000, "1m"),
            (7_776_000_000, "90d"),
            (1_209_600_000, "2w"),
            (31_536_000_000, "1y"),
            (5_400_500, "1h30m500ms"),
        ];
        for (millis, text) in shown {
            assert_eq!(format_prometheus(Duration::from_millis(millis)), text);
        }
    }
}
