//! Lines of the text format, 0.0.4 and 1.0.0.

use crate::error::LineError;
use crate::labels::{is_name, quoted_length, unescaped};
use crate::number::parse_number;
use crate::{FamilyKind, FamilyText, Sink};

/// What a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It was read.
    Read,
    /// The page ends here.
    End,
}

/// Reads a line without its line feed.
pub(crate) fn line<S: Sink>(line: &[u8], lenient: bool, sink: &mut S) -> Result<Line, LineError<S::Error>> {
    let line = trim_start(line);
    match line.first() {
        None => {}
        Some(0) => return Ok(Line::End),
        Some(b'#') => comment(line, sink)?,
        Some(_) => sample(line, lenient, sink)?,
    }
    Ok(Line::Read)
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// Bytes of the series' text at the start of a line.
pub(crate) fn series_length<E>(line: &[u8]) -> Result<usize, LineError<E>> {
    let end = memchr::memchr3(b'{', b' ', b'\t', line).unwrap_or(line.len());
    if line.get(end) == Some(&b'{') {
        return braces_end(line, end);
    }
    // Space may stand between name and labels.
    let rest = trim_start(line.get(end..).unwrap_or_default());
    if rest.first() == Some(&b'{') { braces_end(line, line.len() - rest.len()) } else { Ok(end) }
}

/// The byte after the closing brace, given that of the opening one.
pub(crate) fn braces_end<E>(line: &[u8], open: usize) -> Result<usize, LineError<E>> {
    let mut at = open + 1;
    loop {
        let rest = line.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'"', b'}', rest) else { return Err("expected label name".into()) };
        if rest.get(found) == Some(&b'}') {
            return Ok(at + found + 1);
        }
        let quoted = rest.get(found..).unwrap_or_default();
        at += found + quoted_length(quoted).ok_or(LineError::Unfinished)?;
    }
}

fn sample<S: Sink>(line: &[u8], lenient: bool, sink: &mut S) -> Result<(), LineError<S::Error>> {
    match series_length(line).and_then(|end| sample_of(line, end, sink)) {
        Err(LineError::Reason(_) | LineError::Unfinished) if lenient => {
            // A quote in a value that is not escaped leads astray: the braces end where a value follows.
            let end = memchr::memmem::rfind(line, b"} ").ok_or("expected value after metric")? + 1;
            sample_of(line, end, sink)
        }
        other => other,
    }
}

fn sample_of<S: Sink>(line: &[u8], end: usize, sink: &mut S) -> Result<(), LineError<S::Error>> {
    let (series, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    let rest = trim_start(rest);
    let length = memchr::memchr2(b' ', b'\t', rest).unwrap_or(rest.len());
    let (number, rest) = rest.split_at_checked(length).unwrap_or_default();
    if number.is_empty() {
        return Err("expected value after metric".into());
    }
    let value =
        parse_number(number).ok_or_else(|| LineError::Reason(format!("invalid value {:?}", String::from_utf8_lossy(number))))?;
    let rest = trim_start(rest);
    let timestamp = if rest.is_empty() { None } else { Some(timestamp(rest)?) };
    Ok(sink.sample(series, value, timestamp)?)
}

/// Digits and nothing else but space behind.
fn timestamp<E>(text: &[u8]) -> Result<i64, LineError<E>> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(length).unwrap_or_default();
    if digits.is_empty() {
        return Err("expected timestamp or new record".into());
    }
    if !trim_start(rest).is_empty() {
        return Err("expected next entry after timestamp".into());
    }
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(|| "timestamp out of range".into())
}

/// `# HELP name text`, `# TYPE name kind`; anything else behind `#` is for people.
fn comment<S: Sink>(line: &[u8], sink: &mut S) -> Result<(), LineError<S::Error>> {
    let inner = line.get(1..).unwrap_or_default();
    let word = trim_start(inner);
    if word.len() == inner.len() {
        return Ok(());
    }
    let is_help = match word.get(..5) {
        Some(b"HELP " | b"HELP\t") => true,
        Some(b"TYPE " | b"TYPE\t") => false,
        _ => return Ok(()),
    };
    let rest = trim_start(word.get(5..).unwrap_or_default());
    let (name, text) =
        family_name(rest).ok_or(if is_help { "expected metric name after HELP" } else { "expected metric name after TYPE" })?;
    let name = unescaped(name).map_err(|_| "metric name is not a valid utf8 string")?;
    let text = text.get(1..).filter(|text| !text.iter().all(|byte| matches!(byte, b' ' | b'\t'))).unwrap_or_default();
    if is_help {
        let Ok(text) = simdutf8::basic::from_utf8(text) else { return Err("help text is not a valid utf8 string".into()) };
        sink.metadata(&name, FamilyText::Help(&help(text)));
        return Ok(());
    }
    let kind = match text {
        b"counter" => FamilyKind::Counter,
        b"gauge" => FamilyKind::Gauge,
        b"histogram" => FamilyKind::Histogram,
        b"summary" => FamilyKind::Summary,
        b"untyped" => FamilyKind::Unknown,
        other => return Err(LineError::Reason(format!("invalid metric type {:?}", String::from_utf8_lossy(other)))),
    };
    sink.metadata(&name, FamilyText::Kind(kind));
    Ok(())
}

/// A family's name, quoted or not, and what follows it.
pub(crate) fn family_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(length) = quoted_length(text) {
        return Some((text.get(1..length - 1)?, text.get(length..)?));
    }
    let length = text.iter().position(|byte| !is_name(*byte) && *byte != b':').unwrap_or(text.len());
    let name = text.get(..length).filter(|name| name.first().is_some_and(|byte| !byte.is_ascii_digit()))?;
    Some((name, text.get(length..)?))
}

/// Resolves `\\` and `\n`.
fn help(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let (resolved, length) = match after.as_bytes().get(1) {
            Some(b'\\') => ('\\', 2),
            Some(b'n') => ('\n', 2),
            _ => ('\\', 1),
        };
        out.push(resolved);
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out.into()
}
