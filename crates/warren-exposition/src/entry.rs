//! What one entry of a page says, and the short cut to samples of known series.

use crate::cursor::{Stop, is_metric_name};
use crate::number::{parse_number, seconds_to_millis};
use crate::series::{Braces, SeriesText};
use crate::text::milliseconds;
use crate::{ExemplarText, FamilyKind, FamilyText};
use std::borrow::Cow;

/// One entry of a page in lines.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    /// A blank line or a comment.
    Nothing,
    /// What the page says of a family, by the family's name.
    Metadata(&'a [u8], FamilyText<'a>),
    /// What the family says, for people.
    Help(&'a [u8], Cow<'a, str>),
    /// A sample.
    Sample(Sample<'a>),
}

/// A sample whose tokens were all read.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) series: SeriesText<'a>,
    pub(crate) value: f64,
    pub(crate) timestamp: Option<i64>,
    pub(crate) exemplar: Option<ExemplarText<'a>>,
}

/// The series of a text, its name (empty if there is none before the braces) and what stands between the braces.
pub(crate) fn series_of<'a>(text: &'a [u8], name: &'a [u8], read: Braces<'a>, kind: FamilyKind) -> Result<SeriesText<'a>, Stop> {
    let name = match read.name {
        Some(quoted) => quoted,
        None if name.is_empty() => return Err("metric name not set".into()),
        None => name,
    };
    SeriesText::new(text, name, &read.labels, kind)
}

/// A line that looks like a sample, cut from its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Guess<'a> {
    pub(crate) series: &'a [u8],
    pub(crate) value: f64,
    pub(crate) timestamp: Option<i64>,
}

/// Cuts a line (without line feed) into series, value and timestamp from its end, without looking into the series.
///
/// The cut is right whenever the series' text was read token by token before: the tokens of the line then begin with just those of the text. It is
/// worthless otherwise.
#[inline]
pub(crate) fn guess(line: &[u8], openmetrics: bool) -> Option<Guess<'_>> {
    if *line.first()? == b'#' || (openmetrics && memchr::memchr(b'#', line).is_some()) {
        return None;
    }
    let (before, last) = cut(line, openmetrics)?;
    if before.last().is_some_and(|byte| *byte == b'}') {
        return Some(Guess { series: before, value: parse_number(last)?, timestamp: None });
    }
    match cut(before, openmetrics) {
        Some((series, value)) => {
            let timestamp = if openmetrics { seconds_to_millis(last) } else { digits(last).and_then(milliseconds) };
            Some(Guess { series, value: parse_number(value)?, timestamp: Some(timestamp?) })
        }
        None if before.iter().all(|byte| is_metric_name(*byte)) => {
            Some(Guess { series: before, value: parse_number(last)?, timestamp: None })
        }
        None => None,
    }
}

/// Cuts off the last word, and the space before it.
#[inline]
fn cut(text: &[u8], openmetrics: bool) -> Option<(&[u8], &[u8])> {
    let is_space = |byte: &u8| *byte == b' ' || (*byte == b'\t' && !openmetrics);
    let space = text.iter().rposition(is_space)?;
    let (before, last) = (text.get(..space)?, text.get(space + 1..)?);
    let end = if openmetrics { before.len() } else { before.iter().rposition(|byte| !is_space(byte))? + 1 };
    let before = before.get(..end).filter(|before| before.last().is_some_and(|byte| !is_space(byte)))?;
    Some((before, last)).filter(|(_, last)| !last.is_empty())
}

fn digits(text: &[u8]) -> Option<&[u8]> {
    text.iter().all(u8::is_ascii_digit).then_some(text)
}
