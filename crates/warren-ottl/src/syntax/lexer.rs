//! Tokens: the first rule that fits at a place wins, white space between them is dropped.

use super::{Span, SyntaxError};

/// A token's kind and content.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// `0x…`, digits only.
    Bytes(String),
    /// A fraction.
    Float(String),
    /// A whole number with its sign.
    Int(String),
    /// Text, quotes and escapes still in it.
    Text(String),
    /// `not`, `or`, `and`.
    Not,
    Or,
    And,
    /// `==`, `!=`, `>=`, `<=`, `>`, `<`.
    Comparison(&'static str),
    /// `+`, `-`, `*`, `/`.
    Operator(char),
    /// `true`, `false`.
    Boolean(bool),
    /// `= ( ) { } : , . [ ]`
    Symbol(char),
    /// A run of upper case letters, digits and `_`.
    Upper(String),
    /// A run of lower case letters, digits and `_`.
    Lower(String),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(text)
            | Self::Float(text)
            | Self::Int(text)
            | Self::Text(text)
            | Self::Upper(text)
            | Self::Lower(text) => f.write_str(text),
            Self::Not => f.write_str("not"),
            Self::Or => f.write_str("or"),
            Self::And => f.write_str("and"),
            Self::Comparison(text) => f.write_str(text),
            Self::Operator(c) | Self::Symbol(c) => write!(f, "{c}"),
            Self::Boolean(b) => write!(f, "{b}"),
        }
    }
}

/// All tokens of a text with their places.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, SyntaxError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(c) = rest.chars().next().filter(|c| c.is_whitespace()) {
            at += c.len_utf8();
            continue;
        }
        let Some((token, length)) = token(rest) else {
            let width = rest.chars().next().map_or(1, char::len_utf8);
            return Err(invalid(rest, Span { start: at, end: at + width }));
        };
        found.push((token, Span { start: at, end: at + length }));
        at += length;
    }
    Ok(found)
}

fn invalid(rest: &str, span: Span) -> SyntaxError {
    let (shown, hint) = match rest.chars().next() {
        Some('"') => (rest.chars().take(24).collect::<String>(), Some("the closing `\"` of the text".to_owned())),
        Some('\'' | '`') => (rest.chars().take(24).collect(), Some("text in double quotes".to_owned())),
        Some(c) => (c.to_string(), None),
        None => (String::new(), None),
    };
    SyntaxError { span, message: format!("invalid input text {shown:?}"), expected: hint }
}

/// The token at the start of `text` and its length in bytes.
fn token(text: &str) -> Option<(Token, usize)> {
    let bytes = text.as_bytes();
    let own = |length: usize| text.get(..length).unwrap_or_default().to_owned();
    if let Some(length) = bytes_literal(bytes) {
        return Some((Token::Bytes(own(length)), length));
    }
    if let Some(length) = float(bytes) {
        return Some((Token::Float(own(length)), length));
    }
    if let Some(length) = int(bytes) {
        return Some((Token::Int(own(length)), length));
    }
    if let Some(length) = quoted(text) {
        return Some((Token::Text(own(length)), length));
    }
    for (word, token) in [("not", Token::Not), ("or", Token::Or), ("and", Token::And)] {
        if is_word(bytes, word) {
            return Some((token, word.len()));
        }
    }
    for comparison in ["==", "!=", ">=", "<=", ">", "<"] {
        if text.starts_with(comparison) {
            return Some((Token::Comparison(comparison), comparison.len()));
        }
    }
    let first = *bytes.first()?;
    if matches!(first, b'+' | b'-' | b'*' | b'/') {
        return Some((Token::Operator(first as char), 1));
    }
    for (word, value) in [("true", true), ("false", false)] {
        if is_word(bytes, word) {
            return Some((Token::Boolean(value), word.len()));
        }
    }
    if matches!(first, b'=' | b'(' | b')' | b'{' | b'}' | b':' | b',' | b'.' | b'[' | b']') {
        return Some((Token::Symbol(first as char), 1));
    }
    if first.is_ascii_uppercase() {
        let length = run(bytes, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        return Some((Token::Upper(own(length)), length));
    }
    if first.is_ascii_lowercase() {
        let length = run(bytes, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        return Some((Token::Lower(own(length)), length));
    }
    None
}

fn run(bytes: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|b| !fits(*b)).unwrap_or(bytes.len())
}

fn digits(bytes: &[u8]) -> usize {
    run(bytes, |b| b.is_ascii_digit())
}

fn bytes_literal(bytes: &[u8]) -> Option<usize> {
    let hex = run(bytes.strip_prefix(b"0x")?, |b| b.is_ascii_hexdigit());
    (hex > 0).then_some(2 + hex)
}

/// `[-+]?\d*\.\d+([eE][-+]?\d+)?`
fn float(bytes: &[u8]) -> Option<usize> {
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = sign + digits(bytes.get(sign..)?);
    if bytes.get(whole) != Some(&b'.') {
        return None;
    }
    let fraction = digits(bytes.get(whole + 1..)?);
    if fraction == 0 {
        return None;
    }
    let end = whole + 1 + fraction;
    let exponent = matches!(bytes.get(end), Some(b'e' | b'E')).then(|| {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        (signed, digits(bytes.get(signed..).unwrap_or_default()))
    });
    match exponent {
        Some((start, length)) if length > 0 => Some(start + length),
        _ => Some(end),
    }
}

/// `[-+]?\d+`
fn int(bytes: &[u8]) -> Option<usize> {
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let length = digits(bytes.get(sign..)?);
    (length > 0).then_some(sign + length)
}

/// `"(\\.|[^\\"])*"`; after a backslash any character but a line feed.
fn quoted(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    if chars.next()?.1 != '"' {
        return None;
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' if chars.next()?.1 == '\n' => return None,
            _ => {}
        }
    }
    None
}

/// The word with a word's end behind it.
fn is_word(bytes: &[u8], word: &str) -> bool {
    let Some(rest) = bytes.strip_prefix(word.as_bytes()) else { return false };
    !rest.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// The content of quoted text: quotes off, escapes resolved as Go's double-quoted strings do (`\xHH` and octal give the code point).
pub(super) fn unquoted(text: &str, span: Span) -> Result<String, SyntaxError> {
    let bad = || SyntaxError { span, message: format!("invalid quoted string {text}: invalid syntax"), expected: None };
    let inner = text.get(1..text.len().saturating_sub(1)).ok_or_else(bad)?;
    if !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = rest.next().ok_or_else(bad)?;
        let resolved = match escape {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '\\' => '\\',
            '"' => '"',
            'x' => code_point(&mut rest, 2, 16, 0).ok_or_else(bad)?,
            'u' => code_point(&mut rest, 4, 16, 0).ok_or_else(bad)?,
            'U' => code_point(&mut rest, 8, 16, 0).ok_or_else(bad)?,
            '0'..='7' => {
                let first = escape.to_digit(8).unwrap_or_default();
                code_point(&mut rest, 2, 8, first).filter(|c| (*c as u32) < 256).ok_or_else(bad)?
            }
            _ => return Err(bad()),
        };
        out.push(resolved);
    }
    Ok(out)
}

fn code_point(rest: &mut std::str::Chars<'_>, count: usize, radix: u32, first: u32) -> Option<char> {
    let mut value = first;
    for _ in 0..count {
        value = value.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?)?;
    }
    char::from_u32(value)
}
