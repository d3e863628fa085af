//! The grammar, by recursive descent with as much look-ahead as it needs.
//!
//! ```text
//! statement  = editor [ "where" or ]
//! or         = and { "or" and }          and = not { "and" not }
//! not        = [ "not" ] ( "(" or ")" | comparison | Boolean | converter )
//! comparison = value Comparison value
//! value      = "nil" | sum | Bytes | String | Boolean | Enum | map | list
//! sum        = product { (+|-) product } product = factor { (*|/) factor }
//! factor     = "(" sum ")" | converter | Float | Int | path
//! ```

mod call;
mod condition;
mod value;

use super::ast::*;
use super::lexer::{Token, tokens};
use super::{Span, SyntaxError};

/// A statement longer than this is refused.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// How deep values and conditions may nest.
const DEPTH_MAX: usize = 128;

/// Steps the parser may take over one text: trying alternatives must stay linear in sum.
const STEPS_PER_TOKEN_MAX: usize = 4_096;

/// Reads a statement.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse_statement(text: &str) -> Result<Statement, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let statement = parser.statement()?;
    parser.end()?;
    Ok(statement)
}

/// Reads a condition.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse_condition(text: &str) -> Result<Boolean, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let condition = parser.or()?;
    parser.end()?;
    Ok(condition)
}

/// Reads a value.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse_value(text: &str) -> Result<Value, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
    steps_left: usize,
    end: usize,
    /// The error met furthest in the text: of several alternatives that failed, the one that came furthest explains most.
    furthest: Option<SyntaxError>,
}

type Parsed<T> = Result<T, SyntaxError>;

impl Parser {
    fn new(text: &str) -> Parsed<Self> {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("the statement has {} bytes, more than {TEXT_BYTES_MAX}", text.len());
            return Err(SyntaxError {
                span: Span { start: 0, end: 0 },
                message,
                expected: Some("several shorter statements".into()),
            });
        }
        let tokens = tokens(text)?;
        let steps_left = (tokens.len() + 1) * STEPS_PER_TOKEN_MAX;
        Ok(Self { tokens, at: 0, depth: 0, steps_left, end: text.len(), furthest: None })
    }

    fn peek(&self) -> Option<&Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(token, _)| token)
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).map_or(Span { start: self.end, end: self.end }, |(_, span)| *span)
    }

    fn last_span(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(Span::default(), |(_, span)| *span)
    }

    fn symbol(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(&Token::Symbol(wanted));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: char) -> Parsed<()> {
        if self.symbol(wanted) { Ok(()) } else { Err(self.unexpected(&format!("\"{wanted}\""))) }
    }

    fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Lower(word)) if word == wanted);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&mut self, expected: &str) -> SyntaxError {
        let shown = self.peek().map_or("<EOF>".to_owned(), |token| format!("{:?}", token.to_string()));
        let error =
            SyntaxError { span: self.span(), message: format!("unexpected token {shown}"), expected: Some(expected.to_owned()) };
        self.note(error)
    }

    /// Remembers an error, and gives back the one that came furthest.
    fn note(&mut self, error: SyntaxError) -> SyntaxError {
        match &self.furthest {
            Some(before) if before.span.start > error.span.start => before.clone(),
            _ => {
                self.furthest = Some(error.clone());
                error
            }
        }
    }

    fn end(&mut self) -> Parsed<()> {
        if self.at >= self.tokens.len() { Ok(()) } else { Err(self.unexpected("the end of the text")) }
    }

    /// Goes one level deeper, within bounds.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.depth >= DEPTH_MAX || self.steps_left == 0 {
            let message = format!("the expression is nested more than {DEPTH_MAX} deep");
            return Err(SyntaxError { span: self.span(), message, expected: Some("a simpler expression".into()) });
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Tries an alternative; nothing is consumed when it fails.
    fn attempt<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Option<T> {
        let start = self.at;
        match parse(self) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.note(error);
                self.at = start;
                None
            }
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let editor = self.call()?;
        if !editor.name.node.starts_with(|c: char| c.is_ascii_lowercase()) {
            let message = format!("editor names must start with a lowercase letter but got '{}'", editor.name.node);
            return Err(SyntaxError { span: editor.name.span, message, expected: Some("an editor, such as `set`".into()) });
        }
        if let Some(key) = editor.keys.first() {
            let message = "only paths and converters may be indexed, not editors".to_owned();
            return Err(SyntaxError { span: key.span(), message, expected: None });
        }
        let condition = if self.word("where") { Some(self.or()?) } else { None };
        Ok(Statement { editor, condition })
    }
}
