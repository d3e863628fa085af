//! Strict JSON (RFC 8259) with places.

use arcstr::ArcStr;

use super::build::{Builder, Item, Key};
use super::{Document, Fault, ReadError, scalar};
use crate::{Node, Place, Value};

/// What may come next inside a list or mapping.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    /// The first element, or the end.
    FirstElement,
    /// A comma, or the end.
    Comma,
}

/// Reads a whole text as one JSON value.
pub(super) fn read(source: &ArcStr, text: &str) -> Result<Document, ReadError> {
    let mut reader = Reader { rest: text, length: text.len(), line: 1, counted: 0, column: 1, builder: Builder::new(source) };
    reader.document(text)?;
    reader.builder.finish()
}

struct Reader<'a> {
    rest: &'a str,
    length: usize,
    line: usize,
    /// An offset in the line whose column is known, so that long lines are not counted again for every value.
    counted: usize,
    /// The column of `counted`, from 1.
    column: usize,
    builder: Builder,
}

impl<'a> Reader<'a> {
    fn document(&mut self, text: &'a str) -> Result<(), ReadError> {
        // One entry for each open list (']') or mapping ('}').
        let mut open: Vec<char> = Vec::new();
        let mut expect = Expect::FirstElement;
        loop {
            self.skip_space();
            let first = if let Some(close) = open.last().copied() {
                if self.take(close) {
                    open.pop();
                    self.builder.end()?;
                    expect = Expect::Comma;
                    if open.is_empty() {
                        return self.end(text);
                    }
                    continue;
                }
                if expect == Expect::Comma {
                    if !self.take(',') {
                        return Err(self.error(text, &format!("expected ',' or '{close}'")));
                    }
                    self.skip_space();
                }
                if close == '}' {
                    self.key(text)?;
                }
                self.peek()
            } else {
                self.peek()
            };
            let place = self.place(text);
            match first {
                Some(bracket @ ('{' | '[')) => {
                    self.take(bracket);
                    if bracket == '{' {
                        self.builder.start_map(place, 0)?;
                        open.push('}');
                    } else {
                        self.builder.start_list(place, 0)?;
                        open.push(']');
                    }
                    expect = Expect::FirstElement;
                }
                _ => {
                    let value = self.scalar(text)?;
                    self.builder.scalar(Item { node: Node::new(value, place), key: Key::Invalid }, 0)?;
                    expect = Expect::Comma;
                    if open.is_empty() {
                        return self.end(text);
                    }
                }
            }
        }
    }

    /// A key with its colon.
    fn key(&mut self, text: &'a str) -> Result<(), ReadError> {
        let place = self.place(text);
        if self.peek() != Some('"') {
            return Err(self.foreign(text, "expected a key in double quotes"));
        }
        let key = self.string(text)?;
        let node = Node::new(Value::Null, place);
        self.builder.scalar(Item { node, key: Key::Text(key) }, 0)?;
        self.skip_space();
        if !self.take(':') {
            return Err(self.error(text, "expected ':' after the key"));
        }
        self.skip_space();
        Ok(())
    }

    fn scalar(&mut self, text: &'a str) -> Result<Value, ReadError> {
        if self.peek() == Some('"') {
            return self.string(text).map(Value::String);
        }
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        let value = match token {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            number if is_number(number) => scalar::plain(number),
            _ => return Err(self.foreign(text, "expected a value")),
        };
        self.rest = rest;
        Ok(value)
    }

    /// A string; the opening quote has been seen but not taken.
    fn string(&mut self, text: &'a str) -> Result<String, ReadError> {
        self.take('"');
        let mut out = String::new();
        loop {
            let end = self.rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ').unwrap_or(self.rest.len());
            let (plain, rest) = self.rest.split_at(end);
            out.push_str(plain);
            self.rest = rest;
            match rest.as_bytes() {
                [b'"', ..] => {
                    self.take('"');
                    return Ok(out);
                }
                [b'\\', ..] => {
                    self.take('\\');
                    out.push(self.escape(text)?);
                }
                [] => return Err(self.error(text, "the text in double quotes does not end")),
                [_, ..] => return Err(self.error(text, "line breaks and tabs in a text must be escaped")),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, text: &'a str) -> Result<char, ReadError> {
        let kind = self.peek();
        let simple = match kind {
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => None,
            _ => return Err(self.error(text, "unknown escape")),
        };
        self.rest = self.rest.get(1..).unwrap_or_default();
        if let Some(c) = simple {
            return Ok(c);
        }
        let first = self.hex4(text)?;
        let code = match first {
            0xd800..=0xdbff if self.rest.starts_with("\\u") => {
                self.rest = self.rest.get(2..).unwrap_or_default();
                let second = self.hex4(text)?;
                match second {
                    0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => first,
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.error(text, "half of a surrogate pair"))
    }

    fn hex4(&mut self, text: &'a str) -> Result<u32, ReadError> {
        let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.error(text, "expected four hexadecimal digits"));
        };
        self.rest = self.rest.get(4..).unwrap_or_default();
        Ok(code)
    }

    fn end(&mut self, text: &'a str) -> Result<(), ReadError> {
        self.skip_space();
        if self.rest.is_empty() { Ok(()) } else { Err(self.foreign(text, "nothing may follow the value")) }
    }

    fn skip_space(&mut self) {
        loop {
            let spaces = self.rest.bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
            self.rest = self.rest.get(spaces..).unwrap_or_default();
            let Some(rest) = self.rest.strip_prefix('\n') else { return };
            self.rest = rest;
            self.line += 1;
            (self.counted, self.column) = (self.offset(), 1);
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    fn place(&mut self, text: &str) -> Place {
        let offset = self.offset();
        self.column += text.get(self.counted..offset).map_or(0, |passed| passed.chars().count());
        self.counted = offset;
        self.builder.place(self.line, self.column)
    }

    /// What follows may still be YAML.
    fn foreign(&mut self, text: &str, message: &str) -> ReadError {
        ReadError { kind: Fault::Foreign, ..self.error(text, message) }
    }

    fn error(&mut self, text: &str, message: &str) -> ReadError {
        ReadError::syntax(format!("json: line {}: {message}", self.line), self.place(text))
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text.starts_with('0')) {
        return false;
    }
    let mut rest = text.get(whole..).unwrap_or_default();
    if let Some(after) = rest.strip_prefix('.') {
        let count = digits(after);
        if count == 0 {
            return false;
        }
        rest = after.get(count..).unwrap_or_default();
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
    }
}
