//! Pages of metrics, read as they arrive.
//!
//! ```text
//! windows of bytes ──▶ Parser: lines ──▶ Sink: metadata(family), sample(series text, value, timestamp), exemplar
//!                                               └─ series text ──▶ parse_series: labels, only when asked for
//! ```
//!
//! A [`Parser`] is fed a page in windows of any size and hands what it finds to a [`Sink`]. It finds where a series' text ends and reads its value; it
//! does not take the text apart: who has met it before need not. What is refused is what Prometheus' parsers (`model/textparse` at commit
//! 419d436a447a) refuse, and the first error ends the page, unless [`Options::lenient`] skips bad lines. Nothing is kept but an unfinished line,
//! and that is bounded.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod error;
mod labels;
mod lenient;
mod number;
mod openmetrics;
mod parser;
#[cfg(test)]
mod tests;
mod text;

pub use error::{ParseError, Refusal};
pub use labels::{SeriesError, parse_series};
pub use lenient::parse_series_lenient;
pub use number::parse_number;
pub use parser::{Format, LINE_BYTES_MAX, Options, Parser, Skipped};

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the formats")]
pub enum FamilyKind {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    Unknown,
}

/// What a page says of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyText<'a> {
    /// Its type.
    Kind(FamilyKind),
    /// What it says, for people.
    Help(&'a str),
    /// Its unit.
    Unit(&'a str),
}

/// Takes what a parser finds, in the order of the page.
pub trait Sink {
    /// Why it refuses a page as a whole.
    type Error;

    /// What the page says of a family.
    fn metadata(&mut self, family: &str, text: FamilyText<'_>);

    /// A sample: the text of its series, its value, its timestamp in milliseconds.
    ///
    /// # Errors
    /// [`Refusal::Series`] when the text is no series: the line is bad. [`Refusal::Page`] when the page must be refused for another reason.
    fn sample(&mut self, series: &[u8], value: f64, timestamp: Option<i64>) -> Result<(), Refusal<Self::Error>>;

    /// An exemplar of the sample before: the text of its labels (`{…}`), its value, its timestamp in milliseconds.
    fn exemplar(&mut self, labels: &[u8], value: f64, timestamp: Option<i64>);
}
