//! Values: literals, maps and lists, arithmetic, paths.

use super::{Parsed, Parser};
use crate::syntax::ast::*;
use crate::syntax::lexer::{Token, unquoted};
use crate::syntax::{Span, SyntaxError};

impl Parser {
    pub(super) fn value(&mut self) -> Parsed<Value> {
        self.deeper(Self::value_here)
    }

    fn value_here(&mut self) -> Parsed<Value> {
        let span = self.span();
        if let Some(Token::Lower(word)) = self.peek()
            && word == "nil"
        {
            self.at += 1;
            return Ok(Value::Nil(span));
        }
        let literal = match self.peek().cloned() {
            Some(Token::Bytes(text)) => Value::Bytes(Spanned { node: decode_hex(&text, span)?, span }),
            Some(Token::Text(text)) => Value::Text(Spanned { node: unquoted(&text, span)?, span }),
            Some(Token::Boolean(value)) => Value::Boolean(Spanned { node: value, span }),
            Some(Token::Upper(name)) if !self.names_a_call() => Value::Enum(Spanned { node: name, span }),
            Some(Token::Symbol('{')) => return self.map(),
            Some(Token::Symbol('[')) => return self.list(),
            Some(Token::Int(_) | Token::Float(_) | Token::Upper(_) | Token::Lower(_) | Token::Symbol('(')) => return self.sum(),
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(literal)
    }

    /// Whether the run of name tokens here is followed by `(`.
    fn names_a_call(&self) -> bool {
        let run = self.tokens.get(self.at..).unwrap_or_default().iter();
        let length = run.take_while(|(token, _)| matches!(token, Token::Upper(_) | Token::Lower(_))).count();
        length > 1 || self.peek_at(length) == Some(&Token::Symbol('('))
    }

    fn map(&mut self) -> Parsed<Value> {
        let start = self.span();
        self.expect('{')?;
        let mut entries = Vec::new();
        while let Some(Token::Text(text)) = self.peek().cloned() {
            let span = self.span();
            let key = Spanned { node: unquoted(&text, span)?, span };
            self.at += 1;
            self.expect(':')?;
            entries.push(MapEntry { key, value: self.value()? });
            self.symbol(',');
        }
        self.expect('}')?;
        Ok(Value::Map(Spanned { node: entries, span: start.to(self.last_span()) }))
    }

    fn list(&mut self) -> Parsed<Value> {
        let start = self.span();
        self.expect('[')?;
        let mut items = Vec::new();
        let mut separated = false;
        while self.peek() != Some(&Token::Symbol(']')) {
            if !items.is_empty() && self.symbol(',') {
                separated = true;
            } else if separated {
                return Err(self.unexpected("\",\" or \"]\""));
            }
            items.push(self.value()?);
        }
        self.expect(']')?;
        Ok(Value::List(Spanned { node: items, span: start.to(self.last_span()) }))
    }

    fn sum(&mut self) -> Parsed<Value> {
        let mut left = self.product()?;
        while let Some(Token::Operator(operator @ ('+' | '-'))) = self.peek().cloned() {
            self.at += 1;
            let right = self.product()?;
            left = combined(left, operator, right);
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Value> {
        let mut left = self.factor()?;
        while let Some(Token::Operator(operator @ ('*' | '/'))) = self.peek().cloned() {
            self.at += 1;
            let right = self.factor()?;
            left = combined(left, operator, right);
        }
        Ok(left)
    }

    fn factor(&mut self) -> Parsed<Value> {
        let span = self.span();
        match self.peek().cloned() {
            Some(Token::Symbol('(')) => {
                self.at += 1;
                let inner = self.deeper(Self::sum)?;
                self.expect(')')?;
                Ok(inner)
            }
            Some(Token::Float(text)) => {
                self.at += 1;
                let node =
                    text.parse().map_err(|_| SyntaxError { span, message: format!("invalid number {text}"), expected: None })?;
                Ok(Value::Float(Spanned { node, span }))
            }
            Some(Token::Int(text)) => {
                self.at += 1;
                Ok(Value::Int(Spanned { node: int(&text, span)?, span }))
            }
            Some(Token::Upper(_)) => Ok(Value::Call(self.call()?)),
            Some(Token::Lower(_)) if self.names_a_call() && self.names_no_path() => {
                let call = self.call()?;
                if call.name.node.starts_with(|c: char| c.is_ascii_uppercase()) {
                    return Ok(Value::Call(call));
                }
                let message = format!("converter names must start with an uppercase letter but got '{}'", call.name.node);
                Err(SyntaxError { span: call.name.span, message, expected: Some("a converter, such as `Concat`".into()) })
            }
            Some(Token::Lower(_)) => self.path(),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Whether the run of name tokens here ends in `(`: `foo (`.
    fn names_no_path(&self) -> bool {
        let run = self.tokens.get(self.at..).unwrap_or_default().iter();
        let length = run.take_while(|(token, _)| matches!(token, Token::Upper(_) | Token::Lower(_))).count();
        self.peek_at(length) == Some(&Token::Symbol('('))
    }

    fn path(&mut self) -> Parsed<Value> {
        let start = self.span();
        let mut fields = vec![self.field()?];
        while self.symbol('.') {
            fields.push(self.field()?);
        }
        Ok(Value::Path(Path { fields, span: start.to(self.last_span()) }))
    }

    fn field(&mut self) -> Parsed<Field> {
        let span = self.span();
        let Some(Token::Lower(name)) = self.peek().cloned() else { return Err(self.unexpected("a name in lower case")) };
        self.at += 1;
        Ok(Field { name: Spanned { node: name, span }, keys: self.keys()? })
    }

    pub(super) fn keys(&mut self) -> Parsed<Vec<Key>> {
        let mut keys = Vec::new();
        while self.symbol('[') {
            let span = self.span();
            let key = match self.peek().cloned() {
                Some(Token::Text(text)) => {
                    self.at += 1;
                    Key::Text(Spanned { node: unquoted(&text, span)?, span })
                }
                Some(Token::Int(text)) if self.peek_at(1) == Some(&Token::Symbol(']')) => {
                    self.at += 1;
                    Key::Int(Spanned { node: int(&text, span)?, span })
                }
                _ => Key::Expression(Box::new(self.deeper(Self::sum)?)),
            };
            self.expect(']')?;
            keys.push(key);
        }
        Ok(keys)
    }
}

impl Key {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Text(node) => node.span,
            Self::Int(node) => node.span,
            Self::Expression(value) => value.span(),
        }
    }
}

fn combined(left: Value, operator: char, right: Value) -> Value {
    let span = left.span().to(right.span());
    Value::Arithmetic(Box::new(Arithmetic { left, operator, right, span }))
}

fn int(text: &str, span: Span) -> Parsed<i64> {
    text.parse().map_err(|_| SyntaxError {
        span,
        message: format!("the number {text} is beyond 64 bits"),
        expected: Some(format!("a number between {} and {}", i64::MIN, i64::MAX)),
    })
}

fn decode_hex(text: &str, span: Span) -> Parsed<Vec<u8>> {
    let digits = text.as_bytes().get(2..).unwrap_or_default();
    if !digits.len().is_multiple_of(2) {
        let message = format!("the bytes {text} have an odd number of digits");
        return Err(SyntaxError { span, message, expected: Some("two hexadecimal digits for each byte".into()) });
    }
    let digit = |b: u8| (b as char).to_digit(16).unwrap_or_default() as u8;
    Ok(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, b| byte << 4 | digit(*b))).collect())
}
