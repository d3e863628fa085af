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

/// Keys that look like secrets, and are none.
const OPEN: [&str; 2] = ["routing_key", "metadata_keys"];

/// Keys that are secrets of exporters, and do not look so.
const SECRETS: [&str; 2] = ["connection_string", "credentials"];

/// A value with references in the place of what looks like secrets, which go to a vault under names that begin with this.
pub(super) fn hidden(value: &Value, name: &str, vault: &mut Vault) -> Value {
    hide(value, name, false, vault)
}

fn hide(value: &Value, name: &str, secret: bool, vault: &mut Vault) -> Value {
    match value {
        Value::Object(map) => {
            let entry =
                |(key, value): (&String, &Value)| (key.clone(), hide(value, &format!("{name}/{key}"), is_secret(key), vault));
            Value::Object(map.iter().map(entry).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(|value| hide(value, name, secret, vault)).collect()),
        Value::String(text) if !secret => Value::String(hidden_passwords(text, name, vault)),
        other => {
            let kept = scalar(other).filter(|_| secret).and_then(|text| vault.keep(name, &text));
            kept.map_or_else(|| other.clone(), |secret| Value::String(secret.placeholder()))
        }
    }
}

/// Whether a key by its name holds a secret.
pub(super) fn is_secret(key: &str) -> bool {
    !OPEN.contains(&key) && (warren_config::looks_secret(key) || SECRETS.contains(&key))
}

/// A text with references in the place of the passwords of addresses.
fn hidden_passwords(text: &str, name: &str, vault: &mut Vault) -> String {
    let mut out = text.to_owned();
    for place in warren_config::address_passwords(text).into_iter().rev() {
        let kept = text.get(place.clone()).and_then(|password| vault.keep(&format!("{name}/password"), password));
        if let Some(secret) = kept {
            out.replace_range(place, &secret.placeholder());
        }
    }
    out
}

/// The text of a text or a number: YAML takes a password of digits for a number.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The address at a pointer, as it is meant, without user and password: those are no part of what settings say.
pub(super) fn address_at(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    let Some(password) = warren_config::address_passwords(text).into_iter().next() else { return plain(text) };
    let (before, after) = (text.get(..password.start)?, text.get(password.end..)?);
    let (scheme, _) = before.rsplit_once("://")?;
    plain(&format!("{scheme}://{}", after.strip_prefix('@')?))
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
