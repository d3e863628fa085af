//! `ExtractGrokPatterns`: named patterns, such as `%{IP:client} %{NUMBER:bytes:int}`, that grow into one regular expression.
//!
//! The full set of go-grok is known ([`patterns.txt`](PATTERNS)); definitions of the statement go before it. Groups that match nothing are left out.

#[cfg(test)]
mod tests;

use super::entries::Entries;
use crate::function::{Args, Call, Converter, Kind, Literals, Yields, optional, param};
use crate::{Failure, Val};
use std::collections::HashMap;
use warren_gotext::{parse_float, parse_int, quoted};
use warren_pdata::{Text, Value};
use warren_regex::{Captures, PATTERN_BYTES_MAX, Regex};

/// The converters of this folder.
pub(super) const CONVERTERS: &[Converter] = &[Converter {
    name: "ExtractGrokPatterns",
    params: &[
        param("target", Kind::Str),
        param("pattern", Kind::LitStr),
        optional("named_captures_only", Kind::LitBool),
        optional("pattern_definitions", Kind::LitStrs),
    ],
    yields: Yields::Map,
    bind: |literals| {
        let grok = Grok::new(literals)?;
        Ok(Call::new(move |args: Args<'_>| grok.extract(args.text(0))))
    },
}];

/// Names and expressions, a line each.
const PATTERNS: &str = include_str!("patterns.txt");

/// Patterns within each other.
const DEPTH_MAX: usize = 64;

/// A pattern grown and compiled.
struct Grok {
    regex: Regex,
    /// For each group of the expression the key its text gets, and the type; nothing for groups without a name.
    groups: Box<[Option<(Text, Type)>]>,
}

/// What the text of a group becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Int,
    Float,
    Bool,
    /// A name that is no type; what matches it fails.
    Unknown,
}

impl Type {
    fn named(name: &str) -> Self {
        match name {
            "string" => Self::Text,
            "int" | "long" => Self::Int,
            "float" | "double" => Self::Float,
            "bool" | "boolean" => Self::Bool,
            _ => Self::Unknown,
        }
    }
}

impl Grok {
    fn new(literals: &Literals<'_>) -> Result<Self, String> {
        let pattern = literals.text(1).unwrap_or_default();
        let named_only = literals.bool(2).unwrap_or(false);
        let mut definitions: HashMap<&str, &str> =
            PATTERNS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect();
        for (index, definition) in literals.texts(3).unwrap_or_default().iter().enumerate() {
            let (name, expression) = definition.split_once('=').ok_or_else(|| malformed(definition, index))?;
            if name.contains(':') {
                return Err(format!("pattern ID {} should not contain ':'", quoted(name)));
            }
            definitions.insert(name, expression);
        }
        let refuse = |fault: String| format!("the pattern supplied to ExtractGrokPatterns is not a valid pattern: {fault}");
        let mut growth = Growth { definitions, named_only, types: HashMap::new(), out: String::new() };
        growth.grow(pattern, 0).map_err(refuse)?;
        let regex = Regex::new(&growth.out).map_err(|error| refuse(error.to_string()))?;
        let group = |name: Option<&str>| {
            let name = name?;
            let kind = growth.types.get(name).cloned().unwrap_or(Type::Text);
            Some((Text::from(name.replace(DOT, ".")), kind))
        };
        let groups: Box<[_]> = regex.names().map(group).collect();
        if named_only && groups.iter().all(Option::is_none) {
            return Err("at least 1 named capture group must be supplied in the given regex".to_owned());
        }
        Ok(Self { regex, groups })
    }

    fn extract(&self, text: &str) -> Result<Val, Failure> {
        let mut entries = Entries::default();
        let mut captures = Captures::default();
        if self.regex.captures(text, &mut captures) {
            for (index, group) in self.groups.iter().enumerate() {
                if let (Some((key, kind)), Some(text)) = (group, captures.get(text, index).filter(|text| !text.is_empty())) {
                    entries.set(key.clone(), converted(text, kind, key)?);
                }
            }
        }
        Ok(entries.into())
    }
}

fn malformed(definition: &str, index: usize) -> String {
    let mut shown = definition.to_owned();
    if shown.len() > 20 {
        let end = (0..=17).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or_default();
        shown.truncate(end);
        shown.push_str("...");
    }
    format!(
        "pattern {} supplied to ExtractGrokPatterns at index {index} has incorrect format, expecting PATTERNNAME=pattern definition",
        quoted(&shown)
    )
}

fn converted(text: &str, kind: &Type, key: &str) -> Result<Value, Failure> {
    Ok(match kind {
        Type::Text => text.into(),
        Type::Int => match parse_int(text, 10) {
            Ok(number) => Value::Int(number),
            Err(error) => return Err(Failure::new(error.to_string().replacen("ParseInt", "Atoi", 1))),
        },
        Type::Float => Value::Double(parse_float(text).map_err(|error| Failure::new(error.to_string()))?),
        Type::Bool => Value::Bool(match text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
            "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
            _ => return Err(Failure::new(format!("strconv.ParseBool: parsing {}: invalid syntax", quoted(text)))),
        }),
        Type::Unknown => {
            let name = key.replace('.', DOT);
            return Err(Failure::new(format!("invalid type for {name}: type not specified")));
        }
    })
}

/// What stands for a dot in the name of a group.
const DOT: &str = "___";

/// A pattern growing into an expression.
struct Growth<'d> {
    definitions: HashMap<&'d str, &'d str>,
    /// Whether references without a name of their own get none.
    named_only: bool,
    /// Types by names of groups.
    types: HashMap<String, Type>,
    out: String,
}

impl Growth<'_> {
    fn grow(&mut self, pattern: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("pattern definitions refer to each other more than {DEPTH_MAX} deep"));
        }
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("%{") {
            self.push(before)?;
            rest = after;
            let Some((reference, behind)) = Reference::read(after) else {
                self.push("%{")?;
                continue;
            };
            rest = behind;
            let definition = *self
                .definitions
                .get(reference.pattern)
                .ok_or_else(|| format!("pattern definition {} unknown: parsing failed", quoted(reference.pattern)))?;
            let name = reference.name.unwrap_or(reference.pattern).replace('.', DOT);
            if reference.name.is_none() && self.named_only {
                self.push("(")?;
            } else {
                self.push(&format!("(?P<{name}>"))?;
            }
            if let Some(kind) = reference.kind {
                self.types.insert(name, Type::named(kind));
            }
            self.grow(definition, depth + 1)?;
            self.push(")")?;
        }
        self.push(rest)
    }

    fn push(&mut self, text: &str) -> Result<(), String> {
        self.out.push_str(text);
        if self.out.len() > PATTERN_BYTES_MAX {
            return Err(format!("it grows to more than {PATTERN_BYTES_MAX} bytes"));
        }
        Ok(())
    }
}

/// `%{PATTERN}`, `%{PATTERN:name}` or `%{PATTERN:name:type}`.
struct Reference<'p> {
    pattern: &'p str,
    name: Option<&'p str>,
    kind: Option<&'p str>,
}

impl<'p> Reference<'p> {
    /// Reads what follows `%{`, and says what stands behind it; nothing if it is no reference.
    fn read(text: &'p str) -> Option<(Self, &'p str)> {
        let (inside, behind) = text.split_once('}')?;
        let mut parts = inside.split(':');
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let filled = |part: &&str| !part.is_empty();
        let pattern = parts.next().filter(filled).filter(|part| part.chars().all(word))?;
        let name = parts.next();
        let kind = parts.next();
        let named = name.is_none_or(|name| !name.is_empty() && name.chars().all(|c| word(c) || matches!(c, '+' | '.')));
        let typed = kind.is_none_or(|kind| !kind.is_empty() && kind.chars().all(word));
        (named && typed && parts.next().is_none()).then_some((Self { pattern, name, kind }, behind))
    }
}
