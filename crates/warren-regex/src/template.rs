//! Replacement texts: `$1`, `${1}x`, `$name`, `$$`, with the rules of Go's `Regexp.Expand`.
//!
//! A name after `$` is as long as possible (`$1x` is the group named `1x`); unknown groups are empty;
//! a `$` that begins no name stands for itself.

use crate::{Captures, Regex};

/// A replacement text, read once for one pattern.
#[derive(Debug, Clone)]
pub struct Template(Box<[Part]>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(Box<str>),
    /// Groups with the wanted name; the first that took part in the match counts.
    Groups(Box<[usize]>),
}

impl Template {
    /// Reads `text` against the group names of `regex`.
    pub fn new(text: &str, regex: &Regex) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                literal.push('$');
                rest = after;
            } else if let Some((name, after)) = group_name(rest) {
                rest = after;
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal).into()));
                }
                parts.push(Part::Groups(groups(name, regex)));
            } else {
                literal.push('$');
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Self(parts.into())
    }

    /// The text itself when it names no groups, whatever the match.
    pub fn literal(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Length in bytes of what [`Template::expand`] would append.
    pub fn expanded_len(&self, text: &str, captures: &Captures) -> usize {
        self.0.iter().map(|part| part.expand(text, captures).len()).sum()
    }

    /// Appends the replacement for one match in `text`.
    pub fn expand(&self, text: &str, captures: &Captures, out: &mut String) {
        for part in &self.0 {
            out.push_str(part.expand(text, captures));
        }
    }
}

impl Part {
    fn expand<'a>(&'a self, text: &'a str, captures: &Captures) -> &'a str {
        match self {
            Self::Text(literal) => literal,
            Self::Groups(groups) => groups.iter().find_map(|&group| captures.get(text, group)).unwrap_or_default(),
        }
    }
}

/// Splits the name that follows a `$` from the rest.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let (body, braced) = match text.strip_prefix('{') {
        Some(body) => (body, true),
        None => (text, false),
    };
    let end = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
    let (name, rest) = body.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braced { Some((name, rest.strip_prefix('}')?)) } else { Some((name, rest)) }
}

/// Indices of the groups called `name`, by number or by name.
fn groups(name: &str, regex: &Regex) -> Box<[usize]> {
    let is_number = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_number {
        return name.parse().into_iter().collect();
    }
    regex.names().enumerate().filter(|(_, n)| *n == Some(name)).map(|(i, _)| i).collect()
}
