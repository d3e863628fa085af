//! The text of a series: name and labels between braces.

use crate::FamilyKind;
use crate::cursor::{Cursor, Nul, Stop, is_name};
use crate::number::parse_number;
use std::borrow::Cow;
use warren_gotext::{Float, float};

/// Labels a series may have; beyond it the text is hostile.
const LABELS_MAX: usize = 100_000;

/// What is told of bytes that are no text.
pub(crate) const INVALID_VALUE: &str = "invalid UTF-8 label value";
pub(crate) const INVALID_NAME: &str = "name is not valid UTF-8";

/// Labels that room is made for at once.
const LABELS_USUAL: usize = 8;

/// A series as it stands on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesText<'a> {
    /// Its text, the same on every page.
    pub text: &'a [u8],
    /// Its labels, the name first as `__name__`; escapes are resolved. Names may occur twice.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Whether its samples are native histograms.
    pub histogram: bool,
}

/// What stands between braces, as it is on the page.
#[derive(Debug, Default)]
pub(crate) struct Braces<'a> {
    /// The metric's name, where it is one of the quoted texts.
    pub(crate) name: Option<&'a [u8]>,
    pub(crate) labels: Vec<(&'a [u8], &'a [u8])>,
}

/// Whose braces are read, and by which grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// A series of the text format: space between all tokens, no comma needed between labels.
    Text,
    /// A series of OpenMetrics: nothing between tokens.
    OpenMetrics,
    /// An exemplar of OpenMetrics: no name.
    Exemplar,
}

/// Reads what stands between braces, from behind the opening to behind the closing one. `named` says whether the metric has its name already.
pub(crate) fn braces<'a>(c: &mut Cursor<'a>, grammar: Grammar, named: bool) -> Result<Braces<'a>, Stop> {
    let mut read = Braces::default();
    let space = |c: &mut Cursor<'a>, nul| if grammar == Grammar::Text { c.skip_space(nul) } else { Ok(()) };
    loop {
        space(c, Nul::Byte)?;
        if c.eat(b'}')? {
            return Ok(read);
        }
        let start = c.at;
        let name = match c.peek()? {
            b'"' => c.quoted(Nul::Byte, grammar != Grammar::Exemplar, "expected label name")?,
            byte if is_name(byte) && !byte.is_ascii_digit() => c.take_while(is_name)?,
            _ => return Err("expected label name".into()),
        };
        let whole = c.since(start);
        space(c, Nul::Byte)?;
        if matches!(c.peek()?, b',' | b'}') {
            if grammar == Grammar::Exemplar {
                return Err("expected label name".into());
            }
            if named || read.name.is_some() {
                return Err("metric name already set".into());
            }
            // As in Prometheus, a name without quotes loses its ends here, too.
            read.name = Some(whole.get(1..whole.len() - 1).ok_or("expected metric name in quotes")?);
            if c.eat(b'}')? {
                return Ok(read);
            }
            c.step(Nul::Byte);
            space(c, Nul::Byte)?;
            continue;
        }
        if !c.eat(b'=')? {
            return Err("expected equal".into());
        }
        let nul = if grammar == Grammar::Exemplar { Nul::Byte } else { Nul::Nothing };
        space(c, nul)?;
        let value = c.quoted(nul, grammar == Grammar::Text, "expected label value")?;
        if read.labels.len() >= LABELS_MAX {
            return Err(Stop::Bad(format!("more than {LABELS_MAX} labels")));
        }
        if read.labels.is_empty() {
            read.labels.reserve(LABELS_USUAL);
        }
        read.labels.push((name, value));
        space(c, Nul::Byte)?;
        let comma = c.eat(b',')?;
        if !comma && grammar != Grammar::Text && c.peek()? != b'}' {
            return Err("expected comma or brace close".into());
        }
        if comma && grammar == Grammar::Text {
            c.skip_space(Nul::Byte)?;
        }
    }
}

impl<'a> SeriesText<'a> {
    /// The labels of a text whose tokens were read. `kind` is the type that the page told last: bounds and quantiles are spelled alike where it has
    /// them.
    pub(crate) fn new(text: &'a [u8], name: &'a [u8], pairs: &[(&'a [u8], &'a [u8])], kind: FamilyKind) -> Result<Self, Stop> {
        let Ok(valid) = simdutf8::basic::from_utf8(text) else {
            let of_value = pairs.iter().any(|(_, value)| std::str::from_utf8(value).is_err());
            return Err(if of_value { INVALID_VALUE } else { INVALID_NAME }.into());
        };
        let escapes = memchr::memchr(b'\\', text).is_some();
        let read = |bytes| match piece(valid, bytes).filter(|_| !escapes) {
            Some(piece) => Ok(Cow::Borrowed(piece)),
            None => unescaped(bytes),
        };
        let mut labels = Vec::with_capacity(pairs.len() + 1);
        labels.push((Cow::Borrowed("__name__"), read(name)?));
        for (name, value) in pairs {
            let (name, value) = (read(name)?, read(value)?);
            let value = if is_bound(kind, &name) { respelled(value) } else { value };
            labels.push((name, value));
        }
        Ok(Self { text, labels, histogram: false })
    }
}

/// The bytes of a piece of a text, as text. Pieces begin and end at quotes or within ASCII.
fn piece<'a>(text: &'a str, bytes: &'a [u8]) -> Option<&'a str> {
    let start = bytes.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    text.get(start..start.checked_add(bytes.len())?)
}

/// Whether a label of this name holds a number in a family of this type.
fn is_bound(kind: FamilyKind, label: &str) -> bool {
    matches!((kind, label), (FamilyKind::Histogram, "le") | (FamilyKind::Summary, "quantile"))
}

/// A number as OpenMetrics spells it: `1` is `1.0`. What is no number stays.
fn respelled(value: Cow<'_, str>) -> Cow<'_, str> {
    parse_number(value.as_bytes()).map_or(value, |number| Cow::Owned(bound_text(number)))
}

/// A bound or quantile as OpenMetrics spells it.
pub(crate) fn bound_text(number: f64) -> String {
    let mut text = String::new();
    // No negative zero: Prometheus spells both the same.
    float(&mut text, if number == 0.0 { 0.0 } else { number }, Float::General);
    if number.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

/// Resolves `\"`, `\\` and `\n`; other escapes stay as they are.
pub(crate) fn unescaped(text: &[u8]) -> Result<Cow<'_, str>, Stop> {
    let text = simdutf8::basic::from_utf8(text).map_err(|_| INVALID_NAME)?;
    Ok(replaced(text, |escape| match escape {
        b'"' => Some('"'),
        b'\\' => Some('\\'),
        b'n' => Some('\n'),
        _ => None,
    }))
}

/// The text with escapes resolved: the byte behind a backslash gives a character, or is left with its backslash.
pub(crate) fn replaced(text: &str, resolve: impl Fn(u8) -> Option<char>) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let resolved = after.as_bytes().get(1).and_then(|escape| resolve(*escape));
        out.push(resolved.unwrap_or('\\'));
        rest = after.get(if resolved.is_some() { 2 } else { 1 }..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}
