//! One value for one verb.

use super::number;
use crate::Val;
use crate::value::{ItemType, Time};
use warren_gotext::{printable, quote_with};
use warren_gotime::Layout;
use warren_pdata::{KeyValue, Value};

/// Lists and maps within each other that are still printed.
const DEPTH_MAX: usize = 128;

/// What stands between the percent sign and the verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    /// `%#v`
    pub(super) go_syntax: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// A text being written, within a bound.
pub(super) struct Printer {
    out: String,
    bytes_max: usize,
    pub(super) flags: Flags,
    /// Within the words about a verb that does not fit: no value has words of its own there.
    at_fault: bool,
}

impl Printer {
    pub(super) fn new(capacity: usize, bytes_max: usize) -> Self {
        Self { out: String::with_capacity(capacity.min(bytes_max)), bytes_max, flags: Flags::default(), at_fault: false }
    }

    /// The text; nothing if it grew beyond the bound.
    pub(super) fn finish(self) -> Option<String> {
        (self.out.len() <= self.bytes_max).then_some(self.out)
    }

    /// Appends text as it is. Beyond the bound nothing is appended any more.
    pub(super) fn text(&mut self, text: &str) {
        if self.out.len() <= self.bytes_max {
            self.out.push_str(text);
        }
    }

    pub(super) fn fault(&mut self, verb: char, fault: &str) {
        self.text("%!");
        self.text(verb.encode_utf8(&mut [0; 4]));
        self.text("(");
        self.text(fault);
        self.text(")");
    }

    pub(super) fn value(&mut self, value: &Val, verb: char) {
        match (value, verb) {
            (Val::Nil, 'v' | 'T') => self.pad("<nil>"),
            (Val::Nil, _) => self.fault(verb, "<nil>"),
            (_, 'T') => {
                let name = self.cut(value.type_name());
                self.pad(name);
            }
            _ => self.print(value, verb, 0),
        }
    }

    fn print(&mut self, value: &Val, verb: char, depth: usize) {
        if depth > DEPTH_MAX {
            return self.text("...");
        }
        let in_words = !self.at_fault && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.flags.go_syntax;
        let plain = matches!(value, Val::Nil | Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Str(_) | Val::Bytes(_));
        let fits = match value {
            // Only errors can be wrapped.
            _ if verb == 'w' && !plain => false,
            Val::Nil => {
                self.text(if self.flags.go_syntax { "interface {}(nil)" } else { "<nil>" });
                true
            }
            Val::Bool(value) => {
                let fits = matches!(verb, 't' | 'v');
                if fits {
                    self.pad(if *value { "true" } else { "false" });
                }
                fits
            }
            Val::Duration(nanos) if in_words => self.string(&duration(*nanos), verb),
            Val::Int(number) | Val::Duration(number) => self.integer(number.unsigned_abs(), *number < 0, verb),
            Val::Float(number) => self.float(*number, verb),
            Val::Str(text) => self.string(text, verb),
            Val::Bytes(bytes) => return self.bytes(bytes, verb, depth),
            Val::Time(time) if in_words || verb == 'v' => self.string(&date(time), verb),
            Val::TraceId(id) if in_words => self.string(&identity(&id.0), verb),
            Val::SpanId(id) if in_words => self.string(&identity(&id.0), verb),
            Val::TraceId(id) => return self.numbers("pcommon.TraceID", &id.0, verb),
            Val::SpanId(id) => return self.numbers("pcommon.SpanID", &id.0, verb),
            Val::Map(map) => return self.map(map.as_slice(), verb, depth),
            Val::List(items) => return self.list("[]interface {}", items, ItemType::Int, verb, depth),
            Val::Typed(kind, items) => return self.list(value.type_name(), items, *kind, verb, depth),
            Val::Opaque(_) | Val::Time(_) if verb == 'v' => {
                self.text("{");
                self.text(value.type_name());
                self.text("}");
                true
            }
            Val::Opaque(_) | Val::Time(_) => false,
        };
        if !fits {
            self.misfit(value, verb, depth);
        }
    }

    /// Says that the verb is none for the value.
    fn misfit(&mut self, value: &Val, verb: char, depth: usize) {
        self.text("%!");
        self.text(verb.encode_utf8(&mut [0; 4]));
        self.text("(");
        self.text(value.type_name());
        self.text("=");
        let before = std::mem::replace(&mut self.at_fault, true);
        self.print(value, 'v', depth + 1);
        self.at_fault = before;
        self.text(")");
    }

    fn list(&mut self, type_name: &str, items: &[Value], kind: ItemType, verb: char, depth: usize) {
        let (open, between, close) = if self.flags.go_syntax { ("{", ", ", "}") } else { ("[", " ", "]") };
        if self.flags.go_syntax {
            self.text(type_name);
        }
        self.text(open);
        for (index, item) in items.iter().enumerate() {
            self.text(if index > 0 { between } else { "" });
            match item {
                Value::Int(bits) if kind == ItemType::Uint => self.unsigned(bits.cast_unsigned(), "uint64", verb),
                item => self.print(&Val::from(item), verb, depth + 1),
            }
        }
        self.text(close);
    }

    fn map(&mut self, entries: &[KeyValue], verb: char, depth: usize) {
        let mut entries: Vec<&KeyValue> = entries.iter().collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let (open, between, close) =
            if self.flags.go_syntax { ("map[string]interface {}{", ", ", "}") } else { ("map[", " ", "]") };
        self.text(open);
        for (index, entry) in entries.into_iter().enumerate() {
            self.text(if index > 0 { between } else { "" });
            self.print(&Val::Str(entry.key.clone()), verb, depth + 1);
            self.text(":");
            self.print(&Val::from(&entry.value), verb, depth + 1);
        }
        self.text(close);
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, depth: usize) {
        match verb {
            's' => self.string(&String::from_utf8_lossy(bytes), verb),
            'q' => self.string(&String::from_utf8_lossy(bytes), verb),
            'x' | 'X' => self.hexadecimal(bytes, verb == 'X'),
            _ => {
                self.numbers(if depth == 0 { "[]byte" } else { "[]uint8" }, bytes, verb);
                true
            }
        };
    }

    /// Bytes as a list of numbers.
    fn numbers(&mut self, type_name: &str, bytes: &[u8], verb: char) {
        let (open, between, close) = if self.flags.go_syntax { ("{", ", ", "}") } else { ("[", " ", "]") };
        if self.flags.go_syntax {
            self.text(type_name);
        }
        self.text(open);
        for (index, byte) in bytes.iter().enumerate() {
            self.text(if index > 0 { between } else { "" });
            self.unsigned(u64::from(*byte), "uint8", verb);
        }
        self.text(close);
    }

    fn unsigned(&mut self, number: u64, type_name: &str, verb: char) {
        let fits = match verb {
            'v' if self.flags.go_syntax => {
                self.pad(&format!("{number:#x}"));
                true
            }
            _ => self.integer(number, false, verb),
        };
        if !fits {
            self.text("%!");
            self.text(verb.encode_utf8(&mut [0; 4]));
            self.text("(");
            self.text(type_name);
            self.text("=");
            self.unsigned(number, type_name, 'v');
            self.text(")");
        }
    }

    fn string(&mut self, text: &str, verb: char) -> bool {
        match verb {
            'v' if self.flags.go_syntax => self.quoted(text),
            'v' | 's' => {
                let text = self.cut(text);
                self.pad(text);
            }
            'q' => self.quoted(text),
            'x' | 'X' => return self.hexadecimal(text.as_bytes(), verb == 'X'),
            _ => return false,
        }
        true
    }

    /// No more characters than the precision says.
    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.flags.precision.and_then(|characters| text.char_indices().nth(characters));
        end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
    }

    fn quoted(&mut self, text: &str) {
        let text = self.cut(text);
        let plain = |c: char| c == '\t' || !(c < ' ' || matches!(c, '`' | '\u{7f}' | '\u{feff}'));
        if self.flags.sharp && text.chars().all(plain) {
            return self.pad(&format!("`{text}`"));
        }
        let mut out = String::with_capacity(text.len() + 2);
        quote_with(&mut out, text, '"', self.flags.plus);
        self.pad(&out);
    }

    fn hexadecimal(&mut self, bytes: &[u8], upper: bool) -> bool {
        let length = self.flags.precision.unwrap_or(bytes.len()).min(bytes.len());
        let prefix = if upper { "0X" } else { "0x" };
        let mut out = String::with_capacity(2 * length);
        for (index, byte) in bytes.iter().take(length).enumerate() {
            if self.flags.space && index > 0 {
                out.push(' ');
            }
            if self.flags.sharp && (self.flags.space || index == 0) {
                out.push_str(prefix);
            }
            out.push_str(&if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        }
        self.pad(&out);
        true
    }

    fn integer(&mut self, size: u64, negative: bool, verb: char) -> bool {
        let base = match verb {
            'v' | 'd' => 10,
            'b' => 2,
            'o' | 'O' => 8,
            'x' | 'X' => 16,
            'c' | 'q' | 'U' => {
                self.character(if negative { size.wrapping_neg() } else { size }, verb);
                return true;
            }
            _ => return false,
        };
        let flags = self.flags;
        if flags.precision == Some(0) && size == 0 {
            self.pad_plainly("");
            return true;
        }
        let digits_min = match (flags.precision, flags.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => {
                width.saturating_sub(usize::from(negative || flags.plus || flags.space))
            }
            _ => 0,
        };
        let mut out = number::sign(negative, flags.plus, flags.space).to_owned();
        let digits = number::digits(size, base, verb == 'X');
        let zeros = digits_min.saturating_sub(digits.len());
        if verb == 'O' {
            out.push_str("0o");
        }
        match (base, verb) {
            (2, _) if flags.sharp => out.push_str("0b"),
            (8, _) if flags.sharp && zeros == 0 && !digits.starts_with('0') => out.push('0'),
            (16, 'X') if flags.sharp => out.push_str("0X"),
            (16, _) if flags.sharp => out.push_str("0x"),
            _ => {}
        }
        out.extend(std::iter::repeat_n('0', zeros));
        out.push_str(&digits);
        self.pad_plainly(&out);
        true
    }

    fn character(&mut self, code: u64, verb: char) {
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        match verb {
            'U' => {
                let mut out = format!("U+{code:0digits$X}", digits = self.flags.precision.unwrap_or(4).clamp(4, 1000));
                if let Some(c) = c.filter(|c| self.flags.sharp && printable(*c)) {
                    out.extend([" '", c.encode_utf8(&mut [0; 4]), "'"]);
                }
                self.pad_plainly(&out);
            }
            'q' => {
                let mut out = String::new();
                let text = c.unwrap_or(char::REPLACEMENT_CHARACTER);
                quote_with(&mut out, text.encode_utf8(&mut [0; 4]), '\'', self.flags.plus);
                self.pad(&out);
            }
            _ => self.pad(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4])),
        }
    }

    fn float(&mut self, value: f64, verb: char) -> bool {
        let Some(layout) = number::Layout::of(verb) else { return false };
        let flags = self.flags;
        let sign = number::sign(value.is_sign_negative() && !value.is_nan(), flags.plus, flags.space);
        if value.is_nan() || value.is_infinite() {
            let name = if value.is_nan() { "NaN" } else { "Inf" };
            // An infinity always has its sign.
            let sign = if sign.is_empty() && value.is_infinite() { "+" } else { sign };
            self.pad_plainly(&format!("{sign}{name}"));
            return true;
        }
        let mut digits = number::float(value.abs(), layout, flags.precision);
        if flags.sharp && verb != 'b' {
            number::keep_point(&mut digits, layout, flags.precision);
        }
        let length = sign.len() + digits.len();
        match flags.width.filter(|width| flags.zero && !flags.minus && !sign.is_empty() && *width > length) {
            Some(width) => {
                self.text(sign);
                self.fill('0', width - length);
                self.text(&digits);
            }
            None => self.pad(&format!("{sign}{digits}")),
        }
        true
    }

    fn fill(&mut self, with: char, count: usize) {
        if self.out.len() <= self.bytes_max {
            self.out.extend(std::iter::repeat_n(with, count));
        }
    }

    /// Appends text, filled up to the width.
    fn pad(&mut self, text: &str) {
        let missing = self.flags.width.map_or(0, |width| width.saturating_sub(text.chars().count()));
        if self.flags.minus {
            self.text(text);
            self.fill(' ', missing);
        } else {
            self.fill(if self.flags.zero { '0' } else { ' ' }, missing);
            self.text(text);
        }
    }

    /// Appends text, filled with spaces and never with zeros.
    fn pad_plainly(&mut self, text: &str) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }
}

fn identity(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As `time.Duration.String`: `1h2m3.5s`.
pub(super) fn duration(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let (unit, name) = match size {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (size / 60_000_000_000, size % 60_000_000_000);
            let seconds = decimal(rest, 1_000_000_000);
            return match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            };
        }
    };
    format!("{sign}{}{name}", decimal(size, unit))
}

/// A number of units with the fraction it needs.
fn decimal(size: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", size / unit, size % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As `time.Time.String`.
fn date(time: &Time) -> String {
    let mut out = String::new();
    Layout::new("2006-01-02 15:04:05.999999999 -0700 MST").format(&mut out, time);
    out
}
