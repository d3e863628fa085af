//! Arguments in the form that a parameter asks for.

use crate::function::Kind;
use crate::record::Failure;
use crate::value::Val;

/// The value as a parameter of this kind takes it. Kinds of literals and lists of expressions leave it as it is.
///
/// # Errors
/// In upstream's words, when it has no such form.
pub fn coerce(kind: Kind, val: Val) -> Result<Val, Failure> {
    let wanted = match (kind, &val) {
        (Kind::Str, Val::Str(_))
        | (Kind::Int, Val::Int(_))
        | (Kind::Float, Val::Float(_))
        | (Kind::Bool, Val::Bool(_))
        | (Kind::Map, Val::Map(_))
        | (Kind::List, Val::List(_) | Val::Typed(..)) => return Ok(val),
        (Kind::Str, _) => "string",
        (Kind::Int, _) => "int64",
        (Kind::Float, _) => "float64",
        (Kind::Bool, _) => "bool",
        (Kind::Map, _) => "pcommon.Map",
        (Kind::List, _) => "pcommon.Slice",
        _ => return Ok(val),
    };
    Err(Failure::new(format!("expected {wanted} but got {}", val.type_name())))
}
