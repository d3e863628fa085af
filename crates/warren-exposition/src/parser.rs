//! The parser of a page in any format.

use crate::Sink;
use crate::error::ParseError;
use crate::lines::Lines;
use crate::protobuf::Messages;
use std::fmt::Display;

/// A format of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, 0.0.4 and 1.0.0.
    Text,
    /// OpenMetrics, 0.0.1 and 1.0.0.
    OpenMetrics,
    /// Delimited protobuf, `io.prometheus.client.MetricFamily`.
    Protobuf,
}

impl Format {
    /// The format that a `Content-Type` names; `None` if it names none. Parameters are of no account.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "text/plain" => Some(Self::Text),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            "application/vnd.google.protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }
}

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Bad lines are skipped and counted instead of ending the page, and lines of brokers that do not escape label values are understood.
    pub lenient: bool,
    /// Whether a histogram that is both native and classic is read as both.
    pub classic_histograms: bool,
}

/// Lines that were not read as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many were skipped.
    pub lines: u64,
    /// What was wrong with the first one.
    pub first: Option<String>,
}

/// Reads one page.
#[derive(Debug)]
pub struct Parser(Inner);

#[derive(Debug)]
enum Inner {
    Lines(Lines),
    Messages(Messages),
}

impl Parser {
    /// A parser for one page of this format.
    pub fn new(format: Format, options: Options) -> Self {
        Self(match format {
            Format::Text => Inner::Lines(Lines::new(false, options.lenient)),
            Format::OpenMetrics => Inner::Lines(Lines::new(true, options.lenient)),
            Format::Protobuf => Inner::Messages(Messages::new(options.classic_histograms)),
        })
    }

    /// Reads what is complete with this window; the rest waits for the next.
    ///
    /// # Errors
    /// The first thing that is wrong; the page is lost.
    pub fn feed<S: Sink<Error: Display>>(&mut self, window: &[u8], sink: &mut S) -> Result<(), ParseError<S::Error>> {
        match &mut self.0 {
            Inner::Lines(lines) => lines.feed(window, sink),
            Inner::Messages(messages) => messages.feed(window, sink),
        }
    }

    /// Ends the page. A page of no bytes at all is one without samples.
    ///
    /// # Errors
    /// When the page is not complete.
    pub fn finish<S: Sink<Error: Display>>(self, sink: &mut S) -> Result<Skipped, ParseError<S::Error>> {
        match self.0 {
            Inner::Lines(lines) => lines.finish(sink),
            Inner::Messages(messages) => messages.finish(),
        }
    }
}
