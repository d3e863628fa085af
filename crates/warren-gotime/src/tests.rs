//! Facts of Go's `time` package and of upstream's `timeutils`, seen on v0.132.0.

use super::strptime::{self, Reader};
use super::*;
use crate::Time;
use proptest::prelude::*;

/// 2026-11-28 08:00:00 UTC.
fn now() -> Time {
    Time::utc(1_795_852_800_000_000_000)
}

fn show(time: &Time) -> String {
    let mut out = String::new();
    Layout::new("2006-01-02 15:04:05.999999999 -0700 MST").format(&mut out, time);
    out
}

fn read_in(text: &str, format: &str, location: &str, locale: Option<&str>) -> String {
    match Reader::new(format, Some(location), locale).and_then(|reader| reader.read(text, now)) {
        Ok(time) => show(&time),
        Err(error) => error,
    }
}

fn read(text: &str, format: &str) -> String {
    read_in(text, format, "UTC", None)
}

#[test]
fn times_are_read() {
    for (text, format, expected) in [
        ("2023-05-26 12:34:56", "%Y-%m-%d %H:%M:%S", "2023-05-26 12:34:56 +0000 UTC"),
        ("2023-05-26 12:34:56,789", "%Y-%m-%d %H:%M:%S", "2023-05-26 12:34:56.789 +0000 UTC"),
        ("2023-05-26 12:34:56.1234567891", "%Y-%m-%d %H:%M:%S.%f", "2023-05-26 12:34:56.123456789 +0000 UTC"),
        ("2023-05-26 12:34:56", "%Y-%m-%d %H:%M:%S.%f", "2023-05-26 12:34:56 +0000 UTC"),
        ("2023-05-26T12:34:56Z", "%Y-%m-%dT%H:%M:%S%z", "2023-05-26 12:34:56 +0000 UTC"),
        ("2023-05-26T12:34:56+0530", "%Y-%m-%dT%H:%M:%S%z", "2023-05-26 12:34:56 +0530 +0530"),
        ("2023-05-26T12:34:56+05:30", "%Y-%m-%dT%H:%M:%S%j", "2023-05-26 12:34:56 +0530 +0530"),
        ("2023-05-26T12:34:56-05:30:15", "%Y-%m-%dT%H:%M:%S%k", "2023-05-26 12:34:56 -0530 -0530"),
        ("2023-05-26T12:34:56-053015", "%Y-%m-%dT%H:%M:%S%w", "2023-05-26 12:34:56 -0530 -0530"),
        ("2023-05-26T12:34:56+05", "%Y-%m-%dT%H:%M:%S%i", "2023-05-26 12:34:56 +0500 +0500"),
        ("2023-05-26 12:34:56 +24:60", "%F %T %j", "2023-05-26 12:34:56 +2500 +2500"),
        ("2023-2-3", "%Y-%q-%g", "2023-02-03 00:00:00 +0000 UTC"),
        ("23-02-03", "%y-%m-%d", "2023-02-03 00:00:00 +0000 UTC"),
        ("70-02-03", "%y-%m-%d", "1970-02-03 00:00:00 +0000 UTC"),
        ("12:34:56 AM 2023", "%I:%M:%S %p %Y", "2023-01-01 00:34:56 +0000 UTC"),
        ("12:34:56 pm 2023", "%r %Y", "2023-01-01 12:34:56 +0000 UTC"),
        ("Fri May 26 12:34:56 2023", "%c", "2023-05-26 12:34:56 +0000 UTC"),
        ("friday, may 26, 2023", "%A, %B %d, %Y", "2023-05-26 00:00:00 +0000 UTC"),
        ("1 2023", "1 2006", "2023-01-01 00:00:00 +0000 UTC"),
        ("146 2023", "002 %Y", "2023-05-26 00:00:00 +0000 UTC"),
        ("366 2024", "002 %Y", "2024-12-31 00:00:00 +0000 UTC"),
        ("060 2024", "002 %Y", "2024-02-29 00:00:00 +0000 UTC"),
        ("2023 %", "%Y %%", "2023-01-01 00:00:00 +0000 UTC"),
        (" 5 2023", "%e %Y", "2023-01-05 00:00:00 +0000 UTC"),
        ("5  2023", "%g %Y", "2023-01-05 00:00:00 +0000 UTC"),
        ("2023-05-26T12:34:56.789Z", "%Y-%m-%dT%H:%M:%S.%LZ", "2023-05-26 12:34:56.789 +0000 UTC"),
    ] {
        assert_eq!(read(text, format), expected, "{text} {format}");
    }
}

#[test]
fn what_is_no_time_is_told_in_upstreams_words() {
    for (text, format, expected) in [
        ("", "%Y", "time cannot be nil"),
        (
            "2023-05-26T12:34:56+9900",
            "%Y-%m-%dT%H:%M:%S%z",
            "parsing time \"2023-05-26T12:34:56+9900\": time zone offset hour out of range",
        ),
        ("2023-13-02", "%Y-%m-%d", "parsing time \"2023-13-02\": month out of range"),
        ("2023-02-30", "%Y-%m-%d", "parsing time \"2023-02-30\": day out of range"),
        ("366 2023", "002 %Y", "parsing time \"366 2023\": day-of-year out of range"),
        ("2023-2-3", "%Y-%m-%d", "parsing time \"2023-2-3\" as \"%Y-%m-%d\": cannot parse \"2-3\" as \"%m\""),
        ("2023/02/03", "%Y-%m-%d", "parsing time \"2023/02/03\" as \"%Y-%m-%d\": cannot parse \"/02/03\" as \"-\""),
        ("2023-02-03x\"y", "%Y-%m-%d", "parsing time \"2023-02-03x\\\"y\": extra text: \"x\\\"y\""),
        ("2023-02-03é", "%Y-%m-%d", "parsing time \"2023-02-03é\": extra text: \"\\xc3\\xa9\""),
        ("2023-05-26 25:00", "%F %R", "parsing time \"2023-05-26 25:00\": hour out of range"),
        ("2023-05-26 12:34:60", "%F %T", "parsing time \"2023-05-26 12:34:60\": second out of range"),
        (
            "2023-05-26 12:34:56 0530",
            "%F %T %z",
            "parsing time \"2023-05-26 12:34:56 0530\" as \"%F %T %z\": cannot parse \"0530\" as \"%z\"",
        ),
        ("-123", "%Y", "parsing time \"-123\" as \"%Y\": cannot parse \"-123\" as \"%Y\""),
        ("Mayo 2023", "%B %Y", "parsing time \"Mayo 2023\" as \"%B %Y\": cannot parse \"o 2023\" as \" \""),
        ("  5 2023", "%e %Y", "parsing time \"  5 2023\" as \"%e %Y\": cannot parse \"  5 2023\" as \"%e\""),
        ("2023", "%Y%", "parsing time \"2023\" as \"%Y%\": cannot parse \"\" as \"%\""),
        ("1_2", "_2%Y", "parsing time \"1_2\" as \"_2%Y\": cannot parse \"_2\" as \"%Y\""),
        ("2023", "", "format cannot be nil"),
        (
            "2023",
            "%Q %E",
            "convert to go time format: [unsupported ctimefmt.ToNative() directive: %Q unsupported ctimefmt.ToNative() directive: %E]",
        ),
    ] {
        assert_eq!(read(text, format), expected, "{text} {format}");
    }
}

#[test]
fn names_of_zones_are_looked_up() {
    let format = "%d %b %Y %H:%M:%S %Z";
    for (text, location, expected) in [
        ("26 May 2023 12:34:56 CET", "UTC", "2023-05-26 13:34:56 +0200 CEST"),
        ("26 May 2023 12:34:56 CEST", "UTC", "failed to load location CEST: unknown time zone CEST"),
        ("26 May 2023 12:34:56 CEST", "Europe/Berlin", "2023-05-26 12:34:56 +0200 CEST"),
        ("26 Jan 2023 12:34:56 CEST", "Europe/Berlin", "2023-01-26 11:34:56 +0100 CET"),
        ("26 Jan 2023 12:34:56 CET", "Europe/Berlin", "2023-01-26 12:34:56 +0100 CET"),
        ("26 May 2023 12:34:56 UTC", "Europe/Berlin", "2023-05-26 12:34:56 +0000 UTC"),
        ("26 May 2023 12:34:56 GMT+3", "UTC", "2023-05-26 15:34:56 +0300 GMT+3"),
        ("26 May 2023 12:34:56 GMT", "UTC", "2023-05-26 12:34:56 +0000 GMT"),
        ("26 May 2023 12:34:56 -03", "UTC", "failed to load location -03: unknown time zone -03"),
        (
            "26 May 2023 12:34:56 xyz",
            "UTC",
            "parsing time \"26 May 2023 12:34:56 xyz\" as \"%d %b %Y %H:%M:%S %Z\": cannot parse \"xyz\" as \"%Z\"",
        ),
    ] {
        assert_eq!(read_in(text, format, location, None), expected, "{text}");
    }
}

#[test]
fn clocks_of_a_location_are_resolved_around_its_changes() {
    for (text, location, expected) in [
        ("2023-03-26 02:30:00", "Europe/Berlin", "2023-03-26 03:30:00 +0200 CEST"),
        ("2023-10-29 02:30:00", "Europe/Berlin", "2023-10-29 02:30:00 +0100 CET"),
        ("2023-03-12 02:30:00", "America/New_York", "2023-03-12 01:30:00 -0500 EST"),
        ("2023-11-05 01:30:00", "America/New_York", "2023-11-05 01:30:00 -0400 EDT"),
        ("2023-01-26 12:00:00", "Europe/London", "2023-01-26 12:00:00 +0000 GMT"),
        ("2023-01-26 12:00:00", "Nowhere/City", "failed to load location Nowhere/City: unknown time zone Nowhere/City"),
        ("2023-01-26 12:00:00", "../etc", "failed to load location ../etc: time: invalid location name"),
        ("2023-01-26 12:00:00", "europe/berlin", "failed to load location europe/berlin: unknown time zone europe/berlin"),
    ] {
        assert_eq!(read_in(text, "%F %T", location, None), expected, "{text}");
    }
    // A format that ends with Z means UTC, whatever the host's zone is.
    let time = Reader::new("%F %TZ", None, None).unwrap().read("2023-01-26 12:00:00Z", now).unwrap();
    assert_eq!(show(&time), "2023-01-26 12:00:00 +0000 UTC");
}

#[test]
fn names_of_other_languages_are_read() {
    for (text, format, locale, expected) in [
        ("26 mai 2023", "%d %B %Y", "fr", "2023-05-26 00:00:00 +0000 UTC"),
        ("26 févr. 2023", "%d %b %Y", "fr", "2023-02-26 00:00:00 +0000 UTC"),
        ("vendredi 26 MAI 2023", "%A %d %B %Y", "fr-FR", "2023-05-26 00:00:00 +0000 UTC"),
        ("26 Feb 2023", "%d %b %Y", "fr", "value \"26 Feb 2023\" does not match the layout element \"Jan\""),
        ("26 Mai 2023", "%d %b %Y", "ja", "layout element \"Jan\" is not support by the language \"ja\""),
        ("3:04 p.m. 2023", "%l:%M %p %Y", "es", "2023-01-01 15:04:00 +0000 UTC"),
        ("11月 26", "%B %d", "ja", "2026-11-26 00:00:00 +0000 UTC"),
        ("2023", "%Y", "xx", "unsupported locale 'xx', value must be a supported BCP 47 language tag"),
    ] {
        assert_eq!(read_in(text, format, "UTC", Some(locale)), expected, "{text}");
    }
    for language in super::locale_names::LANGUAGES {
        let counts = language.names.map(|names| names.split('|').filter(|name| !name.is_empty()).count());
        assert!(matches!(counts, [7, 7, 0 | 12, 12, 0 | 2]), "{}", language.tags);
    }
}

#[test]
fn a_date_without_a_year_is_of_this_year_or_the_last_one() {
    for (text, expected) in [
        ("05-26", "2026-05-26 00:00:00 +0000 UTC"),
        ("12-05", "2026-12-05 00:00:00 +0000 UTC"),
        ("12-06", "2025-12-06 00:00:00 +0000 UTC"),
        ("12-31", "2025-12-31 00:00:00 +0000 UTC"),
    ] {
        assert_eq!(read(text, "%m-%d"), expected);
    }
    assert_eq!(read("0000-05-26", "%Y-%m-%d"), "2026-05-26 00:00:00 +0000 UTC");
}

#[test]
fn times_are_written() {
    let write = |time: &Time, format: &str| {
        let mut out = String::new();
        strptime::layout(format).unwrap().format(&mut out, time);
        out
    };
    let utc = Time { seconds: 1_683_338_645, nanos: 7_000_000, zone: jiff::tz::TimeZone::UTC };
    assert_eq!(
        write(&utc, "%Y %y %m %o %q %b %h %B %d %e %g %a %A %H %l %I %p %P %M %S .%L .%f .%s %Z %z %w %i %j %k"),
        "2023 23 05 _5 5 May May May 06  6 6 Sat Saturday 02 2 02 AM am 04 05 .007 .007 .007 UTC Z +000000 +00 +00:00 +00:00:00"
    );
    assert_eq!(
        write(&utc, "%D %x %F %T %X %r %R %% %c"),
        "05/06/2023 05/06/2023 2023-05-06 02:04:05 02:04:05 02:04:05 am 02:04 % Sat May 06 02:04:05 2023"
    );
    let at = |seconds, zone| Time { seconds, nanos: 120_000_000, zone };
    let west = at(1_683_338_645, zone::load("America/New_York").unwrap());
    assert_eq!(write(&west, "%z %w %i %j %k %Z"), "-0400 -040000 -04 -04:00 -04:00:00 EDT");
    let offset = at(1_683_338_645, zone::fixed("", -12_600));
    assert_eq!(
        write(&offset, "%z|%w|%i|%j|%k|%Z|%L|.%L|,%f|.%s|.%f0"),
        "-0330|-033000|-03|-03:30|-03:30:00|-0330|999|.12|,12|.12|.9999990"
    );
    let epoch = Time::utc(0);
    assert_eq!(
        write(&epoch, "1 Jan 2 Monday 002 __2 .000 ,00000000000 Z07:00 .9"),
        "1 Jan 1 Thursday 001   1 .000 ,000000000 Z "
    );
    for (seconds, expected) in [
        (-62_135_596_801, "0000-12-31 00 Sunday"),
        (-63_135_596_801, "-0031-04-24 31 Thursday"),
        (253_402_300_800, "10000-01-01 00 Saturday"),
        (i64::MAX, "292277026596-12-04 96 Sunday"),
    ] {
        assert_eq!(write(&Time { seconds, nanos: 0, zone: jiff::tz::TimeZone::UTC }, "%Y-%m-%d %y %A"), expected);
    }
}

#[test]
fn durations_are_read() {
    for (text, expected) in [
        (".5s", Ok(500_000_000)),
        ("1.s", Ok(1_000_000_000)),
        ("-1h2m3.5s4ms5us6ns", Ok(-3_723_504_005_006)),
        ("+1\u{b5}s1\u{3bc}s", Ok(2_000)),
        ("0", Ok(0)),
        ("-0", Ok(0)),
        ("9223372036854775807ns", Ok(i64::MAX)),
        ("-9223372036854775808ns", Ok(i64::MIN)),
        ("0.3333333333333333333h", Ok(1_200_000_000_000)),
        ("9223372036854775808ns", Err("time: invalid duration \"9223372036854775808ns\"")),
        ("9999999h", Err("time: invalid duration \"9999999h\"")),
        ("", Err("time: invalid duration \"\"")),
        ("+", Err("time: invalid duration \"+\"")),
        (".s", Err("time: invalid duration \".s\"")),
        ("x3", Err("time: invalid duration \"x3\"")),
        ("1h1", Err("time: missing unit in duration \"1h1\"")),
        ("1d", Err("time: unknown unit \"d\" in duration \"1d\"")),
        ("1é", Err("time: unknown unit \"\\xc3\\xa9\" in duration \"1\\xc3\\xa9\"")),
    ] {
        assert_eq!(parse_duration(text), expected.map_err(str::to_owned), "{text}");
    }
}

proptest! {
    #[test]
    fn prop_what_is_written_is_read_back(seconds in -62_000_000_000i64..200_000_000_000, nanos in 0u32..1_000_000_000) {
        let time = Time { seconds, nanos, zone: jiff::tz::TimeZone::UTC };
        let mut text = String::new();
        strptime::layout("%A %B %e %r .%s %z %Y").unwrap().format(&mut text, &time);
        let read = Reader::new("%A %B %e %r .%s %z %Y", Some("UTC"), None).unwrap().read(&text, now).unwrap();
        prop_assert_eq!((read.seconds, read.nanos), (seconds, nanos));
    }

    #[test]
    fn prop_no_text_format_or_time_makes_it_fail_otherwise_than_by_an_error(
        format in "([ -~é]|%[a-zA-Z%]|2006|January|_2|\\.000|Z07:00){0,8}",
        text in "([0-9]{1,4}|[-+:. ]|Jan|Mon|PM|Z|GMT[+-]3|CET|é){0,10}",
        seconds in any::<i64>(),
        duration in "[-+0-9.]{0,5}(h|m|s|ms|us|ns|x|é)?[0-9.]{0,25}(h|s)?",
    ) {
        if let Ok(layout) = strptime::layout(&format) {
            layout.format(&mut String::new(), &Time { seconds, nanos: 5, zone: zone::load("Europe/Berlin").unwrap() });
        }
        for (location, locale) in [("UTC", None), ("Europe/Berlin", Some("fr"))] {
            if let Ok(reader) = Reader::new(&format, Some(location), locale) {
                let _ = reader.read(&text, now);
            }
        }
        let _ = parse_duration(&duration);
    }
}
