//! Windows of bytes cut into entries: lines, but for quoted texts with line feeds.

use crate::cursor::{Cursor, Stop};
use crate::entry::{Entry, Sample, guess};
use crate::error::{ParseError, Refusal, shown};
use crate::lenient::recovered;
use crate::parser::Skipped;
use crate::{FamilyKind, FamilyText, Sink, openmetrics, text};
use std::fmt::Display;

/// An entry longer than this is refused.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// Reads a page in lines.
#[derive(Debug)]
pub(crate) struct Lines {
    openmetrics: bool,
    lenient: bool,
    /// The type told last.
    kind: FamilyKind,
    /// An entry whose end has not come yet.
    carry: Vec<u8>,
    /// An open quoted text is not tried again before the carry has so many bytes: each try begins at its start.
    try_at: usize,
    /// Lines before the entry being read.
    line: u64,
    end: End,
    /// The rest of a line that was too long is passed over.
    passing: bool,
    skipped: Skipped,
}

/// How far the page has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing was fed yet.
    Blank,
    /// More may come.
    Open,
    /// What follows is not read.
    Closed,
    /// `# EOF` was read, without its line feed.
    Eof,
    /// `# EOF` was read with its line feed.
    EofLine,
}

/// What became of an entry.
enum Step {
    /// It was read up to this place.
    To(usize),
    /// It is not complete.
    Incomplete,
    /// It is the page's last.
    Last,
}

impl Lines {
    pub(crate) fn new(openmetrics: bool, lenient: bool) -> Self {
        Self {
            openmetrics,
            lenient,
            kind: FamilyKind::Unknown,
            carry: Vec::new(),
            try_at: 0,
            line: 0,
            end: End::Blank,
            passing: false,
            skipped: Skipped::default(),
        }
    }

    pub(crate) fn feed<S: Sink<Error: Display>>(&mut self, window: &[u8], sink: &mut S) -> Result<(), ParseError<S::Error>> {
        if self.end == End::Blank && !window.is_empty() {
            self.end = End::Open;
        }
        let mut rest = window;
        if self.passing {
            let Some(at) = memchr::memchr(b'\n', rest) else { return Ok(()) };
            self.passing = false;
            self.line += 1;
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        while !self.carry.is_empty() && !rest.is_empty() {
            rest = self.complete(rest, sink)?;
        }
        if self.end != End::Open {
            return self.after_end(rest);
        }
        let used = self.entries(rest, false, sink)?;
        let tail = rest.get(used..).unwrap_or_default();
        if self.end != End::Open || tail.is_empty() {
            return Ok(());
        }
        self.keep(tail)?;
        self.plan_try();
        Ok(())
    }

    pub(crate) fn finish<S: Sink<Error: Display>>(mut self, sink: &mut S) -> Result<Skipped, ParseError<S::Error>> {
        let mut rest = std::mem::take(&mut self.carry);
        if !rest.is_empty() {
            if !self.openmetrics {
                rest.push(b'\n');
            }
            self.entries(&rest, true, sink)?;
        }
        let complete = !self.openmetrics || matches!(self.end, End::Blank | End::Eof | End::EofLine);
        if complete { Ok(self.skipped) } else { Err(ParseError::NoEof) }
    }

    /// Adds to the carry what may complete its entry, reads it, and gives what is left of the window.
    fn complete<'w, S: Sink<Error: Display>>(
        &mut self,
        window: &'w [u8],
        sink: &mut S,
    ) -> Result<&'w [u8], ParseError<S::Error>> {
        let before = self.carry.len();
        let line = memchr::memchr(b'\n', window).map(|at| at + 1);
        let wanted = line.unwrap_or(window.len()).max(self.try_at.saturating_sub(before)).min(window.len());
        let room = ENTRY_BYTES_MAX.saturating_sub(before);
        if room == 0 {
            return self.too_long(window);
        }
        let (head, tail) = window.split_at_checked(wanted.min(room)).unwrap_or((window, &[]));
        self.carry.extend_from_slice(head);
        if memchr::memchr(b'\n', head).is_none() || (self.carry.len() < self.try_at && tail.is_empty()) {
            return Ok(tail);
        }
        let mut carry = std::mem::take(&mut self.carry);
        let used = self.entries(&carry, false, sink)?;
        carry.drain(..used.min(carry.len()));
        self.carry = carry;
        self.plan_try();
        Ok(tail)
    }

    /// An open quoted text in the carry is not tried again before there is twice as much of it.
    fn plan_try(&mut self) {
        self.try_at = if memchr::memchr(b'\n', &self.carry).is_some() { 2 * self.carry.len() } else { 0 };
    }

    /// The entry in the carry is too long: an error, or passed over.
    fn too_long<'w, E>(&mut self, window: &'w [u8]) -> Result<&'w [u8], ParseError<E>> {
        let error = ParseError::LongLine { line: self.line + 1, bytes_max: ENTRY_BYTES_MAX };
        if !self.lenient {
            return Err(error);
        }
        self.skip(format!("line {} is longer than {ENTRY_BYTES_MAX} bytes", self.line + 1));
        self.carry = Vec::new();
        let at = memchr::memchr(b'\n', window);
        self.passing = at.is_none();
        self.line += u64::from(at.is_some());
        Ok(at.and_then(|at| window.get(at + 1..)).unwrap_or_default())
    }

    fn keep<E>(&mut self, bytes: &[u8]) -> Result<(), ParseError<E>> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return self.too_long(bytes).map(drop);
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads all complete entries and says how many bytes they had.
    fn entries<S: Sink<Error: Display>>(
        &mut self,
        bytes: &[u8],
        last: bool,
        sink: &mut S,
    ) -> Result<usize, ParseError<S::Error>> {
        let mut start = 0;
        loop {
            let rest = bytes.get(start..).unwrap_or_default();
            let line = match memchr::memchr(b'\n', rest) {
                Some(at) => rest.get(..at).unwrap_or_default(),
                None if last && !rest.is_empty() => rest,
                None => return Ok(start),
            };
            let guess = guess(line, self.openmetrics);
            if let Some(guess) = guess
                && let Some(series) = sink.find(guess.series)
            {
                sink.sample(series, guess.value, guess.timestamp).map_err(ParseError::Sink)?;
                self.line += 1;
                start += line.len() + 1;
                continue;
            }
            match self.entry(bytes, start, line, last, guess.map(|guess| guess.series), sink)? {
                Step::To(end) => start = end,
                Step::Incomplete => return Ok(start),
                Step::Last => return Ok(bytes.len()),
            }
        }
    }

    /// Reads one entry token by token. `line` is its first line; `unknown` a text that the sink does not know.
    fn entry<S: Sink<Error: Display>>(
        &mut self,
        bytes: &[u8],
        start: usize,
        line: &[u8],
        last: bool,
        unknown: Option<&[u8]>,
        sink: &mut S,
    ) -> Result<Step, ParseError<S::Error>> {
        let line_end = (start + line.len() + 1).min(bytes.len());
        let within = if self.lenient { bytes.get(..line_end).unwrap_or(bytes) } else { bytes };
        let mut cursor = Cursor { bytes: within, at: start };
        let read =
            if self.openmetrics { openmetrics::entry(&mut cursor, self.kind) } else { text::entry(&mut cursor, self.kind) };
        let reason = match read {
            Ok(entry) => {
                if cursor.at - start > ENTRY_BYTES_MAX {
                    return Err(ParseError::LongLine { line: self.line + 1, bytes_max: ENTRY_BYTES_MAX });
                }
                match self.deliver(entry, unknown, sink) {
                    Ok(()) => {
                        // Quoted texts may hold line feeds.
                        let further = cursor.bytes.get(line_end..cursor.at).unwrap_or_default();
                        self.line += 1 + memchr::memchr_iter(b'\n', further).count() as u64;
                        return Ok(Step::To(cursor.at));
                    }
                    Err(Refusal::Page(error)) => return Err(ParseError::Sink(error)),
                    Err(Refusal::Series(error)) if !self.lenient => return Err(ParseError::Sink(error)),
                    Err(Refusal::Series(error)) => error.to_string(),
                }
            }
            Err(Stop::End) => {
                self.end = if self.openmetrics { End::Eof } else { End::Closed };
                self.after_end(bytes.get(cursor.at..).unwrap_or_default())?;
                return Ok(Step::Last);
            }
            Err(Stop::More) if last && self.openmetrics => return Err(ParseError::NoEof),
            Err(Stop::More) if !last && !self.lenient => return Ok(Step::Incomplete),
            Err(Stop::More) => "the line breaks off".to_owned(),
            Err(Stop::Bad(reason)) => reason,
        };
        if !self.lenient {
            return Err(ParseError::Line { line: self.line + 1, reason, shown: shown(line) });
        }
        if let Some(sample) = recovered(line, self.openmetrics) {
            match self.deliver(Entry::Sample(sample), unknown, sink) {
                Ok(()) => {
                    self.line += 1;
                    return Ok(Step::To(line_end));
                }
                Err(Refusal::Page(error)) => return Err(ParseError::Sink(error)),
                Err(Refusal::Series(_)) => {}
            }
        }
        self.skip(format!("line {}: {reason} while parsing: {:?}", self.line + 1, shown(line)));
        self.line += 1;
        Ok(Step::To(line_end))
    }

    fn deliver<S: Sink>(&mut self, entry: Entry<'_>, unknown: Option<&[u8]>, sink: &mut S) -> Result<(), Refusal<S::Error>> {
        match entry {
            Entry::Nothing => {}
            Entry::Metadata(name, text) => {
                if let FamilyText::Kind(kind) = text {
                    self.kind = kind;
                }
                sink.metadata(&String::from_utf8_lossy(name), text);
            }
            Entry::Help(name, help) => sink.metadata(&String::from_utf8_lossy(name), FamilyText::Help(&help)),
            Entry::Sample(Sample { series, value, timestamp, exemplar }) => {
                let known = if unknown == Some(series.text) { None } else { sink.find(series.text) };
                let met = known.map_or_else(|| sink.meet(&series), Ok)?;
                sink.sample(met, value, timestamp).map_err(Refusal::Page)?;
                if let Some(exemplar) = exemplar {
                    sink.exemplar(&exemplar);
                }
            }
        }
        Ok(())
    }

    /// Bytes behind the end of the page: OpenMetrics allows none but the line feed of `# EOF`.
    fn after_end<E>(&mut self, bytes: &[u8]) -> Result<(), ParseError<E>> {
        for byte in bytes {
            match (self.end, byte) {
                (End::Eof, b'\n') => self.end = End::EofLine,
                // Prometheus' lexer passes over NUL bytes here.
                (End::Eof | End::EofLine, 0) => {}
                (End::Eof | End::EofLine, _) => return Err(ParseError::AfterEof),
                (End::Blank | End::Open | End::Closed, _) => return Ok(()),
            }
        }
        Ok(())
    }

    fn skip(&mut self, reason: String) {
        self.skipped.lines += 1;
        self.skipped.first.get_or_insert(reason);
    }
}
