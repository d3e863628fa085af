//! Calls of editors and converters, and their arguments.

use super::{Parsed, Parser};
use crate::syntax::ast::*;
use crate::syntax::lexer::Token;

impl Parser {
    /// A function's name is a run of name tokens, whatever space stands between them.
    pub(super) fn call(&mut self) -> Parsed<Call> {
        let start = self.span();
        let mut name = String::new();
        while let Some(Token::Upper(part) | Token::Lower(part)) = self.peek() {
            name.push_str(part);
            self.at += 1;
        }
        if name.is_empty() {
            return Err(self.unexpected("a function's name"));
        }
        let name = Spanned { node: name, span: start.to(self.last_span()) };
        self.expect('(')?;
        let mut arguments = Vec::new();
        if !self.symbol(')') {
            arguments.push(self.argument()?);
            while self.symbol(',') {
                arguments.push(self.argument()?);
            }
            self.expect(')')?;
        }
        let keys = self.keys()?;
        Ok(Call { name, arguments, keys, span: start.to(self.last_span()) })
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let start = self.span();
        let name = self.argument_name();
        let value = match self.function_name() {
            Some(function) => ArgumentValue::Function(function),
            None => ArgumentValue::Value(self.value()?),
        };
        Ok(Argument { name, value, span: start.to(self.last_span()) })
    }

    /// The name of an argument: a run of name tokens that begins in lower case, before `=`.
    fn argument_name(&mut self) -> Option<Spanned<String>> {
        let start = self.span();
        let run = self.tokens.get(self.at..)?.iter().take_while(|(token, _)| matches!(token, Token::Upper(_) | Token::Lower(_)));
        let parts: Vec<String> = run.map(|(token, _)| token.to_string()).collect();
        if !matches!(self.peek(), Some(Token::Lower(_))) || self.peek_at(parts.len()) != Some(&Token::Symbol('=')) {
            return None;
        }
        self.at += parts.len();
        let span = start.to(self.last_span());
        self.at += 1;
        Some(Spanned { node: parts.concat(), span })
    }

    /// A bare converter name: a run of more than one name token before `,` or `)`. A run of one is an enum to the grammar.
    fn function_name(&mut self) -> Option<Spanned<String>> {
        let start = self.span();
        let run = self.tokens.get(self.at..)?.iter().take_while(|(token, _)| matches!(token, Token::Upper(_) | Token::Lower(_)));
        let parts: Vec<String> = run.map(|(token, _)| token.to_string()).collect();
        let ends = matches!(self.peek_at(parts.len()), Some(Token::Symbol(',' | ')')));
        if parts.len() < 2 || !ends || !matches!(self.peek(), Some(Token::Upper(_))) {
            return None;
        }
        self.at += parts.len();
        Some(Spanned { node: parts.concat(), span: start.to(self.last_span()) })
    }
}
