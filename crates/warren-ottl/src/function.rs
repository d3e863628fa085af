//! What a converter is: its signature, and how it becomes something that can be called.
//!
//! A converter is one constant ([`Converter`]). When a statement is compiled, its arguments are bound to the parameters: literals are handed to
//! [`Converter::bind`], which checks them and prepares what it can (patterns, layouts), once. At run time the engine evaluates the other arguments,
//! brings each into the form that the parameter's [`Kind`] asks for (upstream's getters), and calls the result.

use crate::record::Failure;
use crate::value::Val;

/// A function that computes a value from others and changes nothing.
#[derive(Clone, Copy)]
pub struct Converter {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, in the order of positional arguments.
    pub params: &'static [Param],
    /// What it yields.
    pub yields: Yields,
    /// Checks the literals and prepares the call.
    ///
    /// # Errors
    /// In upstream's words, when a literal does not do.
    pub bind: fn(&Literals<'_>) -> Result<Call, String>,
}

/// A converter whose literals are bound.
pub type Call = Box<dyn Fn(Args<'_>) -> Result<Val, Failure> + Send + Sync>;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The name for named arguments, in snake case.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it can be left out.
    pub optional: bool,
}

/// A parameter that must be given.
pub const fn param(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: false }
}

/// A parameter that can be left out.
pub const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: true }
}

/// What a parameter takes, and in which form the call gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any value, as it is.
    Any,
    /// Text and nothing else.
    Str,
    /// A whole number and nothing else.
    Int,
    /// A fraction and nothing else.
    Float,
    /// A boolean and nothing else.
    Bool,
    /// A map and nothing else.
    Map,
    /// A list, typed or not.
    List,
    /// A time and nothing else.
    Time,
    /// A duration and nothing else.
    Duration,
    /// Whatever has a text form; nothing stays nothing.
    StrLike,
    /// Whatever can be read as a whole number; nothing where it cannot.
    IntLike,
    /// Whatever can be read as a fraction.
    FloatLike,
    /// Whatever can be read as a boolean.
    BoolLike,
    /// Whatever has a form in bytes.
    BytesLike,
    /// A text literal.
    LitStr,
    /// A whole number literal.
    LitInt,
    /// A fraction literal; `10` is none, `10.0` is.
    LitFloat,
    /// `true` or `false`.
    LitBool,
    /// A bytes literal.
    LitBytes,
    /// A list literal of text literals.
    LitStrs,
    /// A list literal of fraction literals.
    LitFloats,
    /// A list literal of expressions. A function has at most one such parameter; its items are [`Args::items`].
    Items,
    /// As [`Kind::Items`], each item as [`Kind::StrLike`].
    StrLikeItems,
}

/// What a converter yields, as far as it is known before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// Anything.
    Any,
    /// Text.
    Str,
    /// A whole number.
    Int,
    /// A fraction.
    Float,
    /// A boolean.
    Bool,
    /// Bytes.
    Bytes,
    /// A map.
    Map,
    /// A list.
    List,
    /// A time.
    Time,
    /// A duration.
    Duration,
    /// The identity of a trace.
    TraceId,
    /// The identity of a span.
    SpanId,
}

/// A literal argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text.
    Str(warren_pdata::Text),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Texts.
    Strs(Vec<warren_pdata::Text>),
    /// Fractions.
    Floats(Vec<f64>),
}

/// The literal arguments of a call, by parameter; `None` where an argument is left out or is no literal.
#[derive(Clone, Copy)]
pub struct Literals<'a>(pub &'a [Option<Literal>]);

impl<'a> Literals<'a> {
    /// The literal of a parameter.
    pub fn get(&self, param: usize) -> Option<&'a Literal> {
        self.0.get(param)?.as_ref()
    }

    /// A text literal.
    pub fn text(&self, param: usize) -> Option<&'a str> {
        match self.get(param)? {
            Literal::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number literal.
    pub fn int(&self, param: usize) -> Option<i64> {
        match self.get(param)? {
            Literal::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A boolean literal.
    pub fn bool(&self, param: usize) -> Option<bool> {
        match self.get(param)? {
            Literal::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A bytes literal.
    pub fn bytes(&self, param: usize) -> Option<&'a [u8]> {
        match self.get(param)? {
            Literal::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A list of text literals.
    pub fn texts(&self, param: usize) -> Option<&'a [warren_pdata::Text]> {
        match self.get(param)? {
            Literal::Strs(texts) => Some(texts),
            _ => None,
        }
    }
}

/// The evaluated arguments of a call.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// One value for each parameter, in the form its kind asks for; `Nil` for literals' places, lists of expressions and what is left out.
    pub values: &'a [Val],
    /// The items of the list of expressions, if the function has one.
    pub items: &'a [Val],
}

impl<'a> Args<'a> {
    /// The value of a parameter; nothing if it is left out.
    pub fn get(&self, param: usize) -> &'a Val {
        const NIL: &Val = &Val::Nil;
        self.values.get(param).unwrap_or(NIL)
    }

    /// The text of a parameter of kind [`Kind::Str`]; empty if it is left out.
    pub fn text(&self, param: usize) -> &'a str {
        match self.get(param) {
            Val::Str(text) => text,
            _ => "",
        }
    }

    /// The whole number of a parameter of kind [`Kind::Int`].
    pub fn int(&self, param: usize) -> Option<i64> {
        match self.get(param) {
            Val::Int(value) => Some(*value),
            _ => None,
        }
    }
}
