//! Pieces that both layouts are made of.

use chrono::DateTime;
use std::fmt::{self, Display, Write};
use warren_gotext::Float;
use warren_pdata::{Attrs, SpanId, TraceId, Value};

/// A value as text.
pub(crate) fn plain(value: &Value) -> String {
    let mut text = String::new();
    warren_gotext::as_string(&mut text, value);
    text
}

/// `key=value`, joined.
pub(crate) fn pairs(attrs: &Attrs, separator: &str) -> String {
    let mut out = String::new();
    for (index, entry) in attrs.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(&entry.key);
        out.push('=');
        warren_gotext::as_string(&mut out, &entry.value);
    }
    out
}

/// A number with the fewest digits, as Go's `%v` prints it.
pub(crate) fn shortest(value: f64) -> String {
    let mut text = String::new();
    warren_gotext::float(&mut text, value, Float::General);
    text
}

/// A number with six decimals, as Go's `%f` prints it.
pub(crate) struct Fixed(pub(crate) f64);

impl Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value if value.is_nan() => f.write_str("NaN"),
            value => write!(f, "{value:.6}"),
        }
    }
}

/// A time in UTC as Go's `Time.String` prints it. Nanoseconds beyond the year 2262 count from 1677 on, as they do there.
pub(crate) struct Time(pub(crate) u64);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::from_timestamp_nanos(self.0 as i64);
        write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S"))?;
        let nanos = time.timestamp_subsec_nanos();
        if nanos != 0 {
            write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0'))?;
        }
        f.write_str(" +0000 UTC")
    }
}

/// An identity in hexadecimal digits; nothing if there is none.
pub(crate) struct Hex<'a>(&'a [u8]);

impl<'a> From<&'a TraceId> for Hex<'a> {
    fn from(id: &'a TraceId) -> Self {
        Self(&id.0)
    }
}

impl<'a> From<&'a SpanId> for Hex<'a> {
    fn from(id: &'a SpanId) -> Self {
        Self(&id.0)
    }
}

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Text that grows by lines.
#[derive(Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// Appends a line.
    pub(crate) fn line(&mut self, content: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(content);
        self.0.push('\n');
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Appends a line to [`Lines`].
macro_rules! line {
    ($out:expr, $($content:tt)*) => { $out.line(format_args!($($content)*)) };
}
pub(crate) use line;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_as_go_prints_them() {
        for (nanos, expected) in [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (1_581_452_773_000_000_789, "2020-02-11 20:26:13.000000789 +0000 UTC"),
            (1_755_000_001_500_000_000, "2025-08-12 12:00:01.5 +0000 UTC"),
            (u64::MAX, "1969-12-31 23:59:59.999999999 +0000 UTC"),
            (1 << 63, "1677-09-21 00:12:43.145224192 +0000 UTC"),
        ] {
            assert_eq!(Time(nanos).to_string(), expected);
        }
    }

    #[test]
    fn numbers_look_as_go_prints_them() {
        for (value, fixed, short) in [
            (0.0, "0.000000", "0"),
            (-0.0, "-0.000000", "-0"),
            (1e21, "1000000000000000000000.000000", "1e+21"),
            (0.000_000_5, "0.000000", "5e-07"),
            (0.000_001_5, "0.000002", "1.5e-06"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!((Fixed(value).to_string().as_str(), shortest(value).as_str()), (fixed, short));
        }
    }
}
