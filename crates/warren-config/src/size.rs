//! Sizes in bytes with a unit, base 2.

use std::fmt;

/// A number of bytes. Written with a unit, where `MB` and `MiB` mean the same (`github.com/alecthomas/units`, as Prometheus reads them):
/// `64MiB`, `1.5GB`, `512B`; a plain number is bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// Not a size.
    #[error("units: invalid {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("units: missing unit in {0:?}")]
    MissingUnit(String),
    /// A unit that does not exist.
    #[error("units: unknown unit {unit:?} in {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

const UNITS: [(char, u32); 6] = [('K', 10), ('M', 20), ('G', 30), ('T', 40), ('P', 50), ('E', 60)];

impl ByteSize {
    /// Parses `64MiB`, `1.5GB`, `1GiB512MiB`, `0`.
    pub fn parse(text: &str) -> Result<Self, ByteSizeError> {
        let invalid = || ByteSizeError::Invalid(text.to_owned());
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total = 0f64;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(end);
            let end = tail.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let number: f64 = number.parse().map_err(|_| invalid())?;
            if unit.is_empty() {
                return Err(ByteSizeError::MissingUnit(text.to_owned()));
            }
            let shift =
                shift_of(unit).ok_or_else(|| ByteSizeError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
            total += number * (1u64 << shift) as f64;
            rest = tail;
        }
        if total > i64::MAX as f64 {
            return Err(invalid());
        }
        Ok(Self(total as u64))
    }
}

/// The power of two of a unit.
fn shift_of(unit: &str) -> Option<u32> {
    if unit == "B" {
        return Some(0);
    }
    let mut letters = unit.chars();
    let prefix = letters.next()?;
    let shift = UNITS.iter().find(|(letter, _)| *letter == prefix)?.1;
    matches!(letters.as_str(), "B" | "iB").then_some(shift)
}

impl fmt::Display for ByteSize {
    /// The largest unit that divides it: `64MiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().rev().find(|(_, shift)| self.0 > 0 && self.0.trailing_zeros() >= *shift) {
            Some((letter, shift)) => write!(f, "{}{letter}iB", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_base_two_whatever_the_unit_is_called() {
        let cases =
            [("0", 0), ("512B", 512), ("10KB", 10_240), ("10KiB", 10_240), ("1.5GiB", 1_610_612_736), ("1MiB1B", 1_048_577)];
        for (text, bytes) in cases {
            assert_eq!(ByteSize::parse(text), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "10", "MB", "-1MB", "1 MB", "1mb", "1XB", "1.2.3MB", "9EiB"] {
            assert!(ByteSize::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_printed_in_their_largest_whole_unit() {
        for (bytes, text) in [(0, "0B"), (1, "1B"), (1024, "1KiB"), (67_108_864, "64MiB"), (1_048_577, "1048577B")] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }
}
