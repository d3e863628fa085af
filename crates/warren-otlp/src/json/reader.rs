//! Reading JSON as it comes, without a tree.

use crate::{DecodeError, Fault};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use warren_pdata::names::Names;

/// Objects and lists within each other: values within values take three of them each.
const NESTING_MAX: usize = 3 * crate::DEPTH_MAX + 32;

/// What Go reads for `NaN`.
const NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// As Go decodes: padding asked for, bits that say nothing ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A place in a JSON text. Each method reads one value and what comes before it.
pub(crate) struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
    nesting: usize,
}

impl<'a> Json<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, nesting: 0 }
    }

    /// An error at this place.
    #[cold]
    pub(crate) fn error(&self, fault: Fault) -> DecodeError {
        DecodeError::new(self.at, "JSON", fault)
    }

    /// The first byte of what comes next, behind white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), DecodeError> {
        if self.peek().is_some() { Err(self.error(Fault::Trailing)) } else { Ok(()) }
    }

    /// Enters an object or a list; `false` if there is `null` instead. `first` is the bracket.
    pub(crate) fn enter(&mut self, first: u8, expected: &'static str) -> Result<bool, DecodeError> {
        match self.peek() {
            Some(byte) if byte == first => {
                self.at += 1;
                self.nesting += 1;
                if self.nesting > NESTING_MAX { Err(self.error(Fault::Depth)) } else { Ok(true) }
            }
            Some(b'n') => self.literal("null").map(|()| false),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The next name of an object whose value is not `null`; `None` at its end. `first` is true for the first one.
    pub(crate) fn name(&mut self, first: &mut bool) -> Result<Option<Cow<'a, [u8]>>, DecodeError> {
        while self.more(first, b'}', "a comma or the end of the object")? {
            let name = self.string()?;
            match self.peek() {
                Some(b':') => self.at += 1,
                _ => return Err(self.unexpected("a colon")),
            }
            if self.peek() != Some(b'n') {
                return Ok(Some(name));
            }
            self.literal("null")?;
        }
        Ok(None)
    }

    /// Whether a list has another element. `first` is true for the first one.
    pub(crate) fn element(&mut self, first: &mut bool) -> Result<bool, DecodeError> {
        self.more(first, b']', "a comma or the end of the list")
    }

    fn more(&mut self, first: &mut bool, last: u8, expected: &'static str) -> Result<bool, DecodeError> {
        match self.peek() {
            Some(byte) if byte == last => {
                self.at += 1;
                self.nesting -= 1;
                Ok(false)
            }
            Some(_) if std::mem::take(first) => Ok(true),
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.peek() {
            Some(b't') => self.literal("true").map(|()| true),
            Some(b'f') => self.literal("false").map(|()| false),
            _ => Err(self.unexpected("true or false")),
        }
    }

    /// An integer, as a number or in quotes. `expected` is the name of its type.
    fn integer<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T, DecodeError> {
        let text = self.number_text()?;
        let value = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        value.ok_or_else(|| self.error(Fault::Range(expected)))
    }

    pub(crate) fn uint64(&mut self) -> Result<u64, DecodeError> {
        self.integer("uint64")
    }

    pub(crate) fn int64(&mut self) -> Result<i64, DecodeError> {
        self.integer("int64")
    }

    pub(crate) fn uint32(&mut self) -> Result<u32, DecodeError> {
        self.integer("uint32")
    }

    pub(crate) fn int32(&mut self) -> Result<i32, DecodeError> {
        self.integer("int32")
    }

    /// A double, as a number or in quotes; in quotes also one of the names for what is no number.
    pub(crate) fn double(&mut self) -> Result<f64, DecodeError> {
        let text = self.number_text()?;
        let value = std::str::from_utf8(&text).ok().and_then(parse_double);
        value.ok_or_else(|| self.error(Fault::Range("double")))
    }

    /// An enumeration, as a number or by one of its names.
    pub(crate) fn enumeration(&mut self, names: Names) -> Result<i32, DecodeError> {
        if self.peek() != Some(b'"') {
            return self.int32();
        }
        let name = self.string()?;
        let known = names.iter().find(|(known, _)| known.as_bytes() == &*name);
        known.map(|(_, number)| *number).ok_or_else(|| self.error(Fault::Enum))
    }

    /// Bytes in base64.
    pub(crate) fn base64(&mut self) -> Result<Vec<u8>, DecodeError> {
        let text = self.string()?;
        BASE64.decode(&*text).map_err(|_| self.error(Fault::Base64))
    }

    /// An identity in hexadecimal digits; none at all is one of zeros.
    pub(crate) fn id<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let text = self.string()?;
        let mut id = [0; N];
        if text.is_empty() {
            return Ok(id);
        }
        let (pairs, rest) = text.as_chunks::<2>();
        if pairs.len() != N || !rest.is_empty() {
            return Err(self.error(Fault::IdLength { expected: N, found: text.len() / 2 }));
        }
        for (byte, pair) in id.iter_mut().zip(pairs) {
            match pair.map(|digit| (digit as char).to_digit(16)) {
                [Some(high), Some(low)] => *byte = (high << 4 | low) as u8,
                _ => return Err(self.error(Fault::Hex)),
            }
        }
        Ok(id)
    }

    /// Reads an object; `field` is called at each value with its name and must read or skip it.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut first = true;
        if self.enter(b'{', "an object")? {
            while let Some(name) = self.name(&mut first)? {
                field(self, &name)?;
            }
        }
        Ok(())
    }

    /// Reads a list; `element` is called at each element and must read or skip it.
    pub(crate) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
        let mut first = true;
        if self.enter(b'[', "a list")? {
            while self.element(&mut first)? {
                element(self)?;
            }
        }
        Ok(())
    }

    /// Leaves out a value of any kind.
    pub(crate) fn skip(&mut self) -> Result<(), DecodeError> {
        match self.peek() {
            Some(b'{') => self.object(|json, _| json.skip()),
            Some(b'[') => self.list(Self::skip),
            Some(b'"') => self.string().map(|_| ()),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.raw_number().map(|_| ()),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A number's characters, without the quotes it may stand in.
    fn number_text(&mut self) -> Result<Cow<'a, [u8]>, DecodeError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.raw_number().map(Cow::Borrowed),
            _ => Err(self.unexpected("a number")),
        }
    }

    fn raw_number(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        // No digit may follow a leading zero.
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1
        } else {
            self.digits()?
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str) -> Result<(), DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.unexpected(word));
        }
        self.at += word.len();
        Ok(())
    }

    /// A string.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, [u8]>, DecodeError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a string"));
        }
        self.at += 1;
        let plain = self.plain()?;
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        while self.bytes.get(self.at) == Some(&b'\\') {
            self.at += 1;
            self.escape(&mut text)?;
            text.extend_from_slice(self.plain()?);
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// Characters of a string up to its end or the next backslash, where the place is then.
    fn plain(&mut self) -> Result<&'a [u8], DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
            self.at = self.bytes.len();
            return Err(self.error(Fault::Truncated));
        };
        let plain = rest.get(..length).unwrap_or_default();
        if let Some(bad) = plain.iter().position(|byte| *byte < b' ') {
            self.at += bad;
            return Err(self.error(Fault::Control));
        }
        self.at += length;
        Ok(plain)
    }

    /// What stands behind a backslash.
    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), DecodeError> {
        let Some(&code) = self.bytes.get(self.at) else { return Err(self.error(Fault::Truncated)) };
        self.at += 1;
        let byte = match code {
            b'"' | b'\\' | b'/' => code,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = self.unicode()?;
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.error(Fault::Escape)),
        };
        text.push(byte);
        Ok(())
    }

    /// The character of `\u`; half of a pair is unreadable.
    fn unicode(&mut self) -> Result<char, DecodeError> {
        let unit = self.hex4()?;
        let high = (0xd800..0xdc00).contains(&unit);
        if high && self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
            let before = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, DecodeError> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or_else(|| self.error(Fault::Truncated))?;
        let mut value = 0;
        for digit in digits {
            let digit = (*digit as char).to_digit(16).ok_or_else(|| self.error(Fault::Escape))?;
            value = value << 4 | digit;
        }
        self.at += 4;
        Ok(value)
    }

    #[cold]
    fn unexpected(&self, expected: &'static str) -> DecodeError {
        let ended = self.at >= self.bytes.len();
        self.error(if ended { Fault::Truncated } else { Fault::Expected(expected) })
    }
}

/// As Go's `strconv.ParseFloat` reads decimal numbers: what is too great is refused, and `nan` has no sign.
fn parse_double(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let named = text.bytes().any(|byte| byte.is_ascii_alphabetic() && !byte.eq_ignore_ascii_case(&b'e'));
    if value.is_nan() {
        return text.eq_ignore_ascii_case("nan").then_some(NAN);
    }
    (named || value.is_finite()).then_some(value)
}
