//! Windows of bytes cut into lines.

use crate::error::{LineError, ParseError, shown};
use crate::text::Line;
use crate::{Sink, openmetrics, text};

/// A line longer than this is refused.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// A format of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, 0.0.4 and 1.0.0.
    Text,
    /// OpenMetrics, 0.0.1 and 1.0.0.
    OpenMetrics,
    /// Delimited protobuf.
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

/// How strict to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Bad lines are skipped and counted instead of ending the page.
    pub lenient: bool,
}

/// Lines that were skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub lines: u64,
    /// What was wrong with the first one.
    pub first: Option<String>,
}

/// Reads one page.
#[derive(Debug)]
pub struct Parser {
    openmetrics: bool,
    options: Options,
    /// A line whose end has not come yet.
    carry: Vec<u8>,
    /// Bytes of `carry` in which no line feed ends the line.
    scanned: usize,
    line: u64,
    ended: bool,
    skipped: Skipped,
}

impl Parser {
    /// A parser of lines; protobuf has its own.
    pub fn new(openmetrics: bool, options: Options) -> Self {
        Self { openmetrics, options, carry: Vec::new(), scanned: 0, line: 0, ended: false, skipped: Skipped::default() }
    }

    /// Reads what is complete in this window; the rest waits for the next.
    ///
    /// # Errors
    /// The first thing that is wrong; the page is lost.
    pub fn feed<S: Sink>(&mut self, window: &[u8], sink: &mut S) -> Result<(), ParseError<S::Error>> {
        let mut rest = window;
        while !self.carry.is_empty() {
            let Some(at) = memchr::memchr(b'\n', rest) else { return self.keep(rest) };
            let (head, tail) = rest.split_at_checked(at + 1).unwrap_or((rest, &[]));
            self.keep(head)?;
            rest = tail;
            let line = std::mem::take(&mut self.carry);
            let used = self.lines(&line, sink)?;
            if used == 0 {
                self.carry = line;
                self.scanned = self.carry.len();
            } else {
                // The buffer serves again.
                self.carry = line;
                self.carry.clear();
                self.scanned = 0;
            }
        }
        let used = self.lines(rest, sink)?;
        self.keep(rest.get(used..).unwrap_or_default())
    }

    /// Ends the page.
    ///
    /// # Errors
    /// When the page is not complete.
    pub fn finish<S: Sink>(mut self, sink: &mut S) -> Result<Skipped, ParseError<S::Error>> {
        if !self.carry.is_empty() {
            let ends_page = self.carry == b"# EOF";
            if self.openmetrics && !ends_page {
                return Err(ParseError::NoEof);
            }
            let line = std::mem::take(&mut self.carry);
            self.one(&line, sink, true)?;
        }
        if self.openmetrics && !self.ended { Err(ParseError::NoEof) } else { Ok(self.skipped) }
    }

    /// Lines skipped so far.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    fn keep<E>(&mut self, bytes: &[u8]) -> Result<(), ParseError<E>> {
        if self.carry.len() + bytes.len() > LINE_BYTES_MAX {
            return Err(ParseError::LongLine { line: self.line + 1, bytes_max: LINE_BYTES_MAX });
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads all complete lines and says how many bytes they had.
    fn lines<S: Sink>(&mut self, window: &[u8], sink: &mut S) -> Result<usize, ParseError<S::Error>> {
        let mut start = 0;
        let mut from = std::mem::take(&mut self.scanned).min(window.len());
        while let Some(at) = memchr::memchr(b'\n', window.get(from..).unwrap_or_default()) {
            let end = from + at;
            let read = self.one(window.get(start..end).unwrap_or_default(), sink, false)?;
            from = end + 1;
            if read {
                start = from;
            }
        }
        Ok(start)
    }

    /// Reads one line. `false` when it is not complete yet, because a quoted text in it is open.
    #[inline]
    fn one<S: Sink>(&mut self, line: &[u8], sink: &mut S, last: bool) -> Result<bool, ParseError<S::Error>> {
        if self.ended {
            return if self.openmetrics && !line.is_empty() || self.openmetrics && !last {
                Err(ParseError::AfterEof)
            } else {
                Ok(true)
            };
        }
        let read = if self.openmetrics { openmetrics::line(line, sink) } else { text::line(line, self.options.lenient, sink) };
        self.line += 1;
        let reason = match read {
            Ok(Line::Read) => return Ok(true),
            Ok(Line::End) => {
                self.ended = true;
                return Ok(true);
            }
            Err(LineError::Sink(error)) => return Err(ParseError::Sink(error)),
            Err(LineError::Unfinished) if !self.openmetrics && !self.options.lenient && !last && line.len() < LINE_BYTES_MAX => {
                self.line -= 1;
                return Ok(false);
            }
            Err(LineError::Unfinished) => "expected label value".to_owned(),
            Err(LineError::Reason(reason)) => reason,
        };
        if !self.options.lenient {
            return Err(ParseError::Line { line: self.line, reason, shown: shown(line) });
        }
        self.skipped.lines += 1;
        self.skipped.first.get_or_insert_with(|| format!("line {}: {reason} while parsing: {:?}", self.line, shown(line)));
        Ok(true)
    }
}
