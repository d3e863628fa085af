//! Times, durations and their parts.

use crate::function::{Args, Converter, Kind, Param, Yields, optional, param};
use crate::record::Failure;
use crate::value::{Time, Val};
use warren_gotime::{Civil, parse_duration, strptime, zone};

const TIME: &[Param] = &[param("time", Kind::Time)];
const DURATION: &[Param] = &[param("duration", Kind::Duration)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("Day", TIME, Int, |args| part(args, |civil| civil.day.into())),
    converter!("Hour", TIME, Int, |args| part(args, |civil| civil.hour.into())),
    converter!("Minute", TIME, Int, |args| part(args, |civil| civil.minute.into())),
    converter!("Month", TIME, Int, |args| part(args, |civil| civil.month.into())),
    converter!("Second", TIME, Int, |args| part(args, |civil| civil.second.into())),
    converter!("Weekday", TIME, Int, |args| part(args, |civil| civil.weekday.into())),
    converter!("Year", TIME, Int, |args| part(args, |civil| civil.year)),
    converter!("Nanosecond", TIME, Int, |args| Ok(Val::Int(time(args, 0)?.nanos.into()))),
    converter!("UnixSeconds", TIME, Int, |args| Ok(Val::Int(time(args, 0)?.seconds))),
    converter!("UnixMilli", TIME, Int, |args| unix(args, 1_000)),
    converter!("UnixMicro", TIME, Int, |args| unix(args, 1_000_000)),
    converter!("UnixNano", TIME, Int, |args| Ok(Val::Int(time(args, 0)?.unix_nanos()))),
    converter!("Hours", DURATION, Float, |args| length(args, 3_600_000_000_000)),
    converter!("Minutes", DURATION, Float, |args| length(args, 60_000_000_000)),
    converter!("Seconds", DURATION, Float, |args| length(args, 1_000_000_000)),
    converter!("Milliseconds", DURATION, Int, |args| Ok(Val::Int(duration(args, 0)? / 1_000_000))),
    converter!("Microseconds", DURATION, Int, |args| Ok(Val::Int(duration(args, 0)? / 1_000))),
    converter!("Nanoseconds", DURATION, Int, |args| Ok(Val::Int(duration(args, 0)?))),
    converter!("Now", &[], Time, |_| Ok(Val::Time(now()))),
    converter!("Unix", &[param("seconds", Kind::Int), optional("nanoseconds", Kind::Int)], Time, from_unix),
    converter!("TruncateTime", &[param("time", Kind::Time), param("duration", Kind::Duration)], Time, truncate),
    converter!("Duration", &[param("duration", Kind::Str)], Duration, |args| {
        parse_duration(args.text(0)).map(Val::Duration).map_err(Failure::new)
    }),
    Converter {
        name: "Time",
        params: &[
            param("time", Kind::Str),
            param("format", Kind::LitStr),
            optional("location", Kind::LitStr),
            optional("locale", Kind::LitStr),
        ],
        yields: Yields::Time,
        bind: |literals| {
            let reader = strptime::Reader::new(literals.text(1).unwrap_or_default(), literals.text(2), literals.text(3))?;
            super::call(move |args| reader.read(args.text(0), now).map(Val::Time).map_err(Failure::new))
        },
    },
    Converter {
        name: "FormatTime",
        params: &[param("time", Kind::Time), param("format", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let layout = strptime::layout(literals.text(1).unwrap_or_default())?;
            super::call(move |args| {
                let mut out = String::new();
                layout.format(&mut out, time(args, 0)?);
                Ok(out.into())
            })
        },
    },
];

fn time(args: Args<'_>, param: usize) -> Result<&Time, Failure> {
    match args.get(param) {
        Val::Time(time) => Ok(time),
        other => Err(Failure::new(format!("expected time but got {}", other.type_name()))),
    }
}

fn duration(args: Args<'_>, param: usize) -> Result<i64, Failure> {
    match args.get(param) {
        Val::Duration(nanos) => Ok(*nanos),
        other => Err(Failure::new(format!("expected duration but got {}", other.type_name()))),
    }
}

fn part(args: Args<'_>, part: fn(&Civil) -> i64) -> Result<Val, Failure> {
    Ok(Val::Int(part(&Civil::of(time(args, 0)?))))
}

/// Units since 1970, of which a second has so many.
fn unix(args: Args<'_>, units: i64) -> Result<Val, Failure> {
    let time = time(args, 0)?;
    let rest = i64::from(time.nanos) / (1_000_000_000 / units);
    Ok(Val::Int(time.seconds.wrapping_mul(units).wrapping_add(rest)))
}

/// A duration in a unit of so many nanoseconds.
fn length(args: Args<'_>, unit: i64) -> Result<Val, Failure> {
    let nanos = duration(args, 0)?;
    Ok(Val::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64))
}

/// The time of the machine, in its zone.
fn now() -> Time {
    let now = jiff::Timestamp::now().as_nanosecond();
    Time { seconds: now.div_euclid(1_000_000_000) as i64, nanos: now.rem_euclid(1_000_000_000) as u32, zone: zone::local() }
}

fn from_unix(args: Args<'_>) -> Result<Val, Failure> {
    let (seconds, nanos) = (args.int(0).unwrap_or_default(), args.int(1).unwrap_or_default());
    Ok(Val::Time(Time { seconds, nanos: 0, zone: zone::local() }.plus(nanos)))
}

/// The last multiple of the duration, counted from the beginning of the year 1.
fn truncate(args: Args<'_>) -> Result<Val, Failure> {
    /// Seconds from there to 1970.
    const TO_UNIX: i128 = 62_135_596_800;
    let (time, duration) = (time(args, 0)?, duration(args, 1)?);
    if duration <= 0 {
        return Ok(Val::Time(time.clone()));
    }
    let nanos = (i128::from(time.seconds) + TO_UNIX) * 1_000_000_000 + i128::from(time.nanos);
    let rest = nanos.rem_euclid(i128::from(duration)) as i64;
    Ok(Val::Time(time.plus(-rest)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{run, show};
    use super::*;

    fn at(seconds: i64, nanos: u32) -> Val {
        Val::Time(Time { seconds, nanos, zone: jiff::tz::TimeZone::UTC })
    }

    #[test]
    fn parts_are_those_of_the_times_own_zone() {
        // 2023-07-02 23:59:58.123456789 UTC, a Sunday.
        let utc = at(1_688_342_398, 123_456_789);
        let east = Val::Time(Time { seconds: 1_688_342_398, nanos: 0, zone: zone::load("Europe/Berlin").unwrap() });
        for (name, in_utc, in_berlin) in [
            ("Year", "2023", "2023"),
            ("Month", "7", "7"),
            ("Day", "2", "3"),
            ("Hour", "23", "1"),
            ("Minute", "59", "59"),
            ("Second", "58", "58"),
            ("Nanosecond", "123456789", "0"),
            ("Weekday", "0", "1"),
            ("UnixSeconds", "1688342398", "1688342398"),
            ("UnixMilli", "1688342398123", "1688342398000"),
            ("UnixMicro", "1688342398123456", "1688342398000000"),
            ("UnixNano", "1688342398123456789", "1688342398000000000"),
        ] {
            assert_eq!(show(name, std::slice::from_ref(&utc)), in_utc, "{name}");
            assert_eq!(show(name, std::slice::from_ref(&east)), in_berlin, "{name}");
        }
        assert_eq!(show("UnixMilli", &[at(-1, 999_000_000)]), "-1");
        assert_eq!(show("Day", &[Val::Nil]), "error: expected time but got nil");
    }

    #[test]
    fn durations_are_told_in_units() {
        let duration = Val::Duration(-5_430_000_000_001);
        for (name, expected) in [
            ("Hours", "-1.508333333333611"),
            ("Minutes", "-90.50000000001667"),
            ("Seconds", "-5430.000000001"),
            ("Milliseconds", "-5430000"),
            ("Microseconds", "-5430000000"),
            ("Nanoseconds", "-5430000000001"),
        ] {
            assert_eq!(show(name, std::slice::from_ref(&duration)), expected, "{name}");
        }
        assert_eq!(show("Hours", &[Val::Nil]), "error: expected duration but got nil");
    }

    #[test]
    fn durations_are_read_as_go_does() {
        assert_eq!(show("Duration", &["1h2m3.5s".into()]), "3723500000000ns");
        assert_eq!(show("Duration", &["1d".into()]), "error: time: unknown unit \"d\" in duration \"1d\"");
    }

    #[test]
    fn truncation_counts_from_the_year_one() {
        let week = Val::Duration(168 * 3_600_000_000_000);
        for (time, duration, expected) in [
            (at(0, 0), week, "1969-12-29T00:00:00Z"),
            (at(3661, 5), Val::Duration(3_600_000_000_000), "1970-01-01T01:00:00Z"),
            (at(-1, 0), Val::Duration(60_000_000_000), "1969-12-31T23:59:00Z"),
            (at(5, 5), Val::Duration(0), "1970-01-01T00:00:05.000000005Z"),
            (at(5, 5), Val::Duration(-1), "1970-01-01T00:00:05.000000005Z"),
        ] {
            assert_eq!(show("TruncateTime", &[time, duration]), expected);
        }
    }

    #[test]
    fn unix_takes_seconds_and_any_number_of_nanoseconds() {
        let unix = |arguments: &[Val]| match run("Unix", arguments) {
            Ok(Val::Time(time)) => (time.seconds, time.nanos),
            other => panic!("{other:?}"),
        };
        assert_eq!(unix(&[Val::Int(5)]), (5, 0));
        assert_eq!(unix(&[Val::Int(5), Val::Int(-1)]), (4, 999_999_999));
        assert_eq!(unix(&[Val::Int(i64::MAX), Val::Int(i64::MAX)]), (i64::MIN + 9_223_372_035, 854_775_807));
    }

    #[test]
    fn times_are_read_and_written_in_formats() {
        let read = |text: &str, format: &str| show("Time", &[text.into(), format.into(), "UTC".into()]);
        assert_eq!(read("2023-05-26 12:34:56", "%Y-%m-%d %H:%M:%S"), "2023-05-26T12:34:56Z");
        assert_eq!(read("", "%Y"), "error: time cannot be nil");
        assert_eq!(read("x", ""), "error: format cannot be nil");
        assert_eq!(show("FormatTime", &[at(0, 0), "%Y-%m-%dT%H:%M:%S%z".into()]), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(
            show("FormatTime", &[at(0, 0), "%Q".into()]),
            "error: convert to go time format: [unsupported ctimefmt.ToNative() directive: %Q]"
        );
    }

    #[test]
    fn now_is_now() {
        assert!(matches!(run("Now", &[]), Ok(Val::Time(time)) if time.seconds > 1_700_000_000));
    }
}
