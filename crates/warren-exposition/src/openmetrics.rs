//! Lines of OpenMetrics, 0.0.1 and 1.0.0: exactly one space between tokens, exemplars, `# EOF` at the end.

use crate::error::LineError;
use crate::labels::{check_exemplar_labels, unescaped};
use crate::number::{parse_number, seconds_to_millis};
use crate::text::{Line, braces_end, family_name};
use crate::{FamilyKind, FamilyText, Sink};

/// Reads a line without its line feed.
pub(crate) fn line<S: Sink>(line: &[u8], sink: &mut S) -> Result<Line, LineError<S::Error>> {
    match line.first() {
        Some(b'#') if line == b"# EOF" => return Ok(Line::End),
        Some(b'#') => metadata(line, sink)?,
        _ => sample(line, sink)?,
    }
    Ok(Line::Read)
}

fn metadata<S: Sink>(line: &[u8], sink: &mut S) -> Result<(), LineError<S::Error>> {
    let (word, rest) = match line.split_at_checked(7) {
        Some((word @ (b"# HELP " | b"# TYPE " | b"# UNIT "), rest)) => (word, rest),
        _ => return Err("expected a valid start token".into()),
    };
    let (name, text) = family_name(rest).ok_or("expected metric name after HELP, TYPE or UNIT")?;
    let name = unescaped(name).map_err(|_| "metric name is not a valid utf8 string")?;
    let Some(text) = text.strip_prefix(b" ") else { return Err("expected text behind the metric name".into()) };
    match word {
        b"# HELP " => {
            let Ok(text) = simdutf8::basic::from_utf8(text) else { return Err("help text is not a valid utf8 string".into()) };
            let text = unescaped(text.as_bytes()).map_err(|_| "help text is not a valid utf8 string")?;
            sink.metadata(&name, FamilyText::Help(&text));
        }
        b"# TYPE " => sink.metadata(&name, FamilyText::Kind(kind(text)?)),
        _ => {
            let Ok(unit) = simdutf8::basic::from_utf8(text) else { return Err("unit is not a valid utf8 string".into()) };
            if !unit.is_empty() && !name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')) {
                return Err(LineError::Reason(format!("unit {unit:?} not a suffix of metric {name:?}")));
            }
            sink.metadata(&name, FamilyText::Unit(unit));
        }
    }
    Ok(())
}

fn kind<E>(text: &[u8]) -> Result<FamilyKind, LineError<E>> {
    Ok(match text {
        b"counter" => FamilyKind::Counter,
        b"gauge" => FamilyKind::Gauge,
        b"histogram" => FamilyKind::Histogram,
        b"gaugehistogram" => FamilyKind::GaugeHistogram,
        b"summary" => FamilyKind::Summary,
        b"info" => FamilyKind::Info,
        b"stateset" => FamilyKind::StateSet,
        b"unknown" => FamilyKind::Unknown,
        other => return Err(LineError::Reason(format!("invalid metric type {:?}", String::from_utf8_lossy(other)))),
    })
}

fn sample<S: Sink>(line: &[u8], sink: &mut S) -> Result<(), LineError<S::Error>> {
    let end = match memchr::memchr2(b'{', b' ', line) {
        Some(at) if line.get(at) == Some(&b'{') => braces_end(line, at)?,
        Some(at) => at,
        None => return Err("expected value after metric".into()),
    };
    let (series, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    let (number, rest) = token(rest).ok_or("expected value after metric")?;
    let value = number_of(number)?;
    let (timestamp, rest) = match token(rest) {
        Some((text, after)) if text != b"#" => (Some(time_of(text)?), after),
        _ => (None, rest),
    };
    let exemplar = if rest.is_empty() { None } else { Some(exemplar(rest)?) };
    sink.sample(series, value, timestamp)?;
    if let Some((labels, value, timestamp)) = exemplar {
        sink.exemplar(labels, value, timestamp);
    }
    Ok(())
}

/// ` # {labels} value [timestamp]`
fn exemplar<E>(text: &[u8]) -> Result<(&[u8], f64, Option<i64>), LineError<E>> {
    let Some(labels) = text.strip_prefix(b" # ").filter(|rest| rest.first() == Some(&b'{')) else {
        return Err("expected next entry after timestamp".into());
    };
    let end = braces_end(labels, 0)?;
    let (labels, rest) = labels.split_at_checked(end).unwrap_or_default();
    check_exemplar_labels(labels).map_err(|error| LineError::Reason(error.to_string()))?;
    let (number, rest) = token(rest).ok_or("expected value after exemplar labels")?;
    let value = number_of(number)?;
    match token(rest) {
        Some((text, [])) => Ok((labels, value, Some(time_of(text)?))),
        None if rest.is_empty() => Ok((labels, value, None)),
        _ => Err("expected next entry after exemplar timestamp".into()),
    }
}

/// One space and what stands up to the next.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b" ")?;
    let length = memchr::memchr(b' ', inner).unwrap_or(inner.len());
    if length == 0 { None } else { inner.split_at_checked(length) }
}

fn number_of<E>(text: &[u8]) -> Result<f64, LineError<E>> {
    parse_number(text).ok_or_else(|| LineError::Reason(format!("invalid value {:?}", String::from_utf8_lossy(text))))
}

fn time_of<E>(text: &[u8]) -> Result<i64, LineError<E>> {
    seconds_to_millis(text).ok_or_else(|| LineError::Reason(format!("invalid timestamp {:?}", String::from_utf8_lossy(text))))
}
