//! Expressions: the language of `match_type: expr` and of the operators of log receivers.
//!
//! The part of expr-lang (v1.17) that configurations use: text, numbers, `true`, `false`, `nil` and lists; members (`a.b`, `a["b"]`, `a[0]`,
//! `a?.b`); `not`, `and`, `or` (also `!`, `&&`, `||`), comparisons, `in`, `matches`, `contains`, `startsWith`, `endsWith` (each also after
//! `not`), arithmetic, `??`, `c ? a : b`, parentheses, comments, and functions on texts, lists and numbers. The rest is refused by name.
//! Precedence is that of expr-lang, where `not` binds tighter than comparisons.
//!
//! ```text
//! text ─ lexer ─▶ tokens ─ parser, with a Language ─▶ Expression ─ with a Subject ─▶ value
//! ```
//!
//! A [`Language`] says which names and functions there are besides, and of which types; what cannot fit together whatever the data is refused
//! when it is compiled. A [`Subject`] gives their values. Evaluation borrows from the subject and is bounded by the expression's own size.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod builtins;
mod eval;
mod fault;
mod lexer;
mod node;
mod parser;
mod value;

pub use fault::ExprError;
pub use value::{Type, Val};

use fault::Fault;
use node::Node;
use warren_pdata::Value;

/// Longest expression that is accepted, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 64 << 10;

/// Most tokens of an expression.
const TOKENS_MAX: usize = 10_000;

/// What expressions of one kind know besides the language itself.
#[derive(Debug)]
pub struct Language {
    /// What the expressions are about, for messages: `expressions on metrics`.
    pub about: &'static str,
    /// Names, the numbers by which a [`Subject`] knows them, and their types.
    pub names: &'static [(&'static str, u16, Type)],
    /// Functions.
    pub functions: &'static [Function],
    /// Names that upstream has and this program does not.
    pub refused: &'static [&'static str],
    /// Whether a name that is not known stands for nothing, instead of being refused.
    pub unknown_is_nil: bool,
}

/// A function of a [`Language`].
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The number by which a [`Subject`] knows it.
    pub number: u16,
    /// Types of its parameters.
    pub params: &'static [Type],
    /// Type of what it yields.
    pub yields: Type,
}

/// What an expression is about: gives the values of names and functions.
pub trait Subject {
    /// The value of a name.
    fn value(&self, number: u16) -> Val<'_>;

    /// What a function yields; the arguments are as many as it has parameters.
    ///
    /// # Errors
    /// Why it yields nothing.
    fn call(&self, number: u16, args: &[Val<'_>]) -> Result<Val<'_>, String>;
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    root: Node,
    calls: bool,
}

impl Expression {
    /// Compiles an expression of any type.
    ///
    /// # Errors
    /// What is no expression, cannot fit together, or is not supported.
    pub fn new(text: &str, language: &Language) -> Result<Self, ExprError> {
        Self::compile(text, language, Type::Any)
    }

    /// Compiles an expression that holds or does not.
    ///
    /// # Errors
    /// As [`Expression::new`], and what can be no boolean.
    pub fn condition(text: &str, language: &Language) -> Result<Self, ExprError> {
        Self::compile(text, language, Type::Bool)
    }

    fn compile(text: &str, language: &Language, wanted: Type) -> Result<Self, ExprError> {
        let fault = |fault: Fault| ExprError::new(text, fault);
        let tokens = lexer::tokens(text).map_err(fault)?;
        if tokens.len() > TOKENS_MAX {
            return Err(fault(Fault::new(0, "expression exceeds maximum allowed nodes")));
        }
        let (root, calls) = parser::compile(&tokens, text.len(), language, wanted).map_err(fault)?;
        Ok(Self { root, calls })
    }

    /// Whether it calls a function of its language.
    pub fn calls(&self) -> bool {
        self.calls
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// When values do not fit what is done with them, or the result is no boolean.
    pub fn holds(&self, subject: &dyn Subject) -> Result<bool, String> {
        match self.root.value(subject).map_err(eval::Stop::message)? {
            Val::Bool(value) => Ok(value),
            other => Err(format!("the expression yields {}, not a boolean", other.kind().what())),
        }
    }

    /// Its value.
    ///
    /// # Errors
    /// When values do not fit what is done with them.
    pub fn value(&self, subject: &dyn Subject) -> Result<Value, String> {
        Ok(self.root.value(subject).map_err(eval::Stop::message)?.into_value())
    }
}

#[cfg(test)]
mod tests;
