//! Locations: what a clock shows at an instant, and which instant a clock's reading means.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// Seconds east of Greenwich in a zone so many seconds after 1970.
pub fn offset_at(zone: &TimeZone, seconds: i64) -> i32 {
    match zone.to_fixed_offset() {
        Ok(offset) => offset.seconds(),
        Err(_) => zone.to_offset(timestamp(seconds)).seconds(),
    }
}

/// The abbreviation of a zone's time at that instant; empty for a zone that is only an offset.
pub fn name_at(zone: &TimeZone, seconds: i64) -> String {
    match zone.to_fixed_offset() {
        Ok(Offset::UTC) => "UTC".to_owned(),
        Ok(_) => String::new(),
        Err(_) => zone.to_offset_info(timestamp(seconds)).abbreviation().to_owned(),
    }
}

/// Seconds since 1970 at which a clock in the zone shows so many seconds since 1970-01-01 00:00:00. Readings that do not exist or exist twice are
/// resolved as Go's `time.Date` does.
pub(super) fn to_instant(zone: &TimeZone, shown: i64) -> i64 {
    let first = i64::from(offset_at(zone, shown));
    let second = i64::from(offset_at(zone, shown - first));
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
    let in_effect = |offset: i32| name_at(zone, shown - i64::from(offset)) == name;
    let mut offsets = known().map(|transition| transition.offset().seconds());
    let current = offset_at(zone, shown);
    if name_at(zone, shown) == name && in_effect(current) {
        return Some(current);
    }
    offsets.find(|offset| in_effect(*offset)).or_else(|| known().next().map(|transition| transition.offset().seconds()))
}

/// Until when transitions are looked through: 2038, where tables end.
const MODERN: i64 = i32::MAX as i64;

/// The location of the host.
pub fn local() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

/// A location by its name in the time zone database; names differ in case, as they do in a directory.
///
/// # Errors
/// In Go's words, when there is none.
pub fn load(name: &str) -> Result<TimeZone, String> {
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
