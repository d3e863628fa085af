//! Protobuf to batches.
//!
//! A message's fields may come in any order and more than once: of single values the last one counts, messages are merged, lists grow, as
//! protobuf says. What repeats within a request is decoded once: rows of attributes with equal bytes become one shared set.

mod known;
mod logs;
mod metrics;
mod traces;

pub use known::KnownSets;

use super::reader::{Reader, Row};
use crate::intake::{DEPTH_MAX, Intake, single};
use crate::{DecodeError, Fault};
use warren_pdata::{Attrs, Batch, KeyValue, Resource, ResourceGroup, Scope, ScopeGroup, Signal, Telemetry, Text, Value};

/// Attributes for which a set that is likely one record's own has room: statements mostly add some.
const EDIT_ROOM: usize = 4;

/// Rows of attributes of log records and spans that are looked for before it is judged whether looking is worth it.
const TRIAL: u32 = 512;

/// Decodes a request of OTLP's export service, or a plain data message, which looks the same.
///
/// # Errors
/// When the bytes are no such message, or it is nested deeper or expands more than is allowed; nothing is kept of it then.
pub fn decode_request(signal: Signal, bytes: &[u8]) -> Result<Batch, DecodeError> {
    decode_next_request(signal, bytes, &mut KnownSets::default())
}

/// As [`decode_request`], for one of many requests from the same sources: attribute sets that came before are the same ones again.
///
/// # Errors
/// As for [`decode_request`].
pub fn decode_next_request(signal: Signal, bytes: &[u8], known: &mut KnownSets) -> Result<Batch, DecodeError> {
    let mut decoder = Decoder::new(signal, bytes.len(), known);
    Ok(match signal {
        Signal::Metrics => {
            Batch::Metrics(decoder.telemetry(bytes, ["ResourceMetrics", "ScopeMetrics", "Metric"], Decoder::metric)?)
        }
        Signal::Logs => Batch::Logs(decoder.telemetry(bytes, ["ResourceLogs", "ScopeLogs", "LogRecord"], Decoder::log_record)?),
        Signal::Traces => Batch::Traces(decoder.telemetry(bytes, ["ResourceSpans", "ScopeSpans", "Span"], Decoder::span)?),
    })
}

struct Decoder<'a> {
    intake: Intake,
    /// Sets by the bytes they were decoded from.
    known: &'a mut KnownSets,
    /// The metrics of a request mostly have the same sets, but a set comes back only with the next metric.
    repeats: bool,
    looked: u32,
    found: u32,
    /// The last set decoded: the next one likely has the same keys, and some of the same values, in the same places.
    last: Attrs,
    /// The last severity: the next one is likely the same.
    severity: Text,
}

impl<'a> Decoder<'a> {
    fn new(signal: Signal, bytes: usize, known: &'a mut KnownSets) -> Self {
        Self {
            intake: Intake::new(bytes),
            known,
            repeats: signal == Signal::Metrics,
            looked: 0,
            found: 0,
            last: Attrs::EMPTY,
            severity: Text::new(),
        }
    }

    fn charge<T>(&mut self, r: &Reader<'a>, count: usize) -> Result<(), DecodeError> {
        self.intake.charge::<T>(count).map_err(|fault| r.error(fault))
    }

    /// Whole data of one signal; `names` are those of the messages for a resource, a scope and an item.
    fn telemetry<T>(
        &mut self,
        bytes: &'a [u8],
        names: [&'static str; 3],
        item: fn(&mut Self, Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Telemetry<T>, DecodeError> {
        let mut telemetry = Telemetry::default();
        let mut r = Reader::new(bytes, "request");
        while let Some(field) = r.field()? {
            match field {
                1 => {
                    self.charge::<ResourceGroup<T>>(&r, 1)?;
                    telemetry.resources.push(self.resource_group(r.message(names[0])?, names, item)?);
                }
                _ => r.skip()?,
            }
        }
        Ok(telemetry)
    }

    fn resource_group<T>(
        &mut self,
        mut r: Reader<'a>,
        names: [&'static str; 3],
        item: fn(&mut Self, Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<ResourceGroup<T>, DecodeError> {
        let mut group = ResourceGroup::default();
        // Before version 0.15 scopes had this number, and a name of their own; where both are, the new ones count.
        let mut old = Vec::new();
        while let Some(field) = r.field()? {
            match field {
                1 => self.resource(r.message("Resource")?, &mut group.resource)?,
                2 | 1000 => {
                    self.charge::<ScopeGroup<T>>(&r, 1)?;
                    let scopes = if field == 2 { &mut group.scopes } else { &mut old };
                    scopes.push(self.scope_group(r.message(names[1])?, names[2], item)?);
                }
                3 => group.schema_url = self.intake.pooled(r.bytes()?),
                _ => r.skip()?,
            }
        }
        if group.scopes.is_empty() {
            group.scopes = old;
        }
        Ok(group)
    }

    fn scope_group<T>(
        &mut self,
        mut r: Reader<'a>,
        name: &'static str,
        item: fn(&mut Self, Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<ScopeGroup<T>, DecodeError> {
        let mut group = ScopeGroup::default();
        while let Some(field) = r.field()? {
            match field {
                1 => self.scope(r.message("InstrumentationScope")?, &mut group.scope)?,
                2 => {
                    self.charge::<T>(&r, 1)?;
                    let message = r.message(name)?;
                    if group.items.len() == group.items.capacity() {
                        group.items.reserve_exact(more_like(&message, &r, group.items.len()));
                    }
                    group.items.push(item(self, message)?);
                }
                3 => group.schema_url = self.intake.pooled(r.bytes()?),
                _ => r.skip()?,
            }
        }
        // The first item was much smaller than the others.
        if group.items.capacity() / 2 > group.items.len() {
            group.items.shrink_to_fit();
        }
        Ok(group)
    }

    fn resource(&mut self, mut r: Reader<'a>, resource: &mut Resource) -> Result<(), DecodeError> {
        while let Some(field) = r.field()? {
            match field {
                1 => self.attributes(&mut r, &mut resource.attrs)?,
                2 => resource.dropped_attributes = r.uint32()?,
                _ => r.skip()?,
            }
        }
        Ok(())
    }

    fn scope(&mut self, mut r: Reader<'a>, scope: &mut Scope) -> Result<(), DecodeError> {
        while let Some(field) = r.field()? {
            match field {
                1 => scope.name = self.text(&mut r)?,
                2 => scope.version = self.text(&mut r)?,
                3 => self.attributes(&mut r, &mut scope.attrs)?,
                4 => scope.dropped_attributes = r.uint32()?,
                _ => r.skip()?,
            }
        }
        Ok(())
    }

    /// Text that is likely to be met again.
    fn text(&mut self, r: &mut Reader<'a>) -> Result<Text, DecodeError> {
        Ok(self.intake.pooled(r.bytes()?))
    }

    /// The text of a severity.
    fn severity(&mut self, r: &mut Reader<'a>) -> Result<Text, DecodeError> {
        self.severity = self.intake.pooled_like(r.bytes()?, Some(&self.severity));
        Ok(self.severity.clone())
    }

    /// The attributes that stand in a row from this field on, added to those that are there.
    #[inline]
    fn attributes(&mut self, r: &mut Reader<'a>, attrs: &mut Attrs) -> Result<(), DecodeError> {
        let row = r.row("KeyValue")?;
        if attrs.is_empty() {
            *attrs = self.shared_set(row)?;
        } else {
            attrs.edit().extend(self.key_values(row, 0, &[], 0)?);
        }
        Ok(())
    }

    /// The set of a row, the same one for equal bytes. Where sets hardly repeat, as in log records, they are not looked for.
    fn shared_set(&mut self, row: Row<'a>) -> Result<Attrs, DecodeError> {
        if !self.repeats && self.looked > TRIAL && self.found < self.looked / 8 {
            return self.set(row, EDIT_ROOM);
        }
        self.looked += 1;
        let bytes = row.bytes();
        let hash = self.known.hash(bytes);
        if let Some(set) = self.known.get(hash, bytes) {
            self.found += 1;
            return Ok(set);
        }
        // It is kept, and whoever edits it edits a copy.
        let set = self.set(row, 0)?;
        self.known.insert(hash, bytes, set.clone());
        Ok(set)
    }

    fn set(&mut self, row: Row<'a>, room: usize) -> Result<Attrs, DecodeError> {
        let last = std::mem::take(&mut self.last);
        self.last = Attrs::new(self.key_values(row, 0, last.as_slice(), room)?);
        Ok(self.last.clone())
    }

    /// The entries of a row; `like` are entries they may equal, place by place. There is room for so many more.
    fn key_values(
        &mut self,
        mut row: Row<'a>,
        depth: usize,
        like: &[KeyValue],
        room: usize,
    ) -> Result<Vec<KeyValue>, DecodeError> {
        let capacity = row.count() + room;
        self.intake.charge::<KeyValue>(capacity).map_err(|fault| row.error(fault))?;
        let mut entries = Vec::with_capacity(capacity);
        while let Some(mut r) = row.next()? {
            let like = like.get(entries.len());
            let mut key: &[u8] = &[];
            let mut value = Value::Empty;
            while let Some(field) = r.field()? {
                match field {
                    1 => key = r.bytes()?,
                    2 => self.any_value(r.message("AnyValue")?, &mut value, depth, |intake, bytes| {
                        intake.value_like(bytes, like.and_then(|like| text_of(&like.value)))
                    })?,
                    _ => r.skip()?,
                }
            }
            entries.push(KeyValue { key: self.intake.key_like(key, like.map(|like| &like.key)), value });
        }
        Ok(entries)
    }

    /// A value; it stays as it is when the message is empty. `text` makes its text.
    fn any_value(
        &mut self,
        mut r: Reader<'a>,
        value: &mut Value,
        depth: usize,
        text: impl Fn(&mut Intake, &[u8]) -> Text,
    ) -> Result<(), DecodeError> {
        while let Some(field) = r.field()? {
            *value = match field {
                1 => Value::Str(text(&mut self.intake, r.bytes()?)),
                2 => Value::Bool(r.bool()?),
                3 => Value::Int(r.varint()? as i64),
                4 => Value::Double(r.double()?),
                5 => Value::list(self.array(r.message("ArrayValue")?, depth + 1)?),
                6 => Value::Map(self.map(r.message("KeyValueList")?, depth + 1)?),
                7 => Value::bytes(r.bytes()?),
                _ => {
                    r.skip()?;
                    continue;
                }
            };
        }
        Ok(())
    }

    fn array(&mut self, mut r: Reader<'a>, depth: usize) -> Result<Vec<Value>, DecodeError> {
        check_depth(&r, depth)?;
        let mut values = Vec::new();
        while let Some(field) = r.field()? {
            match field {
                1 => {
                    let mut row = r.row("AnyValue")?;
                    self.charge::<Value>(&r, row.count())?;
                    values.reserve_exact(row.count());
                    while let Some(element) = row.next()? {
                        let mut value = Value::Empty;
                        self.any_value(element, &mut value, depth, Intake::pooled)?;
                        values.push(value);
                    }
                }
                _ => r.skip()?,
            }
        }
        Ok(values)
    }

    fn map(&mut self, mut r: Reader<'a>, depth: usize) -> Result<Attrs, DecodeError> {
        check_depth(&r, depth)?;
        let mut entries = Vec::new();
        while let Some(field) = r.field()? {
            match field {
                1 => {
                    let row = r.row("KeyValue")?;
                    let more = self.key_values(row, depth, &[], 0)?;
                    if entries.is_empty() { entries = more } else { entries.extend(more) }
                }
                _ => r.skip()?,
            }
        }
        Ok(Attrs::new(entries))
    }

    /// A log record's body, whose text is unlikely to be met again.
    fn body(&mut self, r: Reader<'a>, value: &mut Value) -> Result<(), DecodeError> {
        self.any_value(r, value, 0, |_, bytes| single(bytes))
    }
}

/// For how many more items there should be room: as many as what is left holds of the size at hand, and a few more. To count them first would mean to go
/// through the whole request twice. Bytes that promise very many get room by and by.
fn more_like(message: &Reader<'_>, rest: &Reader<'_>, there: usize) -> usize {
    const LEAST_BYTES: usize = 64;
    let like = rest.left() / (message.left() + 2) + 1;
    (like + like / 16).min(rest.left() / LEAST_BYTES + 1).max(there / 2)
}

fn text_of(value: &Value) -> Option<&Text> {
    match value {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

fn check_depth(r: &Reader<'_>, depth: usize) -> Result<(), DecodeError> {
    if depth > DEPTH_MAX { Err(r.error(Fault::Depth)) } else { Ok(()) }
}
