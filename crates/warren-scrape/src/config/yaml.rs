//! Values as Prometheus' configuration reader takes them (`gopkg.in/yaml.v2`, strict).
//!
//! Its rules differ from those of the other components: null always sets the zero value of the type
//! (so `honor_timestamps:` switches off), any scalar can be text, a block starts from its own defaults
//! wherever it is written, and keys that nobody knows are errors. Texts are those of the reader, each
//! told at its place, and all faults of a file together.

use std::time::Duration;

use indexmap::IndexMap;
use warren_config::{ByteSize, ByteSizeError, Map, Node, Report, Secret, Value, nearest, parse_prometheus};

/// A type that can be read. Null reads as `Default`, which is Go's zero value.
pub(crate) trait Yaml: Sized + Default {
    /// Go's name of the type, for messages.
    const TYPE: &'static str;

    /// Reads a node that is not null. What is wrong is told to the report.
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self>;
}

/// The keys of one mapping, taken one by one; what is left at the end is unknown.
pub(crate) struct Mapping<'m, 'r> {
    map: &'m Map,
    report: &'m mut Report<'r>,
    known: Vec<&'static str>,
    ty: &'static str,
}

impl<'m, 'r> Mapping<'m, 'r> {
    /// The node as a mapping of type `ty`; tells and gives `None` when it is something else.
    pub(crate) fn of(node: &'m Node, report: &'m mut Report<'r>, ty: &'static str) -> Option<Self> {
        match node.as_map() {
            Some(map) => Some(Self { map, report, known: Vec::new(), ty }),
            None => {
                mismatch(node, ty, report);
                None
            }
        }
    }

    /// Reads a key if it is there.
    pub(crate) fn field<T: Yaml>(&mut self, key: &'static str, target: &mut T) {
        if let Some(value) = self.optional(key) {
            *target = value;
        }
    }

    /// Reads a key whose absence matters.
    pub(crate) fn optional<T: Yaml>(&mut self, key: &'static str) -> Option<T> {
        let node = self.node(key)?;
        read(node, &mut self.report.at_key(key, node))
    }

    /// The node under a key, for those who read it themselves; marks the key as known.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'m Node> {
        self.known.push(key);
        self.map.get(key)
    }

    /// Keys that nobody asked for yet.
    pub(crate) fn unknown(&self) -> Vec<(&'m str, &'m Node)> {
        let entries = self.map.iter().filter(|(key, _)| !self.known.contains(key));
        entries.map(|(key, entry)| (key, &entry.node)).collect()
    }

    /// The report about the mapping.
    pub(crate) fn report(&mut self) -> &mut Report<'r> {
        self.report
    }

    /// Tells about keys that nobody asked for, except those `allowed` answers for.
    pub(crate) fn finish(self, allowed: impl Fn(&str) -> bool) {
        let unknown = self.unknown();
        for (key, _) in unknown.into_iter().filter(|(key, _)| !allowed(key)) {
            let message = format!("field {key} not found in type {}", self.ty);
            match nearest(key, self.known.iter().copied()) {
                Some(near) => self.report.error_with_hint(key, message, format!("did you mean {near:?}?")),
                None => self.report.error(key, message),
            }
        }
    }
}

/// Reads a node; null gives the zero value.
pub(crate) fn read<T: Yaml>(node: &Node, report: &mut Report<'_>) -> Option<T> {
    if node.is_null() { Some(T::default()) } else { T::read(node, report) }
}

/// Tells that a node has another type than `ty`.
pub(crate) fn mismatch(node: &Node, ty: &str, report: &mut Report<'_>) {
    const SHOWN_CHARS_MAX: usize = 10;
    let tag = match &node.value {
        Value::Null => "!!null",
        Value::Bool(_) => "!!bool",
        Value::Int(_) | Value::Uint(_) => "!!int",
        Value::Float(_) => "!!float",
        Value::String(_) => "!!str",
        Value::Timestamp(_) => "!!timestamp",
        Value::List(_) => "!!seq",
        Value::Map(_) => "!!map",
    };
    let shown = match scalar_text(node) {
        Some(text) if text.chars().count() > SHOWN_CHARS_MAX => {
            format!(" `{}...`", text.chars().take(SHOWN_CHARS_MAX - 3).collect::<String>())
        }
        Some(text) => format!(" `{text}`"),
        None => String::new(),
    };
    report.error("", format!("cannot unmarshal {tag}{shown} into {ty}"));
}

/// The text of a scalar as it stands in the file, as far as its value still tells.
fn scalar_text(node: &Node) -> Option<String> {
    if let Some(original) = &node.original {
        return Some(original.to_string());
    }
    Some(match &node.value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => ".nan".to_owned(),
        Value::Float(value) if value.is_infinite() => if *value > 0.0 { "+.inf" } else { "-.inf" }.to_owned(),
        Value::Float(value) => value.to_string(),
        Value::String(text) | Value::Timestamp(text) => text.clone(),
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    })
}

impl Yaml for String {
    const TYPE: &'static str = "string";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let text = scalar_text(node);
        if text.is_none() {
            mismatch(node, Self::TYPE, report);
        }
        text
    }
}

impl Yaml for Secret {
    const TYPE: &'static str = "string";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        String::read(node, report).map(Secret::new)
    }
}

impl Yaml for bool {
    const TYPE: &'static str = "bool";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => {
                mismatch(node, Self::TYPE, report);
                None
            }
        }
    }
}

impl Yaml for u64 {
    const TYPE: &'static str = "uint";

    /// Floats lose their fraction, as in the reference.
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let value = match node.value {
            Value::Int(value) => u64::try_from(value).ok(),
            Value::Uint(value) => Some(value),
            Value::Float(value) if value >= 0.0 && value < u64::MAX as f64 => Some(value as u64),
            _ => None,
        };
        if value.is_none() {
            mismatch(node, Self::TYPE, report);
        }
        value
    }
}

impl Yaml for f64 {
    const TYPE: &'static str = "float64";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match node.value {
            Value::Int(value) => Some(value as f64),
            Value::Uint(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => {
                mismatch(node, Self::TYPE, report);
                None
            }
        }
    }
}

impl Yaml for Duration {
    const TYPE: &'static str = "string";

    /// Prometheus' own grammar: `1h30m`, without fractions, units from large to small.
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, report)?;
        match parse_prometheus(&text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let hint = "whole numbers with y, w, d, h, m, s, ms in this order: 1m30s";
                report.error_with_hint("", error.to_string(), hint);
                None
            }
        }
    }
}

impl Yaml for ByteSize {
    const TYPE: &'static str = "units.Base2Bytes";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, report)?;
        let message = match Self::parse(&text) {
            Ok(size) => return Some(size),
            Err(ByteSizeError::Invalid(text)) => format!("units: invalid {text}"),
            Err(ByteSizeError::MissingUnit(text)) => format!("units: unknown unit  in {text}"),
            Err(ByteSizeError::UnknownUnit { unit, text }) => format!("units: unknown unit {unit} in {text}"),
        };
        report.error_with_hint("", message, "a number with B, KB, MB or GB: 10MB");
        None
    }
}

impl<T: Yaml> Yaml for Option<T> {
    const TYPE: &'static str = T::TYPE;

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        T::read(node, report).map(Some)
    }
}

impl<T: Yaml> Yaml for Vec<T> {
    const TYPE: &'static str = T::TYPE;

    /// Elements that cannot be read are left out.
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Some(list) = node.as_list() else {
            mismatch(node, &format!("[]{}", T::TYPE), report);
            return None;
        };
        let elements = list.iter().enumerate();
        Some(elements.filter_map(|(index, node)| read(node, &mut report.at_index(index, node))).collect())
    }
}

impl<T: Yaml> Yaml for IndexMap<String, T> {
    const TYPE: &'static str = "map";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else {
            mismatch(node, &format!("map[string]{}", T::TYPE), report);
            return None;
        };
        let entries = map.iter().map(|(key, entry)| (key, &entry.node));
        Some(entries.filter_map(|(key, node)| Some((key.to_owned(), read(node, &mut report.at_key(key, node))?))).collect())
    }
}
