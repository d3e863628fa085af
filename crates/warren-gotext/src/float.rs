//! Floating point numbers.

/// A layout of `strconv.FormatFloat` with the fewest digits that read back as the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// `'f'`: never an exponent. `1e21` is `1000000000000000000000`.
    Plain,
    /// `'e'`: always an exponent of two digits at least.
    Exponent,
    /// `'g'`, as `%v` and `fmt.Sprint` print it: an exponent below `1e-4` and from `1e6` on (`1e+06`).
    General,
    /// `encoding/json`: an exponent below `1e-6` and from `1e21` on, without a leading zero (`1e-7`).
    Json,
    /// `goccy/go-json`: as [`Float::Json`], but the exponent has two digits at least (`1e-07`).
    PaddedJson,
}

/// Appends the number in this layout. `NaN`, `+Inf` and `-Inf` are spelled as Go does.
pub fn float(out: &mut String, value: f64, layout: Float) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    let (digits, point) = digits(value.abs());
    let exponent = point - 1;
    let scientific = match layout {
        Float::Plain => false,
        Float::Exponent => true,
        Float::General => !(-4..6).contains(&exponent),
        Float::Json | Float::PaddedJson => value != 0.0 && !(-6..21).contains(&exponent),
    };
    if scientific { with_exponent(out, &digits, exponent, layout) } else { plainly(out, &digits, point) }
}

/// The shortest digits, without leading or trailing zeros, and where the point stands: `0.ddd × 10^point`. Zero is `0` with point 1.
fn digits(value: f64) -> (String, i32) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or_default()),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let significant = all.trim_matches('0');
    if significant.is_empty() {
        return ("0".to_owned(), 1);
    }
    (significant.to_owned(), whole.len() as i32 + exponent - leading as i32)
}

fn plainly(out: &mut String, digits: &str, point: i32) {
    if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        return out.push_str(digits);
    }
    let point = point as usize;
    match digits.split_at_checked(point) {
        Some((whole, fraction)) => {
            out.push_str(whole);
            if !fraction.is_empty() {
                out.push('.');
                out.push_str(fraction);
            }
        }
        None => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', point - digits.len()));
        }
    }
}

fn with_exponent(out: &mut String, digits: &str, exponent: i32, layout: Float) {
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out.push_str(if exponent < 0 { "e-" } else { "e+" });
    let size = exponent.unsigned_abs();
    if size < 10 && !(layout == Float::Json && exponent < 0) {
        out.push('0');
    }
    out.push_str(itoa::Buffer::new().format(size));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(value: f64, layout: Float) -> String {
        let mut out = String::new();
        float(&mut out, value, layout);
        out
    }

    /// Known results of Go's `strconv.FormatFloat(v, layout, -1, 64)`, `fmt.Sprint` and `json.Marshal`.
    #[test]
    fn numbers_look_as_go_prints_them() {
        for (value, plain, exponent, general, json) in [
            (0.0, "0", "0e+00", "0", "0"),
            (-0.0, "-0", "-0e+00", "-0", "-0"),
            (1.0, "1", "1e+00", "1", "1"),
            (1.5, "1.5", "1.5e+00", "1.5", "1.5"),
            (100_000.0, "100000", "1e+05", "100000", "100000"),
            (1_000_000.0, "1000000", "1e+06", "1e+06", "1000000"),
            (1_277_952.0, "1277952", "1.277952e+06", "1.277952e+06", "1277952"),
            (123_456_789.0, "123456789", "1.23456789e+08", "1.23456789e+08", "123456789"),
            (0.0001, "0.0001", "1e-04", "0.0001", "0.0001"),
            (0.00001, "0.00001", "1e-05", "1e-05", "0.00001"),
            (1e-7, "0.0000001", "1e-07", "1e-07", "1e-7"),
            (1e20, "100000000000000000000", "1e+20", "1e+20", "100000000000000000000"),
            (1e21, "1000000000000000000000", "1e+21", "1e+21", "1e+21"),
            (5e-324, &format!("0.{}5", "0".repeat(323)), "5e-324", "5e-324", "5e-324"),
            (f64::NAN, "NaN", "NaN", "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf", "+Inf"),
        ] {
            assert_eq!(show(value, Float::Plain), plain);
            assert_eq!(show(value, Float::Exponent), exponent);
            assert_eq!(show(value, Float::General), general, "{value}");
            assert_eq!(show(value, Float::Json), json);
        }
    }

    proptest! {
        #[test]
        fn prop_every_layout_reads_back_as_the_same_number(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for layout in [Float::Plain, Float::Exponent, Float::General, Float::Json] {
                prop_assert_eq!(show(value, layout).parse::<f64>().unwrap().to_bits(), bits);
            }
        }
    }
}
