//! XML token by token, by the rules of Go's `encoding/xml` in its strict mode, with its words for faults.
//!
//! No entities but the five of XML and characters by number are known, and none can be declared: a text never grows by being read.

use crate::Failure;
use std::borrow::Cow;

/// One token. Texts are unescaped and their line ends are line feeds.
#[derive(Debug)]
pub(super) enum Token<'a> {
    Start {
        name: Name<'a>,
        attributes: Vec<Attribute<'a>>,
        closed: bool,
    },
    End(Name<'a>),
    Text(Cow<'a, str>),
    /// Text of a CDATA section.
    Data(Cow<'a, str>),
    Comment(&'a str),
    Instruction {
        target: &'a str,
        content: &'a str,
    },
    Directive(&'a str),
}

/// A name with its prefix, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
}

impl std::fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.local)
    }
}

/// An attribute of an element.
#[derive(Clone, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: Cow<'a, str>,
}

/// A text being read.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// A fault at this place, as Go names it.
    #[cold]
    pub(super) fn fault(&self, fault: impl std::fmt::Display) -> Failure {
        let line = 1 + self.text.bytes().take(self.at).filter(|byte| *byte == b'\n').count();
        Failure::new(format!("XML syntax error on line {line}: {fault}"))
    }

    /// The text ends where it must not.
    #[cold]
    pub(super) fn cut_off(&mut self) -> Failure {
        self.at = self.text.len();
        self.fault("unexpected EOF")
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\r' | b'\n' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// What stands before `end`, which is read as well.
    fn until(&mut self, end: &str) -> Result<&'a str, Failure> {
        let rest = self.rest();
        let Some(length) = rest.find(end) else { return Err(self.cut_off()) };
        self.at += length + end.len();
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// The next token; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, Failure> {
        let Some(first) = self.byte() else { return Ok(None) };
        if first != b'<' {
            let length = self.rest().find('<').unwrap_or(self.rest().len());
            let raw = self.rest().get(..length).unwrap_or_default();
            if let Some(place) = raw.find("]]>") {
                self.at += place;
                return Err(self.fault("unescaped ]]> not in CDATA section"));
            }
            let text = self.unescaped(raw)?;
            self.at += length;
            return Ok(Some(Token::Text(text)));
        }
        self.at += 1;
        let token = match self.byte() {
            None => return Err(self.cut_off()),
            Some(b'/') => self.end()?,
            Some(b'?') => self.instruction()?,
            Some(b'!') => self.declaration()?,
            Some(_) => self.start()?,
        };
        Ok(Some(token))
    }

    fn end(&mut self) -> Result<Token<'a>, Failure> {
        self.at += 1;
        let name = self.name("expected element name after </")?;
        self.space();
        match self.byte() {
            Some(b'>') => {
                self.at += 1;
                Ok(Token::End(name))
            }
            Some(_) => Err(self.fault(format_args!("invalid characters between </{name} and >"))),
            None => Err(self.cut_off()),
        }
    }

    fn instruction(&mut self) -> Result<Token<'a>, Failure> {
        self.at += 1;
        let target = self.plain_name("expected target name after <?")?;
        self.space();
        let content = self.until("?>")?;
        if target == "xml" {
            let version = parameter(content, "version");
            if !matches!(version, "" | "1.0") {
                let version = warren_gotext::quoted(version);
                return Err(Failure::new(format!("xml: unsupported version {version}; only version 1.0 is supported")));
            }
        }
        Ok(Token::Instruction { target, content })
    }

    /// What begins with `<!`.
    fn declaration(&mut self) -> Result<Token<'a>, Failure> {
        self.at += 1;
        if self.take("-") {
            if !self.take("-") {
                return Err(self.fault("invalid sequence <!- not part of <!--"));
            }
            let comment = self.until("--")?;
            if !self.take(">") {
                return Err(self.fault("invalid sequence \"--\" not allowed in comments"));
            }
            return Ok(Token::Comment(comment));
        }
        if self.take("[") {
            if !self.take("CDATA[") {
                return Err(self.fault("invalid <![ sequence"));
            }
            let data = self.until("]]>")?;
            self.check(data)?;
            return Ok(Token::Data(line_ends(data)));
        }
        let start = self.at;
        let (mut quote, mut depth) = (None, 0_usize);
        loop {
            let Some(byte) = self.byte() else { return Err(self.cut_off()) };
            match byte {
                b'>' if quote.is_none() && depth == 0 => break,
                _ if quote == Some(byte) => quote = None,
                _ if quote.is_some() => {}
                b'\'' | b'"' => quote = Some(byte),
                b'>' => depth -= 1,
                b'<' if self.take("<!--") => {
                    self.until("-->")?;
                    continue;
                }
                b'<' => depth += 1,
                _ => {}
            }
            self.at += 1;
        }
        let directive = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Token::Directive(directive))
    }

    fn start(&mut self) -> Result<Token<'a>, Failure> {
        let name = self.name("expected element name after <")?;
        let mut attributes = Vec::new();
        loop {
            self.space();
            match self.byte() {
                None => return Err(self.cut_off()),
                Some(b'>') => {
                    self.at += 1;
                    return Ok(Token::Start { name, attributes, closed: false });
                }
                Some(b'/') => {
                    self.at += 1;
                    if !self.take(">") {
                        return Err(self.fault("expected /> in element"));
                    }
                    return Ok(Token::Start { name, attributes, closed: true });
                }
                Some(_) => attributes.push(self.attribute()?),
            }
        }
    }

    fn attribute(&mut self) -> Result<Attribute<'a>, Failure> {
        let name = self.name("expected attribute name in element")?;
        self.space();
        if !self.take("=") {
            return Err(self.fault("attribute name without = in element"));
        }
        self.space();
        let quote = match self.byte() {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            Some(_) => return Err(self.fault("unquoted or missing attribute value in element")),
            None => return Err(self.cut_off()),
        };
        self.at += 1;
        let raw = self.until(quote)?;
        if raw.contains('<') {
            return Err(self.fault("unescaped < inside quoted string"));
        }
        Ok(Attribute { name, value: self.unescaped(raw)? })
    }

    fn name(&mut self, missing: &'static str) -> Result<Name<'a>, Failure> {
        let whole = self.plain_name(missing)?;
        Ok(match whole.split_once(':') {
            Some((_, local)) if local.contains(':') => return Err(self.fault(missing)),
            Some((prefix, local)) if !prefix.is_empty() && !local.is_empty() => Name { prefix, local },
            _ => Name { prefix: "", local: whole },
        })
    }

    fn plain_name(&mut self, missing: &'static str) -> Result<&'a str, Failure> {
        let rest = self.rest();
        let belongs = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
        let (name, after) = rest.split_at(rest.find(|c| !belongs(c)).unwrap_or(rest.len()));
        if after.is_empty() {
            return Err(self.cut_off());
        }
        if name.is_empty() {
            return Err(self.fault(missing));
        }
        self.at += name.len();
        let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
        let goes_on = |c: char| c.is_ascii() || c.is_alphanumeric() || matches!(c, '\u{b7}' | '\u{300}'..='\u{36f}');
        if !name.starts_with(begins) || !name.chars().all(goes_on) {
            return Err(self.fault(format_args!("invalid XML name: {name}")));
        }
        Ok(name)
    }

    /// No character that XML forbids.
    fn check(&self, text: &str) -> Result<(), Failure> {
        match text.chars().find(|&c| !permitted(c)) {
            Some(c) => Err(self.fault(format_args!("illegal character code U+{:04X}", u32::from(c)))),
            None => Ok(()),
        }
    }

    fn unescaped(&self, raw: &'a str) -> Result<Cow<'a, str>, Failure> {
        self.check(raw)?;
        let raw = line_ends(raw);
        if !raw.contains('&') {
            return Ok(raw);
        }
        let mut out = String::with_capacity(raw.len());
        let mut rest: &str = &raw;
        while let Some((before, after)) = rest.split_once('&') {
            out.push_str(before);
            let length = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '#')).unwrap_or(after.len());
            let (name, behind) = after.split_at(length);
            let Some(behind) = behind.strip_prefix(';') else {
                return Err(self.fault(format_args!("invalid character entity &{name} (no semicolon)")));
            };
            match entity(name) {
                Some(c) => out.push(c),
                None => return Err(self.fault(format_args!("invalid character entity &{name};"))),
            }
            rest = behind;
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }
}

/// The value of a parameter of an instruction: `version` of `version="1.0"`.
pub(super) fn parameter<'a>(content: &'a str, name: &str) -> &'a str {
    let Some((_, after)) = content.split_once(&format!("{name}=")) else { return "" };
    let Some(quote) = after.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return "" };
    after.get(1..).and_then(|value| value.split_once(quote)).map_or("", |(value, _)| value)
}

fn entity(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return Some(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            _ => return None,
        });
    };
    let code = match number.strip_prefix('x') {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => u32::from_str_radix(digits, 16),
        Some(_) => return None,
        None => number.parse(),
    };
    // A surrogate is no character, and reads as the replacement of one.
    let c =
        code.ok().filter(|code| *code <= 0x10_ffff).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))?;
    permitted(c).then_some(c)
}

fn permitted(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{1_0000}'..)
}

/// `\r\n` and `\r` as `\n`.
fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}
