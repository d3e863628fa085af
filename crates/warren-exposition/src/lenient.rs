//! Series of brokers that do not escape label values.
//!
//! LavinMQ writes the names of queues and vhosts as they are, so that a queue named `a"b` breaks its line. The label that follows, or the end of the
//! braces, still shows where the value ends: `queue="a"b", vhost="/"}`.

use crate::labels::{LABELS_MAX, SeriesError, is_name, parse_series};

/// As [`parse_series`](crate::parse_series), but quotes within values need not be escaped. A value ends where `"` is followed by the end of the braces
/// or by another label's `, name="`.
///
/// # Errors
/// When the text has no such form either.
pub fn parse_series_lenient(
    text: &[u8],
    mut label: impl FnMut(&str, &str) -> Result<(), SeriesError>,
) -> Result<(), SeriesError> {
    let strict = parse_series(text, false, |_, _| Ok(()));
    if strict.is_ok() {
        return parse_series(text, false, label);
    }
    let text = std::str::from_utf8(text).map_err(|_| SeriesError::Utf8)?;
    let (name, rest) = text.split_once('{').ok_or(SeriesError::Start)?;
    let mut rest = rest.strip_suffix('}').ok_or(SeriesError::Comma)?;
    if name.is_empty() || !name.bytes().all(|byte| is_name(byte) || byte == b':') {
        return Err(SeriesError::Start);
    }
    label("__name__", name)?;
    for _ in 0..LABELS_MAX {
        rest = rest.trim_start_matches([' ', ',']);
        if rest.is_empty() {
            return Ok(());
        }
        let (name, value) = rest.split_once("=\"").ok_or(SeriesError::Equal)?;
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(SeriesError::LabelName);
        }
        let end = value_end(value).ok_or(SeriesError::LabelValue)?;
        label(name, value.get(..end).unwrap_or_default())?;
        rest = value.get(end + 1..).unwrap_or_default();
    }
    Err(SeriesError::TooMany(LABELS_MAX))
}

/// Where the value ends: at the first quote that another label follows, else at the last quote.
fn value_end(value: &str) -> Option<usize> {
    let quotes = value.match_indices('"').map(|(at, _)| at);
    let followed = |at: &usize| {
        let rest = value.get(at + 1..).unwrap_or_default();
        let Some(next) = rest.strip_prefix(',') else { return rest.trim_end_matches([' ', ',']).is_empty() };
        let next = next.trim_start_matches(' ');
        next.split_once("=\"").is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_name))
    };
    quotes.into_iter().find(followed)
}
