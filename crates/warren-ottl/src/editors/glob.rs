//! Glob patterns of whole texts, as `gobwas/glob` without separators has them: `*` and `**` any run of characters, `?` one, `[abc]`, `[a-z]`,
//! `[!…]`, `{x,y}`, and `\` before what stands for itself.

use std::iter::Peekable;
use std::str::Chars;
use warren_regex::Regex;

/// Compiles a pattern.
///
/// # Errors
/// In upstream's words.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let (mut out, mut depth) = (String::new(), 0usize);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                chars.next_if_eq(&'*');
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => class(&mut out, &mut chars)?,
            // A backslash at the end is nothing.
            '\\' => chars.next().into_iter().for_each(|c| literal(&mut out, c)),
            c => literal(&mut out, c),
        }
    }
    // Alternatives that are not closed end with the pattern.
    out.extend(std::iter::repeat_n(')', depth));
    Regex::anchored(&out).map_err(|error| error.to_string())
}

fn literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

/// What stands between brackets: one range, or any number of characters.
fn class(out: &mut String, chars: &mut Peekable<Chars<'_>>) -> Result<(), String> {
    let end = || "unexpected end of input".to_owned();
    out.push('[');
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let first = *chars.peek().ok_or_else(end)?;
    if chars.clone().nth(1) == Some('-') {
        let high = chars.clone().nth(2).ok_or_else(end)?;
        chars.by_ref().take(3).for_each(drop);
        match chars.next() {
            None => return Err(end()),
            Some(']') => {}
            Some(_) => return Err("expected close range character".to_owned()),
        }
        if high < first {
            return Err(format!("hi character '{high}' should be greater than lo '{first}'"));
        }
        literal(out, first);
        out.push('-');
        literal(out, high);
    } else {
        let mut any = false;
        loop {
            match chars.next().ok_or_else(end)? {
                ']' => break,
                '\\' => literal(out, chars.next().ok_or_else(end)?),
                c => literal(out, c),
            }
            any = true;
        }
        if !any {
            return Err("could not parse range".to_owned());
        }
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Results of `gobwas/glob` v0.2.3.
    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("t*t", "text", true),
            ("t*t", "texts", false),
            ("**", "a/b\nc", true),
            ("te?t", "te日t", true),
            ("te?t", "tet", false),
            ("{a,t{e,f}}xt", "text", true),
            ("{a,t{e,f}}xt", "texttext", false),
            ("{a,t{e,f}}xt", "axt", true),
            ("{a,t{e,f}}xt", "tfxt", true),
            ("{,a}text", "text", true),
            ("{text", "text", true),
            ("text}", "text}", true),
            ("a,b", "a,b", true),
            ("t[!a-z]xt", "text", false),
            ("t[!a-z]xt", "t_xt", true),
            ("t[a-z]xt", "text", true),
            ("t[eq]xt", "text", true),
            ("t[!eq]xt", "text", false),
            ("t[abq-z]xt", "text", false),
            ("t[abq-z]xt", "t-xt", true),
            ("te\\xt", "text", true),
            ("te\\*t", "te*t", true),
            ("text\\", "text", true),
            ("a.b+(c)^$|", "a.b+(c)^$|", true),
            ("a.b", "axb", false),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn broken_patterns_are_refused_in_upstreams_words() {
        for (pattern, expected) in [
            ("t[", "unexpected end of input"),
            ("t[ab", "unexpected end of input"),
            ("t[!", "unexpected end of input"),
            ("t[a-", "unexpected end of input"),
            ("t[]xt", "could not parse range"),
            ("t[z-a]xt", "hi character 'a' should be greater than lo 'z'"),
            ("t[a-zx]", "expected close range character"),
        ] {
            assert_eq!(compile(pattern).unwrap_err(), expected, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn prop_no_pattern_makes_it_fail_otherwise_than_by_an_error(pattern in r"[-a-c*?\[\]{}!\\,é&~^]{0,16}", text in "[-a-cé]{0,8}") {
            if let Ok(glob) = compile(&pattern) {
                glob.is_match(&text);
            }
        }
    }
}
