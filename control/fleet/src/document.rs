//! A document in the making: every leaf is put with where it came from.

use crate::layers::{below, merge};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where each leaf of a document came from, by its JSON pointer.
pub type Provenance = BTreeMap<String, String>;

/// A document and where its parts came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) root: Value,
    pub(crate) provenance: Provenance,
}

impl Document {
    /// Puts a value at a path of keys; what is there is merged with it.
    pub(crate) fn put(&mut self, path: &[&str], value: Value, origin: &str) {
        let patch = path.iter().rev().fold(value, |value, key| Value::Object(Map::from_iter([((*key).to_owned(), value)])));
        self.patch(&patch, origin);
    }

    /// Appends to the list at a path, which is made if there is none.
    pub(crate) fn push(&mut self, path: &[&str], item: &str, origin: &str) {
        let pointer = path.iter().fold(String::new(), |pointer, key| below(&pointer, key));
        let mut list = self.root.pointer(&pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        list.push(Value::String(item.to_owned()));
        self.put(path, Value::Array(list), origin);
    }

    /// Applies a merge patch.
    pub(crate) fn patch(&mut self, patch: &Value, origin: &str) {
        if patch.is_null() {
            return;
        }
        let provenance = &mut self.provenance;
        merge(&mut self.root, patch, "", &mut |pointer| drop(provenance.insert(pointer.to_owned(), origin.to_owned())));
        let root = &self.root;
        self.provenance.retain(|pointer, _| root.pointer(pointer).is_some());
    }
}

/// The same bytes for the same value: keys sorted, no white space.
pub fn canonical(value: &Value) -> String {
    // Maps of serde_json are sorted as long as nobody asks for the order of insertion.
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
            }
            Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}
