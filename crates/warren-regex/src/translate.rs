//! Reads a pattern in RE2 syntax (Go's Perl flags) and writes it in the dialect of the `regex` crate.
//!
//! Everything is written out canonically: literals escaped, Perl classes as ASCII ranges, groups
//! without names. What RE2 refuses is refused here with Go's text.

use crate::Error;

/// Largest count in `{n,m}`, as in RE2.
const REPEAT_MAX: u32 = 1000;

/// Never matches.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

/// A pattern for the `regex` crate and the names of its groups, the whole match first.
pub(crate) struct Translated {
    pub(crate) pattern: String,
    pub(crate) names: Vec<Option<Box<str>>>,
}

pub(crate) fn translate(source: &str) -> Result<Translated, Error> {
    let mut translator =
        Translator { whole: source, rest: source, out: String::with_capacity(source.len() + 16), names: vec![None], depth: 0 };
    translator.run()?;
    Ok(Translated { pattern: translator.out, names: translator.names })
}

struct Translator<'s> {
    whole: &'s str,
    rest: &'s str,
    out: String,
    names: Vec<Option<Box<str>>>,
    /// Open groups.
    depth: usize,
}

impl<'s> Translator<'s> {
    fn run(&mut self) -> Result<(), Error> {
        // Whether something stands before a repetition operator, and the operator just written.
        let mut operand = false;
        let mut last_repeat: Option<&'s str> = None;
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            let mut repeat = None;
            match c {
                '(' => {
                    self.open_group()?;
                    operand = false;
                }
                ')' => {
                    if self.depth == 0 {
                        return Err(Error::new("unexpected )", self.whole));
                    }
                    self.depth -= 1;
                    self.copy(1);
                    operand = true;
                }
                '|' => {
                    self.copy(1);
                    operand = false;
                }
                '^' | '$' | '.' => {
                    self.copy(1);
                    operand = true;
                }
                '[' => {
                    self.class()?;
                    operand = true;
                }
                '*' | '+' | '?' => {
                    self.repeat(1, operand, last_repeat)?;
                    repeat = Some(before);
                }
                '{' => match counted(before) {
                    Some((length, valid)) => {
                        if !valid {
                            return Err(Error::new("invalid repeat count", slice(before, length)));
                        }
                        self.repeat(length, operand, last_repeat)?;
                        repeat = Some(before);
                    }
                    None => {
                        self.out.push_str(r"\{");
                        self.skip(1);
                        operand = true;
                    }
                },
                '\\' => operand |= self.escape()?,
                _ => {
                    self.literal(u32::from(c));
                    self.skip(c.len_utf8());
                    operand = true;
                }
            }
            last_repeat = repeat;
        }
        if self.depth > 0 {
            return Err(Error::new("missing closing )", self.whole));
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn copy(&mut self, bytes: usize) {
        let (head, tail) = self.rest.split_at(bytes.min(self.rest.len()));
        self.out.push_str(head);
        self.rest = tail;
    }

    /// Writes one code point; a surrogate can never occur in a text.
    fn literal(&mut self, code: u32) {
        match char::from_u32(code) {
            Some(c) => regex_syntax::escape_into(c.encode_utf8(&mut [0; 4]), &mut self.out),
            None => self.out.push_str(NOTHING),
        }
    }

    fn repeat(&mut self, length: usize, operand: bool, last: Option<&'s str>) -> Result<(), Error> {
        let before = self.rest;
        let lazy = before.get(length..).is_some_and(|after| after.starts_with('?'));
        let length = length + usize::from(lazy);
        if let Some(last) = last {
            let both = last.len() - before.len() + length;
            return Err(Error::new("invalid nested repetition operator", slice(last, both)));
        }
        if !operand {
            return Err(Error::new("missing argument to repetition operator", slice(before, length)));
        }
        self.copy(length);
        Ok(())
    }

    /// `(`, a named group, flags, or a group with flags.
    fn open_group(&mut self) -> Result<(), Error> {
        let before = self.rest;
        if !before.starts_with("(?") {
            self.names.push(None);
            self.depth += 1;
            self.copy(1);
            return Ok(());
        }
        let named = before.strip_prefix("(?P<").or_else(|| before.strip_prefix("(?<"));
        if let Some(body) = named.filter(|body| !body.is_empty()) {
            let Some((name, rest)) = body.split_once('>') else {
                return Err(Error::new("invalid named capture", before));
            };
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(Error::new("invalid named capture", slice(before, before.len() - rest.len())));
            }
            self.names.push(Some(name.into()));
            self.depth += 1;
            self.out.push('(');
            self.rest = rest;
            return Ok(());
        }
        let mut negated = false;
        let mut flag_seen = false;
        for (at, c) in before.char_indices().skip(2) {
            match c {
                'i' | 'm' | 's' | 'U' => flag_seen = true,
                '-' if !negated => {
                    negated = true;
                    flag_seen = false;
                }
                ':' | ')' if !negated || flag_seen => {
                    let empty = c == ')' && at == 2;
                    if empty {
                        self.skip(at + 1);
                    } else {
                        self.copy(at + 1);
                    }
                    self.depth += usize::from(c == ':');
                    return Ok(());
                }
                _ => {
                    let part = slice(before, at + c.len_utf8());
                    return Err(Error::new("invalid or unsupported Perl syntax", part));
                }
            }
        }
        Err(Error::new("invalid or unsupported Perl syntax", before))
    }

    /// A backslash outside of a class. Returns whether it wrote something that can be repeated.
    fn escape(&mut self) -> Result<bool, Error> {
        let written = match self.rest.as_bytes().get(1) {
            Some(b'A') => r"\A",
            Some(b'z') => r"\z",
            Some(b'b') => r"(?-u:\b)",
            Some(b'B') => r"(?-u:\B)",
            Some(b'C') => return Err(Error::new("invalid escape sequence", slice(self.rest, 2))),
            Some(b'Q') => {
                let body = self.rest.get(2..).unwrap_or_default();
                let (quoted, rest) = body.split_once(r"\E").unwrap_or((body, ""));
                regex_syntax::escape_into(quoted, &mut self.out);
                self.rest = rest;
                return Ok(!quoted.is_empty());
            }
            Some(b'p' | b'P') => {
                self.unicode_class()?;
                return Ok(true);
            }
            Some(&letter) => match perl_class(letter) {
                Some(class) => class,
                None => {
                    let code = self.escaped_char()?;
                    self.literal(code);
                    return Ok(true);
                }
            },
            None => return Err(Error::new("trailing backslash at end of expression", "")),
        };
        self.out.push_str(written);
        self.skip(2);
        Ok(true)
    }

    /// Reads an escape that stands for one code point.
    fn escaped_char(&mut self) -> Result<u32, Error> {
        let before = self.rest;
        self.skip(1);
        let Some(c) = self.rest.chars().next() else {
            return Err(Error::new("trailing backslash at end of expression", ""));
        };
        self.skip(c.len_utf8());
        let code = match c {
            '0'..='7' => self.octal(c),
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0C),
            'n' => Some(0x0A),
            'r' => Some(0x0D),
            't' => Some(0x09),
            'v' => Some(0x0B),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code.ok_or_else(|| Error::new("invalid escape sequence", slice(before, before.len() - self.rest.len())))
    }

    /// Up to three octal digits; a single one that is not zero would be a back-reference.
    fn octal(&mut self, first: char) -> Option<u32> {
        let more = self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
        if first != '0' && more == 0 {
            return None;
        }
        let digits = slice(self.rest, more);
        let code = digits.bytes().fold(first.to_digit(8)?, |code, b| code * 8 + u32::from(b - b'0'));
        self.skip(more);
        Some(code)
    }

    /// `7F` or `{10FFFF}` after `\x`.
    fn hexadecimal(&mut self) -> Option<u32> {
        let (digits, length) = match self.rest.strip_prefix('{') {
            Some(body) => {
                let end = body.find('}')?;
                (slice(body, end), end + 2)
            }
            None => (self.rest.get(..2)?, 2),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        let code = if digits.is_empty() { 0 } else { u32::from_str_radix(digits, 16).ok()? };
        self.skip(length);
        (code <= u32::from(char::MAX)).then_some(code)
    }

    /// `\pL`, `\p{Greek}`, `\P{^Greek}`.
    fn unicode_class(&mut self) -> Result<(), Error> {
        let before = self.rest;
        let mut negated = before.starts_with(r"\P");
        let body = before.get(2..).unwrap_or_default();
        let (mut name, length) = match body.chars().next() {
            Some('{') => match body.find('}') {
                Some(end) => (body.get(1..end).unwrap_or_default(), end + 3),
                None => return Err(Error::new("invalid character class range", before)),
            },
            Some(c) => (slice(body, c.len_utf8()), 2 + c.len_utf8()),
            None => return Err(Error::new("invalid escape sequence", before)),
        };
        if let Some(rest) = name.strip_prefix('^') {
            negated = !negated;
            name = rest;
        }
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_- ".contains(&b));
        let class = format!(r"\{}{{{name}}}", if negated { 'P' } else { 'p' });
        if !plain || regex_syntax::parse(&class).is_err() {
            return Err(Error::new("invalid character class range", slice(before, length)));
        }
        self.out.push_str(&class);
        self.skip(length);
        Ok(())
    }

    /// A bracketed class, item by item.
    fn class(&mut self) -> Result<(), Error> {
        let whole = self.rest;
        self.copy(1);
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        let start = self.out.len();
        let mut first = true;
        loop {
            if self.rest.is_empty() {
                return Err(Error::new("missing closing ]", whole));
            }
            if self.rest.starts_with(']') && !first {
                break;
            }
            first = false;
            self.class_item(whole)?;
        }
        if self.out.len() == start {
            self.out.push_str(NOTHING);
        }
        self.copy(1);
        Ok(())
    }

    fn class_item(&mut self, whole: &'s str) -> Result<(), Error> {
        let before = self.rest;
        if let Some(body) = before.strip_prefix("[:")
            && let Some(end) = body.find(":]")
        {
            let name = slice(body, end);
            if !is_posix_class(name.strip_prefix('^').unwrap_or(name)) {
                return Err(Error::new("invalid character class range", slice(before, end + 4)));
            }
            self.copy(end + 4);
            return Ok(());
        }
        if before.starts_with(r"\p") || before.starts_with(r"\P") {
            return self.unicode_class();
        }
        if let Some(b'\\') = before.as_bytes().first()
            && let Some(class) = before.as_bytes().get(1).and_then(|&letter| perl_class(letter))
        {
            self.out.push_str(class);
            self.skip(2);
            return Ok(());
        }
        let low = self.class_char(whole)?;
        let mut high = low;
        let range = self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]");
        if range {
            self.skip(1);
            high = self.class_char(whole)?;
            if high < low {
                let part = slice(before, before.len() - self.rest.len());
                return Err(Error::new("invalid character class range", part));
            }
        }
        self.class_range(low, high);
        Ok(())
    }

    fn class_char(&mut self, whole: &'s str) -> Result<u32, Error> {
        match self.rest.chars().next() {
            None => Err(Error::new("missing closing ]", whole)),
            Some('\\') => self.escaped_char(),
            Some(c) => {
                self.skip(c.len_utf8());
                Ok(u32::from(c))
            }
        }
    }

    /// Writes a range without the surrogates, which no text contains.
    fn class_range(&mut self, low: u32, high: u32) {
        const SURROGATES: std::ops::RangeInclusive<u32> = 0xD800..=0xDFFF;
        let low = if SURROGATES.contains(&low) { 0xE000 } else { low };
        let high = if SURROGATES.contains(&high) { 0xD7FF } else { high };
        if low > high {
            return;
        }
        self.literal(low);
        if high != low {
            self.out.push('-');
            self.literal(high);
        }
    }
}

/// The first `length` bytes of `text`, which end at a character.
fn slice(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

/// Perl's classes hold ASCII only in RE2; `\s` has no vertical tab.
fn perl_class(letter: u8) -> Option<&'static str> {
    Some(match letter {
        b'd' => "[0-9]",
        b'D' => "[^0-9]",
        b's' => r"[\t\n\x0C\r\x20]",
        b'S' => r"[^\t\n\x0C\r\x20]",
        b'w' => "[0-9A-Za-z_]",
        b'W' => "[^0-9A-Za-z_]",
        _ => return None,
    })
}

fn is_posix_class(name: &str) -> bool {
    matches!(
        name,
        "alnum"
            | "alpha"
            | "ascii"
            | "blank"
            | "cntrl"
            | "digit"
            | "graph"
            | "lower"
            | "print"
            | "punct"
            | "space"
            | "upper"
            | "word"
            | "xdigit"
    )
}

/// Reads `{n}`, `{n,}` or `{n,m}` at the start of `text`: its length and whether the counts are valid.
/// Anything else is not a repetition, and its brace a literal.
fn counted(text: &str) -> Option<(usize, bool)> {
    let end = text.find('}')?;
    let body = text.get(1..end)?;
    let (low, high) = match body.split_once(',') {
        None => (count(body)?, count(body)?),
        Some((low, "")) => (count(low)?, REPEAT_MAX),
        Some((low, high)) => (count(low)?, count(high)?),
    };
    Some((end + 1, low <= high && high <= REPEAT_MAX))
}

/// A decimal number without leading zeros; too large ones become one more than allowed.
fn count(text: &str) -> Option<u32> {
    let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    number.then(|| text.parse().unwrap_or(u32::MAX).min(REPEAT_MAX + 1))
}
