//! The text of a series taken apart: name and labels.

use std::borrow::Cow;

/// Why a text is no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum SeriesError {
    #[error("expected label name")]
    LabelName,
    #[error("expected equal")]
    Equal,
    #[error("expected label value")]
    LabelValue,
    #[error("expected comma or brace close")]
    Comma,
    #[error("metric name already set")]
    TwoNames,
    #[error("metric name not set")]
    NoName,
    #[error("invalid UTF-8 label value")]
    Utf8,
    #[error("expected a valid start token")]
    Start,
    #[error("more than {0} labels")]
    TooMany(usize),
    #[error("{0}")]
    Refused(String),
}

/// Labels a series may have; beyond it the text is hostile.
pub(crate) const LABELS_MAX: usize = 100_000;

/// Takes a series' text apart. `label` gets the name as `__name__` first, then each label in order; values have their escapes resolved.
///
/// In OpenMetrics (`strict`) no space may stand between tokens and commas must stand between labels.
///
/// # Errors
/// What breaks the grammar, or what `label` returns.
pub fn parse_series(
    text: &[u8],
    strict: bool,
    mut label: impl FnMut(&str, &str) -> Result<(), SeriesError>,
) -> Result<(), SeriesError> {
    let mut rest = Cursor { text, at: 0, strict };
    let name = rest.take_while(|byte| is_name(byte) || byte == b':');
    if name.first().is_some_and(u8::is_ascii_digit) {
        return Err(SeriesError::Start);
    }
    rest.skip_space();
    if rest.at >= text.len() {
        return if name.is_empty() { Err(SeriesError::Start) } else { label("__name__", utf8(name)?) };
    }
    if !rest.eat(b'{') {
        return Err(SeriesError::Start);
    }
    let mut pairs: Vec<(&[u8], &[u8])> = Vec::new();
    let mut quoted_name = None;
    braces(&mut rest, &mut pairs, &mut quoted_name, !name.is_empty())?;
    if rest.at != text.len() {
        return Err(SeriesError::Start);
    }
    let own = match quoted_name {
        Some(inner) => unescaped(inner)?,
        None if name.is_empty() => return Err(SeriesError::NoName),
        None => Cow::Borrowed(utf8(name)?),
    };
    label("__name__", &own)?;
    pairs.iter().try_for_each(|(name, value)| label(&unescaped(name)?, &unescaped(value)?))
}

/// Labels of an exemplar, `{…}`.
pub(crate) fn check_exemplar_labels(text: &[u8]) -> Result<(), SeriesError> {
    let mut rest = Cursor { text, at: 1, strict: true };
    let mut pairs = Vec::new();
    braces(&mut rest, &mut pairs, &mut None, true)?;
    pairs.iter().try_for_each(|(_, value)| utf8(value).map(drop))
}

/// Reads up to and with the closing brace.
fn braces<'a>(
    rest: &mut Cursor<'a>,
    pairs: &mut Vec<(&'a [u8], &'a [u8])>,
    quoted_name: &mut Option<&'a [u8]>,
    named: bool,
) -> Result<(), SeriesError> {
    loop {
        rest.skip_space();
        if rest.eat(b'}') {
            return Ok(());
        }
        let (name, quoted) = match rest.peek() {
            Some(b'"') => (rest.quoted().ok_or(SeriesError::LabelName)?, true),
            Some(byte) if is_name(byte) && !byte.is_ascii_digit() => (rest.take_while(is_name), false),
            _ => return Err(SeriesError::LabelName),
        };
        rest.skip_space();
        if quoted && matches!(rest.peek(), Some(b',' | b'}')) {
            if named || quoted_name.is_some() {
                return Err(SeriesError::TwoNames);
            }
            *quoted_name = Some(name);
            if rest.eat(b'}') {
                return Ok(());
            }
            rest.at += 1;
            continue;
        }
        if !rest.eat(b'=') {
            return Err(SeriesError::Equal);
        }
        rest.skip_space();
        if pairs.len() >= LABELS_MAX {
            return Err(SeriesError::TooMany(LABELS_MAX));
        }
        pairs.push((name, rest.quoted().ok_or(SeriesError::LabelValue)?));
        rest.skip_space();
        if !rest.eat(b',') && rest.strict && rest.peek() != Some(b'}') {
            return Err(SeriesError::Comma);
        }
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    strict: bool,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while !self.strict && matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !fits(*byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The inside of a quoted text.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..)?;
        let length = quoted_length(rest)?;
        self.at += length;
        rest.get(1..length - 1)
    }
}

/// Bytes of the quoted text at the start, both quotes included; `None` if it does not end or there is none.
pub(crate) fn quoted_length(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn utf8(text: &[u8]) -> Result<&str, SeriesError> {
    simdutf8::basic::from_utf8(text).map_err(|_| SeriesError::Utf8)
}

/// Resolves `\"`, `\\` and `\n`; other escapes stay as they are.
pub(crate) fn unescaped(text: &[u8]) -> Result<Cow<'_, str>, SeriesError> {
    let text = utf8(text)?;
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let next = if c == '\\' { rest.clone().next() } else { None };
        let resolved = match next {
            Some('"') => Some('"'),
            Some('\\') => Some('\\'),
            Some('n') => Some('\n'),
            _ => None,
        };
        out.push(resolved.unwrap_or(c));
        if resolved.is_some() {
            rest.next();
        }
    }
    Ok(Cow::Owned(out))
}
