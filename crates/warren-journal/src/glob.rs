//! Shell patterns: `*`, `?`, `[a-z]`, `[!a-z]`; a backslash is an ordinary character, as `journalctl` has it for units.

/// Whether the whole text is of the pattern. Takes time in proportion to the product of their lengths at most.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last star: the pattern behind it, the text from which it takes one byte more.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => class(pattern.get(p..).unwrap_or_default(), byte),
            Some(&literal) => (literal == byte).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(width), _) => (p, t) = (p + width, t + 1),
            (None, Some((behind, from))) => {
                star = Some((behind, from + 1));
                (p, t) = (behind, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// Whether a text has what makes it a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The width of the class at the beginning of the pattern if the byte is in it.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let start = if negated { 2 } else { 1 };
    // A bracket that stands first is an element.
    let length = pattern.get(start + 1..).and_then(|rest| memchr::memchr(b']', rest));
    let Some(end) = length.map(|length| start + 1 + length) else {
        return (byte == b'[').then_some(1);
    };
    let mut elements = pattern.get(start..end).unwrap_or_default();
    let mut found = false;
    while let Some((&low, rest)) = elements.split_first() {
        match rest {
            [b'-', high, rest @ ..] => {
                found |= (low..=*high).contains(&byte);
                elements = rest;
            }
            _ => {
                found |= low == byte;
                elements = rest;
            }
        }
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_a_shell_means() {
        for (pattern, text, expected) in [
            ("rabbit*", "rabbitmq-server.service", true),
            ("*.service", "a.service", true),
            ("*a*b", "xaxbxab", true),
            ("*a*b", "xaxbxa", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[ab", "[ab", true),
            ("", "", true),
            ("*", "", true),
            ("", "a", false),
            ("a\\*", "a\\b", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        assert!(!matches("*a".repeat(200).as_bytes(), "a".repeat(199).as_bytes()));
    }
}
