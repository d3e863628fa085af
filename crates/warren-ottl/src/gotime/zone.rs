//! Locations: what a clock shows at an instant, and which instant a clock's reading means.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// What holds in a zone at an instant.
pub(crate) struct InEffect {
    /// Seconds east of Greenwich.
    pub(crate) offset: i32,
    /// The abbreviation; empty for a zone that is only an offset.
    pub(crate) name: String,
}

/// What holds in a zone so many seconds after 1970.
pub(crate) fn at(zone: &TimeZone, seconds: i64) -> InEffect {
    if let Ok(offset) = zone.to_fixed_offset() {
        let name = if offset == Offset::UTC { "UTC".to_owned() } else { String::new() };
        return InEffect { offset: offset.seconds(), name };
    }
    let info = zone.to_offset_info(timestamp(seconds));
    InEffect { offset: info.offset().seconds(), name: info.abbreviation().to_owned() }
}

/// Seconds since 1970 at which a clock in the zone shows so many seconds since 1970-01-01 00:00:00. Readings that do not exist or exist twice are
/// resolved as Go's `time.Date` does.
pub(super) fn to_instant(zone: &TimeZone, shown: i64) -> i64 {
    let first = i64::from(at(zone, shown).offset);
    let second = i64::from(at(zone, shown - first).offset);
    shown - second
}

/// The offset of the zone's abbreviation, preferably the one in effect when a clock shows this.
pub(super) fn offset_of(zone: &TimeZone, name: &str, shown: i64) -> Option<i32> {
    if zone.to_fixed_offset().is_ok() {
        return None;
    }
    let known = || {
        zone.following(Timestamp::MIN)
            .take_while(|transition| transition.timestamp() < timestamp(MODERN))
            .filter(|transition| transition.abbreviation() == name)
    };
    let in_effect = |offset: i32| at(zone, shown - i64::from(offset)).name == name;
    let mut offsets = known().map(|transition| transition.offset().seconds());
    let current = at(zone, shown);
    if current.name == name && in_effect(current.offset) {
        return Some(current.offset);
    }
    offsets.find(|offset| in_effect(*offset)).or_else(|| known().next().map(|transition| transition.offset().seconds()))
}

/// Until when transitions are looked through: 2038, where tables end.
const MODERN: i64 = i32::MAX as i64;

/// The location of the host.
pub(crate) fn local() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

/// A location by its name in the time zone database; names differ in case, as they do in a directory.
///
/// # Errors
/// In Go's words, when there is none.
pub(crate) fn load(name: &str) -> Result<TimeZone, String> {
    match name {
        "" | "UTC" => return Ok(TimeZone::UTC),
        "Local" => return Ok(local()),
        _ => {}
    }
    if name.contains("..") || name.starts_with(['/', '\\']) {
        return Err("time: invalid location name".to_owned());
    }
    match TimeZone::get(name) {
        Ok(zone) if zone.iana_name().is_none_or(|found| found == name) => Ok(zone),
        _ => Err(format!("unknown time zone {name}")),
    }
}

/// A zone that has this name and offset at all times.
pub(super) fn fixed(name: &str, seconds: i32) -> TimeZone {
    if name.is_empty() || name == "UTC" {
        return Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed);
    }
    let (sign, size) = if seconds > 0 { ('-', seconds) } else { ('+', -seconds) };
    let rule = format!("<{name}>{sign}{:02}:{:02}:{:02}", size / 3600, size / 60 % 60, size % 60);
    TimeZone::posix(&rule).unwrap_or_else(|_| fixed("", seconds))
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
