//! Hiding secrets in a tree that is going to be shown.

use crate::fields::{FieldInfo, Form};
use crate::secret::REDACTED;
use crate::{ComponentId, Map, Node, Value};
use std::ops::Range;

/// The sections whose entries are components.
const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "connectors", "extensions"];

/// Words in a key that say its value is secret; the last is Prometheus', which hides it too.
const SECRET_WORDS: [&str; 6] = ["password", "token", "secret", "key", "authorization", "proxy_connect_header"];

/// Hides the secrets of a whole configuration. `fields` gives the keys of a component's settings by section and id
/// ([`crate::describe`]); where it knows a key, the key's type decides, elsewhere [`looks_secret`] does. Passwords in addresses are
/// hidden everywhere.
pub fn redact(root: &mut Node, fields: &dyn Fn(&str, &ComponentId) -> Option<Vec<FieldInfo>>) {
    let Value::Map(root) = &mut root.value else { return hide_likely(root) };
    for (section, node) in root.iter_mut() {
        match &mut node.value {
            Value::Map(components) if SECTIONS.contains(&section) => {
                for (id, settings) in components.iter_mut() {
                    let known = id.parse().ok().and_then(|id| fields(section, &id));
                    match known {
                        Some(known) => hide_known(settings, &known),
                        None => hide_likely(settings),
                    }
                }
            }
            _ => hide_likely(node),
        }
    }
}

/// Whether a key by its name holds a secret: it contains one of the words for secrets, and does not name a file.
pub fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !key.ends_with("_file") && SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// Hides what the types of a block mark as secret.
fn hide_known(node: &mut Node, fields: &[FieldInfo]) {
    let Value::Map(map) = &mut node.value else { return hide_likely(node) };
    for (key, node) in map.iter_mut() {
        match fields.iter().find(|field| field.key == key) {
            Some(field) if field.secret => hide(node),
            Some(field) => match (field.form, &mut node.value) {
                (Form::Block, _) => hide_known(node, &field.fields),
                (Form::Blocks, Value::List(list)) => list.iter_mut().for_each(|node| hide_known(node, &field.fields)),
                (Form::BlockMap, Value::Map(map)) => map.iter_mut().for_each(|(_, node)| hide_known(node, &field.fields)),
                (Form::Any, _) => hide_entry(key, node),
                _ => hide_passwords(node),
            },
            None => hide_entry(key, node),
        }
    }
}

/// Hides what keys say is secret.
fn hide_likely(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => hide_likely_entries(map),
        Value::List(list) => list.iter_mut().for_each(hide_likely),
        _ => hide_passwords(node),
    }
}

fn hide_likely_entries(map: &mut Map) {
    map.iter_mut().for_each(|(key, node)| hide_entry(key, node));
}

fn hide_entry(key: &str, node: &mut Node) {
    if looks_secret(key) { hide(node) } else { hide_likely(node) }
}

/// Hides every value below; nothing stays nothing, which tells apart "not set".
fn hide(node: &mut Node) {
    node.original = None;
    match &mut node.value {
        Value::Null => {}
        Value::Map(map) => map.iter_mut().for_each(|(_, node)| hide(node)),
        Value::List(list) => list.iter_mut().for_each(hide),
        value => *value = Value::String(REDACTED.to_owned()),
    }
}

/// `https://user:password@host` loses its password.
fn hide_passwords(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => map.iter_mut().for_each(|(_, node)| hide_passwords(node)),
        Value::List(list) => list.iter_mut().for_each(hide_passwords),
        Value::String(text) => {
            for password in address_passwords(text).into_iter().rev() {
                text.replace_range(password, REDACTED);
                node.original = None;
            }
        }
        _ => {}
    }
}

/// Where in a text passwords stand that are part of addresses, first to last.
pub fn address_passwords(text: &str) -> Vec<Range<usize>> {
    let password = |(at, mark): (usize, &str)| {
        let begin = at + mark.len();
        let authority = text.get(begin..)?.split(['/', '?', '#']).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(begin + name.len() + 1..begin + user.len())
    };
    text.match_indices("://").filter_map(password).collect()
}
