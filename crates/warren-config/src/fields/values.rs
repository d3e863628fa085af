//! Values, lists and maps inside a block: decoding them and writing them.

use crate::diagnostic::Severity;
use crate::report::{Report, Step};
use crate::scalar::{self, Scalar};
use crate::{Map, Node, Place, Value};

/// Null on a scalar is the reference's biggest trap: it does not mean the default.
pub(super) fn warn_of_null<T: Scalar>(node: &Node, before: &T, after: &T, report: &mut Report<'_>) {
    let (before, after) = (before.encode(), after.encode());
    if !node.is_null() || before == after {
        return;
    }
    let cause = if node.original.is_some() { "a variable without a value" } else { "null" };
    let message = format!("{cause} sets the zero value, not the default");
    let hint = (!T::SECRET).then(|| format!("leave the key out for the default {}", plain(&before)));
    report.tell(Severity::Warning, "null-scalar", "", message, hint);
}

/// A scalar for a message.
fn plain(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::String(value) => format!("{value:?}"),
        other => other.go_type().to_owned(),
    }
}

/// The elements of the list at hand; none for null, and for anything else, which is told.
pub(super) fn elements<'a>(report: &mut Report<'a>) -> Option<&'a [Node]> {
    match &report.node?.value {
        Value::Null => None,
        Value::List(nodes) => Some(nodes),
        other => {
            let message = format!("source data must be an array or slice, got {}", other.go_kind());
            report.decode_error("wrong-type", &message, None);
            None
        }
    }
}

pub(super) fn decode_list<T: Scalar>(target: &mut Vec<T>, report: &mut Report<'_>) {
    if T::TYPE == String::TYPE
        && let Some(Value::String(text)) = report.node.map(|node| &node.value)
    {
        let parts = text.split(',').filter(|_| !text.is_empty());
        *target = parts.filter_map(|part| T::decode(&Value::String(part.to_owned())).ok()).collect();
        return;
    }
    let Some(nodes) = elements(report) else { return };
    target.clear();
    for (index, node) in nodes.iter().enumerate() {
        target.extend(scalar::decode(node, &mut report.step(Step::Index(index), Some(node), None)));
    }
}

/// Hands the entries of the mapping at hand to `decode`; null has none, anything else is told.
pub(super) fn decode_entries(report: &mut Report<'_>, expected: &str, mut decode: impl FnMut(&str, Report<'_>)) {
    match report.node.map(|node| &node.value) {
        None | Some(Value::Null) => {}
        Some(Value::Map(map)) => {
            for (name, entry) in map.iter() {
                decode(name, report.step(Step::Element(name), Some(&entry.node), Some(&entry.key_place)));
            }
        }
        Some(other) => {
            let message = format!("expected type '{expected}', got unconvertible type '{}'", other.go_type());
            report.decode_error("wrong-type", &message, None);
        }
    }
}

pub(super) fn write(map: &mut Map, key: &str, value: Value) {
    map.insert(key, Place::none(), Node::from_value(value));
}

/// What is absent is not written: a null would switch some blocks on.
pub(super) fn write_some(map: &mut Map, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        write(map, key, value);
    }
}

pub(super) fn list_of(values: impl Iterator<Item = Value>) -> Value {
    Value::List(values.map(Node::from_value).collect())
}

pub(super) fn map_of<'n>(entries: impl Iterator<Item = (&'n String, Value)>) -> Value {
    let mut map = Map::new();
    entries.for_each(|(name, value)| write(&mut map, name, value));
    Value::Map(map)
}
