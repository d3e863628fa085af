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
        Val::Float(value) => Ok(Val::Float(natural_logarithm(*value))),
        _ => Err(Failure::new("invalid input: <nil>")),
    }
}

/// The natural logarithm of a positive number to the last digit as Go's `math.Log` computes it, after FreeBSD's `e_log.c`: the number is `2^k (1+f)`
/// with `1+f` between `√2/2` and `√2`, and the logarithm of `1+f` a polynomial in `s = f/(2+f)`.
fn natural_logarithm(value: f64) -> f64 {
    const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
    const L1: f64 = f64::from_bits(0x3fe5_5555_5555_5593);
    const L2: f64 = f64::from_bits(0x3fd9_9999_9997_fa04);
    const L3: f64 = f64::from_bits(0x3fd2_4924_9422_9359);
    const L4: f64 = f64::from_bits(0x3fcc_71c5_1d8e_78af);
    const L5: f64 = f64::from_bits(0x3fc7_4664_96cb_03de);
    const L6: f64 = f64::from_bits(0x3fc3_9a09_d078_c69f);
    const L7: f64 = f64::from_bits(0x3fc2_f112_df3e_5244);
    const EXPONENT: u64 = 0x7ff << 52;
    if !value.is_finite() {
        return value;
    }
    // Subnormal numbers are made normal first.
    let (value, shift) = if value < f64::MIN_POSITIVE { (value * (1u64 << 52) as f64, 52) } else { (value, 0) };
    let bits = value.to_bits();
    let mut k = ((bits & EXPONENT) >> 52) as i64 - 1022 - shift;
    let mut fraction = f64::from_bits(bits & !EXPONENT | 1022 << 52);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        k -= 1;
    }
    let (f, k) = (fraction - 1.0, k as f64);
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (L1 + s4 * (L3 + s4 * (L5 + s4 * L7)));
    let even = s4 * (L2 + s4 * (L4 + s4 * L6));
    let half = 0.5 * f * f;
    k * LN2_HIGH - ((half - (s * (half + (odd + even)) + k * LN2_LOW)) - f)
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

    /// Results of Go's `math.Log`, among them some in which libraries differ.
    #[test]
    fn logarithms_are_those_of_go_to_the_last_digit() {
        for (value, expected) in [
            (1.0, 0.0),
            (2.0, std::f64::consts::LN_2),
            (std::f64::consts::E, 1.0),
            (0.5, -std::f64::consts::LN_2),
            (1e-300, -690.7755278982137),
            (1.7976931348623157e+308, 709.782712893384),
            (0.9, -0.10536051565782628),
            (1.1, 0.09531017980432493),
            (std::f64::consts::FRAC_1_SQRT_2, -0.3465735902799726),
            (3.0679250485170764, 1.1210014531274108),
            (1.6979817813035147, 0.5294403583283636),
            (4.661219818910656, 1.539277177598144),
            (3.095387565305998, 1.1299131213359037),
            (3.1044315351907894, 1.1328306181703178),
            (2.186473039700702e+203, 468.20706363924114),
            (6.089566980417425, 1.8065769758141075),
            (1.3165184583648981, 0.2749907206420348),
            (5.5296130406325, 1.7101178385167408),
            (670327.0550195226, 13.41552101408487),
            (6.1578586956581844, 1.8177291027723546),
            (1.090261892834346, 0.08641793603652487),
        ] {
            assert_eq!(natural_logarithm(value), expected, "{value}");
        }
        assert_eq!(natural_logarithm(f64::INFINITY), f64::INFINITY);
        assert!(natural_logarithm(f64::NAN).is_nan());
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
