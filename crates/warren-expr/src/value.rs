//! Values while an expression is evaluated, and their types.

use std::borrow::Cow;
use warren_pdata::{Attrs, Value};

/// A value, borrowed from what the expression is about where it can be.
#[derive(Clone, Debug, Default)]
pub enum Val<'a> {
    /// Nothing.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// Text.
    Str(Cow<'a, str>),
    /// A list.
    List(Cow<'a, [Value]>),
    /// A map.
    Map(Cow<'a, Attrs>),
    /// Bytes, which expressions only pass on.
    Bytes(Value),
}

/// What is known of a value's type before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// It may be anything.
    Any,
    /// Nothing.
    Nil,
    /// A boolean.
    Bool,
    /// A number.
    Number,
    /// Text.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
    /// Bytes.
    Bytes,
}

impl Type {
    /// How it is called in messages.
    pub fn what(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Nil => "nothing",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Bytes => "bytes",
        }
    }

    /// Whether a value of this type may be one of the other.
    pub(crate) fn may_be(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

impl<'a> From<&'a Value> for Val<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Empty => Self::Nil,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Double(value) => Self::Float(*value),
            Value::Str(text) => Self::Str(Cow::Borrowed(text)),
            Value::Bytes(_) => Self::Bytes(value.clone()),
            Value::Map(map) => Self::Map(Cow::Borrowed(map)),
            Value::List(list) => Self::List(Cow::Borrowed(list.as_slice())),
        }
    }
}

impl<'a> Val<'a> {
    /// Text that is borrowed.
    pub fn text(text: &'a str) -> Self {
        Self::Str(Cow::Borrowed(text))
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::Nil => Type::Nil,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) | Self::Float(_) => Type::Number,
            Self::Str(_) => Type::Text,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Bytes(_) => Type::Bytes,
        }
    }

    /// The same, held by itself.
    pub(crate) fn owned<'b>(value: Value) -> Val<'b> {
        match value {
            Value::Empty => Val::Nil,
            Value::Bool(value) => Val::Bool(value),
            Value::Int(value) => Val::Int(value),
            Value::Double(value) => Val::Float(value),
            Value::Str(text) => Val::Str(Cow::Owned(text.as_str().to_owned())),
            Value::Map(map) => Val::Map(Cow::Owned(map)),
            Value::List(list) => Val::List(Cow::Owned(list.to_vec())),
            bytes @ Value::Bytes(_) => Val::Bytes(bytes),
        }
    }

    /// As a record holds it.
    pub fn into_value(self) -> Value {
        match self {
            Self::Nil => Value::Empty,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Double(value),
            Self::Str(text) => Value::Str(text.as_ref().into()),
            Self::List(list) => Value::list(list.into_owned()),
            Self::Map(map) => Value::Map(map.into_owned()),
            Self::Bytes(value) => value,
        }
    }

    /// The number, if it is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether both are the same; numbers of either form are compared as numbers.
    pub(crate) fn equals(&self, other: &Val<'_>) -> bool {
        match (self, other) {
            (Self::Nil, Val::Nil) => true,
            (Self::Bool(a), Val::Bool(b)) => a == b,
            (Self::Int(a), Val::Int(b)) => a == b,
            (Self::Int(_) | Self::Float(_), Val::Int(_) | Val::Float(_)) => self.number() == other.number(),
            (Self::Str(a), Val::Str(b)) => a == b,
            (Self::List(a), Val::List(b)) => a == b,
            (Self::Map(a), Val::Map(b)) => a == b,
            (Self::Bytes(a), Val::Bytes(b)) => a == b,
            _ => false,
        }
    }
}
