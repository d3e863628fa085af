//! Lines of brokers that do not escape label values.
//!
//! LavinMQ writes the names of queues and vhosts as they are, so that a queue named `a"b` breaks its line. The label that follows, or the end of the
//! braces, still shows where the value ends: `queue="a"b", vhost="/"}`. Labels are found from the right, where brokers write the names that hold
//! no surprises.

use crate::cursor::{is_metric_name, is_name};
use crate::entry::{Sample, guess};
use crate::series::SeriesText;
use std::borrow::Cow;

/// Labels that are looked for in a broken line.
const LABELS_MAX: usize = 64;

/// The sample of a line (without line feed) whose label values hold quotes that are not escaped.
pub(crate) fn recovered(line: &[u8], openmetrics: bool) -> Option<Sample<'_>> {
    let cut = guess(line, openmetrics)?;
    let text = std::str::from_utf8(cut.series).ok()?;
    let (name, rest) = text.split_once('{')?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.bytes().all(is_metric_name) {
        return None;
    }
    let mut rest = rest.strip_suffix("\"}").or_else(|| rest.strip_suffix("\",}"))?;
    let mut labels: Vec<(&str, &str)> = Vec::new();
    while let Some((label, value, before)) = last_label(rest, &labels) {
        labels.push((label, value));
        match before {
            None => {
                labels.push(("__name__", name));
                let labels = labels.into_iter().rev().map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value))).collect();
                let series = SeriesText { text: cut.series, labels, histogram: false };
                return Some(Sample { series, value: cut.value, timestamp: cut.timestamp, exemplar: None });
            }
            Some(before) => rest = before,
        }
        if labels.len() >= LABELS_MAX {
            return None;
        }
    }
    None
}

/// The last label of `name="value", name="value` (the closing quote is cut off already), its value, and what stands before it, again without
/// closing quote. What looks like a label that was found already is part of a value.
fn last_label<'a>(text: &'a str, found: &[(&str, &str)]) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    let mut end = text.len();
    loop {
        let at = text.get(..end)?.rfind("=\"")?;
        let (before, value) = (text.get(..at)?, text.get(at + 2..)?);
        let stem = before.trim_end_matches(|c: char| c.is_ascii() && is_name(c as u8));
        let name = before.get(stem.len()..)?;
        let is_new =
            !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && found.iter().all(|(known, _)| *known != name);
        if is_new && stem.is_empty() {
            return Some((name, value, None));
        }
        let closed = stem.trim_end_matches(' ').strip_suffix(',').and_then(|stem| stem.strip_suffix('"'));
        match closed {
            Some(closed) if is_new => return Some((name, value, Some(closed))),
            _ => end = at,
        }
    }
}
