//! Digits as `strconv` writes them, without signs.

use warren_gotext::{Float, float as shortest};

/// Digits behind the point that a double can have; zeros follow.
const FRACTION_MAX: usize = 1100;

/// How a fraction is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `%f`
    Plain,
    /// `%e`, `%E`
    Exponent { upper: bool },
    /// `%g`, `%G`, `%v`
    General { upper: bool },
    /// `%x`, `%X`: `0x1.8p+01`
    Hexadecimal { upper: bool },
    /// `%b`: `4503599627370496p-52`
    Binary,
}

impl Layout {
    /// The layout that a verb asks for.
    pub(super) fn of(verb: char) -> Option<Self> {
        match verb {
            'v' | 'g' => Some(Self::General { upper: false }),
            'G' => Some(Self::General { upper: true }),
            'e' => Some(Self::Exponent { upper: false }),
            'E' => Some(Self::Exponent { upper: true }),
            'f' | 'F' => Some(Self::Plain),
            'x' => Some(Self::Hexadecimal { upper: false }),
            'X' => Some(Self::Hexadecimal { upper: true }),
            'b' => Some(Self::Binary),
            _ => None,
        }
    }
}

/// The sign to write before a number.
pub(super) fn sign(negative: bool, plus: bool, space: bool) -> &'static str {
    match (negative, plus, space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

/// A whole number in base 2, 8, 10 or 16.
pub(super) fn digits(number: u64, base: u32, upper: bool) -> String {
    match base {
        2 => format!("{number:b}"),
        8 => format!("{number:o}"),
        16 if upper => format!("{number:X}"),
        16 => format!("{number:x}"),
        _ => number.to_string(),
    }
}

/// A finite number that is not negative.
pub(super) fn float(value: f64, layout: Layout, precision: Option<usize>) -> String {
    let text = match layout {
        Layout::Plain => plain(value, precision.unwrap_or(6)),
        Layout::Exponent { .. } => exponent(value, precision.unwrap_or(6)),
        Layout::General { .. } => match precision {
            None => {
                let mut out = String::new();
                shortest(&mut out, value, Float::General);
                out
            }
            Some(precision) => general(value, precision.max(1)),
        },
        Layout::Hexadecimal { .. } => hexadecimal(value, precision),
        Layout::Binary => return binary(value),
    };
    match layout {
        Layout::Exponent { upper: true } | Layout::General { upper: true } | Layout::Hexadecimal { upper: true } => {
            text.to_ascii_uppercase()
        }
        _ => text,
    }
}

fn plain(value: f64, precision: usize) -> String {
    let mut out = format!("{value:.places$}", places = precision.min(FRACTION_MAX));
    out.extend(std::iter::repeat_n('0', precision.saturating_sub(FRACTION_MAX)));
    out
}

/// Digits with one before the point, and the power of ten.
fn scientific(value: f64, precision: usize) -> (String, i32) {
    let text = format!("{value:.places$e}", places = precision.min(FRACTION_MAX));
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let mut digits = digits.to_owned();
    digits.extend(std::iter::repeat_n('0', precision.saturating_sub(FRACTION_MAX)));
    (digits, power.parse().unwrap_or_default())
}

fn exponent(value: f64, precision: usize) -> String {
    let (digits, power) = scientific(value, precision);
    format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.unsigned_abs())
}

/// So many significant digits, zeros at the end left out.
fn general(value: f64, precision: usize) -> String {
    let (digits, power) = scientific(value, precision - 1);
    let significant = digits.replace('.', "").trim_end_matches('0').len().max(1);
    let point = power + 1;
    let mut limit = precision as i64;
    if precision > significant && significant as i64 >= i64::from(point) {
        limit = significant as i64;
    }
    if power < -4 || i64::from(power) >= limit {
        return exponent(value, significant - 1);
    }
    plain(value, usize::try_from(significant as i64 - i64::from(point)).unwrap_or(0))
}

/// Mantissa and power of two, as IEEE 754 has them.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0 => (fraction, -1022),
        biased => (fraction | 1 << 52, biased - 1023),
    }
}

fn binary(value: f64) -> String {
    let (mantissa, power) = parts(value);
    format!("{mantissa}p{:+}", power - 52)
}

fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut power) = parts(value);
    if mantissa == 0 {
        power = 0;
    } else {
        // The first digit stands at bit 60.
        let shift = mantissa.leading_zeros() as i32 - 3;
        mantissa <<= shift;
        power -= shift - 8;
    }
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = precision as u32 * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        mantissa += u64::from((extra | (mantissa & 1)) > 1 << 59);
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            power += 1;
        }
    }
    let mut out = format!("0x{}", mantissa >> 60 & 1);
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None if fraction.bytes().all(|digit| digit == b'0') => {}
        None => out.extend([".", fraction.trim_end_matches('0')]),
        Some(0) => {}
        Some(precision) => out.push_str(&format!(".{fraction:0<precision$.precision$}", precision = precision.min(FRACTION_MAX))),
    }
    out.push_str(&format!("p{}{:02}", if power < 0 { '-' } else { '+' }, power.unsigned_abs()));
    out
}

/// For the flag `#`: the point is always written, and with `%g` the zeros at the end.
pub(super) fn keep_point(text: &mut String, layout: Layout, precision: Option<usize>) {
    let hexadecimal = matches!(layout, Layout::Hexadecimal { .. });
    let mut missing = match layout {
        Layout::General { .. } | Layout::Hexadecimal { upper: false } => precision.unwrap_or(6) as i64,
        _ => 0,
    };
    let is_tail = |c: char| matches!(c, 'p' | 'P') || (!hexadecimal && matches!(c, 'e' | 'E'));
    let tail = text.split_off(text.find(is_tail).unwrap_or(text.len()));
    let point = text.contains('.');
    let mut significant = false;
    for c in text.chars().filter(|c| *c != '.') {
        significant |= c != '0';
        missing -= i64::from(significant);
    }
    if !point {
        missing -= i64::from(text == "0");
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', usize::try_from(missing).unwrap_or(0)));
    text.push_str(&tail);
}
