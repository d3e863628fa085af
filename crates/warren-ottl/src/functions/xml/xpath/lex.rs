//! The tokens of a path.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Brackets, slashes, operators.
    Mark(&'static str),
    Number(f64),
    Text(Box<str>),
    /// A name; `function` if a parenthesis follows it.
    Name {
        prefix: Box<str>,
        local: Box<str>,
        function: bool,
    },
    /// A name with `::` behind it.
    Axis(Box<str>),
    End,
}

/// Longest first.
const MARKS: [&str; 22] =
    ["//", "..", "<=", ">=", "!=", ",", "/", "@", ".", "(", ")", "[", "]", "*", "+", "-", "=", "<", ">", "$", "|", "!"];

/// Reads the token at the beginning of a text, and says what follows it.
pub(super) fn token(text: &str) -> Result<(Token, &str), String> {
    let text = text.trim_start();
    let Some(first) = text.chars().next() else { return Ok((Token::End, text)) };
    if matches!(first, '"' | '\'') {
        let inside = text.get(1..).unwrap_or_default();
        let (content, rest) = inside.split_once(first).ok_or("xpath: scanString got unclosed string")?;
        return Ok((Token::Text(content.into()), rest));
    }
    let fraction = first == '.' && text.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if first.is_ascii_digit() || fraction {
        return number(text);
    }
    if begins_name(first) {
        return name(text);
    }
    for mark in MARKS {
        if let Some(rest) = text.strip_prefix(mark) {
            return Ok((Token::Mark(mark), rest));
        }
    }
    Err(format!("{text} has an invalid token."))
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let mut point = false;
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || (c == '.' && !std::mem::replace(&mut point, true)))).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let value = digits.parse().map_err(|_| format!("{text} has an invalid token."))?;
    Ok((Token::Number(value), rest))
}

fn begins_name(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn bare_name(text: &str) -> (&str, &str) {
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}');
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn name(text: &str) -> Result<(Token, &str), String> {
    let (first, rest) = bare_name(text);
    if let Some(rest) = rest.trim_start().strip_prefix("::") {
        return Ok((Token::Axis(first.into()), rest));
    }
    let (prefix, local, rest) = match rest.strip_prefix(':') {
        None => ("", first, rest),
        Some(after) if after.starts_with('*') => (first, "*", after.get(1..).unwrap_or_default()),
        Some(after) if after.starts_with(begins_name) => {
            let (local, rest) = bare_name(after);
            (first, local, rest)
        }
        Some(_) => return Err(format!("{text} has an invalid qualified name.")),
    };
    let function = rest.trim_start().starts_with('(');
    Ok((Token::Name { prefix: prefix.into(), local: local.into(), function }, rest))
}
