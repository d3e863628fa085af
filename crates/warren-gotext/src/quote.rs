//! Text in quotes, as `strconv.Quote` and `%q` write it.

/// Appends `text` in double quotes: what cannot be printed is escaped, everything else stands as it is.
pub fn quote(out: &mut String, text: &str) {
    quote_with(out, text, '"', false);
}

/// `text` in double quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text);
    out
}

/// Appends `text` between two of `mark`, which is escaped within; with `ascii` nothing but ASCII is written.
pub fn quote_with(out: &mut String, text: &str, mark: char, ascii: bool) {
    out.push(mark);
    for c in text.chars() {
        escape(out, c, mark, ascii);
    }
    out.push(mark);
}

fn escape(out: &mut String, c: char, mark: char, ascii: bool) {
    let code = u32::from(c);
    match c {
        _ if c == mark || c == '\\' => out.extend(['\\', c]),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if printable(c) && (c.is_ascii() || !ascii) => out.push(c),
        _ if code < 0x80 => out.push_str(&format!("\\x{code:02x}")),
        _ if code < 0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
        _ => out.push_str(&format!("\\U{code:08x}")),
    }
}

/// Whether Go prints the character as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    if c.is_whitespace() {
        return false;
    }
    // The standard library's table escapes combining marks only where a text begins with them.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results of `strconv.Quote`, `QuoteToASCII` and `QuoteRune`.
    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, wanted) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("say \"hi\" \\ 'x'", r#""say \"hi\" \\ 'x'""#),
            ("\n\r\t\u{b}\u{7}\u{8}\u{c}", r#""\n\r\t\v\a\b\f""#),
            ("\0\u{1f}\u{7f}", r#""\x00\x1f\x7f""#),
            ("é 日 \u{1F600}", "\"é 日 \u{1F600}\""),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{200b}\u{a0}\u{2028}", r#""\u200b\u00a0\u2028""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(quoted(text), wanted);
        }
        let mut ascii = String::new();
        quote_with(&mut ascii, "é'\u{1F600}", '\'', true);
        assert_eq!(ascii, r"'\u00e9\'\U0001f600'");
    }
}
