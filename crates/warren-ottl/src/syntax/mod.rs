//! From text to tree: tokens and grammar of OTTL v0.132.0.
//!
//! `Lexer` cuts the text into tokens, the first rule that fits winning; `Parser` builds the tree by recursive descent. Every node keeps its
//! place ([`Span`]), so that whatever is found wrong later can point at it. Depth and length are bounded.

mod ast;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;
mod visit;

pub use ast::{
    Argument, ArgumentValue, Arithmetic, Boolean, Call, Comparator, Comparison, Field, Key, MapEntry, Path, Spanned, Statement,
    Value,
};
pub use parser::{parse_condition, parse_statement, parse_value};
pub use visit::Visitor;

/// Bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// The span from the start of this one to the end of another.
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.start) }
    }
}

/// Why a text is no statement, condition or value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where.
    pub span: Span,
    /// What is wrong, in upstream's words where it has some.
    pub message: String,
    /// What would be right, if that can be said.
    pub expected: Option<String>,
}
