//! Pages of metrics, read as they arrive.
//!
//! ```text
//! windows of bytes ──▶ Parser ──▶ Sink: metadata(family)
//!                                       find(series text) ── known ──▶ sample(series, value, timestamp)
//!                                             └─ not known: the text is read token by token ──▶ meet(labels) ──▶ sample
//! ```
//!
//! A [`Parser`] is fed a page in windows of any size and hands what it finds to a [`Sink`]. A line is cut from its end and its series looked up by its
//! text; the text is taken apart only when the sink does not know it. What is refused is what Prometheus' parsers (`model/textparse` at commit
//! 419d436a447a) refuse, and the first error ends the page, unless [`Options::lenient`] skips bad lines. Nothing is kept but an unfinished entry, and
//! that is bounded.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod cursor;
mod entry;
mod error;
mod lenient;
mod lines;
mod number;
mod openmetrics;
mod parser;
mod protobuf;
mod series;
#[cfg(test)]
mod tests;
mod text;

pub use error::{ParseError, Refusal};
pub use lines::ENTRY_BYTES_MAX;
pub use number::parse_number;
pub use parser::{Format, Options, Parser, Skipped};
pub use protobuf::{NATIVE_BUCKETS_MAX, NativeBuckets, NativeHistogram};
pub use series::SeriesText;

use std::borrow::Cow;

/// The type of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FamilyKind {
    /// None was told, or it is `unknown` or `untyped`.
    #[default]
    Unknown,
    /// `counter`
    Counter,
    /// `gauge`
    Gauge,
    /// `histogram`
    Histogram,
    /// `gaugehistogram`
    GaugeHistogram,
    /// `summary`
    Summary,
    /// `info`
    Info,
    /// `stateset`
    StateSet,
}

impl FamilyKind {
    /// Its name; `unknown` for a type that was not told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
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

/// An exemplar as it stands on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarText<'a> {
    /// Its labels.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Its value.
    pub value: f64,
    /// Its timestamp in milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// Takes what a parser finds, in the order of the page.
pub trait Sink {
    /// Why it refuses a page as a whole.
    type Error;

    /// How it names a series that it knows.
    type Series: Copy;

    /// What the page says of a family.
    fn metadata(&mut self, family: &str, text: FamilyText<'_>);

    /// The series with this text, if it was met before. Only texts that were met may be known.
    fn find(&mut self, text: &[u8]) -> Option<Self::Series>;

    /// A series that [`Sink::find`] does not know.
    ///
    /// # Errors
    /// [`Refusal::Series`] when its labels cannot be taken: the line is bad. [`Refusal::Page`] when the page must be refused for another reason.
    fn meet(&mut self, series: &SeriesText<'_>) -> Result<Self::Series, Refusal<Self::Error>>;

    /// A sample of a known series. The timestamp is in milliseconds since 1970.
    ///
    /// # Errors
    /// When the page must be refused.
    fn sample(&mut self, series: Self::Series, value: f64, timestamp: Option<i64>) -> Result<(), Self::Error>;

    /// A native histogram of a known series.
    ///
    /// # Errors
    /// When the page must be refused.
    fn histogram(&mut self, series: Self::Series, histogram: NativeHistogram, timestamp: Option<i64>) -> Result<(), Self::Error>;

    /// An exemplar of the sample or histogram just taken.
    fn exemplar(&mut self, exemplar: &ExemplarText<'_>);

    /// When the sample or histogram just taken began to count, in milliseconds since 1970.
    fn created(&mut self, created: i64);
}
