//! Floating point numbers as Go prints them.

/// As `%v` prints it: an exponent below 1e-4 and from 1e6.
pub(crate) fn go_float(number: f64) -> String {
    format(number, -4, 6)
}

/// As `yaml.v3` writes it: an exponent below 1e-4 and from 1e6, words for what is no number.
pub(crate) fn yaml_float(number: f64) -> String {
    match number {
        n if n.is_nan() => ".nan".to_owned(),
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        n => go_float(n),
    }
}

/// As `encoding/json` writes it: an exponent below 1e-6, without a leading zero in a negative one. It has one from 1e16 already: a reader that
/// knows whole numbers of any size would take the digits, of which the last are no more than a guess, for one.
pub(crate) fn json_float(number: f64) -> String {
    format(number, -6, 16).replace("e-0", "e-")
}

/// The shortest digits that give the number back, with an exponent below `10^low` and from `10^high`.
fn format(number: f64, low: i32, high: i32) -> String {
    if !number.is_finite() {
        return match number {
            f64::INFINITY => "+Inf",
            f64::NEG_INFINITY => "-Inf",
            _ => "NaN",
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number == 0.0 || (low..high).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let cases = [
            (0.0, "0", "0"),
            (1.5, "1.5", "1.5"),
            (1000.0, "1000", "1000"),
            (1e6, "1e+06", "1000000"),
            (123_456_789.5, "1.234567895e+08", "123456789.5"),
            (1e15, "1e+15", "1000000000000000"),
            (1e20, "1e+20", "1e+20"),
            (1e21, "1e+21", "1e+21"),
            (1.25e-5, "1.25e-05", "0.0000125"),
            (1e-7, "1e-07", "1e-7"),
            (-2.5e100, "-2.5e+100", "-2.5e+100"),
        ];
        for (number, yaml, json) in cases {
            assert_eq!((yaml_float(number).as_str(), json_float(number).as_str()), (yaml, json));
        }
        assert_eq!((yaml_float(f64::NAN).as_str(), yaml_float(f64::NEG_INFINITY).as_str()), (".nan", "-.inf"));
    }
}
