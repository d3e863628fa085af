//! Writing JSON.

use std::fmt::Write;

use super::must_escape;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::number::json_float;
use crate::{Node, Value};

/// A tree as JSON with sorted keys and two spaces of indentation, ending with a line break. Numbers that JSON lacks are texts.
pub fn to_json(node: &Node) -> String {
    let mut out = String::new();
    write_value(&mut out, &node.value, 0);
    out.push('\n');
    out
}

/// Findings as JSON: `[{severity, code, message, pointer, line, column, component, hint}]`, one a line. Absent facts are null. `file` and
/// `path` (upstream's form) come besides.
pub fn diagnostics_to_json(diagnostics: &Diagnostics) -> String {
    let mut out = "[".to_owned();
    for (index, finding) in diagnostics.iter().enumerate() {
        out.push_str(if index == 0 { "\n  " } else { ",\n  " });
        write_finding(&mut out, finding);
    }
    out.push_str(if out.len() == 1 { "]\n" } else { "\n]\n" });
    out
}

fn write_finding(out: &mut String, finding: &Diagnostic) {
    let place = &finding.place;
    let number = |number: u32| (number > 0).then(|| number.to_string());
    let text = |text: &str| {
        let mut quoted = String::new();
        write_string(&mut quoted, text);
        Some(quoted)
    };
    let facts = [
        ("severity", text(&finding.severity.to_string())),
        ("code", text(finding.code)),
        ("message", text(&finding.message)),
        ("pointer", text(&finding.pointer)),
        ("path", text(&finding.path)),
        ("file", place.is_known().then(|| text(place.source())).flatten()),
        ("line", number(place.line())),
        ("column", number(place.column())),
        ("component", finding.component.as_ref().and_then(|id| text(&id.to_string()))),
        ("hint", finding.hint.as_deref().and_then(text)),
    ];
    for (index, (name, fact)) in facts.iter().enumerate() {
        out.push_str(if index == 0 { "{" } else { ", " });
        // Writing to a String cannot fail.
        let _ = write!(out, "\"{name}\": {}", fact.as_deref().unwrap_or("null"));
    }
    out.push('}');
}

fn write_value(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => out.push_str(&number.to_string()),
        Value::Float(number) if number.is_finite() => out.push_str(&json_float(*number)),
        Value::Float(number) => write_string(out, &json_float(*number)),
        Value::String(text) | Value::Timestamp(text) => write_string(out, text),
        Value::List(list) if list.is_empty() => out.push_str("[]"),
        Value::List(list) => {
            for (index, node) in list.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                new_line(out, depth + 1);
                write_value(out, &node.value, depth + 1);
            }
            new_line(out, depth);
            out.push(']');
        }
        Value::Map(map) if map.is_empty() => out.push_str("{}"),
        Value::Map(map) => {
            for (index, (key, entry)) in map.sorted().into_iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                new_line(out, depth + 1);
                write_string(out, key);
                out.push_str(": ");
                write_value(out, &entry.node.value, depth + 1);
            }
            new_line(out, depth);
            out.push('}');
        }
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
}

pub(super) fn write_string(out: &mut String, text: &str) {
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
