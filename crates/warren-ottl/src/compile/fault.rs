//! What is wrong with a statement or condition, told to people.

use crate::syntax::{Span, SyntaxError};

/// What kind of text a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A statement, by its place in the list of statements.
    Statement(usize),
    /// A condition, by its place in the list of conditions.
    Condition(usize),
    /// The group as a whole.
    Group,
}

/// A fault with its place.
///
/// Shown, it is upstream's sentence, and below it the text with carets under the place and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which text.
    pub source: Source,
    /// The text, as it was written.
    pub text: String,
    /// Where in the text.
    pub span: Span,
    /// What is wrong, in upstream's words where it has some.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// Whether the text compiles nevertheless.
    pub warning: bool,
}

/// A text longer than this is shown in part.
const SHOWN_CHARS_MAX: usize = 160;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.source {
            Source::Statement(_) => "statement",
            Source::Condition(_) => "condition",
            Source::Group => {
                f.write_str(&self.message)?;
                return self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"));
            }
        };
        if self.warning {
            write!(f, "OTTL {kind} {:?}: {}", self.text, self.message)?;
        } else {
            write!(f, "unable to parse OTTL {kind} {:?}: {}", self.text, self.message)?;
        }
        let (line, caret) = self.excerpt();
        write!(f, "\n    {line}\n    {caret}")?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " {help}"))
    }
}

impl std::error::Error for Fault {}

impl Fault {
    pub(super) fn into_warning(self) -> Self {
        Self { warning: true, ..self }
    }

    /// The line in which the fault is, and carets under it.
    pub fn excerpt(&self) -> (String, String) {
        let start = floor(&self.text, self.span.start);
        let end = floor(&self.text, self.span.end.max(start));
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text.get(start..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |at| start + at);
        let column = self.text.get(line_start..start).map_or(0, |lead| lead.chars().count());
        let skipped = column.saturating_sub(SHOWN_CHARS_MAX / 2);
        let line = self.text.get(line_start..line_end).unwrap_or_default();
        let shown: String =
            line.chars().skip(skipped).take(SHOWN_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let width = self.text.get(start..end.min(line_end)).map_or(0, |part| part.chars().count());
        let room = shown.chars().count().saturating_sub(column - skipped);
        let carets = "^".repeat(width.min(room).max(1));
        (shown, " ".repeat(column - skipped) + &carets)
    }

    /// Line and column of the fault within its text, from 1, columns in characters.
    pub fn position(&self) -> (usize, usize) {
        let before = self.text.get(..floor(&self.text, self.span.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or_default().chars().count() + 1)
    }
}

/// The next place at or before `at` where a character starts.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A fault in the making: its text is not known yet.
#[derive(Debug)]
pub(super) struct Problem {
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The same problem, seen from further out.
    pub(super) fn within(mut self, around: impl std::fmt::Display) -> Self {
        self.message = format!("{around}: {}", self.message);
        self
    }

    pub(super) fn at(self, source: Source, text: &str) -> Fault {
        Fault { source, text: text.to_owned(), span: self.span, message: self.message, help: self.help, warning: false }
    }
}

impl Problem {
    /// What the parser refuses.
    pub(super) fn syntax(kind: &str, error: SyntaxError, text: &str) -> Self {
        let before = text.get(..floor(text, error.span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let expected = error.expected.as_ref().map(|expected| format!(" (expected {expected})")).unwrap_or_default();
        let message = format!("{kind} has invalid syntax: {line}:{column}: {}{expected}", error.message);
        Self { span: error.span, message, help: error.expected.map(|expected| format!("expected {expected}")) }
    }
}
