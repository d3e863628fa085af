//! `ParseJSON`: a JSON object or list as a map or list.
//!
//! As upstream's: every number becomes a fraction, the last of equal keys counts, a half of a surrogate pair is U+FFFD. Keys stay in the order of
//! the text, where upstream's order is random. Control characters within text and zeros before a number are let pass, as upstream's decoder does.

use super::entries::Entries;
use crate::function::{Call, Converter, Kind, Yields, param};
use crate::{Failure, Val};
use warren_pdata::Value;

/// The converters of this file.
pub(super) const CONVERTERS: &[Converter] = &[Converter {
    name: "ParseJSON",
    params: &[param("target", Kind::Str)],
    yields: Yields::Any,
    bind: |_| Ok(Call::new(|args| parse(args.text(0)))),
}];

/// Objects and lists within each other.
const DEPTH_MAX: usize = 128;

/// Reads a text that holds one object or list.
///
/// # Errors
/// When the text is no JSON, nests deeper than [`DEPTH_MAX`], or holds something else.
fn parse(text: &str) -> Result<Val, Failure> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    if let Some(c) = reader.peek() {
        return Err(Failure::new(format!("invalid character '{}' after top-level value", char::from(c))));
    }
    match value {
        Value::Map(map) => Ok(Val::Map(map)),
        Value::List(items) => Ok(Val::List(items)),
        other => {
            let kind = match other {
                Value::Bool(_) => "bool",
                Value::Double(_) => "float64",
                Value::Str(_) => "string",
                _ => "<nil>",
            };
            Err(Failure::new(format!("could not convert parsed value of type {kind} to JSON object")))
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// What stands here is not what belongs here; `expected` is upstream's way to say so.
    #[cold]
    fn unexpected(&self, expected: &str) -> Failure {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => Failure::new(format!("invalid character '{c}' at byte {}: {expected}", self.at)),
            None => Failure::new(format!("unexpected end of JSON input: {expected}")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Failure> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => Err(Failure::new(format!("JSON is nested more than {DEPTH_MAX} deep"))),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string().map(Value::from),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Empty),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                let c = self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
                Err(Failure::new(format!("invalid character '{c}' looking for beginning of value")))
            }
            None => Err(self.unexpected("expected a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Failure> {
        let mut entries = Entries::default();
        self.at += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(entries.into()));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("expected an object key in quotes"));
            }
            let key = self.string()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected("expected colon after object key"));
            }
            self.at += 1;
            let value = self.value(depth)?;
            entries.set(key.into(), value);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(entries.into()));
                }
                _ => return Err(self.unexpected("expected comma after object value")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Failure> {
        let mut items = Vec::new();
        self.at += 1;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value(depth)?);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::list(items));
                }
                _ => return Err(self.unexpected("expected comma after array element")),
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Failure> {
        for byte in word.bytes() {
            if self.byte() != Some(byte) {
                return Err(self.unexpected(&format!("expected {word}")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Failure> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') = self.byte() {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Value::Double(value)),
            Ok(_) => Err(Failure::new(format!("strconv.ParseFloat: parsing \"{text}\": value out of range"))),
            Err(_) => Err(Failure::new(format!("strconv.ParseFloat: parsing \"{text}\": invalid syntax"))),
        }
    }

    /// A text in quotes; the opening quote comes next.
    fn string(&mut self) -> Result<String, Failure> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(stop) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\')) else {
                self.at = self.text.len();
                return Err(self.unexpected("expected the end of a string"));
            };
            out.push_str(rest.get(..stop).unwrap_or_default());
            self.at += stop;
            let quote = self.byte() == Some(b'"');
            self.at += 1;
            if quote {
                return Ok(out);
            }
            let c = self.escaped()?;
            out.push(c);
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<char, Failure> {
        let c = match self.byte() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.unexpected("expected an escape sequence")),
        };
        self.at += 1;
        Ok(c)
    }

    /// The character of `\uXXXX`, or of a pair of them.
    fn code_point(&mut self) -> Result<char, Failure> {
        let first = self.unit().ok_or_else(|| self.unexpected("expected four hexadecimal digits"))?;
        if !(0xD800..0xDC00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after_first = self.at;
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
            self.at += 2;
            if let Some(second @ 0xDC00..0xE000) = self.unit() {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = after_first;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Result<String, String> {
        let value = parse(text).map_err(|failure| failure.to_string())?.stored();
        let mut out = String::new();
        warren_gotext::json(&mut out, &value).map_err(|error| error.to_string())?;
        Ok(out)
    }

    #[test]
    fn objects_and_lists_are_read_whole() {
        for (text, wanted) in [
            (r#"{"test":"string value"}"#, r#"{"test":"string value"}"#),
            (r#" { "a" : [ 1 , 2.5e1 , -0.1 ] , "b":{"c":true,"d":null} } "#, r#"{"a":[1,25,-0.1],"b":{"c":true,"d":null}}"#),
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"[9007199254740993]"#, "[9007199254740992]"),
            ("[01, \"a\nb\"]", r#"[1,"a\nb"]"#),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (r#"["\u00e9\ud83d\ude00\ud800x\n\/"]"#, "[\"é\u{1F600}\u{FFFD}x\\n/\"]"),
        ] {
            assert_eq!(json(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn numbers_are_fractions_and_keys_keep_their_order() {
        let Ok(Val::Map(map)) = parse(r#"{"z":1,"a":2}"#) else { panic!("no map") };
        assert_eq!(map.as_slice()[0].key, "z");
        assert_eq!(map.get("a"), Some(&Value::Double(2.0)));
    }

    #[test]
    fn what_is_no_object_or_list_is_refused() {
        for (text, wanted) in [
            ("1", "could not convert parsed value of type float64 to JSON object"),
            ("\"a\"", "could not convert parsed value of type string to JSON object"),
            ("true", "could not convert parsed value of type bool to JSON object"),
            ("null", "could not convert parsed value of type <nil> to JSON object"),
            ("", "unexpected end of JSON input"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            ("{\"a\" 1}", "expected colon after object key"),
            ("{\"a\":1", "expected comma after object value"),
            ("{\"a\":\"x", "unexpected end of JSON input"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("[1e999]", "value out of range"),
        ] {
            assert!(json(text).unwrap_err().contains(wanted), "{text}");
        }
        for text in ["[1,]", "{\"a\":1,}", "{a:1}", "[1e]", "[1.2.3]", "['a']", "[tru]", "{} x", "[\"\\x\"]", "[\"\\u12\"]"] {
            assert!(json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(parse(&format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX))).is_ok());
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }

    proptest! {
        #[test]
        fn prop_any_text_is_read_or_refused(text in "[\\[\\]{}:,\"\\\\0-9eu.\\-a-f ]{0,64}") {
            let _ = parse(&text);
        }
    }
}
