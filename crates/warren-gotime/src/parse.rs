//! Text as times: `time.ParseInLocation`.

use super::civil::{days_before, days_in, is_leap, seconds};
use super::format::{MONTHS, WEEKDAYS};
use super::layout::{Element, Layout, OffsetForm};
use super::locale::{Kind, Locale};
use super::zone;
use crate::Time;
use jiff::tz::TimeZone;

/// Why a text is no time in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The element or literal text that does not fit.
    pub wanted: Box<str>,
    /// The text from there on.
    pub rest: Box<str>,
    /// What is wrong, with a colon before it; empty if the text does not fit the element.
    pub message: Box<str>,
}

/// What an element does not take, and parts that are out of range.
enum Fault {
    Bad,
    Range(&'static str),
}

type Part<T> = Result<T, Fault>;

/// The parts that have been read.
#[derive(Default)]
struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone_name: Option<String>,
}

impl Layout {
    /// Reads a time. Without a zone in the text, it is one of the location; names are English without a locale.
    ///
    /// # Errors
    /// When the text does not fit or a part is out of range.
    pub fn parse(&self, value: &str, location: &TimeZone, locale: Option<&Locale>) -> Result<Time, ParseError> {
        let mut rest = value.as_bytes();
        let mut parts = Parts::default();
        for (index, chunk) in self.chunks.iter().enumerate() {
            skip(&mut rest, &chunk.prefix).map_err(|()| error(&chunk.prefix, rest, String::new()))?;
            let before = rest;
            let next = self.chunks.get(index + 1);
            // Only the very next thing counts as the fraction of a second.
            let fraction_follows = next.is_some_and(|next| matches!(next.element, Element::Fraction { .. }));
            parts.read(chunk.element, &mut rest, fraction_follows, locale).map_err(|fault| match fault {
                Fault::Bad => error(&chunk.written, before, String::new()),
                Fault::Range(part) => error(&chunk.written, rest, format!(": {part} out of range")),
            })?;
        }
        skip(&mut rest, &self.suffix).map_err(|()| error(&self.suffix, rest, String::new()))?;
        if !rest.is_empty() {
            return Err(error("", rest, format!(": extra text: {}", quoted(rest))));
        }
        parts.settle_date().map_err(|message| error("", rest, format!(": {message}")))?;
        Ok(parts.time(location))
    }
}

fn error(wanted: &str, rest: &[u8], message: String) -> ParseError {
    ParseError { wanted: wanted.into(), rest: String::from_utf8_lossy(rest).into(), message: message.into() }
}

/// Text in quotes as the time package writes it: what is not ASCII byte by byte.
pub(super) fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', *byte as char]),
            b' '..=b'~' | 0x7f => out.push(*byte as char),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Skips literal text; a space in it stands for any number of spaces.
fn skip(rest: &mut &[u8], literal: &str) -> Result<(), ()> {
    let mut literal = literal.as_bytes();
    while let [first, behind @ ..] = literal {
        if *first == b' ' {
            if rest.first().is_some_and(|byte| *byte != b' ') {
                return Err(());
            }
            literal = without_spaces(literal);
            *rest = without_spaces(rest);
            continue;
        }
        match rest {
            [byte, others @ ..] if byte == first => *rest = others,
            _ => return Err(()),
        }
        literal = behind;
    }
    Ok(())
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    &text[spaces..]
}

impl Parts {
    fn read(&mut self, element: Element, rest: &mut &[u8], fraction_follows: bool, locale: Option<&Locale>) -> Part<()> {
        let mut named = |kind| name(rest, kind, locale);
        match element {
            Element::Year => {
                let year = atoi(take(rest, 2)?)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Element::LongYear => {
                if !rest.first().is_some_and(u8::is_ascii_digit) {
                    return Err(Fault::Bad);
                }
                self.year = atoi(take(rest, 4)?)?;
            }
            Element::Month => self.month = Some(named(Kind::ShortMonth)? + 1),
            Element::LongMonth => self.month = Some(named(Kind::LongMonth)? + 1),
            Element::NumMonth | Element::ZeroMonth => {
                self.month = Some(within(number(rest, element == Element::ZeroMonth)?, 1..13, "month")?);
            }
            Element::WeekDay => _ = named(Kind::ShortDay)?,
            Element::LongWeekDay => _ = named(Kind::LongDay)?,
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                if element == Element::UnderDay {
                    space(rest);
                }
                self.day = Some(number(rest, element == Element::ZeroDay)?);
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                if element == Element::UnderYearDay {
                    space(rest);
                    space(rest);
                }
                self.year_day = Some(number3(rest, element == Element::ZeroYearDay)?);
            }
            Element::Hour => self.hour = within(number(rest, false)?, 0..24, "hour")?,
            Element::Hour12 | Element::ZeroHour12 => {
                self.hour = within(number(rest, element == Element::ZeroHour12)?, 0..13, "hour")?;
            }
            Element::Minute | Element::ZeroMinute => {
                self.minute = within(number(rest, element == Element::ZeroMinute)?, 0..60, "minute")?;
            }
            Element::Second | Element::ZeroSecond => {
                self.second = within(number(rest, element == Element::ZeroSecond)?, 0..60, "second")?;
                // A fraction may be there though the layout has none.
                if let [b'.' | b',', b'0'..=b'9', ..] = rest
                    && !fraction_follows
                {
                    self.nanos = fraction(rest, None)?;
                }
            }
            Element::Half { .. } if locale.is_some() => self.afternoon = Some(named(Kind::Half)? == 1),
            Element::Half { upper } => {
                self.afternoon = Some(match (take(rest, 2)?, upper) {
                    (b"PM", true) | (b"pm", false) => true,
                    (b"AM", true) | (b"am", false) => false,
                    _ => return Err(Fault::Bad),
                });
            }
            Element::ZoneName => self.zone_name(rest)?,
            Element::Offset { z: true, .. } if rest.first() == Some(&b'Z') => {
                self.utc = true;
                *rest = &rest[1..];
            }
            Element::Offset { form, .. } => self.offset = Some(offset(rest, form)?),
            Element::Fraction { trimmed: false, digits, .. } => self.nanos = fraction(rest, Some(digits))?,
            Element::Fraction { trimmed: true, .. } => {
                if let [b'.' | b',', b'0'..=b'9', ..] = rest {
                    self.nanos = fraction(rest, None)?;
                }
            }
        }
        Ok(())
    }

    fn zone_name(&mut self, rest: &mut &[u8]) -> Part<()> {
        if rest.starts_with(b"UTC") {
            self.utc = true;
            *rest = &rest[3..];
            return Ok(());
        }
        let name = take(rest, zone_length(rest).ok_or(Fault::Bad)?)?;
        self.zone_name = Some(String::from_utf8_lossy(name).into_owned());
        Ok(())
    }

    /// Turns a day of the year into month and day, and checks the day.
    fn settle_date(&mut self) -> Result<(), &'static str> {
        if let Some(given) = self.year_day {
            let leap_day = is_leap(self.year) && given == 60;
            let day_of_common = if is_leap(self.year) && given > 60 { given - 1 } else { given };
            if !(1..=365).contains(&day_of_common) {
                return Err("day-of-year out of range");
            }
            let month = (1..=12).rev().find(|month| days_before(*month) < day_of_common).unwrap_or(1);
            let (month, day) = if leap_day { (2, 29) } else { (month, day_of_common - days_before(month)) };
            if self.month.is_some_and(|given| given != month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|given| given != day) {
                return Err("day-of-year does not match day");
            }
            (self.month, self.day) = (Some(month), Some(day));
        }
        let (month, day) = (*self.month.get_or_insert(1), *self.day.get_or_insert(1));
        if (1..=days_in(month, self.year)).contains(&day) { Ok(()) } else { Err("day out of range") }
    }

    fn time(self, location: &TimeZone) -> Time {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let shown = seconds(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1), hour, self.minute, self.second);
        let time = |seconds, zone| Time { seconds, nanos: self.nanos, zone };
        if self.utc {
            return time(shown, TimeZone::UTC);
        }
        if let Some(offset) = self.offset {
            let instant = shown - i64::from(offset);
            let name = self.zone_name.as_deref().unwrap_or_default();
            let here = zone::offset_at(location, instant) == offset;
            if here && (name.is_empty() || zone::name_at(location, instant) == name) {
                return time(instant, location.clone());
            }
            return time(instant, zone::fixed(name, offset));
        }
        if let Some(name) = &self.zone_name {
            if let Some(offset) = zone::offset_of(location, name, shown) {
                return time(shown - i64::from(offset), location.clone());
            }
            // An unknown name is a zone of its own; the clock is taken to show UTC even where the name has an offset.
            let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
            return time(shown, zone::fixed(name, hours * 3600));
        }
        time(zone::to_instant(location, shown), location.clone())
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Part<&'a [u8]> {
    let (taken, others) = rest.split_at_checked(length).ok_or(Fault::Bad)?;
    *rest = others;
    Ok(taken)
}

fn space(rest: &mut &[u8]) {
    if let [b' ', others @ ..] = rest {
        *rest = others;
    }
}

/// A signed number of few digits.
fn atoi(text: &[u8]) -> Part<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    let mut value = 0i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return Err(Fault::Bad);
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Ok(if negative { -value } else { value })
}

/// One or two digits, two if they must be.
fn number(rest: &mut &[u8], two: bool) -> Part<i64> {
    match rest {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', others @ ..] => {
            let value = i64::from(a - b'0') * 10 + i64::from(b - b'0');
            *rest = others;
            Ok(value)
        }
        [a @ b'0'..=b'9', others @ ..] if !two => {
            let value = i64::from(a - b'0');
            *rest = others;
            Ok(value)
        }
        _ => Err(Fault::Bad),
    }
}

/// One to three digits, three if they must be.
fn number3(rest: &mut &[u8], three: bool) -> Part<i64> {
    let digits = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || three && digits != 3 {
        return Err(Fault::Bad);
    }
    atoi(take(rest, digits)?)
}

fn within(value: i64, range: std::ops::Range<i64>, part: &'static str) -> Part<i64> {
    if range.contains(&value) { Ok(value) } else { Err(Fault::Range(part)) }
}

/// The index of the name that the text begins with, in any case.
fn name(rest: &mut &[u8], kind: Kind, locale: Option<&Locale>) -> Part<i64> {
    let (index, length) = match locale {
        Some(locale) => locale.find(kind, rest),
        None => english(rest, kind),
    }
    .ok_or(Fault::Bad)?;
    take(rest, length)?;
    Ok(index as i64)
}

fn english(text: &[u8], kind: Kind) -> Option<(usize, usize)> {
    let (names, letters): (&[&str], usize) = match kind {
        Kind::ShortMonth => (&MONTHS, 3),
        Kind::LongMonth => (&MONTHS, usize::MAX),
        Kind::ShortDay => (&WEEKDAYS, 3),
        Kind::LongDay => (&WEEKDAYS, usize::MAX),
        Kind::Half => return None,
    };
    names.iter().enumerate().find_map(|(index, name)| {
        let name = &name.as_bytes()[..letters.min(name.len())];
        text.get(..name.len())?.eq_ignore_ascii_case(name).then_some((index, name.len()))
    })
}

/// A separator and digits: so many, or all there are, of which nine count.
fn fraction(rest: &mut &[u8], digits: Option<usize>) -> Part<u32> {
    let digits = digits.unwrap_or_else(|| rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count());
    let text = take(rest, 1 + digits)?;
    let ([b'.' | b',', digits @ ..], 1..) = (text, digits) else { return Err(Fault::Bad) };
    let digits = &digits[..digits.len().min(9)];
    let value = atoi(digits)?;
    if value < 0 {
        return Err(Fault::Range("fractional second"));
    }
    Ok(value as u32 * 10u32.pow(9 - digits.len() as u32))
}

fn offset(rest: &mut &[u8], form: OffsetForm) -> Part<i32> {
    let (length, places): (usize, &[usize]) = match form {
        OffsetForm::ColonMinutes => (6, &[1, 4]),
        OffsetForm::Hours => (3, &[1]),
        OffsetForm::ColonSeconds => (9, &[1, 4, 7]),
        OffsetForm::Seconds => (7, &[1, 3, 5]),
        OffsetForm::Minutes => (5, &[1, 3]),
    };
    let text = rest.get(..length).ok_or(Fault::Bad)?;
    if form.colons() && (text.get(3) != Some(&b':') || length == 9 && text.get(6) != Some(&b':')) {
        return Err(Fault::Bad);
    }
    take(rest, length)?;
    let mut parts = [0i64; 3];
    for (part, place) in parts.iter_mut().zip(places) {
        *part = number(&mut text.get(*place..place + 2).unwrap_or_default(), true)?;
    }
    let [hours, minutes, seconds] = parts;
    // More than the greatest offset, not as much: some write 24 hours or 60 minutes.
    within(hours, 0..25, "time zone offset hour")?;
    within(minutes, 0..61, "time zone offset minute")?;
    within(seconds, 0..61, "time zone offset second")?;
    let size = ((hours * 60 + minutes) * 60 + seconds) as i32;
    match text.first() {
        Some(b'+') => Ok(size),
        Some(b'-') => Ok(-size),
        _ => Err(Fault::Bad),
    }
}

/// The length of what looks like the name of a zone.
fn zone_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(behind) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours(behind));
    }
    if matches!(text, [b'+' | b'-', ..]) {
        return Some(signed_hours(text)).filter(|length| *length > 0);
    }
    match text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        5 if text.get(4) == Some(&b'T') => Some(5),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// The length of a sign and a number of hours up to 23; 0 if there is none.
fn signed_hours(text: &[u8]) -> usize {
    let [b'+' | b'-', digits @ ..] = text else { return 0 };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = digits[..length].iter().fold(0u32, |value, byte| (value * 10 + u32::from(byte - b'0')).min(1000));
    if length == 0 || value > 23 { 0 } else { 1 + length }
}
