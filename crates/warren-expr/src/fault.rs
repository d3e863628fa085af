//! What is wrong with an expression, and where.

/// Why an expression cannot be used: what is wrong, where, and the line with a mark under the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({line}:{column})\n | {shown}\n | {mark}^")]
pub struct ExprError {
    message: String,
    /// Line in the expression, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    shown: String,
    mark: String,
}

/// A fault at a byte of the text.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

impl ExprError {
    pub(crate) fn new(text: &str, fault: Fault) -> Self {
        const SHOWN_CHARS_MAX: usize = 200;
        let before = text.get(..fault.at).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        Self {
            message: fault.message,
            line: before.matches('\n').count() + 1,
            column: column + 1,
            shown: line.chars().take(SHOWN_CHARS_MAX).collect(),
            mark: ".".repeat(column.min(SHOWN_CHARS_MAX)),
        }
    }
}
