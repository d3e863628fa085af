//! Writing YAML, in the style of `yaml.v3`.

use std::cmp::Ordering;
use std::fmt::Write;

use super::must_escape;
use crate::number::yaml_float;
use crate::reader::is_plain_string;
use crate::{Entry, Map, Node, Value};

/// Most bytes of a key before its colon; a longer one stands behind a question mark, for readers do not look for a colon for ever.
const PLAIN_KEY_MAX: usize = 128;

/// A tree as YAML with sorted keys and four spaces of indentation. Reading it gives the same tree.
pub fn to_yaml(node: &Node) -> String {
    let mut out = String::new();
    write_node(&mut out, &node.value, 0);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// A value whose first line is indented already; `indent` is the column of further ones.
fn write_node(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Map(map) if !map.is_empty() => write_map(out, map, indent),
        Value::List(list) if !list.is_empty() => write_list(out, list, indent),
        value => {
            write_scalar(out, value, indent);
            out.push('\n');
        }
    }
}

fn write_map(out: &mut String, map: &Map, indent: usize) {
    // The next multiple of four, also behind a dash.
    let inner = (indent + 4) / 4 * 4;
    for (index, (key, entry)) in in_natural_order(map).into_iter().enumerate() {
        if index > 0 {
            spaces(out, indent);
        }
        write_key(out, key);
        if key.len() > PLAIN_KEY_MAX {
            out.push('\n');
            spaces(out, indent);
        }
        out.push(':');
        let value = &entry.node.value;
        let begins_below =
            matches!(value, Value::Map(map) if !map.is_empty()) || matches!(value, Value::List(list) if !list.is_empty());
        if begins_below {
            out.push('\n');
            spaces(out, inner);
        } else {
            out.push(' ');
        }
        write_node(out, value, inner);
    }
}

/// Elements begin on the line of their dash, whatever they are.
fn write_list(out: &mut String, list: &[Node], indent: usize) {
    for (index, node) in list.iter().enumerate() {
        if index > 0 {
            spaces(out, indent);
        }
        out.push_str("- ");
        write_node(out, &node.value, indent + 2);
    }
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

fn write_key(out: &mut String, key: &str) {
    if key.len() > PLAIN_KEY_MAX {
        out.push_str("? ");
    }
    if key.contains('\n') || key.is_empty() {
        write_double_quoted(out, key);
    } else {
        write_string(out, key, 0);
    }
}

fn write_scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&yaml_float(*number)),
        Value::Timestamp(text) => out.push_str(text),
        Value::String(text) => write_string(out, text, indent),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// A text: plain when it reads back as text, in single quotes when it looks like syntax, as a block when it has lines, else escaped.
fn write_string(out: &mut String, text: &str, indent: usize) {
    let printable = text.chars().all(|c| c == '\n' || !must_escape(c));
    let spaced = text.starts_with([' ', '\n']) || text.ends_with(' ') || text.contains(" \n") || text.contains("\n ");
    if text.contains('\n') && printable && !spaced && indent > 0 {
        write_block(out, text, indent);
    } else if !printable || text.contains('\n') || !is_plain_string(text) || is_old_scalar(text) {
        write_double_quoted(out, text);
    } else if spaced || looks_like_syntax(text) {
        let _ = write!(out, "'{}'", text.replace('\'', "''"));
    } else {
        out.push_str(text);
    }
}

/// A literal block; the number of line breaks at its end decides its chomping.
fn write_block(out: &mut String, text: &str, indent: usize) {
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
            spaces(out, indent);
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
            c if must_escape(c) => {
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
