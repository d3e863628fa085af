//! When rollouts may give a server something.
//!
//! A window opens on a day of the week when clocks in its time zone show one time, and closes when they next show the other. Where clocks are
//! put forward, a time that they leave out is the one as much later that they show; where they are put back, a time that they show twice is the
//! first one. So a window from 22:00 to 04:00 has an hour less or more in these nights, and one that lies within the hour that is left out is not
//! opened that day.

use crate::model::Fault;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Days after which a window that is not open now has opened, whatever clocks do.
const DAYS: i64 = 8;

/// When rollouts may give a server something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rollouts {
    /// Why they may not, if they may not at all.
    pub freeze: Option<String>,
    /// When they may; always if there are none.
    pub windows: Vec<Window>,
}

/// A time of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// On which days it opens; on all if there are none.
    #[serde(default)]
    pub days: Vec<Day>,
    /// When it opens, such as `22:00`.
    pub from: String,
    /// When it closes; on the next day if that is not later.
    pub until: String,
    /// Where clocks show that, such as `Europe/Stockholm`.
    #[serde(default = "utc")]
    pub timezone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Rollouts {
    /// Why nothing may be given at this time, in milliseconds since 1970; none if something may.
    pub fn closed(&self, at: i64) -> Option<String> {
        if let Some(reason) = &self.freeze {
            return Some(format!("frozen: {reason}"));
        }
        if self.windows.is_empty() {
            return None;
        }
        let mut opens: Option<i64> = None;
        for window in &self.windows {
            match window.next(at) {
                Some(next) if next <= at => return None,
                Some(next) => opens = Some(opens.map_or(next, |known| known.min(next))),
                None => {}
            }
        }
        let when = opens.and_then(|at| Timestamp::from_millisecond(at).ok());
        Some(
            when.map_or_else(
                || "no window opens".to_owned(),
                |when| format!("outside its windows; the next one opens at {when}"),
            ),
        )
    }

    /// Everything that is wrong with it.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (at, window) in self.windows.iter().enumerate() {
            let mut fault = |key: &str, message: String| {
                faults.push(Fault::new(format!("/settings/rollouts/windows/{at}/{key}"), message));
            };
            for (key, text) in [("from", &window.from), ("until", &window.until)] {
                if time(text).is_none() {
                    fault(key, format!("{text:?} is no time of the day such as 22:00"));
                }
            }
            if TimeZone::get(&window.timezone).is_err() {
                fault("timezone", format!("there is no time zone {:?}; use a name such as Europe/Stockholm", window.timezone));
            }
        }
        faults
    }
}

impl Window {
    /// When it is open next, in milliseconds since 1970: not later than `at` if it is open then. None if it never is.
    pub fn next(&self, at: i64) -> Option<i64> {
        let (from, until) = (time(&self.from)?, time(&self.until)?);
        let zone = TimeZone::get(&self.timezone).ok()?;
        let today = zone.to_datetime(Timestamp::from_millisecond(at).ok()?).date();
        let on = |date: Date, time: Time| {
            Some(zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()?.as_millisecond())
        };
        (-1..=DAYS)
            .filter_map(|day| {
                let date = today.checked_add(Span::new().try_days(day).ok()?).ok()?;
                if !self.days.is_empty() && !self.days.iter().any(|known| known.is(date.weekday())) {
                    return None;
                }
                let last = if until > from { date } else { date.tomorrow().ok()? };
                let (opens, closes) = (on(date, from)?, on(last, until)?);
                (closes > at && closes > opens).then_some(opens)
            })
            .min()
    }
}

impl Day {
    fn is(self, day: Weekday) -> bool {
        let known = match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        };
        known == day
    }
}

/// A time of the day: hours and minutes.
fn time(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?;
    Time::new(digits(hours)?, digits(minutes)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn window(days: &[Day], from: &str, until: &str) -> Window {
        Window { days: days.to_vec(), from: from.into(), until: until.into(), timezone: "Europe/Stockholm".into() }
    }

    fn open(window: &Window, when: &str) -> bool {
        window.next(at(when)).is_some_and(|next| next <= at(when))
    }

    #[test]
    fn a_window_is_open_on_its_days_from_one_time_until_the_other() {
        let night = window(&[Day::Fri], "22:00", "04:00");
        // 2026-01-02 is a Friday; clocks are an hour ahead.
        for (when, is) in [
            ("2026-01-02T20:59:59Z", false),
            ("2026-01-02T21:00:00Z", true),
            ("2026-01-03T02:59:59Z", true),
            ("2026-01-03T03:00:00Z", false),
            ("2026-01-03T22:00:00Z", false),
        ] {
            assert_eq!(open(&night, when), is, "{when}");
        }
        assert_eq!(night.next(at("2026-01-03T03:00:00Z")), Some(at("2026-01-09T21:00:00Z")));
        assert!(open(&window(&[], "06:00", "06:00"), "2026-01-03T03:00:00Z"), "a whole day");
    }

    #[test]
    fn where_clocks_are_put_forward_a_window_is_shorter() {
        // In the night to 2026-03-29, 02:00 becomes 03:00.
        let night = window(&[], "22:00", "04:00");
        assert!(open(&night, "2026-03-28T21:00:00Z") && open(&night, "2026-03-29T01:59:59Z"));
        assert!(!open(&night, "2026-03-29T02:00:00Z"), "04:00 is an hour earlier");
        // 02:30 is not shown: it is as much later.
        let late = window(&[], "02:30", "05:00");
        assert!(!open(&late, "2026-03-29T01:29:59Z") && open(&late, "2026-03-29T01:30:00Z"));
        // What lies within the hour that is left out is not opened that day.
        let lost = window(&[], "02:00", "03:00");
        assert_eq!(lost.next(at("2026-03-29T00:00:00Z")), Some(at("2026-03-30T00:00:00Z")));
    }

    #[test]
    fn where_clocks_are_put_back_a_window_is_longer_and_opens_once() {
        // In the night to 2026-10-25, 03:00 becomes 02:00.
        let night = window(&[], "22:00", "04:00");
        assert!(open(&night, "2026-10-24T20:00:00Z") && open(&night, "2026-10-25T02:59:59Z"));
        assert!(!open(&night, "2026-10-25T03:00:00Z"));
        let twice = window(&[], "02:15", "02:45");
        assert!(open(&twice, "2026-10-25T00:15:00Z") && !open(&twice, "2026-10-25T00:45:00Z"));
        assert!(!open(&twice, "2026-10-25T01:20:00Z"), "the second time");
    }

    #[test]
    fn why_nothing_may_be_given_is_told() {
        let mut rollouts = Rollouts::default();
        assert_eq!(rollouts.closed(0), None);
        rollouts.windows = vec![window(&[Day::Sun], "01:00", "02:00"), window(&[Day::Mon], "01:00", "02:00")];
        let told = rollouts.closed(at("2026-01-02T12:00:00Z")).unwrap();
        assert_eq!(told, "outside its windows; the next one opens at 2026-01-04T00:00:00Z");
        assert_eq!(rollouts.closed(at("2026-01-04T00:30:00Z")), None);
        rollouts.freeze = Some("sale".into());
        assert_eq!(rollouts.closed(at("2026-01-04T00:30:00Z")).unwrap(), "frozen: sale");
    }

    #[test]
    fn what_is_wrong_with_windows_is_told() {
        let bad = Window { days: vec![], from: "24:00".into(), until: "1:00".into(), timezone: "Mars".into() };
        let faults = Rollouts { freeze: None, windows: vec![bad] }.faults();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.rsplit('/').next().unwrap()).collect();
        assert_eq!(pointers, ["from", "until", "timezone"]);
    }

    proptest! {
        /// At any time of years with all their changes of clocks: what opens next is open then, and nothing is between.
        #[test]
        fn what_opens_next_is_open_then(
            day in 0_i64..1500, second in 0_i64..86_400, from in 0_u8..24, until in 0_u8..24,
            zone in prop_oneof![Just("Europe/Stockholm"), Just("America/St_Johns"), Just("Australia/Lord_Howe"), Just("UTC")],
        ) {
            let window = Window { days: vec![Day::Sun, Day::Wed], from: format!("{from:02}:30"), until: format!("{until:02}:00"), timezone: zone.into() };
            let at = (day * 86_400 + second) * 1000 + 1_700_000_000_000;
            let next = window.next(at).unwrap();
            prop_assert!(next - at < 9 * 86_400_000);
            prop_assert!(window.next(next).unwrap() <= next);
            if next > at {
                prop_assert_eq!(window.next(next - 1), Some(next));
            }
        }
    }
}
