//! Comparing names and attributes with what was asked for.

use hashbrown::HashSet;
use warren_gotext::{Float, float};
use warren_pdata::{Attrs, Text, Value};
use warren_regex::Regex;

use crate::settings::AttributeMatch;
use crate::value::written;

/// A list of texts or patterns, of which one must match.
#[derive(Debug, Clone)]
pub struct Names(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Strict(HashSet<Box<str>>),
    Regexp(Box<[Regex]>),
}

impl Names {
    /// These texts (`strict`) or patterns (`regexp`).
    ///
    /// # Errors
    /// In upstream's words: another match type, or a faulty pattern.
    pub fn new<'n>(match_type: &str, names: impl IntoIterator<Item = &'n String>) -> Result<Self, String> {
        let names = names.into_iter().map(String::as_str);
        match match_type {
            "strict" => Ok(Self(Kind::Strict(names.map(Box::from).collect()))),
            "regexp" => {
                let patterns: Result<_, _> = names.map(Regex::new).collect();
                patterns.map(|patterns| Self(Kind::Regexp(patterns))).map_err(|error| error.to_string())
            }
            _ => Err(unrecognized(match_type)),
        }
    }

    /// Whether one of them is this text, or matches in it.
    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Kind::Strict(names) => names.contains(text),
            Kind::Regexp(patterns) => patterns.iter().any(|pattern| pattern.is_match(text)),
        }
    }
}

fn unrecognized(match_type: &str) -> String {
    format!("unrecognized match_type: '{match_type}', valid types are: [regexp strict]")
}

/// Attributes that must all be there.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Box<[Attribute]>);

#[derive(Debug, Clone)]
struct Attribute {
    key: Text,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Anything,
    Exactly(Value),
    Text(Regex),
}

impl Attributes {
    /// These attributes; their values are compared as they are (`strict`) or as text with patterns (`regexp`).
    ///
    /// # Errors
    /// In upstream's words: an empty key, another match type, a value that is no pattern.
    pub fn new(match_type: &str, attributes: &[AttributeMatch]) -> Result<Self, String> {
        attributes.iter().map(|attribute| Attribute::new(match_type, attribute)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all match. A set without any attribute matches only when nothing is asked for.
    pub fn match_all(&self, attrs: &Attrs) -> bool {
        self.0.iter().all(|attribute| attrs.get(&attribute.key).is_some_and(|value| attribute.wanted.matches(value)))
    }
}

impl Attribute {
    fn new(match_type: &str, attribute: &AttributeMatch) -> Result<Self, String> {
        if attribute.key.is_empty() {
            return Err("can't have empty key in the list of attributes".to_owned());
        }
        let wanted = match &attribute.value {
            None => Wanted::Anything,
            Some(node) => {
                let value = written(node).ok_or("<Invalid value type time.Time>")?;
                match (match_type, value) {
                    ("strict", value) => Wanted::Exactly(value),
                    ("regexp", Value::Str(pattern)) => Wanted::Text(Regex::new(&pattern).map_err(|error| error.to_string())?),
                    ("regexp", value) => {
                        let (key, kind) = (&attribute.key, kind(&value));
                        return Err(format!("match_type=regexp for {key:?} only supports Str, but found {kind}"));
                    }
                    _ => return Err(unrecognized(match_type)),
                }
            }
        };
        Ok(Self { key: attribute.key.as_str().into(), wanted })
    }
}

impl Wanted {
    fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Anything => true,
            Self::Exactly(wanted) => same(wanted, value),
            Self::Text(pattern) => match value {
                Value::Str(text) => pattern.is_match(text),
                Value::Bool(value) => pattern.is_match(if *value { "true" } else { "false" }),
                Value::Int(value) => pattern.is_match(&value.to_string()),
                Value::Double(value) => {
                    let mut text = String::new();
                    float(&mut text, *value, Float::Plain);
                    pattern.is_match(&text)
                }
                Value::Empty | Value::Bytes(_) | Value::Map(_) | Value::List(_) => false,
            },
        }
    }
}

/// Equality of values of one type; the order of a map does not matter.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b,
        (Value::Map(a), Value::Map(b)) => {
            let found = |entry: &warren_pdata::KeyValue| b.get(&entry.key).is_some_and(|value| same(&entry.value, value));
            a.len() == b.len() && a.iter().all(found)
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Empty => "Empty",
        Value::Bool(_) => "Bool",
        Value::Int(_) => "Int",
        Value::Double(_) => "Double",
        Value::Str(_) => "Str",
        Value::Bytes(_) => "Bytes",
        Value::Map(_) => "Map",
        Value::List(_) => "Slice",
    }
}
