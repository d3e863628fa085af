//! Time as Go's `time` package has it: layouts, locations, durations.
//!
//! Configurations give a time's form as a Go layout, or as a format of `%` directives. A format becomes a Go layout by replacing text
//! ([`strptime`]), so that the rest of the format is read as a layout too, and the layout becomes a list of elements ([`Layout`]) that formats
//! and parses. Calendar arithmetic is our own, over the whole range of seconds; zones are looked up with jiff in the system's database
//! ([`zone`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod civil;
mod duration;
mod format;
mod layout;
mod locale;
mod locale_names;
mod parse;
pub mod strptime;
mod time;
pub mod zone;

pub use civil::Civil;
pub use duration::parse_duration;
pub use format::rfc3339_nano;
pub use jiff::tz::TimeZone;
pub use layout::Layout;
pub use locale::Locale;
pub use parse::ParseError;
pub use time::Time;

#[cfg(test)]
mod tests;
