//! Functions of the language itself.

use crate::eval::{TEXT_BYTES_MAX, member, ordered, shown, texts};
use crate::node::Order;
use crate::{Type, Val};
use std::borrow::Cow;
use warren_pdata::Value;

/// A function.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// Types of the parameters.
    pub(crate) params: &'static [Type],
    /// How many of them must be given.
    pub(crate) least: usize,
    pub(crate) yields: Type,
    pub(crate) run: for<'a> fn(Vec<Val<'a>>) -> Result<Val<'a>, String>,
}

const TEXT: &[Type] = &[Type::Text];
const TEXTS: &[Type] = &[Type::Text, Type::Text];
const ANY: &[Type] = &[Type::Any];
const NUMBER: &[Type] = &[Type::Number];

macro_rules! builtin {
    ($name:literal, $params:expr, $least:expr, $yields:ident, $run:expr) => {
        Builtin { name: $name, params: $params, least: $least, yields: Type::$yields, run: $run }
    };
}

/// All of them.
pub(crate) const BUILTINS: &[Builtin] = &[
    builtin!("len", ANY, 1, Number, |args| len(&args)),
    builtin!("lower", TEXT, 1, Text, |args| Ok(owned(text(&args, 0)?.to_lowercase()))),
    builtin!("upper", TEXT, 1, Text, |args| Ok(owned(text(&args, 0)?.to_uppercase()))),
    builtin!("trim", TEXTS, 1, Text, |args| trim(&args)),
    builtin!("trimPrefix", TEXTS, 1, Text, |args| {
        let (whole, part) = (text(&args, 0)?, text_or(&args, 1, " ")?);
        Ok(owned(whole.strip_prefix(part).unwrap_or(whole).to_owned()))
    }),
    builtin!("trimSuffix", TEXTS, 1, Text, |args| {
        let (whole, part) = (text(&args, 0)?, text_or(&args, 1, " ")?);
        Ok(owned(whole.strip_suffix(part).unwrap_or(whole).to_owned()))
    }),
    builtin!("split", TEXTS, 2, List, |args| split(&args)),
    builtin!("join", &[Type::List, Type::Text], 1, Text, |args| join(&args)),
    builtin!("replace", &[Type::Text, Type::Text, Type::Text], 3, Text, |args| replace(&args)),
    builtin!("hasPrefix", TEXTS, 2, Bool, |args| Ok(Val::Bool(text(&args, 0)?.starts_with(text(&args, 1)?)))),
    builtin!("hasSuffix", TEXTS, 2, Bool, |args| Ok(Val::Bool(text(&args, 0)?.ends_with(text(&args, 1)?)))),
    builtin!("indexOf", TEXTS, 2, Number, |args| Ok(place(text(&args, 0)?.find(text(&args, 1)?)))),
    builtin!("lastIndexOf", TEXTS, 2, Number, |args| Ok(place(text(&args, 0)?.rfind(text(&args, 1)?)))),
    builtin!("int", ANY, 1, Number, |args| int(&args)),
    builtin!("float", ANY, 1, Number, |args| float(&args)),
    builtin!("string", ANY, 1, Text, |args| {
        let value = arg(&args, 0);
        shown(value).map(owned).ok_or_else(|| format!("string is not supported on {}", value.kind().what()))
    }),
    builtin!("type", ANY, 1, Text, |args| Ok(Val::Str(Cow::Borrowed(type_name(arg(&args, 0)))))),
    builtin!("abs", NUMBER, 1, Number, |args| match arg(&args, 0) {
        Val::Int(value) => Ok(Val::Int(value.wrapping_abs())),
        _ => Ok(Val::Float(number(&args)?.abs())),
    }),
    builtin!("ceil", NUMBER, 1, Number, |args| Ok(Val::Float(number(&args)?.ceil()))),
    builtin!("floor", NUMBER, 1, Number, |args| Ok(Val::Float(number(&args)?.floor()))),
    builtin!("round", NUMBER, 1, Number, |args| Ok(Val::Float(number(&args)?.round()))),
    builtin!("max", &[Type::Any, Type::Any], 1, Any, |args| extreme(args, Order::Greater)),
    builtin!("min", &[Type::Any, Type::Any], 1, Any, |args| extreme(args, Order::Less)),
    builtin!("first", ANY, 1, Any, |args| Ok(end(args, false))),
    builtin!("last", ANY, 1, Any, |args| Ok(end(args, true))),
    builtin!("get", &[Type::Any, Type::Any], 2, Any, |mut args| {
        let key = args.pop().unwrap_or_default();
        Ok(args.pop().and_then(|of| member(of, &key).ok()).unwrap_or_default())
    }),
    builtin!("keys", &[Type::Map], 1, List, |args| match arg(&args, 0) {
        Val::Map(map) => Ok(texts(map.iter().map(|entry| entry.key.as_str()))),
        other => Err(format!("cannot get keys from {}", other.kind().what())),
    }),
    builtin!("values", &[Type::Map], 1, List, |args| match arg(&args, 0) {
        Val::Map(map) => Ok(Val::List(Cow::Owned(map.iter().map(|entry| entry.value.clone()).collect()))),
        other => Err(format!("cannot get values from {}", other.kind().what())),
    }),
];

fn arg<'v, 'a>(args: &'v [Val<'a>], index: usize) -> &'v Val<'a> {
    args.get(index).unwrap_or(&Val::Nil)
}

fn text<'v>(args: &'v [Val<'_>], index: usize) -> Result<&'v str, String> {
    match arg(args, index) {
        Val::Str(text) => Ok(text),
        other => Err(format!("{} where text is expected", other.kind().what())),
    }
}

fn text_or<'v>(args: &'v [Val<'_>], index: usize, default: &'v str) -> Result<&'v str, String> {
    if args.len() > index { text(args, index) } else { Ok(default) }
}

fn number(args: &[Val<'_>]) -> Result<f64, String> {
    let value = arg(args, 0);
    value.number().ok_or_else(|| format!("{} where a number is expected", value.kind().what()))
}

fn owned<'a>(text: String) -> Val<'a> {
    Val::Str(Cow::Owned(text))
}

fn place<'a>(found: Option<usize>) -> Val<'a> {
    Val::Int(found.map_or(-1, |at| at as i64))
}

fn len<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    Ok(Val::Int(match arg(args, 0) {
        Val::Str(text) => text.chars().count() as i64,
        Val::List(list) => list.len() as i64,
        Val::Map(map) => map.len() as i64,
        other => return Err(format!("invalid argument for len ({})", other.kind().what())),
    }))
}

fn trim<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    let whole = text(args, 0)?;
    let trimmed = match args.len() {
        1 => whole.trim(),
        _ => {
            let set = text(args, 1)?;
            whole.trim_matches(|c| set.contains(c))
        }
    };
    Ok(owned(trimmed.to_owned()))
}

fn split<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    let (whole, separator) = (text(args, 0)?, text(args, 1)?);
    if separator.is_empty() {
        let mut buffer = [0; 4];
        let all: Vec<Value> = whole.chars().map(|c| Value::from(&*c.encode_utf8(&mut buffer))).collect();
        return Ok(Val::List(Cow::Owned(all)));
    }
    Ok(texts(whole.split(separator)))
}

fn join<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    let separator = text_or(args, 1, "")?;
    let Val::List(list) = arg(args, 0) else { return Err("join takes a list".to_owned()) };
    let mut out = String::new();
    for (index, value) in list.iter().enumerate() {
        let part = value.as_str().ok_or("join takes a list of texts")?;
        if out.len() + separator.len() + part.len() > TEXT_BYTES_MAX {
            return Err(format!("a text would have more than {TEXT_BYTES_MAX} bytes"));
        }
        out.push_str(if index > 0 { separator } else { "" });
        out.push_str(part);
    }
    Ok(owned(out))
}

fn replace<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    let (whole, from, to) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let most = (whole.len() / from.len().max(1) + 1).saturating_mul(to.len()).saturating_add(whole.len());
    if most > TEXT_BYTES_MAX && most > whole.len() * 2 {
        return Err(format!("a text would have more than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(owned(whole.replace(from, to)))
}

fn int<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    match arg(args, 0) {
        Val::Int(value) => Ok(Val::Int(*value)),
        Val::Float(value) => Ok(Val::Int(*value as i64)),
        Val::Str(text) => text.parse().map(Val::Int).map_err(|_| format!("invalid operation: int({text:?})")),
        other => Err(format!("invalid operation: int of {}", other.kind().what())),
    }
}

fn float<'a>(args: &[Val<'_>]) -> Result<Val<'a>, String> {
    match arg(args, 0) {
        Val::Str(text) => text.parse().map(Val::Float).map_err(|_| format!("invalid operation: float({text:?})")),
        _ => number(args).map(Val::Float),
    }
}

fn type_name(value: &Val<'_>) -> &'static str {
    match value {
        Val::Nil => "nil",
        Val::Bool(_) => "bool",
        Val::Int(_) => "int",
        Val::Float(_) => "float",
        Val::Str(_) => "string",
        Val::List(_) | Val::Bytes(_) => "array",
        Val::Map(_) => "map",
    }
}

/// The greatest or least of two numbers, or of a list of them.
fn extreme<'a>(args: Vec<Val<'a>>, wanted: Order) -> Result<Val<'a>, String> {
    let mut all: Vec<Val<'a>> = Vec::new();
    for value in args {
        match value {
            Val::List(list) => all.extend(list.iter().map(|value| Val::owned(value.clone()))),
            other => all.push(other),
        }
    }
    let mut best: Option<Val<'a>> = None;
    for value in all {
        if value.number().is_none() {
            return Err(format!("{} where a number is expected", value.kind().what()));
        }
        let better = match &best {
            Some(best) => ordered(wanted, &value, best)?,
            None => true,
        };
        if better {
            best = Some(value);
        }
    }
    best.ok_or_else(|| "not enough arguments to call max or min".to_owned())
}

/// The first or last of a list; nothing if there is none.
fn end<'a>(mut args: Vec<Val<'a>>, last: bool) -> Val<'a> {
    args.pop().and_then(|list| member(list, &Val::Int(if last { -1 } else { 0 })).ok()).unwrap_or_default()
}
