//! Times as text: `Time.Format`.

use super::layout::{Element, Layout, OffsetForm};
use super::{Civil, zone};
use crate::Time;
use std::fmt::Write;
use std::sync::LazyLock;

pub(super) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Layout {
    /// Appends the time as the layout writes it.
    pub fn format(&self, out: &mut String, time: &Time) {
        let offset = zone::offset_at(&time.zone, time.seconds);
        let civil = Civil::at(time.seconds.saturating_add(i64::from(offset)));
        for chunk in &self.chunks {
            out.push_str(&chunk.prefix);
            element(out, chunk.element, time, &civil, offset);
        }
        out.push_str(&self.suffix);
    }
}

fn element(out: &mut String, element: Element, time: &Time, civil: &Civil, east: i32) {
    let month = MONTHS.get(usize::from(civil.month) - 1).copied().unwrap_or_default();
    let weekday = WEEKDAYS.get(usize::from(civil.weekday)).copied().unwrap_or_default();
    let hour12 = if civil.hour.is_multiple_of(12) { 12 } else { civil.hour % 12 };
    match element {
        Element::LongMonth => out.push_str(month),
        Element::Month => out.push_str(&month[..3]),
        Element::LongWeekDay => out.push_str(weekday),
        Element::WeekDay => out.push_str(&weekday[..3]),
        Element::NumMonth => number(out, civil.month.into(), 0),
        Element::ZeroMonth => number(out, civil.month.into(), 2),
        Element::Day => number(out, civil.day.into(), 0),
        Element::UnderDay => padded(out, civil.day.into(), 2),
        Element::ZeroDay => number(out, civil.day.into(), 2),
        Element::UnderYearDay => padded(out, civil.year_day.into(), 3),
        Element::ZeroYearDay => number(out, civil.year_day.into(), 3),
        Element::Hour => number(out, civil.hour.into(), 2),
        Element::Hour12 => number(out, hour12.into(), 0),
        Element::ZeroHour12 => number(out, hour12.into(), 2),
        Element::Minute => number(out, civil.minute.into(), 0),
        Element::ZeroMinute => number(out, civil.minute.into(), 2),
        Element::Second => number(out, civil.second.into(), 0),
        Element::ZeroSecond => number(out, civil.second.into(), 2),
        Element::LongYear => number(out, civil.year, 4),
        Element::Year => number(out, civil.year.abs() % 100, 2),
        Element::Half { upper } => out.push_str(match (civil.hour >= 12, upper) {
            (true, true) => "PM",
            (false, true) => "AM",
            (true, false) => "pm",
            (false, false) => "am",
        }),
        Element::ZoneName => match zone::name_at(&time.zone, time.seconds).as_str() {
            "" => offset(out, east, OffsetForm::Minutes),
            name => out.push_str(name),
        },
        Element::Offset { z: true, .. } if east == 0 => out.push('Z'),
        Element::Offset { form, .. } => offset(out, east, form),
        Element::Fraction { trimmed, digits, separator } => fraction(out, time.nanos, trimmed, digits, separator),
    }
}

/// A number with leading zeros; the sign does not count to the width.
fn number(out: &mut String, value: i64, width: usize) {
    if value < 0 {
        out.push('-');
    }
    let _ = write!(out, "{:0width$}", value.unsigned_abs());
}

/// A number with leading spaces.
fn padded(out: &mut String, value: i64, width: usize) {
    let _ = write!(out, "{value:width$}");
}

fn offset(out: &mut String, seconds: i32, form: OffsetForm) {
    // Less than a minute west of Greenwich counts as nothing west.
    let minutes = seconds / 60;
    out.push(if minutes < 0 { '-' } else { '+' });
    number(out, (minutes.abs() / 60).into(), 2);
    if form.colons() {
        out.push(':');
    }
    if form != OffsetForm::Hours {
        number(out, (minutes.abs() % 60).into(), 2);
    }
    if form.seconds() {
        if form.colons() {
            out.push(':');
        }
        number(out, i64::from(if minutes < 0 { -seconds } else { seconds } % 60), 2);
    }
}

fn fraction(out: &mut String, nanos: u32, trimmed: bool, digits: usize, separator: u8) {
    if trimmed && (digits == 0 || nanos == 0) {
        return;
    }
    let start = out.len();
    out.push(separator as char);
    let _ = write!(out, "{nanos:09}");
    out.truncate(start + 1 + digits.min(9));
    if trimmed {
        let kept = out.trim_end_matches('0').len().max(start);
        out.truncate(kept);
        if out.len() == start + 1 {
            out.truncate(start);
        }
    }
}

/// Appends the time in the layout of RFC 3339 with as many digits of the second as it needs.
pub fn rfc3339_nano(out: &mut String, time: &Time) {
    static LAYOUT: LazyLock<Layout> = LazyLock::new(|| Layout::new("2006-01-02T15:04:05.999999999Z07:00"));
    LAYOUT.format(out, time);
}
