//! Texts of configurations: what they say, and how the generator would write them.

use super::vault::Vault;
use crate::secret::escape;
use serde_json::{Map, Value};

/// What a text says, its `$$` read as `$`; none if something else is to be put in where it is read, such as `${env:NAME}`.
pub(super) fn plain(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '$' {
            match letters.peek() {
                Some('{') => return None,
                Some('$') => drop(letters.next()),
                _ => {}
            }
        }
        out.push(letter);
    }
    Some(out)
}

/// A text as the generator writes it.
pub(super) fn rewritten(text: &str) -> String {
    plain(text).map_or_else(|| text.to_owned(), |plain| escape(&plain))
}

/// Every text of a value as the generator writes it. Nothing (`null`) is what a component without settings is set to.
pub(super) fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(rewritten(text)),
        Value::Array(list) => Value::Array(list.iter().map(normal).collect()),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), normal(value))).collect()),
        Value::Null => Value::Object(Map::new()),
        other => other.clone(),
    }
}

/// A value with references in the place of what looks like secrets, which go to a vault under names that begin with this.
pub(super) fn hidden(value: &Value, name: &str, vault: &mut Vault) -> Value {
    match value {
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                let name = format!("{name}/{key}");
                let secret = key != "routing_key" && warren_config::looks_secret(key);
                let kept = value.as_str().filter(|_| secret).and_then(|text| vault.keep(&name, text));
                let value = kept.map_or_else(|| hidden(value, &name, vault), |secret| Value::String(secret.placeholder()));
                (key.clone(), value)
            };
            Value::Object(map.iter().map(entry).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(|value| hidden(value, name, vault)).collect()),
        other => other.clone(),
    }
}

/// The text at a pointer, as it is meant.
pub(super) fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).and_then(plain)
}

/// Whether nothing is said by a key: it is not there, or nothing is in it.
pub(super) fn unsaid(value: &Value, key: &str) -> bool {
    match value.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// The texts of a list, or one text; none if anything else is in it.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![plain(text)?]),
        Value::Array(list) => list.iter().map(|item| plain(item.as_str()?)).collect(),
        _ => None,
    }
}

/// Takes a key out of an object.
pub(super) fn take(value: &mut Value, key: &str) -> Option<Value> {
    value.as_object_mut()?.remove(key)
}

/// The texts of a list of ids, as they are.
pub(super) fn ids(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|id| Some(id.as_str()?.to_owned())).collect()
}

/// The type and the name of a component's id.
pub(super) fn parts(id: &str) -> (&str, &str) {
    id.split_once('/').map_or((id, ""), |(kind, name)| (kind.trim(), name.trim()))
}
