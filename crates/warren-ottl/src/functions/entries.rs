//! A map while it is built: in the order of arrival, every key once, and quick also with very many keys.

use std::collections::HashMap;
use warren_pdata::{Attrs, KeyValue, Text, Value};

/// Up to here a key is looked for one after the other.
const LINEAR_MAX: usize = 16;

/// Entries in the order in which their keys came first; of duplicates the last value stays.
#[derive(Default)]
pub(crate) struct Entries {
    list: Vec<KeyValue>,
    /// Where each key stands, once there are more than a few.
    places: HashMap<Text, usize>,
}

impl Entries {
    /// Sets the value of a key.
    pub(crate) fn set(&mut self, key: Text, value: impl Into<Value>) {
        *self.value_mut(key) = value.into();
    }

    /// The value of a key, empty if it was not there.
    pub(crate) fn value_mut(&mut self, key: Text) -> &mut Value {
        let place = self.place(&key).unwrap_or_else(|| self.append(key));
        &mut self.list[place].value
    }

    /// Whether a key was set.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Whether nothing was set.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn place(&self, key: &str) -> Option<usize> {
        if self.places.is_empty() {
            return self.list.iter().position(|entry| entry.key == key);
        }
        self.places.get(key).copied()
    }

    fn append(&mut self, key: Text) -> usize {
        let place = self.list.len();
        if place == LINEAR_MAX {
            self.places = self.list.iter().enumerate().map(|(place, entry)| (entry.key.clone(), place)).collect();
        }
        if place >= LINEAR_MAX {
            self.places.insert(key.clone(), place);
        }
        self.list.push(KeyValue { key, value: Value::Empty });
        place
    }
}

impl From<&Attrs> for Entries {
    /// The entries of a map; of duplicate keys, those behind the first stay where they are and are not found.
    fn from(map: &Attrs) -> Self {
        let list = map.as_slice().to_vec();
        let mut places = HashMap::new();
        if list.len() > LINEAR_MAX {
            for (place, entry) in list.iter().enumerate() {
                places.entry(entry.key.clone()).or_insert(place);
            }
        }
        Self { list, places }
    }
}

impl From<Entries> for Attrs {
    fn from(entries: Entries) -> Self {
        Self::new(entries.list)
    }
}

impl From<Entries> for crate::Val {
    fn from(entries: Entries) -> Self {
        Self::Map(entries.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_first_place_and_their_last_value() {
        let mut entries = Entries::default();
        for round in 0..2 {
            for key in 0..40 {
                entries.set(key.to_string().into(), round * 100 + key);
            }
        }
        let map = Attrs::from(entries);
        let values: Vec<_> = map.iter().map(|entry| entry.value.clone()).collect();
        assert_eq!(values, (0..40).map(|key| Value::Int(100 + key)).collect::<Vec<_>>());
    }
}
