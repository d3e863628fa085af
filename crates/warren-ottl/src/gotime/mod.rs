//! Time as Go's `time` package has it: layouts, locations, durations.
//!
//! `Time` and `FormatTime` take a format of `%` directives. It becomes a Go layout by replacing text ([`strptime`]), so that the rest of the format
//! is read as a layout too, and the layout becomes a list of elements ([`Layout`]) that formats and parses. Calendar arithmetic is our own, over the
//! whole range of seconds; zones are looked up with jiff in the system's database ([`zone`]).

mod civil;
mod duration;
mod format;
mod layout;
mod locale;
mod locale_names;
mod parse;
pub(crate) mod strptime;
pub(crate) mod zone;

pub(crate) use civil::Civil;
pub(crate) use duration::parse_duration;
pub(crate) use format::rfc3339_nano;
pub(crate) use layout::Layout;
pub(crate) use locale::Locale;
pub(crate) use parse::ParseError;

#[cfg(test)]
mod tests;
