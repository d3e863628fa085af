//! Literal arguments: known when a statement is compiled.

use super::{Args, Call, Kind};
use crate::getter::coerce;
use crate::record::Failure;
use crate::value::Val;
use std::sync::Arc;
use warren_pdata::Text;

/// A literal argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text.
    Str(Text),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Texts.
    Strs(Vec<Text>),
    /// Fractions.
    Floats(Vec<f64>),
    /// A converter to be called with one text.
    Function(Function),
    /// No literal: an expression that is evaluated for each record.
    Expression {
        /// Whether it is a list that is written out.
        list: bool,
    },
}

/// The literal arguments of a call, by parameter; `None` where an argument is left out.
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

    /// A converter given by name.
    pub fn function(&self, param: usize) -> Option<&'a Function> {
        match self.get(param)? {
            Literal::Function(function) => Some(function),
            _ => None,
        }
    }

    /// A fraction literal.
    pub fn float(&self, param: usize) -> Option<f64> {
        match self.get(param)? {
            Literal::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A list of fraction literals.
    pub fn floats(&self, param: usize) -> Option<&'a [f64]> {
        match self.get(param)? {
            Literal::Floats(values) => Some(values),
            _ => None,
        }
    }

    /// A list of text literals.
    pub fn texts(&self, param: usize) -> Option<&'a [Text]> {
        match self.get(param)? {
            Literal::Strs(texts) => Some(texts),
            _ => None,
        }
    }
}

/// A converter whose name is an argument: called with one text at a time.
#[derive(Clone)]
pub struct Function {
    name: &'static str,
    kinds: Arc<[Kind]>,
    call: Arc<Call>,
}

impl Function {
    /// A bound converter; `kinds` are those of its parameters.
    pub(crate) fn new(name: &'static str, kinds: Arc<[Kind]>, call: Call) -> Self {
        Self { name, kinds, call: Arc::new(call) }
    }

    /// One that fails whenever it is called.
    pub(crate) fn failing(name: &'static str, why: String) -> Self {
        Self::new(name, Arc::new([]), Call::new(move |_| Err(Failure::new(why.as_str()))))
    }

    /// Its result for a text.
    ///
    /// # Errors
    /// What the converter fails with.
    pub fn call(&self, text: Val) -> Result<Val, Failure> {
        let mut values = vec![Val::Nil; self.kinds.len()];
        if let (Some(first), Some(kind)) = (values.first_mut(), self.kinds.first()) {
            *first = coerce(*kind, text)?;
        }
        self.call.call(Args { values: &values, items: &[] })
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
