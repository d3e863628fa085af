//! YAML, from the events of `saphyr-parser`.

use std::borrow::Cow;

use arcstr::ArcStr;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::build::{Builder, Item, Key};
use super::relax::{Relaxed, relax};
use super::{Document, Fault, ReadError, scalar};
use crate::{Node, Place, Value};

/// The prefix that `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";

/// What the parser says when something stands where the next document could begin.
const BEHIND_DOCUMENT: [&str; 2] = ["did not find expected <document start>", "misplaced bracket"];

/// Reads the first document of a text.
pub(super) fn read(source: &ArcStr, text: &str) -> Result<Document, ReadError> {
    if let Some(line) = tab_at_start(text) {
        return Err(syntax(Builder::new(source).place(line, 1), "found character that cannot start any token"));
    }
    let fault = match read_strictly(source, text, None) {
        Err(fault) if fault.kind == Fault::Syntax => fault,
        result => return result,
    };
    let Some(relaxed) = relax(text) else { return Err(fault) };
    match read_strictly(source, &relaxed.text, Some(&relaxed)) {
        Err(other) if other.kind == Fault::Syntax => Err(fault),
        result => result,
    }
}

/// The line of the first content when it stands behind a tab, which the reference does not take for indentation.
fn tab_at_start(text: &str) -> Option<usize> {
    let mut lines = text.lines().map(|line| line.trim_start_matches(' ')).zip(1..);
    let (content, line) = lines.find(|(line, _)| !line.is_empty() && !line.starts_with('#'))?;
    content.starts_with('\t').then_some(line)
}

/// Reads the first document of a text that may have been relaxed before.
fn read_strictly(source: &ArcStr, text: &str, relaxed: Option<&Relaxed>) -> Result<Document, ReadError> {
    let mut builder = Builder::new(source);
    let mut parser = Parser::new_from_str(text);
    let at = |builder: &Builder, marker: &Marker| {
        let column = relaxed.map_or(marker.col(), |relaxed| relaxed.column(marker.line(), marker.col()));
        builder.place(marker.line(), column + 1)
    };
    let (mut started, mut rest) = (false, None);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let fault = syntax(at(&builder, error.marker()), error.info());
                if builder.is_complete() && BEHIND_DOCUMENT.iter().any(|known| error.info().contains(known)) {
                    rest = Some(fault);
                    break;
                }
                return Err(fault);
            }
        };
        let place = at(&builder, &span.start);
        match event {
            Event::Scalar(scalar, style, anchor, tag) => {
                let scalar = without_missing_break(scalar, style, text, &span);
                // Within brackets the parser takes what begins a block text for a plain one.
                if style == ScalarStyle::Plain && scalar.starts_with(['|', '>']) {
                    return Err(syntax(place, "found character that cannot start any token"));
                }
                let as_key = builder.wants_key();
                if as_key && scalar.is_empty() && style == ScalarStyle::Plain && anchor == 0 {
                    return Err(syntax(place, "did not find expected key"));
                }
                let item = scalar_item(scalar, style, tag.as_deref(), place, anchor != 0 || as_key)?;
                builder.scalar(item, anchor)?;
            }
            Event::SequenceStart(anchor, _) => builder.start_list(place, anchor)?,
            Event::MappingStart(anchor, _) => builder.start_map(place, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => builder.end()?,
            Event::Alias(anchor) => builder.alias(anchor, place)?,
            Event::DocumentStart(_) => started = true,
            Event::DocumentEnd => break,
            Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
    }
    // A lone end marker ends nothing.
    if !started && text.lines().any(|line| line.trim_end() == "...") {
        return Err(syntax(builder.place(1, 1), "did not find expected node content"));
    }
    builder.finish().map(|document| Document { rest, ..document })
}

/// A block text keeps the line breaks that are there: one that the end of the source cuts off has none to keep.
fn without_missing_break<'a>(scalar: Cow<'a, str>, style: ScalarStyle, text: &str, span: &Span) -> Cow<'a, str> {
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let reaches_end = || span.end.col() > 0 && span.end.line() == text.lines().count();
    if !is_block || text.ends_with(['\n', '\r']) || !scalar.ends_with('\n') || !reaches_end() {
        return scalar;
    }
    let mut scalar = scalar.into_owned();
    scalar.pop();
    Cow::Owned(scalar)
}

fn syntax(place: Place, message: &str) -> ReadError {
    ReadError::syntax(format!("yaml: line {}: {message}", place.line()), place)
}

/// A scalar with its type.
fn scalar_item(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, place: Place, as_key: bool) -> Result<Item, ReadError> {
    let core = tag.and_then(core_tag);
    let value = match (&core, style) {
        (Some(core), _) => scalar::tagged(core, &text).map_err(|message| ReadError::syntax(message, place.clone()))?,
        (None, ScalarStyle::Plain) if tag.is_none_or(is_non_specific) => scalar::plain(&text),
        (None, _) => Value::String(text.clone().into_owned()),
    };
    let key = match (&value, as_key) {
        (_, false) => Key::Invalid,
        (Value::String(bytes), true) if core.as_deref() == Some("binary") => {
            Key::Other { printed: bytes.clone(), written: text.into_owned() }
        }
        (Value::String(text), true) if text == "<<" && style == ScalarStyle::Plain && core.is_none() => Key::Merge,
        (value, true) => match scalar::printed(value) {
            Some(printed) => Key::Other { printed, written: text.into_owned() },
            None => Key::Text(text.into_owned()),
        },
    };
    Ok(Item { node: Node::new(value, place), key })
}

/// The name of a tag of the core schema: `int` for `!!int`.
fn core_tag(tag: &Tag) -> Option<Cow<'_, str>> {
    if tag.handle == CORE {
        return Some(Cow::Borrowed(&tag.suffix));
    }
    let whole = format!("{}{}", tag.handle, tag.suffix);
    whole.strip_prefix(CORE).map(|name| Cow::Owned(name.to_owned()))
}

/// `!` alone says nothing.
fn is_non_specific(tag: &Tag) -> bool {
    matches!((tag.handle.as_str(), tag.suffix.as_str()), ("!", "") | ("", "!") | ("", ""))
}
