//! The tree of a statement.

use super::Span;

/// A node and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The node.
    pub node: T,
    /// Its place.
    pub span: Span,
}

/// `editor(arguments) where condition`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What is done.
    pub editor: Call,
    /// When; always if absent.
    pub condition: Option<Boolean>,
}

/// A call of an editor or a converter.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function's name.
    pub name: Spanned<String>,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// Indexes into its result.
    pub keys: Vec<Key>,
    /// The whole call.
    pub span: Span,
}

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its name, if it is given by name.
    pub name: Option<Spanned<String>>,
    /// Its value.
    pub value: ArgumentValue,
    /// The whole argument.
    pub span: Span,
}

/// What can stand as an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentValue {
    /// A value.
    Value(Value),
    /// The bare name of a converter. An enum looks the same; which one it is, the parameter decides.
    Function(Spanned<String>),
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Boolean {
    /// Any of these.
    Or(Vec<Boolean>),
    /// All of these.
    And(Vec<Boolean>),
    /// The opposite.
    Not(Box<Boolean>),
    /// A comparison.
    Compare(Box<Comparison>),
    /// `true` or `false`.
    Literal(Spanned<bool>),
    /// A converter whose result is a boolean.
    Call(Call),
}

/// Two values compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The left one.
    pub left: Value,
    /// How.
    pub comparator: Comparator,
    /// The right one.
    pub right: Value,
    /// The whole comparison.
    pub span: Span,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `nil`.
    Nil(Span),
    /// `0x…`, decoded.
    Bytes(Spanned<Vec<u8>>),
    /// `"…"`, unescaped.
    Text(Spanned<String>),
    /// `true` or `false`.
    Boolean(Spanned<bool>),
    /// A whole number.
    Int(Spanned<i64>),
    /// A fraction.
    Float(Spanned<f64>),
    /// A symbol in upper case.
    Enum(Spanned<String>),
    /// A place in the telemetry.
    Path(Path),
    /// A converter's result.
    Call(Call),
    /// `[…]`.
    List(Spanned<Vec<Value>>),
    /// `{…}`.
    Map(Spanned<Vec<MapEntry>>),
    /// `a + b`.
    Arithmetic(Box<Arithmetic>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapEntry {
    /// Its key.
    pub key: Spanned<String>,
    /// Its value.
    pub value: Value,
}

/// Two values combined.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic {
    /// The left one.
    pub left: Value,
    /// `+`, `-`, `*` or `/`.
    pub operator: char,
    /// The right one.
    pub right: Value,
    /// The whole expression.
    pub span: Span,
}

/// A place in the telemetry: `context.field[key].field`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Its segments. Whether the first names a context is for the resolver to say.
    pub fields: Vec<Field>,
    /// The whole path.
    pub span: Span,
}

/// One segment of a path with its indexes.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Spanned<String>,
    /// Its indexes.
    pub keys: Vec<Key>,
}

/// An index.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// `["text"]`
    Text(Spanned<String>),
    /// `[1]`
    Int(Spanned<i64>),
    /// `[expression]`
    Expression(Box<Value>),
}

impl Value {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Nil(span) => *span,
            Self::Bytes(node) => node.span,
            Self::Text(node) | Self::Enum(node) => node.span,
            Self::Boolean(node) => node.span,
            Self::Int(node) => node.span,
            Self::Float(node) => node.span,
            Self::Path(path) => path.span,
            Self::Call(call) => call.span,
            Self::List(node) => node.span,
            Self::Map(node) => node.span,
            Self::Arithmetic(node) => node.span,
        }
    }
}

impl Boolean {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Or(parts) | Self::And(parts) => match (parts.first(), parts.last()) {
                (Some(first), Some(last)) => first.span().to(last.span()),
                _ => Span::default(),
            },
            Self::Not(inner) => inner.span(),
            Self::Compare(comparison) => comparison.span,
            Self::Literal(node) => node.span,
            Self::Call(call) => call.span,
        }
    }
}
