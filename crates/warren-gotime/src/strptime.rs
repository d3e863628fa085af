//! Formats of `%` directives, as the reference collector knows them: each stands for a piece of a layout.

use super::{Layout, Locale, ParseError, civil, zone};
use crate::Time;
use jiff::tz::TimeZone;
use warren_gotext::quote;

/// Directives and the layout that each stands for.
const DIRECTIVES: [(char, &str); 41] = [
    ('Y', "2006"),
    ('y', "06"),
    ('m', "01"),
    ('o', "_1"),
    ('q', "1"),
    ('b', "Jan"),
    ('h', "Jan"),
    ('B', "January"),
    ('d', "02"),
    ('e', "_2"),
    ('g', "2"),
    ('a', "Mon"),
    ('A', "Monday"),
    ('H', "15"),
    ('l', "3"),
    ('I', "03"),
    ('p', "PM"),
    ('P', "pm"),
    ('M', "04"),
    ('S', "05"),
    ('L', "999"),
    ('f', "999999"),
    ('s', "999999999"),
    ('Z', "MST"),
    ('z', "Z0700"),
    ('w', "-070000"),
    ('i', "-07"),
    ('j', "-07:00"),
    ('k', "-07:00:00"),
    ('D', "01/02/2006"),
    ('x', "01/02/2006"),
    ('F', "2006-01-02"),
    ('T', "15:04:05"),
    ('X', "15:04:05"),
    ('r', "03:04:05 pm"),
    ('R', "15:04"),
    ('n', "\n"),
    ('t', "\t"),
    ('%', "%"),
    ('c', "Mon Jan 02 15:04:05 2006"),
    // A line end after `%` makes no directive.
    ('\n', "%\n"),
];

/// The layout that a format stands for.
///
/// # Errors
/// In upstream's words: no format, or directives that are none.
pub fn layout(format: &str) -> Result<Layout, String> {
    if format.is_empty() {
        return Err("format cannot be nil".to_owned());
    }
    native(format).map(|text| Layout::new(&text)).map_err(|unknown| format!("convert to go time format: [{}]", unknown.join(" ")))
}

/// The text of the Go layout that a format stands for.
///
/// # Errors
/// In upstream's words, one for each directive that is none.
pub fn native(format: &str) -> Result<String, Vec<String>> {
    let (mut text, mut unknown) = (String::new(), Vec::new());
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        text.push_str(before);
        let mut chars = behind.chars();
        match chars.next() {
            None => text.push('%'),
            Some(c) => match replacement(c) {
                Some(replacement) => text.push_str(replacement),
                None => unknown.push(format!("unsupported ctimefmt.ToNative() directive: %{c}")),
            },
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    if unknown.is_empty() { Ok(text) } else { Err(unknown) }
}

fn replacement(directive: char) -> Option<&'static str> {
    DIRECTIVES.iter().find(|(name, _)| *name == directive).map(|(_, replacement)| *replacement)
}

/// Reads times in a format.
#[derive(Debug)]
pub struct Reader {
    format: Box<str>,
    layout: Layout,
    location: TimeZone,
    locale: Option<Locale>,
}

impl Reader {
    /// Prepares a format with the names of the location and the language, if there are any.
    ///
    /// # Errors
    /// In upstream's words: what is wrong with the format, the location, the language.
    pub fn new(format: &str, location: Option<&str>, locale: Option<&str>) -> Result<Self, String> {
        let layout = layout(format)?;
        let location = location_of(location, format)?;
        let locale = locale.map(Locale::new).transpose()?;
        Ok(Self { format: format.into(), layout, location, locale })
    }

    /// Prepares a Go layout with the name of the location, if there is one.
    ///
    /// # Errors
    /// In upstream's words: what is wrong with the location.
    pub fn of_layout(layout: &str, location: Option<&str>) -> Result<Self, String> {
        let location = location_of(location, layout)?;
        Ok(Self { format: layout.into(), layout: Layout::new(layout), location, locale: None })
    }

    /// Reads a time. A date without a year is of this year, or of the last one if it would lie more than a week ahead of `now`.
    ///
    /// # Errors
    /// In upstream's words, when the text is no such time.
    pub fn read(&self, text: &str, now: impl FnOnce() -> Time) -> Result<Time, String> {
        if text.is_empty() {
            return Err("time cannot be nil".to_owned());
        }
        let parse = |location: &TimeZone| self.layout.parse(text, location, self.locale.as_ref());
        let time = parse(&self.location).map_err(|error| self.explain(&error, text))?;
        Ok(with_year(self.in_true_zone(time, parse)?, now))
    }

    /// A zone without an offset that is not UTC may be a name that was not understood; it is then looked up in the database.
    fn in_true_zone(&self, time: Time, parse: impl Fn(&TimeZone) -> Result<Time, ParseError>) -> Result<Time, String> {
        if time.zone == TimeZone::UTC || zone::offset_at(&time.zone, time.seconds) != 0 {
            return Ok(time);
        }
        let name = zone::name_at(&time.zone, time.seconds);
        if name == "UTC" {
            return Ok(time);
        }
        let location = zone::load(&name).map_err(|error| format!("failed to load location {name}: {error}"))?;
        Ok(parse(&location).unwrap_or(time))
    }

    fn explain(&self, error: &ParseError, text: &str) -> String {
        let mut out = String::from("parsing time ");
        quote(&mut out, text);
        if !error.message.is_empty() {
            out.push_str(&error.message);
            return out;
        }
        if let Some(explained) = self.locale.as_ref().and_then(|locale| locale.explain(&error.wanted, text)) {
            return explained;
        }
        out.push_str(" as ");
        quote(&mut out, &self.format);
        out.push_str(": cannot parse ");
        quote(&mut out, &error.rest);
        out.push_str(" as ");
        quote(&mut out, &self.written(&error.wanted));
        out
    }

    /// The directive that became this element; of several, the last in the format.
    fn written(&self, element: &str) -> String {
        let mut found = None;
        let mut rest = &*self.format;
        while let Some((_, behind)) = rest.split_once('%') {
            let mut chars = behind.chars();
            found = chars.next().filter(|directive| replacement(*directive) == Some(element)).or(found);
            rest = chars.as_str();
        }
        found.map_or_else(|| element.to_owned(), |directive| format!("%{directive}"))
    }
}

/// The location by its name; without one that of the host, or UTC where the text ends with the letter for it.
fn location_of(name: Option<&str>, text: &str) -> Result<TimeZone, String> {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => zone::load(name).map_err(|error| format!("failed to load location {name}: {error}")),
        None if text.ends_with('Z') => Ok(TimeZone::UTC),
        None => Ok(zone::local()),
    }
}

fn with_year(time: Time, now: impl FnOnce() -> Time) -> Time {
    let shown = civil::Civil::of(&time);
    if shown.year > 0 {
        return time;
    }
    let now = now();
    let today = civil::Civil::of(&now);
    let in_year = |year| {
        let clock = (shown.hour.into(), shown.minute.into(), shown.second.into());
        let reading = civil::seconds(year, shown.month.into(), shown.day.into(), clock.0, clock.1, clock.2);
        Time { seconds: zone::to_instant(&time.zone, reading), nanos: time.nanos, zone: time.zone.clone() }
    };
    let this_year = in_year(today.year);
    let next_week = civil::seconds(
        today.year,
        today.month.into(),
        i64::from(today.day) + 7,
        today.hour.into(),
        today.minute.into(),
        today.second.into(),
    );
    let next_week = (zone::to_instant(&now.zone, next_week), now.nanos);
    if (this_year.seconds, this_year.nanos) > next_week { in_year(today.year - 1) } else { this_year }
}
