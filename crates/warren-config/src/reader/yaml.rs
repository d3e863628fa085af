//! YAML, from the events of `saphyr-parser`.

use std::borrow::Cow;

use arcstr::ArcStr;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::build::{Builder, Item, Key};
use super::{Document, ReadError, scalar};
use crate::{Node, Place, Value};

/// The prefix that `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";

/// Reads the first document of a text.
pub(super) fn read(source: &ArcStr, text: &str) -> Result<Document, ReadError> {
    let mut builder = Builder::new(source);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&builder, &error))?;
        let place = at(&builder, &span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let item = scalar_item(text, style, tag.as_deref(), place, anchor != 0 || builder.wants_key())?;
                builder.scalar(item, anchor)?;
            }
            Event::SequenceStart(anchor, _) => builder.start_list(place, anchor)?,
            Event::MappingStart(anchor, _) => builder.start_map(place, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => builder.end()?,
            Event::Alias(anchor) => builder.alias(anchor, place)?,
            Event::DocumentEnd => break,
            Event::DocumentStart(_) | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
    }
    builder.finish()
}

fn at(builder: &Builder, marker: &Marker) -> Place {
    builder.place(marker.line(), marker.col() + 1)
}

fn syntax(builder: &Builder, error: &ScanError) -> ReadError {
    let place = at(builder, error.marker());
    ReadError::syntax(format!("yaml: line {}: {}", place.line(), error.info()), place)
}

/// A scalar with its type.
fn scalar_item(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, place: Place, as_key: bool) -> Result<Item, ReadError> {
    let core = tag.and_then(core_tag);
    let value = match (&core, style) {
        (Some(core), _) => scalar::tagged(core, &text).map_err(|message| ReadError::syntax(message, place.clone()))?,
        (None, ScalarStyle::Plain) if tag.is_none_or(|tag| is_non_specific(tag)) => scalar::plain(&text),
        (None, _) => Value::String(text.clone().into_owned()),
    };
    let key = match (&value, as_key) {
        (_, false) => Key::Invalid,
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
