//! What expressions of operators know: `body`, `attributes`, `resource`, `severity_text`, `severity_number` and `env("NAME")`.

use crate::Entry;
use std::borrow::Cow;
use warren_expr::{Expression, Function, Language, Subject, Type, Val};

const BODY: u16 = 0;
const ATTRIBUTES: u16 = 1;
const RESOURCE: u16 = 2;
const SEVERITY_TEXT: u16 = 3;
const SEVERITY_NUMBER: u16 = 4;

const RECORDS: Language = Language {
    about: "expressions of operators",
    names: &[
        ("body", BODY, Type::Any),
        ("$", BODY, Type::Any),
        ("attributes", ATTRIBUTES, Type::Map),
        ("resource", RESOURCE, Type::Map),
        ("severity_text", SEVERITY_TEXT, Type::Text),
        ("severity_number", SEVERITY_NUMBER, Type::Number),
    ],
    functions: &[
        Function { name: "env", number: 0, params: &[Type::Text], yields: Type::Text },
        Function { name: "os_env_func", number: 0, params: &[Type::Text], yields: Type::Text },
    ],
    refused: &["timestamp"],
    unknown_is_nil: true,
};

/// Compiles a condition.
///
/// # Errors
/// In upstream's words, with the place in the expression.
pub(crate) fn condition(text: &str) -> Result<Expression, String> {
    Expression::condition(text, &RECORDS).map_err(|error| format!("failed to compile expression '{text}': {error}"))
}

/// Compiles an expression of any type.
///
/// # Errors
/// In upstream's words, with the place in the expression.
pub(crate) fn expression(text: &str) -> Result<Expression, String> {
    Expression::new(text, &RECORDS).map_err(|error| format!("failed to compile expression '{text}': {error}"))
}

impl Subject for Entry {
    fn value(&self, number: u16) -> Val<'_> {
        match number {
            BODY => Val::from(&self.record.body),
            ATTRIBUTES => Val::Map(Cow::Borrowed(&self.record.attrs)),
            RESOURCE => Val::Map(Cow::Borrowed(&self.resource)),
            SEVERITY_TEXT => Val::text(&self.record.severity_text),
            _ => Val::Int(self.record.severity_number.into()),
        }
    }

    fn call(&self, _: u16, args: &[Val<'_>]) -> Result<Val<'_>, String> {
        match args {
            [Val::Str(name)] => Ok(Val::Str(Cow::Owned(std::env::var(name.as_ref()).unwrap_or_default()))),
            _ => Err("env takes the name of a variable".to_owned()),
        }
    }
}
