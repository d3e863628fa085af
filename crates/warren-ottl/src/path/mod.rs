//! Paths: places in a record that statements read and write.
//!
//! [`resolve`] turns the names of a path into a [`Field`] once, when a statement is compiled; [`get`] and [`set`] then only match on it. A value of
//! a type that the field does not hold is ignored by `set`, as upstream ignores it; setting nothing does nothing.

mod event;
mod index;
mod log;
mod metric;
mod point;
mod resolve;
mod resource;
mod scope;
mod span;
#[cfg(test)]
mod tests;

pub use event::EventField;
pub(crate) use index::put_entry;
pub use index::{Index, map_within, map_within_value, no_map, read, read_result, read_value, stored_type, write, write_value};
pub use log::LogField;
pub use metric::MetricField;
pub(crate) use point::attrs_mut as point_attrs_mut;
pub use point::{PointField, Side};
pub use resolve::{PathError, names, resolve};
pub use resource::ResourceField;
pub use scope::ScopeField;
pub use span::{IdForm, KindForm, SpanField};

use crate::record::{Context, Failure, Item, Record};
use crate::value::{Got, Time, Val};
use warren_pdata::{Attrs, Text, Value};

/// A place in a record, without its indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Of the resource.
    Resource(ResourceField),
    /// Of the scope.
    Scope(ScopeField),
    /// Of the span.
    Span(SpanField),
    /// Of the span event.
    SpanEvent(EventField),
    /// Of the metric.
    Metric(MetricField),
    /// Of the data point.
    DataPoint(PointField),
    /// Of the log record.
    Log(LogField),
    /// The cache of the statement group.
    Cache,
}

/// Log records come in thousands: what they hold is looked for first.
const OF_LOG: Field = Field::Log(LogField::Attributes);

impl Field {
    /// Whose field it is; `None` for the cache.
    pub fn context(self) -> Option<Context> {
        match self {
            Self::Resource(_) => Some(Context::Resource),
            Self::Scope(_) => Some(Context::Scope),
            Self::Span(_) => Some(Context::Span),
            Self::SpanEvent(_) => Some(Context::SpanEvent),
            Self::Metric(_) => Some(Context::Metric),
            Self::DataPoint(_) => Some(Context::DataPoint),
            Self::Log(_) => Some(Context::Log),
            Self::Cache => None,
        }
    }

    /// Whether it is the attributes of a record of a kind that always has some.
    pub(crate) fn is_attributes(self) -> bool {
        matches!(
            self,
            Self::DataPoint(PointField::Attributes) | Self::Log(LogField::Attributes) | Self::Span(SpanField::Attributes)
        )
    }
}

/// Reads a field.
///
/// # Errors
/// When an index does not fit what is there.
#[inline]
pub fn get<'r>(record: &'r Record<'_>, field: Field, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    match (field, &record.item) {
        (Field::Cache, _) => read(&record.cache, indexes),
        (Field::Resource(field), _) => resource::get(record, field, indexes),
        (Field::Scope(field), _) => scope::get(record, field, indexes),
        (Field::Span(field), Item::Span(span) | Item::SpanEvent(span, _)) => span::get(span, field, indexes),
        (Field::SpanEvent(field), Item::SpanEvent(span, at)) => event::get(span, *at, field, indexes),
        (Field::Metric(field), Item::Metric(metric) | Item::DataPoint(metric, _)) => metric::get(metric, field, indexes),
        (Field::DataPoint(field), Item::DataPoint(metric, at)) => point::get(metric, *at, field, indexes),
        (Field::Log(field), Item::Log(log)) => log::get(log, field, indexes),
        _ => Ok(Got::NIL),
    }
}

/// The text that lies at a place, for places that mostly hold one; `None` where [`get`] has to be asked.
#[inline]
pub(crate) fn text_at<'r>(record: &'r Record<'_>, field: Field, indexes: &[Index]) -> Option<&'r Text> {
    match indexes {
        [] => text(record, field),
        [Index::Text(key)] => entry_text(record, field, key),
        _ => None,
    }
}

fn entry_text<'r>(record: &'r Record<'_>, field: Field, key: &Text) -> Option<&'r Text> {
    match attributes(record, field)?.value(key)? {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

fn text<'r>(record: &'r Record<'_>, field: Field) -> Option<&'r Text> {
    if let (Item::Log(log), Field::Log(field)) = (&record.item, field) {
        return match (field, &log.body) {
            (LogField::Body | LogField::BodyString, Value::Str(text)) => Some(text),
            (LogField::SeverityText, _) => Some(&log.severity_text),
            _ => None,
        };
    }
    match (field, &record.item) {
        (Field::Metric(MetricField::Name), Item::Metric(metric) | Item::DataPoint(metric, _)) => Some(&metric.name),
        (Field::Metric(MetricField::Unit), Item::Metric(metric) | Item::DataPoint(metric, _)) => Some(&metric.unit),
        (Field::Span(SpanField::Name), Item::Span(span) | Item::SpanEvent(span, _)) => Some(&span.name),
        _ => None,
    }
}

/// Writes a field. Nothing (`nil`) and values of a type that the field does not hold are ignored.
///
/// # Errors
/// When an index does not fit what is there, or an identity or kind is misspelt.
pub fn set(record: &mut Record<'_>, field: Field, indexes: &[Index], value: Val) -> Result<(), Failure> {
    if value.is_nil() {
        return Ok(());
    }
    match (field, &mut record.item) {
        (Field::Cache, _) => set_map(&mut record.cache, indexes, value),
        (Field::Resource(field), _) => resource::set(record, field, indexes, value),
        (Field::Scope(field), _) => scope::set(record, field, indexes, value),
        (Field::Span(field), Item::Span(span) | Item::SpanEvent(span, _)) => span::set(span, field, indexes, value),
        (Field::SpanEvent(field), Item::SpanEvent(span, at)) => event::set(span, *at, field, indexes, value),
        (Field::Metric(field), Item::Metric(metric) | Item::DataPoint(metric, _)) => metric::set(metric, field, indexes, value),
        (Field::DataPoint(field), Item::DataPoint(metric, at)) => point::set(metric, *at, field, indexes, value),
        (Field::Log(field), Item::Log(log)) => log::set(log, field, indexes, value),
        _ => Ok(()),
    }
}

/// The map at a place, for editing.
///
/// # Errors
/// When what is there is no map, or an index does not fit.
pub fn map_mut<'r>(record: &'r mut Record<'_>, field: Field, indexes: &[Index]) -> Result<&'r mut Attrs, Failure> {
    if indexes.is_empty() && field.is_attributes() {
        return attributes_mut(record, field).ok_or_else(|| no_map("nil"));
    }
    let other = match get(record, field, indexes)? {
        Got::Map(_) | Got::Stored(Value::Map(_)) => None,
        other => Some(other.into_val().type_name()),
    };
    if let Some(other) = other {
        return Err(no_map(other));
    }
    if field == Field::Log(LogField::Body) {
        return match &mut record.item {
            Item::Log(log) => map_within_value(&mut log.body, indexes),
            _ => Err(no_map("nil")),
        };
    }
    map_within(attributes_mut(record, field).ok_or_else(|| no_map("nil"))?, indexes)
}

/// The map that a field is, if it is one of those that always are.
#[inline]
pub(crate) fn attributes_mut<'r>(record: &'r mut Record<'_>, field: Field) -> Option<&'r mut Attrs> {
    if field != OF_LOG {
        return other_attributes_mut(record, field);
    }
    match &mut record.item {
        Item::Log(log) => Some(&mut log.attrs),
        _ => None,
    }
}

fn other_attributes_mut<'r>(record: &'r mut Record<'_>, field: Field) -> Option<&'r mut Attrs> {
    match (field, &mut record.item) {
        (Field::Cache, _) => Some(&mut record.cache),
        (Field::Resource(ResourceField::Attributes), _) => Some(&mut record.resource.attrs),
        (Field::Scope(ScopeField::Attributes), _) => record.scope.as_mut().map(|(scope, _)| &mut scope.attrs),
        (Field::Span(SpanField::Attributes), Item::Span(span) | Item::SpanEvent(span, _)) => Some(&mut span.attrs),
        (Field::SpanEvent(EventField::Attributes), Item::SpanEvent(span, at)) => {
            span.events.get_mut(*at).map(|event| &mut event.attrs)
        }
        (Field::Metric(MetricField::Metadata), Item::Metric(metric) | Item::DataPoint(metric, _)) => Some(&mut metric.metadata),
        (Field::DataPoint(PointField::Attributes), Item::DataPoint(metric, at)) => point_attrs_mut(&mut metric.data, *at),
        _ => None,
    }
}

/// The attributes of the resource, or of a record of a kind that always has some, for reading.
#[inline]
pub(crate) fn attributes<'r>(record: &'r Record<'_>, field: Field) -> Option<&'r Attrs> {
    if field != OF_LOG {
        return other_attributes(record, field);
    }
    match &record.item {
        Item::Log(log) => Some(&log.attrs),
        _ => None,
    }
}

fn other_attributes<'r>(record: &'r Record<'_>, field: Field) -> Option<&'r Attrs> {
    match (field, &record.item) {
        (Field::Resource(ResourceField::Attributes), _) => Some(&record.resource.attrs),
        (Field::DataPoint(PointField::Attributes), Item::DataPoint(metric, at)) => point::attrs(&metric.data, *at),
        (Field::Span(SpanField::Attributes), Item::Span(span) | Item::SpanEvent(span, _)) => Some(&span.attrs),
        _ => None,
    }
}

/// Writes a map: as a whole, or where the indexes lead.
fn set_map(map: &mut Attrs, indexes: &[Index], value: Val) -> Result<(), Failure> {
    match (indexes, value) {
        ([], Val::Map(new)) => *map = new,
        ([], _) => {}
        (indexes, value) => write(map, indexes, value.stored())?,
    }
    Ok(())
}

fn narrow<T: From<Narrow>>(target: &mut T, value: &Val) {
    if let Val::Int(value) = value {
        *target = T::from(Narrow(*value));
    }
}

/// A whole number cut to the width of its field, without a check of its range, as Go's conversions do.
struct Narrow(i64);

impl From<Narrow> for u32 {
    fn from(value: Narrow) -> Self {
        value.0 as Self
    }
}

impl From<Narrow> for i32 {
    fn from(value: Narrow) -> Self {
        value.0 as Self
    }
}

impl From<Narrow> for u64 {
    fn from(value: Narrow) -> Self {
        value.0 as Self
    }
}

fn set_text(target: &mut warren_pdata::Text, value: Val) {
    if let Val::Str(text) = value {
        *target = text;
    }
}

/// Sets nanoseconds since 1970 from a whole number.
fn set_nanos(target: &mut u64, value: &Val) {
    narrow(target, value);
}

/// Sets nanoseconds since 1970 from a time.
fn set_time(target: &mut u64, value: &Val) {
    if let Val::Time(time) = value {
        *target = time.unix_nanos() as u64;
    }
}

fn time(nanos: u64) -> Val {
    Val::Time(Time::utc(nanos as i64))
}

fn hex(bytes: &[u8]) -> Val {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    Val::from(digits.map(char::from).collect::<String>())
}

/// Exactly `N` bytes of hexadecimal text.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    Some(bytes)
}
