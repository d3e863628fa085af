//! Lines, fields and numbers in the bytes of a kernel file.

/// The lines, without their ends.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
            None => (rest, [].as_slice()),
        };
        rest = after;
        Some(line)
    })
}

/// The fields of a line: what stands between blanks.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
}

/// The first `N` fields as numbers; none when there are fewer, or one is no number.
pub fn numbers<const N: usize>(line: &[u8]) -> Option<[u64; N]> {
    let mut found = [0; N];
    let mut fields = fields(line);
    for slot in &mut found {
        *slot = number(fields.next()?)?;
    }
    Some(found)
}

/// A whole number in decimal digits; none when there is anything else, or it has more than 64 bits.
pub fn number(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// A whole number in hexadecimal digits.
pub fn hex(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(sum.checked_mul(16)? | u64::from(digit))
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// A number with a fraction.
pub fn float(text: &[u8]) -> Option<f64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Both sides of the first such byte.
pub fn split_once(line: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = memchr::memchr(at, line)?;
    Some((line.get(..place)?, line.get(place + 1..)?))
}

/// Text that is shown to people or stands in an attribute: what is no UTF-8 is replaced.
pub fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        for (text, expected) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("+1", None),
            ("1 ", None),
            ("", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(hex(b"fF"), Some(255));
        assert_eq!(hex(b"10000000000000000"), None);
        assert_eq!(numbers::<2>(b" 1\t22 x"), Some([1, 22]));
        assert_eq!(numbers::<3>(b"1 22 x"), None);
    }

    proptest! {
        #[test]
        fn prop_lines_and_fields_are_those_of_the_standard_library(text in "[a-z0-9 \t\n]{0,80}") {
            let own: Vec<Vec<&[u8]>> = lines(text.as_bytes()).map(|line| fields(line).collect()).collect();
            let expected: Vec<Vec<&[u8]>> = text.lines().map(|line| line.split_ascii_whitespace().map(str::as_bytes).collect()).collect();
            prop_assert_eq!(own, expected);
        }

        #[test]
        fn prop_numbers_are_read_as_they_are_written(value in any::<u64>()) {
            prop_assert_eq!(number(value.to_string().as_bytes()), Some(value));
            prop_assert_eq!(hex(format!("{value:X}").as_bytes()), Some(value));
        }
    }
}
