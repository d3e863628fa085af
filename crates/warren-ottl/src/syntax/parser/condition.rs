//! Conditions.

use super::{Parsed, Parser};
use crate::syntax::SyntaxError;
use crate::syntax::ast::*;
use crate::syntax::lexer::Token;

impl Parser {
    pub(super) fn or(&mut self) -> Parsed<Boolean> {
        self.deeper(|parser| {
            let first = parser.and()?;
            let mut parts = vec![first];
            while parser.peek() == Some(&Token::Or) {
                parser.at += 1;
                parts.push(parser.and()?);
            }
            Ok(one_or(parts, Boolean::Or))
        })
    }

    fn and(&mut self) -> Parsed<Boolean> {
        let mut parts = vec![self.not()?];
        while self.peek() == Some(&Token::And) {
            self.at += 1;
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Boolean::And))
    }

    fn not(&mut self) -> Parsed<Boolean> {
        if self.peek() == Some(&Token::Not) {
            self.at += 1;
            return Ok(Boolean::Not(Box::new(self.plain_boolean()?)));
        }
        self.plain_boolean()
    }

    fn plain_boolean(&mut self) -> Parsed<Boolean> {
        if let Some(comparison) = self.attempt(Self::comparison) {
            return Ok(Boolean::Compare(Box::new(comparison)));
        }
        match self.peek() {
            Some(Token::Boolean(value)) => {
                let node = Spanned { node: *value, span: self.span() };
                self.at += 1;
                Ok(Boolean::Literal(node))
            }
            Some(Token::Symbol('(')) => {
                self.at += 1;
                let inner = self.or()?;
                self.expect(')')?;
                Ok(inner)
            }
            Some(Token::Upper(_)) => {
                let call = self.call()?;
                Ok(Boolean::Call(call))
            }
            Some(Token::Lower(_)) => Err(self.bare_path()),
            _ => Err(self.unexpected("a condition")),
        }
    }

    /// A path (or an editor) where a condition must stand: explained, for it is the most common slip.
    fn bare_path(&mut self) -> SyntaxError {
        let start = self.at;
        let after = self.attempt(Self::value).map(|value| value.span());
        let at_end = self.at;
        self.at = start;
        match after {
            Some(span) if !matches!(self.tokens.get(at_end), Some((Token::Comparison(_), _))) => {
                let found = self.tokens.get(at_end).map_or("<EOF>".to_owned(), |(token, _)| format!("{:?}", token.to_string()));
                let error = SyntaxError {
                    span,
                    message: format!("unexpected token {found}: a value alone is not a condition"),
                    expected: Some("a comparison, such as `== true` or `!= nil`".into()),
                };
                self.furthest.clone().filter(|before| before.span.start > span.end).unwrap_or(error)
            }
            _ => self.furthest.clone().unwrap_or_else(|| self.unexpected("a condition")),
        }
    }

    fn comparison(&mut self) -> Parsed<Comparison> {
        let left = self.value()?;
        let Some(Token::Comparison(text)) = self.peek() else { return Err(self.unexpected("a comparison: == != < <= > >=")) };
        let comparator = match *text {
            "==" => Comparator::Equal,
            "!=" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            _ => Comparator::GreaterOrEqual,
        };
        self.at += 1;
        let right = self.value()?;
        let span = left.span().to(right.span());
        Ok(Comparison { left, comparator, right, span })
    }
}

fn one_or(mut parts: Vec<Boolean>, several: fn(Vec<Boolean>) -> Boolean) -> Boolean {
    if parts.len() > 1 {
        return several(parts);
    }
    parts.pop().unwrap_or_else(|| several(Vec::new()))
}
