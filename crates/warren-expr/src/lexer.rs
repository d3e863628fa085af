//! Tokens of an expression.

use crate::EXPRESSION_BYTES_MAX;
use crate::fault::Fault;

/// A token and where it begins, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// An operator, by its one spelling: `&&` is `and`, `||` is `or`, `!` is `not`.
    Operator(&'static str),
    /// A bracket, comma, `?` or `:`.
    Mark(char),
    /// A name.
    Name(String),
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
}

/// Operators of one or two marks and how they are called here; longer ones first.
const MARKED: [(&str, &str); 18] = [
    ("&&", "and"),
    ("||", "or"),
    ("==", "=="),
    ("!=", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("<", "<"),
    (">", ">"),
    ("!", "not"),
    ("??", "??"),
    ("**", "**"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("%", "%"),
    ("^", "^"),
    ("|", "|"),
];

/// Operators that are words.
const WORDS: [&str; 11] = ["not", "and", "or", "in", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"];

/// Reads the whole text.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(Fault::new(0, "expression too large"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = rest(text, at).chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if let Some(after) = comment(text, at)? {
            at = after;
        } else {
            let (kind, after) = token(text, at, first)?;
            tokens.push(Token { at, kind });
            at = after;
        }
    }
    Ok(tokens)
}

fn rest(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// The end of the comment that begins here, if one does.
fn comment(text: &str, at: usize) -> Result<Option<usize>, Fault> {
    let here = rest(text, at);
    if here.starts_with("//") {
        return Ok(Some(at + here.find('\n').unwrap_or(here.len())));
    }
    let Some(inside) = here.strip_prefix("/*") else { return Ok(None) };
    let end = inside.find("*/").ok_or_else(|| Fault::new(at, "unclosed comment"))?;
    Ok(Some(at + end + 4))
}

/// The token that begins here with this character, and where it ends.
fn token(text: &str, at: usize, first: char) -> Result<(Kind, usize), Fault> {
    let here = rest(text, at);
    if matches!(first, '(' | ')' | '[' | ']' | '{' | '}' | ',' | ':' | ';' | '#')
        || (first == '?' && !here.starts_with("??"))
        || (first == '.' && !here.get(1..).is_some_and(|more| more.starts_with(|c: char| c.is_ascii_digit())))
    {
        return Ok((Kind::Mark(first), at + 1));
    }
    if let Some((spelling, name)) = MARKED.iter().find(|(spelling, _)| here.starts_with(spelling)) {
        return Ok((Kind::Operator(name), at + spelling.len()));
    }
    match first {
        '"' | '\'' => quoted(text, at, first),
        '`' => {
            let inside = here.get(1..).unwrap_or_default();
            let end = inside.find('`').ok_or_else(|| Fault::new(at, "literal not terminated"))?;
            Ok((Kind::Text(inside.get(..end).unwrap_or_default().to_owned()), at + end + 2))
        }
        '0'..='9' | '.' => number(here, at),
        _ if is_word(first) => {
            let end = here.find(|c| !is_word(c)).unwrap_or(here.len());
            let word = here.get(..end).unwrap_or_default();
            let kind = match WORDS.iter().find(|known| **known == word) {
                Some(operator) => Kind::Operator(operator),
                None => Kind::Name(word.to_owned()),
            };
            Ok((kind, at + end))
        }
        _ => Err(Fault::new(at, format!("unrecognized character: {first:?}"))),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}

fn number(here: &str, at: usize) -> Result<(Kind, usize), Fault> {
    let mut end = 0;
    let mut exponent = false;
    for (index, c) in here.char_indices() {
        let sign = matches!(c, '+' | '-') && exponent;
        exponent = matches!(c, 'e' | 'E') && !here.starts_with("0x");
        if !(is_word(c) || c == '.' || sign) {
            break;
        }
        end = index + c.len_utf8();
    }
    let written = here.get(..end).unwrap_or_default();
    let plain = written.replace('_', "");
    let radix = |prefix: &str, radix| plain.strip_prefix(prefix).and_then(|digits| i64::from_str_radix(digits, radix).ok());
    let whole = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)).or_else(|| plain.parse().ok());
    let digits = plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let kind = match whole {
        Some(value) => Some(Kind::Int(value)),
        None => plain.parse().ok().filter(|value: &f64| value.is_finite()).map(Kind::Float),
    };
    match kind.filter(|_| digits) {
        Some(kind) => Ok((kind, at + end)),
        None => Err(Fault::new(at, format!("bad number syntax: {written:?}"))),
    }
}

/// Text in quotes, with the escapes of Go.
fn quoted(text: &str, at: usize, quote: char) -> Result<(Kind, usize), Fault> {
    let unterminated = || Fault::new(at, "literal not terminated");
    let mut content = String::new();
    let mut place = at + 1;
    loop {
        let c = rest(text, place).chars().next().ok_or_else(unterminated)?;
        let escape_at = place;
        place += c.len_utf8();
        match c {
            '\n' => return Err(unterminated()),
            '\\' => {
                let (c, after) = escaped(text, place, quote).ok_or_else(|| Fault::new(escape_at, "invalid char escape"))?;
                content.push(c);
                place = after;
            }
            c if c == quote => return Ok((Kind::Text(content), place)),
            c => content.push(c),
        }
    }
}

/// The character that an escape stands for, and where the escape ends.
fn escaped(text: &str, at: usize, quote: char) -> Option<(char, usize)> {
    let c = rest(text, at).chars().next()?;
    let after = at + c.len_utf8();
    let coded = |from: usize, digits: usize, radix| {
        let code = u32::from_str_radix(text.get(from..from + digits)?, radix).ok()?;
        Some((char::from_u32(code)?, from + digits))
    };
    let plain = match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        'x' => return coded(after, 2, 16),
        'u' => return coded(after, 4, 16),
        'U' => return coded(after, 8, 16),
        '0'..='7' => return coded(at, 3, 8),
        c if c == quote => c,
        _ => return None,
    };
    Some((plain, after))
}
