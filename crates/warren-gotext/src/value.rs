//! Telemetry values as text.

use crate::{Float, float};
use base64::Engine;
use warren_pdata::{Attrs, KeyValue, Value};

/// Nesting beyond this is not written: values come from outside.
const DEPTH_MAX: usize = 128;

/// The longest text that a value is written to. Values that hold texts of themselves would otherwise double without end, for each text within a
/// text is escaped once more.
///
/// Fuzz targets have less: they look for what has no bound, and what doubles would keep them busy up to this one.
pub const TEXT_BYTES_MAX: usize = if cfg!(fuzzing) { 1 << 20 } else { 16 << 20 };

/// Why a value has no JSON form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// `NaN` or an infinity; the text is Go's name for it.
    Unsupported(&'static str),
    /// Nested too deep.
    TooDeep,
    /// Longer than [`TEXT_BYTES_MAX`].
    TooLong,
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsupported(name) => write!(f, "json: unsupported value: {name}"),
            Self::TooDeep => write!(f, "json: value is nested more than {DEPTH_MAX} deep"),
            Self::TooLong => write!(f, "json: the text of the value is longer than {TEXT_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for JsonError {}

/// The value as `pcommon.Value.AsString` gives it: text as it is, numbers by JSON's rules, bytes in base64, maps and lists as JSON; what has no JSON
/// form as the error's text.
pub fn as_string(out: &mut String, value: &Value) {
    match value {
        Value::Empty => {}
        Value::Str(text) => out.push_str(text),
        Value::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode_string(bytes.as_slice(), out),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Map(_) | Value::List(_) => {
            let start = out.len();
            if let Err(error) = json(out, value) {
                out.truncate(start);
                // A container that cannot be written is empty text, as upstream ignores the error there.
                if let Value::Double(_) = value {
                    out.push_str(&error.to_string());
                }
            }
        }
    }
}

/// Appends the value as `encoding/json` writes it: keys sorted, HTML escaped, bytes in base64.
///
/// # Errors
/// When a number is not finite, or the value is too deep or too long; `out` then holds a part.
pub fn json(out: &mut String, value: &Value) -> Result<(), JsonError> {
    write(out, value, Library::Encoding, 0, out.len().saturating_add(TEXT_BYTES_MAX))
}

/// Appends the value as `goccy/go-json` writes it: as [`json`], but small numbers as `1e-07` and `\b`, `\f` as `\u0008`, `\u000c`.
///
/// # Errors
/// As [`json`].
pub fn goccy_json(out: &mut String, value: &Value) -> Result<(), JsonError> {
    write(out, value, Library::Goccy, 0, out.len().saturating_add(TEXT_BYTES_MAX))
}

/// Whose JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    /// The standard library's `encoding/json`.
    Encoding,
    /// `github.com/goccy/go-json`.
    Goccy,
}

/// `end` is how long all of `out` may become.
fn write(out: &mut String, value: &Value, library: Library, depth: usize, end: usize) -> Result<(), JsonError> {
    if depth > DEPTH_MAX {
        return Err(JsonError::TooDeep);
    }
    let fits = |out: &String, text: &str| match out.len().saturating_add(text.len()) <= end {
        true => Ok(()),
        false => Err(JsonError::TooLong),
    };
    match value {
        Value::Empty => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(itoa::Buffer::new().format(*value)),
        Value::Double(value) if value.is_nan() => return Err(JsonError::Unsupported("NaN")),
        Value::Double(value) if value.is_infinite() => {
            return Err(JsonError::Unsupported(if *value > 0.0 { "+Inf" } else { "-Inf" }));
        }
        Value::Double(value) => float(out, *value, if library == Library::Goccy { Float::PaddedJson } else { Float::Json }),
        Value::Str(text) => {
            fits(out, text)?;
            quoted(out, text, library);
        }
        // Upstream's copy of no bytes is a nil slice.
        Value::Bytes(bytes) if bytes.is_empty() => out.push_str("null"),
        Value::Bytes(bytes) => {
            out.push('"');
            base64::engine::general_purpose::STANDARD.encode_string(bytes.as_slice(), out);
            out.push('"');
        }
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, item, library, depth + 1, end)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, entry) in sorted(map).into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                fits(out, &entry.key)?;
                quoted(out, &entry.key, library);
                out.push(':');
                write(out, &entry.value, library, depth + 1, end)?;
            }
            out.push('}');
        }
    }
    fits(out, "")
}

/// Sorted by key; of duplicates the last one stays, as in a Go map.
fn sorted(map: &Attrs) -> Vec<&KeyValue> {
    let mut entries: Vec<&KeyValue> = map.iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let mut unique: Vec<&KeyValue> = Vec::with_capacity(entries.len());
    for entry in entries {
        match unique.last_mut() {
            Some(last) if last.key == entry.key => *last = entry,
            _ => unique.push(entry),
        }
    }
    unique
}

/// Appends quoted text as `encoding/json` writes it.
pub fn json_text(out: &mut String, text: &str) {
    quoted(out, text, Library::Encoding);
}

fn quoted(out: &mut String, text: &str, library: Library) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    // What needs no escape goes over in runs.
    let mut rest = text;
    while let Some(at) = rest.bytes().position(may_need_escape) {
        let (run, from) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(run);
        let mut chars = from.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') if library == Library::Encoding => out.push_str("\\b"),
            Some('\u{c}') if library == Library::Encoding => out.push_str("\\f"),
            Some('\u{2028}') => out.push_str("\\u2028"),
            Some('\u{2029}') => out.push_str("\\u2029"),
            Some(c @ ('<' | '>' | '&' | '\0'..='\u{1f}')) => {
                let code = c as usize;
                out.push_str("\\u00");
                out.push(HEX[code >> 4 & 15] as char);
                out.push(HEX[code & 15] as char);
            }
            other => out.extend(other),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether a character may be escaped that starts with this byte: U+2028 and U+2029 start with `0xe2`, and so do others.
#[inline]
fn may_need_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0..=0x1f | 0xe2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text_of(value: &Value) -> String {
        let mut out = String::new();
        as_string(&mut out, value);
        out
    }

    /// Known results of `pcommon.Value.AsString` at v1.38.0.
    #[test]
    fn values_look_as_go_prints_them() {
        let map = Attrs::from([("b", Value::from("<a>&\u{2028}\0\u{1f}\u{7f}\"\\\n\t\u{8}\u{c} é")), ("a", Value::bytes([1]))]);
        for (value, expected) in [
            (Value::Empty, ""),
            (Value::from("as is <>"), "as is <>"),
            (Value::Bool(true), "true"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Double(1e-9), "1e-9"),
            (Value::Double(1e21), "1e+21"),
            (Value::Double(f64::NAN), "json: unsupported value: NaN"),
            (Value::bytes([1, 2, 255]), "AQL/"),
            (Value::bytes([]), ""),
            (Value::list([Value::Empty, Value::Int(1), Value::from("x"), Value::bytes([])]), "[null,1,\"x\",null]"),
            (
                Value::Map(map),
                "{\"a\":\"AQ==\",\"b\":\"\\u003ca\\u003e\\u0026\\u2028\\u0000\\u001f\u{7f}\\\"\\\\\\n\\t\\b\\f é\"}",
            ),
            (Value::Map(Attrs::from([("a", 1i64), ("a", 2)])), "{\"a\":2}"),
        ] {
            assert_eq!(text_of(&value), expected);
        }
    }

    /// Known results of `json.Marshal` of `goccy/go-json` v0.10.
    #[test]
    fn the_other_json_library_differs_in_exponents_and_two_escapes() {
        for (value, expected) in [
            (Value::list([Value::Double(1e-7), Value::Double(1e21)]), "[1e-07,1e+21]"),
            (Value::from("<\u{8}\u{c}\n\u{7f}\u{1}"), "\"\\u003c\\u0008\\u000c\\n\u{7f}\\u0001\""),
        ] {
            let mut out = String::new();
            goccy_json(&mut out, &value).unwrap();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn deep_values_are_refused_and_not_followed() {
        let deep = (0..100_000).fold(Value::Empty, |inner, _| Value::list([inner]));
        assert_eq!(json(&mut String::new(), &deep), Err(JsonError::TooDeep));
        // Dropping so deep a value would recurse as well; taking it apart does not.
        let mut rest = deep;
        while let Value::List(items) = rest {
            rest = triomphe_first(items);
        }
    }

    #[test]
    fn values_that_would_become_too_long_are_refused_on_the_way() {
        let long = Value::from("x".repeat(TEXT_BYTES_MAX / 4));
        let fits = Value::list([long.clone(), long.clone(), long.clone()]);
        let mut out = String::from("before");
        assert_eq!(json(&mut out, &fits), Ok(()));
        let all = Value::list(vec![long.clone(); 1_000]);
        for refused in [Value::list([all.clone(), all.clone()]), Value::Map(Attrs::from([("k", all)]))] {
            let mut out = String::from("before");
            assert_eq!(json(&mut out, &refused), Err(JsonError::TooLong));
            assert!(out.len() <= "before".len() + TEXT_BYTES_MAX);
            let mut out = String::from("before");
            as_string(&mut out, &refused);
            assert_eq!(out, "before");
        }
    }

    fn triomphe_first(items: warren_pdata::List) -> Value {
        items.first().cloned().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn prop_json_text_reads_back(text in proptest::string::string_regex("([\\x00-\\x1f\"\\\\<>&\u{2027}-\u{202a}\u{2190}aé]|\\PC){0,40}").unwrap()) {
            let mut out = String::new();
            json_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
