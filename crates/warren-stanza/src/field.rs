//! Fields of an entry: `body`, `body.a["b.c"]`, `attributes.x`, `resource["k"]`.

use crate::Entry;
use std::fmt;
use warren_pdata::{Attrs, KeyValue, Text, Value};

/// Most keys of a field.
const KEYS_MAX: usize = 64;

/// A place in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub(crate) root: Root,
    pub(crate) keys: Vec<Text>,
}

/// Where a field begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Body,
    Attributes,
    Resource,
}

impl Root {
    fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Attributes => "attributes",
            Self::Resource => "resource",
        }
    }
}

impl Field {
    /// All of the body.
    pub(crate) fn body() -> Self {
        Self { root: Root::Body, keys: Vec::new() }
    }

    /// A key of the body.
    pub(crate) fn of_body(key: &str) -> Self {
        Self { root: Root::Body, keys: vec![key.into()] }
    }

    /// Reads a field. Only a `rootable` one may stand for all attributes or the whole resource.
    ///
    /// # Errors
    /// In upstream's words.
    pub fn parse(text: &str, rootable: bool) -> Result<Self, String> {
        let mut keys = split(text).map_err(|error| format!("splitting field: {error}"))?;
        if keys.len() > KEYS_MAX {
            return Err(format!("splitting field: more than {KEYS_MAX} keys"));
        }
        let first = keys.remove(0);
        let roots = [Root::Body, Root::Attributes, Root::Resource];
        let Some(root) = roots.into_iter().find(|root| root.word() == first) else {
            return Err("unrecognized prefix".to_owned());
        };
        if keys.is_empty() && root != Root::Body && !rootable {
            return Err(format!("{} cannot be referenced without subfield", root.word()));
        }
        Ok(Self { root, keys: keys.into_iter().map(Text::from).collect() })
    }

    /// The value there, if there is one.
    pub(crate) fn get(&self, entry: &Entry) -> Option<Value> {
        let Some((first, rest)) = self.keys.split_first() else {
            return match self.root {
                Root::Body => Some(entry.record.body.clone()),
                root => Some(root.attrs(entry)).filter(|attrs| !attrs.is_empty()).map(|attrs| Value::Map(attrs.clone())),
            };
        };
        let map = match (self.root, &entry.record.body) {
            (Root::Body, Value::Map(map)) => map,
            (Root::Body, _) => return None,
            (root, _) => root.attrs(entry),
        };
        rest.iter().try_fold(map.get(first)?, |value, key| if let Value::Map(map) = value { map.get(key) } else { None }).cloned()
    }

    /// Puts a value there. What is on the way and no map becomes one; a map is merged into the one that is there.
    ///
    /// # Errors
    /// When all attributes, or a resource, would become something else than a map.
    pub(crate) fn set(&self, entry: &mut Entry, value: Value) -> Result<(), String> {
        if !matches!(value, Value::Map(_)) && self.keys.is_empty() {
            if self.root == Root::Body {
                entry.record.body = value;
                return Ok(());
            }
            return Err(format!("cannot set {} root", self.root.word()));
        }
        let merge = |map: &mut Attrs, keys: &[Text], value: Value| match (value, keys.split_last()) {
            (Value::Map(values), _) => within(map, keys, &mut |map| {
                values.iter().for_each(|entry| map.upsert(entry.key.clone(), entry.value.clone()));
            }),
            (value, Some((last, before))) => within(map, before, &mut |map| map.upsert(last.clone(), value.clone())),
            (_, None) => {}
        };
        match self.root {
            Root::Body => {
                if !matches!(entry.record.body, Value::Map(_)) {
                    entry.record.body = Value::Map(Attrs::EMPTY);
                }
                if let Value::Map(map) = &mut entry.record.body {
                    merge(map, &self.keys, value);
                }
            }
            Root::Attributes => merge(&mut entry.record.attrs, &self.keys, value),
            Root::Resource => merge(&mut entry.resource, &self.keys, value),
        }
        Ok(())
    }

    /// Takes the value away and gives it, if there is one.
    pub(crate) fn take(&self, entry: &mut Entry) -> Option<Value> {
        let value = self.get(entry)?;
        let Some((last, before)) = self.keys.split_last() else {
            match self.root {
                Root::Body => entry.record.body = Value::Empty,
                Root::Attributes => entry.record.attrs = Attrs::EMPTY,
                Root::Resource => entry.resource = Attrs::EMPTY,
            }
            return Some(value);
        };
        let mut remove = |map: &mut Attrs| _ = map.remove(last);
        match (self.root, &mut entry.record.body) {
            (Root::Body, Value::Map(map)) => within(map, before, &mut remove),
            (Root::Body, _) => {}
            (Root::Attributes, _) => within(&mut entry.record.attrs, before, &mut remove),
            (Root::Resource, _) => within(&mut entry.resource, before, &mut remove),
        }
        Some(value)
    }

    /// The text there, if it is text.
    pub(crate) fn text(&self, entry: &Entry) -> Option<Text> {
        match self.get(entry)? {
            Value::Str(text) => Some(text),
            Value::Bytes(bytes) => Some(Text::from(String::from_utf8_lossy(&bytes).as_ref())),
            _ => None,
        }
    }

    /// The field with its last key replaced.
    pub(crate) fn sibling(&self, key: Text) -> Self {
        let mut keys = self.keys.clone();
        keys.pop();
        keys.push(key);
        Self { root: self.root, keys }
    }
}

impl Root {
    fn attrs(self, entry: &Entry) -> &Attrs {
        if self == Self::Resource { &entry.resource } else { &entry.record.attrs }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.word())?;
        let dotted = self.keys.iter().any(|key| key.contains('.'));
        self.keys.iter().try_for_each(|key| if dotted { write!(f, "['{key}']") } else { write!(f, ".{key}") })
    }
}

/// Lets a nested map be edited; what is on the way and no map becomes one.
fn within(map: &mut Attrs, keys: &[Text], edit: &mut dyn FnMut(&mut Attrs)) {
    let Some((first, rest)) = keys.split_first() else { return edit(map) };
    let entries = map.edit();
    let index = match entries.iter().position(|entry| entry.key == *first) {
        Some(index) => index,
        None => {
            entries.push(KeyValue { key: first.clone(), value: Value::Map(Attrs::EMPTY) });
            entries.len() - 1
        }
    };
    let Some(entry) = entries.get_mut(index) else { return };
    if !matches!(entry.value, Value::Map(_)) {
        entry.value = Value::Map(Attrs::EMPTY);
    }
    if let Value::Map(inner) = &mut entry.value {
        within(inner, rest, edit);
    }
}

/// The keys of a field: separated by dots, or quoted in brackets. There is at least one.
fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix('[') {
        rest = bracketed(inside, &mut keys)?;
        match rest.chars().next() {
            None => return Ok(keys),
            Some('[') => {}
            Some('.') => break,
            Some(_) => return Err("bracketed access must be followed by a dot or another bracketed access"),
        }
    }
    if let (false, Some(behind)) = (keys.is_empty(), rest.strip_prefix('.')) {
        rest = behind;
    }
    while !(rest.is_empty() && keys.is_empty()) {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, behind) = rest.split_at(end);
        keys.push(key.to_owned());
        rest = behind;
        while let Some(inside) = rest.strip_prefix('[') {
            rest = bracketed(inside, &mut keys)?;
            if !(rest.is_empty() || rest.starts_with(['.', '['])) {
                return Err("bracketed access must be followed by a dot or another bracketed access");
            }
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return Ok(keys),
        }
    }
    Err("fields size is 0")
}

/// Reads what follows a bracket, up to behind the closing one.
fn bracketed<'a>(inside: &'a str, keys: &mut Vec<String>) -> Result<&'a str, &'static str> {
    let Some(quote) = inside.chars().next() else { return Err("found unclosed left bracket") };
    if !matches!(quote, '\'' | '"') {
        return Err("strings in brackets must be surrounded by quotes");
    }
    let unclosed = if quote == '"' { "found unclosed double quote" } else { "found unclosed single quote" };
    let (key, behind) = inside.get(1..).unwrap_or_default().split_once(quote).ok_or(unclosed)?;
    keys.push(key.to_owned());
    match behind.strip_prefix(']') {
        Some(rest) => Ok(rest),
        None if behind.is_empty() => Err("found unclosed left bracket"),
        None => Err("found characters between closed quote and closing bracket"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> Entry {
        let mut entry = Entry::default();
        let inner = Attrs::from([("b", Value::from("deep"))]);
        entry.record.body = Attrs::from([("MESSAGE", Value::from("m")), ("a", inner.into()), ("x.y", 1.into())]).into();
        entry
    }

    #[test]
    fn fields_are_read_as_upstream_reads_them() {
        for (text, root, keys) in [
            ("body", Root::Body, &[][..]),
            ("body.a.b", Root::Body, &["a", "b"]),
            ("body['a.b'][\"c\"].d", Root::Body, &["a.b", "c", "d"]),
            ("['body'].a", Root::Body, &["a"]),
            ("attributes.x['y']", Root::Attributes, &["x", "y"]),
            ("resource[\"k8s.x\"]", Root::Resource, &["k8s.x"]),
            ("body.", Root::Body, &[""]),
        ] {
            let field = Field::parse(text, false).unwrap();
            assert_eq!(
                (field.root, field.keys.iter().map(|key| key.as_str()).collect::<Vec<_>>()),
                (root, keys.to_vec()),
                "{text}"
            );
        }
        for (text, error) in [
            ("", "splitting field: fields size is 0"),
            ("message", "unrecognized prefix"),
            ("$body", "unrecognized prefix"),
            ("attributes", "attributes cannot be referenced without subfield"),
            ("resource", "resource cannot be referenced without subfield"),
            ("body[a]", "splitting field: strings in brackets must be surrounded by quotes"),
            ("body['a", "splitting field: found unclosed single quote"),
            ("body[\"a", "splitting field: found unclosed double quote"),
            ("body['a'", "splitting field: found unclosed left bracket"),
            ("body[", "splitting field: found unclosed left bracket"),
            ("body['a'x]", "splitting field: found characters between closed quote and closing bracket"),
            ("body['a']x", "splitting field: bracketed access must be followed by a dot or another bracketed access"),
        ] {
            assert_eq!(Field::parse(text, false).unwrap_err(), error, "{text}");
        }
        assert!(Field::parse("attributes", true).is_ok());
    }

    #[test]
    fn values_are_got_set_and_taken() {
        let field = |text: &str| Field::parse(text, true).unwrap();
        let mut entry = entry();
        assert_eq!(field("body.a.b").get(&entry), Some("deep".into()));
        assert_eq!(field("body['x.y']").get(&entry), Some(1.into()));
        assert_eq!(field("body.MESSAGE.x").get(&entry), None);
        assert_eq!(field("attributes").get(&entry), None);
        field("attributes.n.m").set(&mut entry, "v".into()).unwrap();
        assert_eq!(field("attributes.n.m").get(&entry), Some("v".into()));
        field("attributes").set(&mut entry, Attrs::from([("k", "v")]).into()).unwrap();
        assert_eq!(entry.record.attrs.len(), 2);
        assert_eq!(field("attributes").set(&mut entry, "v".into()), Err("cannot set attributes root".to_owned()));
        field("body.MESSAGE.inner").set(&mut entry, 5.into()).unwrap();
        assert_eq!(field("body.MESSAGE.inner").take(&mut entry), Some(5.into()));
        assert_eq!(field("body.MESSAGE.inner").take(&mut entry), None);
        field("body").set(&mut entry, "text".into()).unwrap();
        assert_eq!(entry.record.body, "text".into());
        field("body").set(&mut entry, Attrs::from([("k", "v")]).into()).unwrap();
        assert_eq!(field("body.k").get(&entry), Some("v".into()));
    }

    proptest! {
        #[test]
        fn prop_any_text_is_a_field_or_refused(text in "(body|attributes|x)?[.\\['\"\\]a-c]{0,12}") {
            if let Ok(field) = Field::parse(&text, true) {
                let mut entry = entry();
                let _ = field.set(&mut entry, "v".into());
                prop_assert!(field.keys.is_empty() || field.get(&entry) == Some("v".into()));
                field.take(&mut entry);
                prop_assert!(field.keys.is_empty() || field.get(&entry).is_none());
            }
        }

        #[test]
        fn prop_a_shown_field_is_read_back(keys in proptest::collection::vec("[a-z.]{1,4}", 0..4)) {
            let field = Field { root: Root::Body, keys: keys.iter().map(|key| key.as_str().into()).collect() };
            prop_assert_eq!(Field::parse(&field.to_string(), true), Ok(field));
        }
    }
}
