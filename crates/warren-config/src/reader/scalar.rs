//! The type of a plain scalar, by the rules of Go's `yaml.v3` (`resolve.go`): YAML 1.2 with what 1.1 left behind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::timestamp;
use crate::Value;

/// The value of a plain scalar without a tag.
pub(super) fn plain(text: &str) -> Value {
    let Some(first) = text.bytes().next() else { return Value::Null };
    let value = match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => word(text).or_else(|| float(text).map(Value::Float)),
        b'+' | b'-' | b'0'..=b'9' => word(text).or_else(|| timestamp::parse(text).map(Value::Timestamp)).or_else(|| number(text)),
        _ => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Words that mean something.
fn word(text: &str) -> Option<Value> {
    Some(match text {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        "~" | "null" | "Null" | "NULL" => Value::Null,
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// A whole or floating point number; underscores do not count.
pub(super) fn number(text: &str) -> Option<Value> {
    let without: String;
    let text = if text.contains('_') {
        without = text.replace('_', "");
        &without
    } else {
        text
    };
    integer(text).or_else(|| is_yaml_float(text).then(|| float(text)).flatten().map(Value::Float))
}

/// Go's `ParseInt` and `ParseUint` with base 0: `0x`, `0o`, `0b`, and a leading zero for octal.
fn integer(text: &str) -> Option<Value> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (true, Ok(number)) => Some(Value::Int(-number)),
        (true, Err(_)) => (magnitude == i64::MIN.unsigned_abs()).then_some(Value::Int(i64::MIN)),
        (false, Ok(number)) => Some(Value::Int(number)),
        (false, Err(_)) => (!signed).then_some(Value::Uint(magnitude)),
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let mut rest = text.get(whole..).unwrap_or_default();
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix('.') {
        fraction = digits(after);
        rest = after.get(fraction..).unwrap_or_default();
    }
    if whole + fraction == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
    }
}

/// A decimal number; none when it is out of range, which leaves it a text as in the reference.
fn float(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// What a scalar with a core tag (`!!int`) is. `quoted` scalars without a tag do not come here.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Value, String> {
    let fault = |found: &str| Err(format!("yaml: cannot decode {found} `{}` as a !!{tag}", shortened(text)));
    match tag {
        "str" => return Ok(Value::String(text.to_owned())),
        "binary" => {
            let digits: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            return BASE64
                .decode(digits)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .map(Value::String)
                .ok_or_else(|| "yaml: !!binary value contains invalid base64 data".to_owned());
        }
        "timestamp" if timestamp::parse(text).is_some() => return Ok(plain(text)),
        "bool" | "int" | "float" | "null" | "timestamp" => {}
        _ => return Ok(Value::String(text.to_owned())),
    }
    // Dates are only dates without a tag or with their own.
    let value = match plain(text) {
        Value::Timestamp(_) => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
        value => value,
    };
    match (tag, value) {
        ("null", Value::Null) => Ok(Value::Null),
        ("bool", value @ Value::Bool(_)) => Ok(value),
        ("int", value @ (Value::Int(_) | Value::Uint(_))) => Ok(value),
        ("float", value @ Value::Float(_)) => Ok(value),
        ("float", Value::Int(number)) => Ok(Value::Float(number as f64)),
        (_, Value::Null) => fault("!!null"),
        (_, Value::Bool(_)) => fault("!!bool"),
        (_, Value::Int(_) | Value::Uint(_)) => fault("!!int"),
        (_, Value::Float(_)) => fault("!!float"),
        (_, _) => fault("!!str"),
    }
}

/// Enough of a text to recognise it.
fn shortened(text: &str) -> String {
    if text.len() > 10 { text.chars().take(7).chain("...".chars()).collect() } else { text.to_owned() }
}

/// A scalar as a key that is no text, as Go prints it.
pub(super) fn printed(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Float(number) => crate::number::go_float(*number),
        Value::Timestamp(text) => text.clone(),
        _ => return None,
    })
}
