//! `severity_parser` and the block `severity`.

use super::{Transform, expected};
use crate::entry::type_name;
use crate::{Entry, Field};
use hashbrown::HashMap;
use warren_config::Value as Written;
use warren_pdata::{Text, Value};

/// Most values that a mapping may name, ranges counted out.
const VALUES_MAX: usize = 10_000;

/// Names of the six severities; each has three more, numbered.
const NAMES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

/// Other words for them.
const ALIASES: [(&str, i32); 8] = [
    ("warning", 13),
    ("warning2", 14),
    ("warning3", 15),
    ("warning4", 16),
    ("err", 17),
    ("err2", 18),
    ("err3", 19),
    ("err4", 20),
];

/// Reads a severity.
#[derive(Debug)]
pub(crate) struct SeverityReader {
    from: Field,
    /// By the value as text, in small letters.
    mapping: HashMap<Box<str>, i32>,
    overwrite_text: bool,
}

impl SeverityReader {
    /// Compiles a mapping over a preset.
    ///
    /// # Errors
    /// What is no severity, or cannot stand for one.
    pub(crate) fn new<'a>(
        from: Field,
        preset: &str,
        mapping: impl Iterator<Item = (&'a str, &'a Written)>,
        overwrite_text: bool,
    ) -> Result<Self, String> {
        let mut all: HashMap<Box<str>, i32> = HashMap::new();
        if preset != "none" {
            for number in 1..=24 {
                all.insert(name(number).into(), number);
                all.insert(number.to_string().into(), number);
            }
        }
        if !matches!(preset, "none" | "otel" | "aliases") {
            all.extend(ALIASES.map(|(alias, number)| (alias.into(), number)));
        }
        for (severity, values) in mapping {
            let wanted = severity.to_lowercase();
            let number = (1..=24).find(|number| name(*number) == wanted || number.to_string() == wanted);
            let number =
                number.ok_or_else(|| format!("{severity:?} is no severity; there are trace, debug, info, warn, error, fatal"))?;
            let single = std::slice::from_ref(values);
            let values: Vec<&Written> = match values {
                Written::List(list) => list.iter().map(|node| &node.value).collect(),
                _ => single.iter().collect(),
            };
            for value in values {
                add(&mut all, value, number)?;
                if all.len() > VALUES_MAX {
                    return Err(format!("a mapping has at most {VALUES_MAX} values"));
                }
            }
        }
        Ok(Self { from, mapping: all, overwrite_text })
    }
}

/// The name of a severity in small letters: `info`, `info2`.
fn name(number: i32) -> String {
    let (group, rank) = ((number - 1) / 4, (number - 1) % 4);
    let name = usize::try_from(group).ok().and_then(|group| NAMES.get(group)).copied().unwrap_or_default();
    if rank == 0 { name.to_owned() } else { format!("{name}{}", rank + 1) }
}

fn add(all: &mut HashMap<Box<str>, i32>, value: &Written, severity: i32) -> Result<(), String> {
    let mut range = |min: i64, max: i64| {
        let (min, max) = (min.min(max), min.max(max));
        if max.abs_diff(min) >= VALUES_MAX as u64 {
            return Err(format!("a mapping has at most {VALUES_MAX} values"));
        }
        all.extend((min..=max).map(|number| (number.to_string().into(), severity)));
        Ok(())
    };
    match value {
        Written::Int(number) => range(*number, *number),
        Written::String(text) => match text.as_str() {
            "2xx" => range(200, 299),
            "3xx" => range(300, 399),
            "4xx" => range(400, 499),
            "5xx" => range(500, 599),
            text => {
                all.insert(text.to_lowercase().into(), severity);
                Ok(())
            }
        },
        Written::Map(map) => {
            let bound = |key| match map.get(key).map(|node| &node.value) {
                Some(Written::Int(number)) => Some(*number),
                _ => None,
            };
            match (bound("min"), bound("max")) {
                (Some(min), Some(max)) => range(min, max),
                _ => Err(format!("type {} cannot be parsed as a severity", value.go_type())),
            }
        }
        other => Err(format!("type {} cannot be parsed as a severity", other.go_type())),
    }
}

impl Transform for SeverityReader {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let value = expected(&self.from, entry)?;
        let text: Text = match &value {
            Value::Str(text) => text.clone(),
            Value::Int(number) => number.to_string().into(),
            Value::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => (*number as i64).to_string().into(),
            Value::Double(_) => return Err("parse: type float64 cannot be a severity unless it is a whole number".to_owned()),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes).as_ref().into(),
            other => return Err(format!("parse: type {} cannot be a severity", type_name(other))),
        };
        let lower = text.to_lowercase();
        let number = self.mapping.get(lower.as_str()).copied().unwrap_or(0);
        entry.record.severity_number = number;
        entry.record.severity_text = if self.overwrite_text && number != 0 { name(number).to_uppercase().into() } else { text };
        Ok(())
    }
}
