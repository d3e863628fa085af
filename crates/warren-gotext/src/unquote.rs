//! Text out of quotes, as `strconv.Unquote` reads it.

use std::borrow::Cow;

/// What stands in double quotes, single ones (one character) or backticks; nothing where the text is no such literal. Bytes that escapes make and that
/// are no UTF-8 are replaced.
pub fn unquote(text: &str) -> Option<Cow<'_, str>> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '"' | '\'' | '`'))?;
    let inner = text.get(1..)?.strip_suffix(mark)?;
    if mark == '`' {
        return match inner {
            _ if inner.contains('`') => None,
            _ if inner.contains('\r') => Some(inner.replace('\r', "").into()),
            _ => Some(inner.into()),
        };
    }
    if inner.contains('\n') {
        return None;
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let (mut rest, mut count) = (inner, 0);
    while !rest.is_empty() {
        rest = character(rest, mark, &mut bytes)?;
        count += 1;
    }
    if mark == '\'' && count != 1 {
        return None;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// Appends the first character, which may be escaped; gives what follows it.
fn character<'a>(text: &'a str, mark: char, out: &mut Vec<u8>) -> Option<&'a str> {
    let mut chars = text.chars();
    let first = chars.next().filter(|first| *first != mark)?;
    let mut push = |c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    if first != '\\' {
        push(first);
        return Some(chars.as_str());
    }
    let kind = chars.next()?;
    let plain = match kind {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        _ if kind == mark => mark,
        'u' | 'U' => char::from_u32(number(&mut chars, if kind == 'u' { 4 } else { 8 }, 16, 0)?)?,
        // A byte; a character between single quotes.
        'x' | '0'..='7' => {
            let value = if kind == 'x' { number(&mut chars, 2, 16, 0)? } else { number(&mut chars, 2, 8, kind.to_digit(8)?)? };
            let byte = u8::try_from(value).ok()?;
            if mark == '"' {
                out.push(byte);
                return Some(chars.as_str());
            }
            char::from(byte)
        }
        _ => return None,
    };
    push(plain);
    Some(chars.as_str())
}

fn number(chars: &mut std::str::Chars<'_>, digits: usize, radix: u32, first: u32) -> Option<u32> {
    (0..digits).try_fold(first, |value, _| value.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Facts of the tests of `strconv`.
    #[test]
    fn literals_are_unquoted_as_go_does_it() {
        for (text, wanted) in [
            (r#""""#, ""),
            (r#""\a\b\f\n\r\t\v""#, "\u{7}\u{8}\u{c}\n\r\t\u{b}"),
            (r#""abc\u1234def""#, "abc\u{1234}def"),
            (r#""\U0010ffff""#, "\u{10ffff}"),
            (r#""\x61\142""#, "ab"),
            (r#""\xc3\xa4""#, "ä"),
            (r#""\xff""#, "\u{fffd}"),
            (r#""☺""#, "☺"),
            (r#""'""#, "'"),
            (r"'a'", "a"),
            (r"'\''", "'"),
            (r"'\xff'", "ÿ"),
            ("'\"'", "\""),
            ("`a\\b\r\n\"`", "a\\b\n\""),
            ("``", ""),
        ] {
            assert_eq!(unquote(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "",
            "\"",
            "\"a",
            "\"'",
            "b\"",
            "\"\\\"",
            "\"\\9\"",
            "\"\\19\"",
            "\"\\129\"",
            "'\\9'",
            "'ab'",
            "\"\\x1!\"",
            "\"\\U12345678\"",
            "\"\\z\"",
            "`",
            "`xxx",
            "``x\r`",
            "\"\\'\"",
            "'\\\"'",
            "\"\n\"",
            "''",
            "\"\\ud800\"",
            "a",
            "\"a\"b\"",
            "\"\\400\"",
        ] {
            assert_eq!(unquote(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn prop_what_is_quoted_comes_back(text in ".{0,20}") {
            let quoted = crate::quoted(&text);
            prop_assert_eq!(unquote(&quoted), Some(Cow::Owned(text)));
        }

        #[test]
        fn prop_any_text_is_read_or_refused(text in "[\"'`]?[\\\\a-gnux0-9\"'` ä]{0,12}[\"'`]?") {
            let _ = unquote(&text);
        }
    }
}
