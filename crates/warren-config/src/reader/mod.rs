//! From the text of one source to a tree.
//!
//! A text that begins like JSON is read as strict JSON, which knows more escapes than YAML 1.1 and gives better places; any other text,
//! and JSON-like text that is no JSON, is read as YAML from the events of `saphyr-parser`. Both feed one [`build::Builder`], which knows
//! duplicate keys, anchors, merges and the bounds. Scalars get their types from [`scalar`], with the rules of Go's `yaml.v3`.

mod build;
mod json;
mod relax;
mod scalar;
#[cfg(test)]
mod tests;
mod timestamp;
mod yaml;

use std::borrow::Cow;

use arcstr::ArcStr;

use crate::{Node, Place, Value};

/// The largest source in bytes.
pub(crate) const MAX_SOURCE: usize = 16 << 20;

/// The deepest nesting.
pub(crate) const MAX_DEPTH: usize = 250;

/// The most values one source may hold, aliases expanded.
pub(crate) const MAX_NODES: usize = 500_000;

/// A source as a tree.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The root; null for an empty source.
    pub(crate) node: Node,
    /// Whether the root is a mapping with keys that are no text, which the reference refuses at this place only.
    pub(crate) untyped_keys: bool,
    /// How many values it holds.
    pub(crate) nodes: usize,
    /// What stands behind the end of the document and belongs to nothing. The reference ignores it, which is right for variables
    /// (`[INFO] text`) and hides mistakes in files.
    pub(crate) rest: Option<ReadError>,
}

/// Why a source could not be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message} at {place}")]
pub struct ReadError {
    /// What is wrong, without the place: `yaml: line 3: did not find expected ',' or ']'`.
    pub message: String,
    /// Where.
    pub place: Place,
    pub(crate) kind: Fault,
}

/// What kind of fault a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text breaks the rules of its language.
    Syntax,
    /// The text is of another language, as far as it was understood.
    Foreign,
    /// A key stands twice.
    DuplicateKey,
    /// A bound was hit.
    Limit,
}

impl ReadError {
    fn syntax(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place, kind: Fault::Syntax }
    }

    fn limit(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place, kind: Fault::Limit }
    }
}

/// Reads one source given as text. `source` names it in places. Of several YAML documents only the first is read.
///
/// # Errors
/// The text is neither JSON nor YAML, has a key twice, or is larger or deeper than the bounds.
pub fn parse_yaml(source: &str, text: &str) -> Result<Node, ReadError> {
    let document = read(&ArcStr::from(source), text)?;
    document.rest.map_or(Ok(document.node), Err)
}

/// Reads one source given as text.
pub(crate) fn read(source: &ArcStr, text: &str) -> Result<Document, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_SOURCE {
        let message = format!("larger than {} MiB: split it or generate less", MAX_SOURCE >> 20);
        return Err(ReadError::limit(message, Place::new(source.clone(), 0, 0)));
    }
    check_characters(source, text)?;
    if !text.trim_start().starts_with(['{', '[']) {
        return yaml::read(source, text);
    }
    match json::read(source, text) {
        Ok(document) => Ok(document),
        // Flow YAML begins like JSON.
        Err(error) if error.kind == Fault::Foreign => yaml::read(source, text),
        Err(as_json) if as_json.kind == Fault::Syntax => yaml::read(source, text).map_err(|_| as_json),
        Err(error) => Err(error),
    }
}

/// Whether a plain scalar of this text reads back as the same text.
pub(crate) fn is_plain_string(text: &str) -> bool {
    text != "<<" && matches!(scalar::plain(text), Value::String(_))
}

/// The text of a source's bytes: UTF-8, or UTF-16 with a byte order mark.
pub(crate) fn decode_bytes<'a>(source: &ArcStr, bytes: &'a [u8]) -> Result<Cow<'a, str>, ReadError> {
    let (big_endian, units) = match bytes {
        [0xff, 0xfe, rest @ ..] => (false, rest),
        [0xfe, 0xff, rest @ ..] => (true, rest),
        _ => {
            return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
                let valid = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
                ReadError::syntax("yaml: invalid UTF-8", end_of(source, &valid))
            });
        }
    };
    let unit = |pair: &[u8]| match (big_endian, pair) {
        (true, [high, low]) => u16::from_be_bytes([*high, *low]),
        (false, [low, high]) => u16::from_le_bytes([*low, *high]),
        _ => 0xfffd,
    };
    char::decode_utf16(units.chunks(2).map(unit))
        .collect::<Result<String, _>>()
        .map(Cow::Owned)
        .map_err(|_| ReadError::syntax("yaml: invalid UTF-16", Place::new(source.clone(), 0, 0)))
}

/// Refuses the characters that YAML does not know, as the reference's reader does.
fn check_characters(source: &ArcStr, text: &str) -> Result<(), ReadError> {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' => true,
        c => ('\u{a0}'..='\u{fffd}').contains(&c) || c >= '\u{10000}',
    };
    match text.find(|c: char| !allowed(c)) {
        None => Ok(()),
        Some(at) => {
            let place = end_of(source, text.get(..at).unwrap_or_default());
            Err(ReadError::syntax(format!("yaml: line {}: control characters are not allowed", place.line()), place))
        }
    }
}

/// The place just after a text.
fn end_of(source: &ArcStr, text: &str) -> Place {
    let line = text.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    place(source, line, column)
}

fn place(source: &ArcStr, line: usize, column: usize) -> Place {
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place::new(source.clone(), clamp(line), clamp(column))
}
