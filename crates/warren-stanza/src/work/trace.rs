//! `trace_parser`, `scope_name_parser` and the blocks `trace` and `scope_name`.

use super::{Transform, expected};
use crate::{Entry, Field};
use warren_pdata::{SpanId, TraceId, Value};

/// Reads the identity of a trace, of a span, and flags, all in hexadecimal.
#[derive(Debug)]
pub(crate) struct TraceReader {
    pub(crate) trace_id: Field,
    pub(crate) span_id: Field,
    pub(crate) flags: Field,
}

impl Transform for TraceReader {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let trace_id = hex_of::<16>(&self.trace_id, entry);
        let span_id = hex_of::<8>(&self.span_id, entry);
        let flags = hex_of::<1>(&self.flags, entry);
        let record = &mut entry.record;
        if let Ok(id) = trace_id {
            record.trace_id = TraceId(id);
        }
        if let Ok(id) = span_id {
            record.span_id = SpanId(id);
        }
        if let Ok([flags]) = flags {
            record.flags = u32::from(flags);
        }
        let errors = [("trace_id", trace_id.err()), ("span_id", span_id.err()), ("trace_flags", flags.err())];
        let told: Vec<String> = errors.into_iter().filter_map(|(name, error)| Some(format!("{name}: {}", error?))).collect();
        if told.is_empty() { Ok(()) } else { Err(format!("Error decoding traces for logs ({})", told.join(", "))) }
    }
}

/// The bytes of a field in hexadecimal, zeros behind them; a field that is not there is all zeros.
fn hex_of<const N: usize>(field: &Field, entry: &Entry) -> Result<[u8; N], String> {
    let mut out = [0; N];
    let text = match field.get(entry) {
        None => return Ok(out),
        Some(Value::Str(text)) => text,
        Some(Value::Int(number)) => number.to_string().into(),
        Some(other) => return Err(format!("{} is no hexadecimal text", crate::entry::type_name(&other))),
    };
    let digits = text.as_bytes();
    for (index, pair) in digits.chunks(2).enumerate() {
        let digit = |byte: u8| (byte as char).to_digit(16);
        let byte = match *pair {
            [high, low] => digit(high).zip(digit(low)).map(|(high, low)| (high * 16 + low) as u8),
            _ => return Err("encoding/hex: odd length hex string".to_owned()),
        };
        let byte = byte.ok_or("encoding/hex: invalid byte")?;
        if let Some(place) = out.get_mut(index) {
            *place = byte;
        }
    }
    Ok(out)
}

/// Reads the name of the scope.
#[derive(Debug)]
pub(crate) struct ScopeNameReader {
    pub(crate) from: Field,
}

impl Transform for ScopeNameReader {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        match expected(&self.from, entry)? {
            Value::Str(text) => {
                entry.scope_name = text;
                Ok(())
            }
            _ => Err(format!("parse_from field does not contain a string (parse_from: {})", self.from)),
        }
    }
}
