//! Merging trees: mappings are united key by key, the later one wins; anything else is replaced, also by null.

use indexmap::IndexSet;

use crate::{Map, Node, Place, Value};

/// Merges a later source into an earlier one.
pub(super) fn merge(into: &mut Map, from: Map, append: bool) {
    merge_at(into, from, append, &mut Vec::new());
}

fn merge_at(into: &mut Map, from: Map, append: bool, path: &mut Vec<String>) {
    for (key, entry) in from {
        path.push(key.clone());
        let appends = append && is_component_list(path);
        match (into.get_mut(&key).map(|node| &mut node.value), entry.node.value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_at(old, new, append, path),
            (Some(Value::List(old)), Value::List(new)) if appends => append_new(old, new),
            (_, value) => into.insert(key, entry.key_place, Node { value, ..entry.node }),
        }
        path.pop();
    }
}

/// `service::extensions`, `service::**::receivers`, `service::**::exporters`
fn is_component_list(path: &[String]) -> bool {
    match path {
        [service, extensions] if service == "service" => extensions == "extensions",
        [service, .., list] if service == "service" && path.len() > 2 => list == "receivers" || list == "exporters",
        _ => false,
    }
}

/// Appends what a list does not have yet.
fn append_new(old: &mut Vec<Node>, new: Vec<Node>) {
    let known: IndexSet<String> = old.iter().filter_map(|node| node.as_text().map(str::to_owned)).collect();
    old.extend(new.into_iter().filter(|node| node.as_text().is_none_or(|text| !known.contains(text))));
}

/// Splits keys with `::` into nested mappings, at every level that is reached through mappings alone.
pub(super) fn split_keys(map: Map) -> Map {
    let mut out = Map::new();
    for (key, mut entry) in map {
        if let Value::Map(inner) = &mut entry.node.value {
            *inner = split_keys(std::mem::take(inner));
        }
        put(&mut out, &key, entry.key_place, entry.node);
    }
    out
}

/// Puts a value under a key that may be a path. What is no mapping on the way is replaced.
fn put(map: &mut Map, key: &str, key_place: Place, node: Node) {
    let Some((head, rest)) = key.split_once("::") else {
        match (map.get_mut(key).map(|old| &mut old.value), node.value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge(old, new, false),
            (_, value) => map.insert(key, key_place, Node { value, ..node }),
        }
        return;
    };
    if !matches!(map.get(head).map(|old| &old.value), Some(Value::Map(_))) {
        map.insert(head, key_place.clone(), Node::new(Value::Map(Map::new()), key_place.clone()));
    }
    if let Some(Value::Map(inner)) = map.get_mut(head).map(|old| &mut old.value) {
        put(inner, rest, key_place, node);
    }
}
