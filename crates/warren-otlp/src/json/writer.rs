//! Writing JSON.

use base64::Engine;
use warren_gotext::Float;

/// Appends JSON to bytes. Commas are put where they belong: before a name or an element that is not the first.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// An object, which `body` fills with [`name`](Self::name)d values.
    pub(crate) fn object(&mut self, body: impl FnOnce(&mut Self)) {
        self.out.push(b'{');
        body(self);
        self.out.push(b'}');
    }

    /// The name of the value that is written next. It needs no escapes.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    /// A named list, unless empty.
    pub(crate) fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        self.name(name);
        self.out.push(b'[');
        for item in items {
            self.separate();
            each(self, item);
        }
        self.out.push(b']');
    }

    /// A named string, unless empty.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.name(name).string(text);
        }
    }

    /// A named integer of 64 bits, as a string, unless zero.
    pub(crate) fn uint64(&mut self, name: &str, value: u64) {
        if value != 0 {
            self.name(name).quoted(value);
        }
    }

    /// A named integer of at most 32 bits, unless zero.
    pub(crate) fn int(&mut self, name: &str, value: i64) {
        if value != 0 {
            self.name(name);
            self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
    }

    /// A named identity, unless it is of zeros.
    pub(crate) fn id(&mut self, name: &str, id: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        if id.iter().any(|byte| *byte != 0) {
            self.name(name);
            self.out.push(b'"');
            for byte in id {
                self.out.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
            }
            self.out.push(b'"');
        }
    }

    /// A named truth, unless false.
    pub(crate) fn bool(&mut self, name: &str, value: bool) {
        if value {
            self.name(name).truth(value);
        }
    }

    /// A named double, unless positive zero.
    pub(crate) fn double(&mut self, name: &str, value: f64) {
        if value.to_bits() != 0 {
            self.name(name).number(value);
        }
    }

    /// A named double that may be absent.
    pub(crate) fn optional_double(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.name(name).number(value);
        }
    }

    /// An integer in quotes.
    pub(crate) fn quoted(&mut self, value: impl itoa::Integer) {
        self.out.push(b'"');
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b'"');
    }

    pub(crate) fn truth(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A double: the fewest digits that read back as the same number, an exponent below 1e-6 and from 1e21 on, and names for what is no number.
    pub(crate) fn number(&mut self, value: f64) {
        /// Whole numbers below this are exact, and written as such.
        const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
        let size = value.abs();
        if value.is_nan() {
            self.out.extend_from_slice(b"\"NaN\"");
        } else if value.is_infinite() {
            self.out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
        } else if size < WHOLE_MAX && value.fract() == 0.0 && value.to_bits() != (-0.0f64).to_bits() {
            self.out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
        } else {
            let layout = if size != 0.0 && !(1e-6..1e21).contains(&size) { Float::Exponent } else { Float::Plain };
            let mut text = String::new();
            warren_gotext::float(&mut text, value, layout);
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    pub(crate) fn base64(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(bytes).as_bytes());
        self.out.push(b'"');
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')) {
            let (plain, from) = rest.split_at(at);
            self.out.extend_from_slice(plain);
            if let Some((byte, after)) = from.split_first() {
                self.escape(*byte);
                rest = after;
            }
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' | b'\\' => self.out.extend([b'\\', byte]),
            b'\n' => self.out.extend(b"\\n"),
            b'\r' => self.out.extend(b"\\r"),
            b'\t' => self.out.extend(b"\\t"),
            _ => {
                self.out.extend_from_slice(b"\\u00");
                self.out.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
            }
        }
    }

    fn separate(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }
}
