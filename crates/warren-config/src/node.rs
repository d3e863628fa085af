//! The configuration as a tree of values that know where they stand.

use std::fmt;

use arcstr::ArcStr;
use indexmap::IndexMap;

use crate::Place;

/// One value of the configuration with its place.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// The value as its source types it.
    pub value: Value,
    /// Where it stands; for an expanded `${...}` the place of the reference.
    pub place: Place,
    /// The text that a whole-value `${...}` was replaced with. A string field takes this text instead of the typed value, so that
    /// `${env:ZIP}` holding `0123` reaches a string as `0123` and an integer as 83.
    pub original: Option<ArcStr>,
}

/// A configuration value, with the types that YAML has in the reference.
///
/// `Debug` shows the shape only: a configuration may hold secrets anywhere.
#[derive(Clone, PartialEq, Default)]
pub enum Value {
    /// `null`, `~` or nothing.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`; smaller ones are [`Value::Int`].
    Uint(u64),
    /// A floating point number.
    Float(f64),
    /// Text.
    String(String),
    /// A date or time, normalised to RFC 3339.
    Timestamp(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A mapping with string keys in the order of the source.
#[derive(Clone, PartialEq, Default)]
pub struct Map {
    /// Boxed to keep [`Node`] small: most nodes are scalars.
    entries: Box<IndexMap<String, Entry>>,
}

/// One entry of a [`Map`].
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key_place: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// A node at a place.
    pub fn new(value: Value, place: Place) -> Self {
        Self { value, place, original: None }
    }

    /// A node that no source holds: a default or a value written by the program.
    pub fn from_value(value: Value) -> Self {
        Self::new(value, Place::none())
    }

    /// Whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text that a string field takes: the original text of an expanded value, else the string itself.
    pub fn as_text(&self) -> Option<&str> {
        match (&self.original, &self.value) {
            (Some(original), _) => Some(original),
            (None, Value::String(text)) => Some(text),
            (None, _) => None,
        }
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The value under a key, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }
}

impl Default for Node {
    /// Null, from nowhere.
    fn default() -> Self {
        Self::from_value(Value::Null)
    }
}

impl Value {
    /// The type's name as the reference prints it in messages.
    pub fn go_type(&self) -> &'static str {
        match self {
            Value::Null => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint64",
            Value::Float(_) => "float64",
            Value::String(_) => "string",
            Value::Timestamp(_) => "time.Time",
            Value::List(_) => "[]interface {}",
            Value::Map(_) => "map[string]interface {}",
        }
    }

    /// The kind's name as the reference prints it in messages: coarser than [`Value::go_type`].
    pub fn go_kind(&self) -> &'static str {
        match self {
            Value::List(_) => "slice",
            Value::Map(_) => "map",
            Value::Timestamp(_) => "struct",
            other => other.go_type(),
        }
    }
}

impl Map {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.get(key).map(|entry| &entry.node)
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.get_mut(key).map(|entry| &mut entry.node)
    }

    /// The entry under a key: the value and the key's place.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Puts a value under a key, replacing what was there. The key keeps its rank in the order.
    pub fn insert(&mut self, key: impl Into<String>, key_place: Place, node: Node) {
        self.entries.insert(key.into(), Entry { key_place, node });
    }

    /// Takes an entry out, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        self.entries.shift_remove(key)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The keys and values in order, the values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Node)> {
        self.entries.iter_mut().map(|(key, entry)| (key.as_str(), &mut entry.node))
    }

    /// The entries in the order of their keys.
    pub fn sorted(&self) -> Vec<(&str, &Entry)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }
}

impl IntoIterator for Map {
    type Item = (String, Entry);
    type IntoIter = indexmap::map::IntoIter<String, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        (*self.entries).into_iter()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.value, self.place)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::List(list) => f.debug_list().entries(list).finish(),
            Value::Map(map) => map.fmt(f),
            other => f.write_str(other.go_type()),
        }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(key, entry)| (key, &entry.node))).finish()
    }
}
