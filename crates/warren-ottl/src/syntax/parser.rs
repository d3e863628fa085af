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

use super::ast::*;
use super::lexer::{Token, tokens, unquoted};
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

    fn or(&mut self) -> Parsed<Boolean> {
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

    fn value(&mut self) -> Parsed<Value> {
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

    fn keys(&mut self) -> Parsed<Vec<Key>> {
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

    /// A function's name is a run of name tokens, whatever space stands between them.
    fn call(&mut self) -> Parsed<Call> {
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

fn one_or(mut parts: Vec<Boolean>, several: fn(Vec<Boolean>) -> Boolean) -> Boolean {
    if parts.len() > 1 {
        return several(parts);
    }
    parts.pop().unwrap_or_else(|| several(Vec::new()))
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
