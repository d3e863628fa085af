//! Entries of the text format, 0.0.4 and 1.0.0.

use crate::cursor::{Cursor, Nul, Stop};
use crate::entry::{Entry, Sample, series_of};
use crate::number::parse_number;
use crate::series::{Grammar, braces, replaced};
use crate::{FamilyKind, FamilyText};
use std::borrow::Cow;

/// Reads one entry, its line feed included. `kind` is the type told last.
pub(crate) fn entry<'a>(c: &mut Cursor<'a>, kind: FamilyKind) -> Result<Entry<'a>, Stop> {
    let start = c.at;
    c.skip_space(Nul::Byte)?;
    match c.peek()? {
        0 => Err(Stop::End),
        b'\n' => {
            c.step(Nul::Byte);
            Ok(Entry::Nothing)
        }
        b'#' => comment(c),
        _ => sample(c, start, kind),
    }
}

fn sample<'a>(c: &mut Cursor<'a>, start: usize, kind: FamilyKind) -> Result<Entry<'a>, Stop> {
    let bare = c.metric_name()?;
    // As in Prometheus, space before the name is part of it.
    let name = if bare.is_empty() { bare } else { c.since(start) };
    let mut end = c.at;
    if !bare.is_empty() {
        c.skip_space(Nul::Byte)?;
    }
    let mut labels = None;
    if c.eat(b'{')? {
        labels = Some(braces(c, Grammar::Text, !name.is_empty())?);
        end = c.at;
        c.skip_space(Nul::Byte)?;
    } else if bare.is_empty() {
        return Err("expected a valid start token".into());
    }
    let text = c.bytes.get(start..end).unwrap_or_default();
    let series = series_of(text, name, labels.unwrap_or_default(), kind)?;
    let number = c.take_while(|byte| !matches!(byte, 0 | b' ' | b'\t' | b'\n' | b'{'))?;
    if number.is_empty() {
        return Err("expected value after metric".into());
    }
    let value = parse_number(number).ok_or_else(|| Stop::Bad(format!("invalid value {:?}", String::from_utf8_lossy(number))))?;
    c.skip_space(Nul::Byte)?;
    let mut timestamp = None;
    if c.peek()?.is_ascii_digit() {
        timestamp = Some(milliseconds(c.take_while(|byte| byte.is_ascii_digit())?).ok_or("timestamp out of range")?);
        c.skip_space(Nul::Byte)?;
    }
    if !c.eat(b'\n')? {
        let expected =
            if timestamp.is_some() { "expected next entry after timestamp" } else { "expected timestamp or new record" };
        return Err(expected.into());
    }
    Ok(Entry::Sample(Sample { series, value, timestamp, exemplar: None }))
}

/// Digits as milliseconds.
pub(crate) fn milliseconds(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `# HELP name text`, `# TYPE name kind`; anything else behind `#` is for people.
fn comment<'a>(c: &mut Cursor<'a>) -> Result<Entry<'a>, Stop> {
    c.step(Nul::Byte);
    if !matches!(c.peek()?, b' ' | b'\t') {
        return rest_of_comment(c, Nul::Byte);
    }
    c.skip_space(Nul::Byte)?;
    let word = c.peek()?;
    let read = match word {
        b'H' => c.word(b"HELP", Nul::Nothing)?,
        b'T' => c.word(b"TYPE", Nul::Nothing)?,
        _ => false,
    };
    if !read || !matches!(c.peek()?, b' ' | b'\t') {
        return rest_of_comment(c, Nul::Nothing);
    }
    c.skip_space(Nul::Nothing)?;
    let expected = if word == b'H' { "expected metric name after HELP" } else { "expected metric name after TYPE" };
    let name = family_name(c, expected)?;
    let start = c.at;
    if c.peek()? != 0 {
        while c.peek()? != b'\n' {
            c.step(Nul::Nothing);
        }
    }
    let text = c.since(start);
    if !c.eat(b'\n')? {
        return Err("linebreak expected after metadata".into());
    }
    let blank = text.iter().all(|byte| matches!(byte, 0 | b' ' | b'\t'));
    let text = text.get(1..).filter(|_| !blank).unwrap_or_default();
    if word == b'H' {
        let text = simdutf8::basic::from_utf8(text).map_err(|_| "help text is not a valid utf8 string")?;
        return Ok(Entry::Help(name, help(text)));
    }
    let kind = match text {
        b"counter" => FamilyKind::Counter,
        b"gauge" => FamilyKind::Gauge,
        b"histogram" => FamilyKind::Histogram,
        b"summary" => FamilyKind::Summary,
        b"untyped" => FamilyKind::Unknown,
        other => return Err(Stop::Bad(format!("invalid metric type {:?}", String::from_utf8_lossy(other)))),
    };
    Ok(Entry::Metadata(name, FamilyText::Kind(kind)))
}

/// Passes over the rest of a comment. A NUL byte at its start, or anywhere right behind a `#`, ends the page.
fn rest_of_comment<'a>(c: &mut Cursor<'a>, nul: Nul) -> Result<Entry<'a>, Stop> {
    loop {
        match c.peek()? {
            0 => return Err(Stop::End),
            b'\n' => break,
            _ => c.step(nul),
        }
    }
    c.step(Nul::Byte);
    Ok(Entry::Nothing)
}

/// A family's name, quoted or not. Quoted ones keep their escapes, as in Prometheus.
pub(crate) fn family_name<'a>(c: &mut Cursor<'a>, expected: &str) -> Result<&'a [u8], Stop> {
    if c.peek()? == b'"' {
        return c.quoted(Nul::Byte, true, expected);
    }
    Some(c.metric_name()?).filter(|name| !name.is_empty()).ok_or_else(|| expected.into())
}

/// Resolves `\\` and `\n`.
fn help(text: &str) -> Cow<'_, str> {
    replaced(text, |escape| match escape {
        b'\\' => Some('\\'),
        b'n' => Some('\n'),
        _ => None,
    })
}
