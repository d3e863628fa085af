//! Numbers from other values.

use crate::function::{Args, Converter, Kind, Param, param};
use crate::record::Failure;
use crate::value::Val;
use warren_gotext::{Float, NumberError, float, parse_int, quote};

const FLOAT_LIKE: &[Param] = &[param("target", Kind::FloatLike)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("Double", FLOAT_LIKE, Float, |args| Ok(args.get(0).clone())),
    converter!("Int", &[param("target", Kind::IntLike)], Int, |args| Ok(args.get(0).clone())),
    converter!("ParseInt", &[param("target", Kind::Str), param("base", Kind::Int)], Int, parse),
    converter!("Log", FLOAT_LIKE, Float, logarithm),
    converter!("IsValidLuhn", &[param("value", Kind::StrLike)], Bool, is_valid_luhn),
];

fn parse(args: Args<'_>) -> Result<Val, Failure> {
    let (text, base) = (args.text(0), args.int(1).unwrap_or_default());
    if text.is_empty() {
        return Err(Failure::new("invalid target value for ParseInt function, target cannot be empty"));
    }
    if base < 0 {
        return Err(Failure::new(format!("invalid base value: {base} for ParseInt function, base cannot be negative")));
    }
    parse_int(text, base).map(Val::Int).map_err(|error: NumberError| Failure::new(error.to_string()))
}

fn logarithm(args: Args<'_>) -> Result<Val, Failure> {
    match args.get(0) {
        Val::Float(value) if *value <= 0.0 => {
            let mut message = String::from("invalid input: expected number greater than zero but got ");
            float(&mut message, *value, Float::General);
            Err(Failure::new(message))
        }
        Val::Float(value) => Ok(Val::Float(value.ln())),
        _ => Err(Failure::new("invalid input: <nil>")),
    }
}

/// Whether the last digit is the check digit of the others; spaces do not count.
fn is_valid_luhn(args: Args<'_>) -> Result<Val, Failure> {
    let Val::Str(text) = args.get(0) else { return Err(Failure::new("invalid input: <nil>")) };
    let mut sum = 0u64;
    let mut digits = 0u64;
    for byte in text.bytes().rev().filter(|byte| *byte != b' ') {
        if !byte.is_ascii_digit() {
            let mut message = String::from("strconv.Atoi: parsing ");
            // A byte is a character here, as upstream has it.
            quote(&mut message, (byte as char).encode_utf8(&mut [0; 2]));
            return Err(Failure::new(message + ": invalid syntax"));
        }
        let digit = u64::from(byte - b'0');
        sum += match digits % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        };
        digits += 1;
    }
    Ok(Val::Bool(digits > 0 && sum.is_multiple_of(10)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, map, show};
    use super::*;

    /// Results of upstream's functions.
    #[test]
    fn numbers_come_from_what_looks_like_one() {
        for (name, argument, expected) in [
            ("Double", "1_000".into(), "1000.0"),
            ("Double", Val::Bool(true), "1.0"),
            ("Double", Val::Nil, "nil"),
            ("Double", "x".into(), "error: strconv.ParseFloat: parsing \"x\": invalid syntax"),
            ("Double", bytes(&[1]), "error: unsupported type: []uint8"),
            ("Int", "50".into(), "50"),
            ("Int", "1e3".into(), "nil"),
            ("Int", Val::Float(1.9), "1"),
            ("Int", Val::Bool(true), "1"),
            ("Int", Val::Nil, "nil"),
            ("Int", map([("a", 1i64)]), "error: unsupported type: pcommon.Map"),
            ("Log", Val::Float(1.0), "0.0"),
            ("Log", "0.5".into(), "-0.6931471805599453"),
            ("Log", Val::Int(0), "error: invalid input: expected number greater than zero but got 0"),
            ("Log", Val::Float(-1.5), "error: invalid input: expected number greater than zero but got -1.5"),
            ("Log", Val::Nil, "error: invalid input: <nil>"),
        ] {
            assert_eq!(show(name, &[argument]), expected);
        }
    }

    #[test]
    fn whole_numbers_are_read_in_a_base() {
        for (text, base, expected) in [
            ("12", 10, "12"),
            ("0x1f", 0, "31"),
            ("-zz", 36, "-1295"),
            ("", 10, "error: invalid target value for ParseInt function, target cannot be empty"),
            ("1", -1, "error: invalid base value: -1 for ParseInt function, base cannot be negative"),
            ("1", 1, "error: strconv.ParseInt: parsing \"1\": invalid base 1"),
            ("zz", 10, "error: strconv.ParseInt: parsing \"zz\": invalid syntax"),
        ] {
            assert_eq!(show("ParseInt", &[text.into(), Val::Int(base)]), expected);
        }
    }

    #[test]
    fn check_digits_are_checked() {
        for (value, expected) in [
            ("17893729974".into(), "true"),
            (Val::Int(17_893_729_974), "true"),
            ("4111 1111 1111 1111".into(), "true"),
            ("17893729975".into(), "false"),
            ("0".into(), "true"),
            ("".into(), "false"),
            (" ".into(), "false"),
            ("4 2x".into(), "error: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("é".into(), "error: strconv.Atoi: parsing \"©\": invalid syntax"),
            (Val::Nil, "error: invalid input: <nil>"),
        ] {
            assert_eq!(show("IsValidLuhn", &[value]), expected);
        }
    }
}
