//! Writing YAML, in the style of `yaml.v3`.

use std::cmp::Ordering;
use std::fmt::Write;

use crate::number::yaml_float;
use crate::reader::is_plain_string;
use crate::{Entry, Map, Node, Value};

/// A tree as YAML with sorted keys and four spaces of indentation. Reading it gives the same tree.
pub fn to_yaml(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Map(map) if !map.is_empty() => write_map(&mut out, map, 0),
        Value::List(list) if !list.is_empty() => write_list(&mut out, list, 0),
        value => {
            write_scalar(&mut out, value, 0);
            out.push('\n');
        }
    }
    out
}

/// A mapping from the beginning of a line that is indented already for its first key.
fn write_map(out: &mut String, map: &Map, depth: usize) {
    for (index, (key, entry)) in in_natural_order(map).into_iter().enumerate() {
        if index > 0 {
            indent(out, depth);
        }
        write_key(out, key);
        out.push(':');
        match &entry.node.value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                indent(out, depth + 1);
                write_map(out, inner, depth + 1);
            }
            Value::List(inner) if !inner.is_empty() => {
                out.push('\n');
                indent(out, depth + 1);
                write_list(out, inner, depth + 1);
            }
            value => {
                out.push(' ');
                write_scalar(out, value, depth + 1);
                out.push('\n');
            }
        }
    }
}

/// A list, likewise. Elements that are mappings or lists begin on the line of their dash.
fn write_list(out: &mut String, list: &[Node], depth: usize) {
    for (index, node) in list.iter().enumerate() {
        if index > 0 {
            indent(out, depth);
        }
        out.push_str("- ");
        match &node.value {
            Value::Map(inner) if !inner.is_empty() => write_nested(out, depth, |out| write_map(out, inner, 0)),
            Value::List(inner) if !inner.is_empty() => write_nested(out, depth, |out| write_list(out, inner, 0)),
            value => {
                write_scalar(out, value, depth + 1);
                out.push('\n');
            }
        }
    }
}

/// What stands behind a dash is indented by two more than the dash.
fn write_nested(out: &mut String, depth: usize, write: impl FnOnce(&mut String)) {
    let mut inner = String::new();
    write(&mut inner);
    for (index, line) in inner.split_inclusive('\n').enumerate() {
        if index > 0 && line != "\n" {
            indent(out, depth);
            out.push_str("  ");
        }
        out.push_str(line);
    }
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("    "));
}

fn write_key(out: &mut String, key: &str) {
    if key.contains('\n') || key.is_empty() {
        write_double_quoted(out, key);
    } else {
        write_string(out, key, 0);
    }
}

fn write_scalar(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&yaml_float(*number)),
        Value::Timestamp(text) => out.push_str(text),
        Value::String(text) => write_string(out, text, depth),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// A text: plain when it reads back as text, in single quotes when it looks like syntax, as a block when it has lines, else escaped.
fn write_string(out: &mut String, text: &str, depth: usize) {
    let printable = text
        .chars()
        .all(|c| c == '\n' || (' '..='~').contains(&c) || (c >= '\u{a0}' && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')));
    let spaced = text.starts_with([' ', '\n']) || text.ends_with(' ') || text.contains(" \n") || text.contains("\n ");
    if text.contains('\n') && printable && !spaced && depth > 0 {
        write_block(out, text, depth);
    } else if !printable || text.contains('\n') || !is_plain_string(text) || is_old_scalar(text) {
        write_double_quoted(out, text);
    } else if spaced || looks_like_syntax(text) {
        let _ = write!(out, "'{}'", text.replace('\'', "''"));
    } else {
        out.push_str(text);
    }
}

/// A literal block; the number of line breaks at its end decides its chomping.
fn write_block(out: &mut String, text: &str, depth: usize) {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    out.push_str(match breaks {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(out, depth);
            out.push_str(line);
        }
    }
    (1..breaks).for_each(|_| out.push('\n'));
}

fn write_double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// What other readers of YAML take for a switch or a number to the base 60.
fn is_old_scalar(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "y" | "yes" | "on" | "n" | "no" | "off") {
        return true;
    }
    text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b':' | b'.' | b'_'))
}

/// Whether a plain scalar of this text would be taken for syntax in a block.
fn looks_like_syntax(text: &str) -> bool {
    let mut chars = text.chars();
    let (first, second) = (chars.next(), chars.next());
    let bad_start = match first {
        Some('#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`') => true,
        Some('?' | ':' | '-') => matches!(second, None | Some(' ')),
        _ => false,
    };
    bad_start
        || text.starts_with("---")
        || text.starts_with("...")
        || text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #")
}

fn in_natural_order(map: &Map) -> Vec<(&str, &Entry)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| natural(a, b));
    entries
}

/// The order of `yaml.v3`: numbers in keys count as numbers, letters come after what is no letter (but before it behind a digit).
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let behind_digit = at > 0 && a.get(at - 1).is_some_and(|c| c.is_numeric());
    let (Some(x), Some(y)) = (a.get(at), b.get(at)) else { return Ordering::Equal };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(y),
        (true, false) if behind_digit => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if behind_digit => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            number_at(&a, at, *x == '0' || *y == '0').cmp(&number_at(&b, at, *x == '0' || *y == '0')).then_with(|| x.cmp(y))
        }
    }
}

/// The number that stands at a position, and its end; a zero behind another digit counts as its continuation.
fn number_at(text: &[char], at: usize, zero: bool) -> (u64, usize) {
    let digits_before = text.get(..at).unwrap_or_default().iter().rev().take_while(|c| c.is_ascii_digit());
    let mut number = u64::from(zero && digits_before.into_iter().any(|c| *c != '0'));
    let mut end = at;
    while let Some(digit) = text.get(end).and_then(|c| c.to_digit(10)) {
        number = number.saturating_mul(10).saturating_add(u64::from(digit));
        end += 1;
    }
    (number, end)
}
