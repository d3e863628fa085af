//! Dates and times in YAML, as `yaml.v3` recognises them, normalised to RFC 3339 as it writes them.

/// The text in RFC 3339 when it is a timestamp: `2006-1-2`, `2006-1-2T15:4:5.9Z`, `2006-1-2 15:4:5`.
pub(super) fn parse(text: &str) -> Option<String> {
    let (year, rest) = digits(text, 4, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if rest.is_empty() {
        return Some(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    }
    let zoned = rest.starts_with(['T', 't']);
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 1, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 1, 2)?;
    let (second, rest) = digits(rest.strip_prefix(':')?, 1, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = fraction(rest);
    let zone = match (zoned, rest) {
        (true, rest) => zone(rest)?,
        (false, "") => "Z".to_owned(),
        (false, _) => return None,
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// A number of `least` to `most` digits off the front.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(count).filter(|_| count >= least)?;
    Some((number.parse().ok()?, rest))
}

/// A fraction of a second, without trailing zeros and cut to nanoseconds.
fn fraction(text: &str) -> (String, &str) {
    let Some(after) = text.strip_prefix(['.', ',']) else { return (String::new(), text) };
    let count = after.bytes().take_while(u8::is_ascii_digit).count();
    match after.split_at_checked(count) {
        Some((number, rest)) if count > 0 => {
            let number = number.get(..9).unwrap_or(number).trim_end_matches('0');
            (if number.is_empty() { String::new() } else { format!(".{number}") }, rest)
        }
        _ => (String::new(), text),
    }
}

/// `Z` or `+hh:mm`.
fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some("Z".to_owned());
    }
    let (hours, rest) = digits(text.strip_prefix(['+', '-'])?, 2, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
    if !rest.is_empty() || hours > 24 || minutes > 60 {
        return None;
    }
    Some(if hours == 0 && minutes == 0 { "Z".to_owned() } else { text.to_owned() })
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_recognised_and_normalised() {
        let cases = [
            ("2020-01-01", "2020-01-01T00:00:00Z"),
            ("2020-1-2", "2020-01-02T00:00:00Z"),
            ("2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2001-12-14t21:59:43.1Z", "2001-12-14T21:59:43.1Z"),
            ("2001-12-14 21:59:43", "2001-12-14T21:59:43Z"),
            ("2001-12-14 1:2:3.123456789123", "2001-12-14T01:02:03.123456789Z"),
            ("2001-12-14T21:59:43+00:00", "2001-12-14T21:59:43Z"),
            ("2000-02-29", "2000-02-29T00:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_date_may_be_a_text() {
        let cases = [
            "2020-13-01",
            "2020-02-30",
            "1900-02-29",
            "20-01-01",
            "2020-01",
            "2020-01-01T",
            "2020-01-01T10:00:00",
            "2020-01-01 10:00:00Z",
            "2020-01-01T25:00:00Z",
            "2020-01-01T10:00:00z",
            "2020-01-011",
        ];
        for text in cases {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
