//! Values between types, and hashed.

use sha2::{Digest, Sha256};
use std::borrow::Cow;
use warren_match::text;
use warren_pdata::{Text, Value};

/// Target types of `convert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    String,
    Int,
    Double,
}

impl Target {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "string" => Some(Self::String),
            "int" => Some(Self::Int),
            "double" => Some(Self::Double),
            _ => None,
        }
    }
}

/// The value in another type; `None` when it already has that type or cannot be converted.
pub(crate) fn converted(value: &Value, target: Target) -> Option<Value> {
    Some(match (target, value) {
        (Target::String, Value::Str(_)) | (Target::Int, Value::Int(_)) | (Target::Double, Value::Double(_)) => return None,
        (Target::String, value) => Value::Str(text(value)),
        (Target::Int, Value::Double(value)) => Value::Int(truncated(*value)),
        (Target::Int, Value::Bool(value)) => Value::Int(i64::from(*value)),
        (Target::Int, Value::Str(text)) => Value::Int(text.parse().ok()?),
        (Target::Double, Value::Int(value)) => Value::Double(*value as f64),
        (Target::Double, Value::Bool(value)) => Value::Double(f64::from(u8::from(*value))),
        (Target::Double, Value::Str(text)) => Value::Double(double(text)?),
        _ => return None,
    })
}

/// Go's conversion on common processors: what does not fit becomes the least number.
fn truncated(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// Go's `ParseFloat`, but for hexadecimal numbers.
fn double(text: &str) -> Option<f64> {
    let text = &*without_underscores(text)?;
    let value: f64 = text.parse().ok()?;
    let infinite_by_name = text.contains(['i', 'I']);
    let signed_nan = value.is_nan() && text.starts_with(['+', '-']);
    if (value.is_infinite() && !infinite_by_name) || signed_nan { None } else { Some(value) }
}

/// The digits of a number that are set apart by underscores (`1_000`); `None` if one stands elsewhere than between two digits.
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let apart = text.split('_').collect::<Vec<_>>();
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let between = apart.windows(2).all(|pair| digit(pair[0].bytes().last()) && digit(pair[1].bytes().next()));
    between.then(|| Cow::Owned(apart.concat()))
}

/// SHA-256 of the value in hexadecimal. What has no bytes of its own (empty text, bytes, lists, maps) becomes empty text.
pub(crate) fn hashed(value: &Value) -> Value {
    let digest = match value {
        Value::Str(text) if !text.is_empty() => Sha256::digest(text.as_bytes()),
        Value::Bool(value) => Sha256::digest([u8::from(*value)]),
        Value::Int(value) => Sha256::digest(value.to_le_bytes()),
        Value::Double(value) => Sha256::digest(value.to_bits().to_le_bytes()),
        Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Empty => return Value::Str(Text::new()),
    };
    Value::from(format!("{digest:x}"))
}
