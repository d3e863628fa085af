//! Arguments in the form that a parameter asks for: upstream's getters (`pkg/ottl/expression.go` at v0.132.0).
//!
//! Strict kinds take one kind of value and name what they got instead. The like-kinds convert what they can; nothing stays nothing.

use crate::function::Kind;
use crate::record::Failure;
use crate::value::{ItemType, Val};
use std::fmt::Write;
use warren_gotext::{goccy_json, parse_float, parse_int};
use warren_gotime::rfc3339_nano;
use warren_pdata::{Text, Value};

/// The value as a parameter of this kind takes it. Kinds of literals and lists of expressions leave it as it is.
///
/// # Errors
/// In upstream's words, when it has no such form.
pub fn coerce(kind: Kind, val: Val) -> Result<Val, Failure> {
    match (kind, val) {
        (Kind::Str, val @ Val::Str(_))
        | (Kind::Int, val @ Val::Int(_))
        | (Kind::Float, val @ Val::Float(_))
        | (Kind::Bool, val @ Val::Bool(_))
        | (Kind::Map, val @ Val::Map(_))
        | (Kind::List, val @ Val::List(_))
        | (Kind::Time, val @ Val::Time(_))
        | (Kind::Duration, val @ Val::Duration(_)) => Ok(val),
        (Kind::List, Val::Typed(_, items)) => Ok(Val::List(items)),
        (Kind::Str, val) => Err(expected("string", &val)),
        (Kind::Int, val) => Err(expected("int64", &val)),
        (Kind::Float, val) => Err(expected("float64", &val)),
        (Kind::Bool, val) => Err(expected("bool", &val)),
        (Kind::Map, val) => Err(expected("pcommon.Map", &val)),
        (Kind::List, val) => Err(expected("pcommon.Slice", &val)),
        (Kind::Time, val) => Err(expected("time", &val)),
        (Kind::Duration, val) => Err(expected("duration", &val)),
        (Kind::StrLike | Kind::IntLike | Kind::FloatLike | Kind::BoolLike, Val::Nil) => Ok(Val::Nil),
        (Kind::StrLike, val) => text(val).map(Val::Str),
        (Kind::IntLike, val) => whole(val),
        (Kind::FloatLike, val) => fraction(&val).map(Val::Float),
        (Kind::BoolLike, val) => truth(&val).map(Val::Bool),
        (Kind::BytesLike, val) => bytes(val),
        (
            Kind::Any
            | Kind::LitStr
            | Kind::LitInt
            | Kind::LitFloat
            | Kind::LitBool
            | Kind::LitBytes
            | Kind::LitStrs
            | Kind::LitFloats
            | Kind::Items
            | Kind::StrLikeItems
            | Kind::Target
            | Kind::TargetMap
            | Kind::Function,
            val,
        ) => Ok(val),
    }
}

#[cold]
fn expected(wanted: &str, got: &Val) -> Failure {
    Failure::new(format!("expected {wanted} but got {}", got.type_name()))
}

#[cold]
fn unsupported(val: &Val) -> Failure {
    Failure::new(format!("unsupported type: {}", val.type_name()))
}

/// Text as it is, bytes in hexadecimal digits, everything else as JSON.
fn text(val: Val) -> Result<Text, Failure> {
    let mut out = String::new();
    let json = match &val {
        Val::Str(text) => return Ok(text.clone()),
        Val::Bytes(bytes) => {
            hexadecimal(&mut out, bytes);
            Ok(())
        }
        Val::Map(map) => goccy_json(&mut out, &Value::Map(map.clone())).map_err(|error| Failure::new(error.to_string())),
        Val::List(items) => goccy_json(&mut out, &Value::List(items.clone())).map_err(|error| Failure::new(error.to_string())),
        Val::Time(time) => {
            out.push('"');
            rfc3339_nano(&mut out, time);
            out.push('"');
            Ok(())
        }
        Val::Duration(nanos) => write!(out, "{nanos}").map_err(|_| unsupported(&val)),
        Val::TraceId(id) => numbers(&mut out, id.0.iter()),
        Val::SpanId(id) => numbers(&mut out, id.0.iter()),
        Val::Typed(ItemType::Uint, items) => numbers(&mut out, items.iter().map(unsigned)),
        // A structure without public fields.
        Val::Opaque(_) => {
            out.push_str("{}");
            Ok(())
        }
        Val::Nil | Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Typed(..) => {
            goccy_json(&mut out, &val.clone().stored()).map_err(|_| unsupported(&val))
        }
    };
    json.map(|()| out.into())
}

/// The bits of an unsigned number, which is held as the integer of the same bits.
fn unsigned(item: &Value) -> u64 {
    match item {
        Value::Int(value) => *value as u64,
        _ => 0,
    }
}

fn numbers<T: std::fmt::Display>(out: &mut String, items: impl Iterator<Item = T>) -> Result<(), Failure> {
    out.push('[');
    for (index, item) in items.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}{item}");
    }
    out.push(']');
    Ok(())
}

/// Appends bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(out: &mut String, bytes: &[u8]) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push((if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }) as char);
        }
    }
}

fn whole(val: Val) -> Result<Val, Failure> {
    Ok(match val {
        Val::Int(_) => val,
        Val::Float(value) => Val::Int(truncated(value)),
        Val::Bool(value) => Val::Int(i64::from(value)),
        // What cannot be read is nothing, without an error.
        Val::Str(text) => parse_int(&text, 10).map_or(Val::Nil, Val::Int),
        other => return Err(unsupported(&other)),
    })
}

/// A fraction cut to a whole number; what does not fit, and `NaN`, is the least number, as it is on amd64.
pub(crate) fn truncated(value: f64) -> i64 {
    // 2^63, the first that does not fit.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

fn fraction(val: &Val) -> Result<f64, Failure> {
    match val {
        Val::Float(value) => Ok(*value),
        Val::Int(value) => Ok(*value as f64),
        Val::Bool(value) => Ok(f64::from(u8::from(*value))),
        Val::Str(text) => parse_float(text).map_err(|error| Failure::new(error.to_string())),
        other => Err(unsupported(other)),
    }
}

fn truth(val: &Val) -> Result<bool, Failure> {
    match val {
        Val::Bool(value) => Ok(*value),
        Val::Int(value) => Ok(*value != 0),
        Val::Float(value) => Ok(*value != 0.0),
        Val::Str(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            other => {
                let mut message = String::from("strconv.ParseBool: parsing ");
                warren_gotext::quote(&mut message, other);
                Err(Failure::new(message + ": invalid syntax"))
            }
        },
        other => Err(unsupported(other)),
    }
}

fn bytes(val: Val) -> Result<Val, Failure> {
    let bytes = match val {
        Val::Bytes(_) => return Ok(val),
        Val::Nil => Vec::new(),
        Val::Str(text) => text.as_bytes().to_vec(),
        Val::Int(value) => value.to_be_bytes().to_vec(),
        Val::Float(value) => value.to_bits().to_be_bytes().to_vec(),
        Val::Bool(value) => vec![u8::from(value)],
        other => return Err(unsupported(&other)),
    };
    Ok(Val::Bytes(triomphe::Arc::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Time;
    use warren_pdata::{Attrs, SpanId, TraceId};

    fn show(kind: Kind, val: Val) -> Result<String, String> {
        coerce(kind, val).map(|val| format!("{val:?}")).map_err(|failure| failure.to_string())
    }

    fn list(items: impl Into<Vec<Value>>) -> warren_pdata::List {
        triomphe::Arc::new(items.into())
    }

    #[test]
    fn strict_kinds_take_their_own_and_name_what_they_got() {
        for (kind, val, expected) in [
            (Kind::Str, Val::Nil, "expected string but got nil"),
            (Kind::Str, Val::Int(1), "expected string but got int64"),
            (Kind::Int, Val::Float(1.0), "expected int64 but got float64"),
            (Kind::Float, Val::Bool(true), "expected float64 but got bool"),
            (Kind::Bool, Val::from("true"), "expected bool but got string"),
            (Kind::Map, Val::List(list([])), "expected pcommon.Map but got pcommon.Slice"),
            (Kind::List, Val::Map(Attrs::EMPTY), "expected pcommon.Slice but got pcommon.Map"),
            (Kind::Time, Val::Duration(1), "expected time but got time.Duration"),
            (Kind::Duration, Val::Time(Time::utc(0)), "expected duration but got time.Time"),
        ] {
            assert_eq!(show(kind, val), Err(expected.to_owned()));
        }
        assert!(
            matches!(coerce(Kind::List, Val::Typed(ItemType::Str, list([Value::from("a")]))), Ok(Val::List(items)) if items.len() == 1)
        );
    }

    /// Results of upstream's `StandardStringLikeGetter`.
    #[test]
    fn everything_has_a_text_form() {
        let map = Attrs::from([("b", Value::from("<&>\u{2028}\u{8}")), ("a", Value::list([Value::Double(1e-7), Value::Empty]))]);
        for (val, expected) in [
            (Val::from("as <is>"), "as <is>"),
            (Val::Bytes(triomphe::Arc::new(vec![1, 0xab])), "01ab"),
            (Val::Map(map), "{\"a\":[1e-07,null],\"b\":\"\\u003c\\u0026\\u003e\\u2028\\u0008\"}"),
            (Val::List(list([Value::Int(1), Value::from("2")])), "[1,\"2\"]"),
            (Val::Typed(ItemType::Str, list([Value::from("a")])), "[\"a\"]"),
            (Val::Typed(ItemType::Uint, list([Value::Int(-1)])), "[18446744073709551615]"),
            (Val::Bool(true), "true"),
            (Val::Int(-5), "-5"),
            (Val::Float(1e-7), "1e-07"),
            (Val::Float(3.0), "3"),
            (Val::Float(1e21), "1e+21"),
            (Val::Time(Time::utc(1_500_000_000)), "\"1970-01-01T00:00:01.5Z\""),
            (Val::Duration(1_000_000_000), "1000000000"),
            (Val::SpanId(SpanId([0, 0, 0, 0, 0, 0, 0, 255])), "[0,0,0,0,0,0,0,255]"),
        ] {
            match coerce(Kind::StrLike, val) {
                Ok(Val::Str(text)) => assert_eq!(text, expected),
                other => panic!("{other:?}"),
            }
        }
        assert!(coerce(Kind::StrLike, Val::Nil).unwrap().is_nil());
        assert_eq!(show(Kind::StrLike, Val::Float(f64::NAN)), Err("unsupported type: float64".into()));
        assert_eq!(
            show(Kind::StrLike, Val::List(list([Value::Double(f64::INFINITY)]))),
            Err("json: unsupported value: +Inf".into())
        );
    }

    #[test]
    fn whole_numbers_come_from_numbers_booleans_and_text() {
        for (val, expected) in [
            (Val::Int(7), "Int(7)"),
            (Val::Float(-3.9), "Int(-3)"),
            (Val::Float(f64::NAN), "Int(-9223372036854775808)"),
            (Val::Float(1e30), "Int(-9223372036854775808)"),
            (Val::Bool(true), "Int(1)"),
            (Val::from("-12"), "Int(-12)"),
            (Val::from("3.9"), "Nil"),
            (Val::from("99999999999999999999"), "Nil"),
            (Val::Nil, "Nil"),
        ] {
            assert_eq!(show(Kind::IntLike, val).as_deref(), Ok(expected));
        }
        assert_eq!(show(Kind::IntLike, Val::Time(Time::utc(0))), Err("unsupported type: time.Time".into()));
        assert_eq!(show(Kind::IntLike, Val::Bytes(triomphe::Arc::new(vec![1]))), Err("unsupported type: []uint8".into()));
    }

    #[test]
    fn fractions_and_booleans_say_why_a_text_is_none() {
        assert_eq!(show(Kind::FloatLike, Val::from("1_000")).as_deref(), Ok("Float(1000.0)"));
        assert_eq!(show(Kind::FloatLike, Val::Bool(false)).as_deref(), Ok("Float(0.0)"));
        assert_eq!(show(Kind::FloatLike, Val::from("x")), Err("strconv.ParseFloat: parsing \"x\": invalid syntax".into()));
        assert_eq!(show(Kind::BoolLike, Val::from("T")).as_deref(), Ok("Bool(true)"));
        assert_eq!(show(Kind::BoolLike, Val::Float(0.5)).as_deref(), Ok("Bool(true)"));
        assert_eq!(show(Kind::BoolLike, Val::from("yes")), Err("strconv.ParseBool: parsing \"yes\": invalid syntax".into()));
    }

    #[test]
    fn bytes_come_from_text_and_numbers() {
        for (val, expected) in [
            (Val::Nil, vec![]),
            (Val::from("ab"), vec![b'a', b'b']),
            (Val::Int(1), vec![0, 0, 0, 0, 0, 0, 0, 1]),
            (Val::Float(1.0), vec![0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
            (Val::Bool(true), vec![1]),
        ] {
            assert!(matches!(coerce(Kind::BytesLike, val), Ok(Val::Bytes(bytes)) if *bytes == expected));
        }
        assert_eq!(show(Kind::BytesLike, Val::TraceId(TraceId([1; 16]))), Err("unsupported type: pcommon.TraceID".into()));
    }
}
