//! Entries of OpenMetrics, 0.0.1 and 1.0.0: exactly one space between tokens, exemplars, `# EOF` at the end.

use crate::cursor::{Cursor, Nul, Stop};
use crate::entry::{Entry, Sample, series_of};
use crate::number::{parse_number, seconds_to_millis};
use crate::series::{Grammar, INVALID_NAME, INVALID_VALUE, braces, unescaped};
use crate::text::family_name;
use crate::{ExemplarText, FamilyKind, FamilyText};
use std::borrow::Cow;

/// Reads one entry, its line feed included but for that of `# EOF`, which is [`Stop::End`].
pub(crate) fn entry<'a>(c: &mut Cursor<'a>, kind: FamilyKind) -> Result<Entry<'a>, Stop> {
    if c.peek()? == b'#' { metadata(c) } else { sample(c, kind) }
}

fn metadata<'a>(c: &mut Cursor<'a>) -> Result<Entry<'a>, Stop> {
    let unexpected = || Stop::from("expected a valid start token");
    if !c.word(b"# ", Nul::Byte)? {
        return Err(unexpected());
    }
    let word = c.peek()?;
    let read = match word {
        b'E' => c.word(b"EOF", Nul::Nothing)?,
        b'H' => c.word(b"HELP ", Nul::Nothing)?,
        b'T' => c.word(b"TYPE ", Nul::Nothing)?,
        b'U' => c.word(b"UNIT ", Nul::Nothing)?,
        _ => false,
    };
    if !read {
        return Err(unexpected());
    }
    if word == b'E' {
        return Err(Stop::End);
    }
    let name = family_name(c, "expected metric name after HELP, TYPE or UNIT")?;
    if c.peek()? != b' ' {
        return Err("expected text behind the metric name".into());
    }
    let start = c.at + 1;
    while c.peek()? != b'\n' {
        c.step(Nul::Nothing);
    }
    let text = c.bytes.get(start..c.at).unwrap_or_default();
    c.step(Nul::Byte);
    match word {
        b'H' => {
            simdutf8::basic::from_utf8(text).map_err(|_| "help text is not a valid utf8 string")?;
            Ok(Entry::Help(name, unescaped(text)?))
        }
        b'T' => Ok(Entry::Metadata(name, FamilyText::Kind(kind_of(text)?))),
        _ => {
            let unit = simdutf8::basic::from_utf8(text).map_err(|_| "unit is not a valid utf8 string")?;
            let stem = name.strip_suffix(text);
            if !unit.is_empty() && stem.is_none_or(|stem| stem.last() != Some(&b'_')) {
                return Err(Stop::Bad(format!("unit {unit:?} not a suffix of metric {:?}", String::from_utf8_lossy(name))));
            }
            Ok(Entry::Metadata(name, FamilyText::Unit(unit)))
        }
    }
}

fn kind_of(text: &[u8]) -> Result<FamilyKind, Stop> {
    Ok(match text {
        b"counter" => FamilyKind::Counter,
        b"gauge" => FamilyKind::Gauge,
        b"histogram" => FamilyKind::Histogram,
        b"gaugehistogram" => FamilyKind::GaugeHistogram,
        b"summary" => FamilyKind::Summary,
        b"info" => FamilyKind::Info,
        b"stateset" => FamilyKind::StateSet,
        b"unknown" => FamilyKind::Unknown,
        other => return Err(Stop::Bad(format!("invalid metric type {:?}", String::from_utf8_lossy(other)))),
    })
}

fn sample<'a>(c: &mut Cursor<'a>, kind: FamilyKind) -> Result<Entry<'a>, Stop> {
    let start = c.at;
    let name = c.metric_name()?;
    let mut labels = None;
    if c.eat(b'{')? {
        labels = Some(braces(c, Grammar::OpenMetrics, !name.is_empty())?);
    } else if name.is_empty() {
        return Err("expected a valid start token".into());
    }
    let series = series_of(c.since(start), name, labels.unwrap_or_default(), kind)?;
    let value = number(token(c)?.ok_or("expected value after metric")?)?;
    let mut timestamp = None;
    if !at_exemplar(c)? && c.peek()? == b' ' {
        timestamp = Some(time(token(c)?.ok_or("expected next entry after value")?)?);
    }
    let exemplar = if at_exemplar(c)? { Some(exemplar(c)?) } else { None };
    if !c.eat(b'\n')? {
        return Err("expected next entry after timestamp".into());
    }
    Ok(Entry::Sample(Sample { series, value, timestamp, exemplar }))
}

/// Whether ` # {` stands here.
fn at_exemplar(c: &Cursor<'_>) -> Result<bool, Stop> {
    let mut ahead = *c;
    ahead.word(b" # {", Nul::Byte)
}

/// ` # {labels} value [timestamp]`
fn exemplar<'a>(c: &mut Cursor<'a>) -> Result<ExemplarText<'a>, Stop> {
    c.word(b" # {", Nul::Byte)?;
    let read = braces(c, Grammar::Exemplar, true)?;
    // As in Prometheus, escapes stay as they are.
    let text = |text: &'a [u8], invalid| simdutf8::basic::from_utf8(text).map(Cow::Borrowed).map_err(|_| Stop::from(invalid));
    let label = |(name, value)| Ok((text(name, INVALID_NAME)?, text(value, INVALID_VALUE)?));
    let labels = read.labels.into_iter().map(label).collect::<Result<_, Stop>>()?;
    let value = number(token(c)?.ok_or("expected value after exemplar labels")?)?;
    let timestamp =
        if c.peek()? == b' ' { Some(time(token(c)?.ok_or("expected next entry after exemplar value")?)?) } else { None };
    Ok(ExemplarText { labels, value, timestamp })
}

/// One space and what stands up to the next space or the end of the line; `None` if nothing does.
fn token<'a>(c: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Stop> {
    if !c.eat(b' ')? {
        return Ok(None);
    }
    Ok(Some(c.take_while(|byte| !matches!(byte, 0 | b' ' | b'\n'))?).filter(|token| !token.is_empty()))
}

fn number(text: &[u8]) -> Result<f64, Stop> {
    parse_number(text).ok_or_else(|| Stop::Bad(format!("invalid value {:?}", String::from_utf8_lossy(text))))
}

fn time(text: &[u8]) -> Result<i64, Stop> {
    seconds_to_millis(text).ok_or_else(|| Stop::Bad(format!("invalid timestamp {:?}", String::from_utf8_lossy(text))))
}
