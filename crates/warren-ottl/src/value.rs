//! Values at run time.
//!
//! A value owns what it holds, but holds it by reference count: reading an attribute costs an increment, never a copy of its content.

use crate::record::Failure;
use std::sync::Arc;
pub use warren_gotime::Time;
use warren_pdata::{
    Attrs, Exemplar, ExponentialBuckets, List, QuantileValue, SpanEvent, SpanId, SpanLink, SpanStatus, Text, TraceId, Value,
};

/// Values that a map or list may hold when it is written to a record, those within what it holds counted wherever they occur.
pub(crate) const VALUES_MAX: usize = 1 << 20;

/// How deep such a map or list may be nested.
pub(crate) const LEVELS_MAX: usize = 200;

/// A value that an expression yields.
///
/// Its tag is a whole word: what follows is then moved word by word.
#[derive(Clone, Debug, Default)]
#[repr(u64)]
pub enum Val {
    /// Nothing.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// Text.
    Str(Text),
    /// Bytes.
    Bytes(triomphe::Arc<Vec<u8>>),
    /// A map.
    Map(Attrs),
    /// A list of anything.
    List(List),
    /// A list whose items all have one type: what upstream holds as a typed slice.
    Typed(ItemType, List),
    /// A point in time.
    Time(Time),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A trace's identity.
    TraceId(TraceId),
    /// A span's identity.
    SpanId(SpanId),
    /// A part of a record that can only be copied whole.
    Opaque(Opaque),
}

/// The item type of a typed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemType {
    /// `[]string`
    Str,
    /// `[]bool`
    Bool,
    /// `[]int64`
    Int,
    /// `[]float64`
    Float,
    /// `[]uint64`; items are held as the integers of the same bits.
    Uint,
}

/// Parts of a record that statements can only copy whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Opaque {
    /// Events of a span.
    Events(Arc<Vec<SpanEvent>>),
    /// Links of a span.
    Links(Arc<Vec<SpanLink>>),
    /// Status of a span.
    Status(Arc<SpanStatus>),
    /// The points of a metric.
    DataPoints(Arc<warren_pdata::Data>),
    /// Exemplars of a point.
    Exemplars(Arc<Vec<Exemplar>>),
    /// Buckets of an exponential histogram.
    Buckets(Arc<ExponentialBuckets>),
    /// Quantiles of a summary.
    Quantiles(Arc<Vec<QuantileValue>>),
}

impl Opaque {
    /// Items of a list; `None` for what is no list.
    pub fn items(&self) -> Option<usize> {
        match self {
            Self::Events(events) => Some(events.len()),
            Self::Links(links) => Some(links.len()),
            Self::DataPoints(data) => Some(data.len()),
            Self::Exemplars(exemplars) => Some(exemplars.len()),
            Self::Quantiles(quantiles) => Some(quantiles.len()),
            Self::Status(_) | Self::Buckets(_) => None,
        }
    }
}

impl Val {
    /// The name of the type, as upstream's errors call it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::Map(_) => "pcommon.Map",
            Self::List(_) => "pcommon.Slice",
            Self::Typed(ItemType::Str, _) => "[]string",
            Self::Typed(ItemType::Bool, _) => "[]bool",
            Self::Typed(ItemType::Int, _) => "[]int64",
            Self::Typed(ItemType::Float, _) => "[]float64",
            Self::Typed(ItemType::Uint, _) => "[]uint64",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::TraceId(_) => "pcommon.TraceID",
            Self::SpanId(_) => "pcommon.SpanID",
            Self::Opaque(Opaque::Events(_)) => "ptrace.SpanEventSlice",
            Self::Opaque(Opaque::Links(_)) => "ptrace.SpanLinkSlice",
            Self::Opaque(Opaque::Status(_)) => "ptrace.Status",
            Self::Opaque(Opaque::DataPoints(_)) => "pmetric.NumberDataPointSlice",
            Self::Opaque(Opaque::Exemplars(_)) => "pmetric.ExemplarSlice",
            Self::Opaque(Opaque::Buckets(_)) => "pmetric.ExponentialHistogramDataPointBuckets",
            Self::Opaque(Opaque::Quantiles(_)) => "pmetric.SummaryDataPointValueAtQuantileSlice",
        }
    }

    /// Refuses a map or list that is too large or too deep to be written to a record: content is shared, so that one that holds itself twice takes no
    /// memory here, but doubles, and doubles again, where it is written out.
    pub(crate) fn within_bounds(&self) -> Result<(), Failure> {
        match self {
            Self::Map(map) => map_within_bounds(map),
            Self::List(items) => count_list(items, 1, &mut { VALUES_MAX }),
            _ => Ok(()),
        }
    }

    /// Whether it is nothing.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The value as telemetry stores it. What has no stored form (times, durations, identities, opaque parts) becomes an empty value.
    pub fn stored(self) -> Value {
        self.storable().unwrap_or_default()
    }

    /// The value as telemetry stores it; `None` for what has no stored form.
    pub fn storable(self) -> Option<Value> {
        Some(match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Double(value),
            Self::Str(text) => Value::Str(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Map(map) => Value::Map(map),
            Self::List(items) => Value::List(items),
            Self::Typed(kind, items) if kind != ItemType::Uint => Value::List(items),
            _ => return None,
        })
    }
}

/// As [`Val::within_bounds`].
pub(crate) fn value_within_bounds(value: &Value) -> Result<(), Failure> {
    count(value, 0, &mut { VALUES_MAX })
}

/// As [`Val::within_bounds`].
pub(crate) fn map_within_bounds(map: &Attrs) -> Result<(), Failure> {
    count_map(map, 1, &mut { VALUES_MAX })
}

/// Counts values down from what there may be.
fn count(value: &Value, level: usize, left: &mut usize) -> Result<(), Failure> {
    match value {
        Value::Map(map) => count_map(map, level + 1, left),
        Value::List(items) => count_list(items, level + 1, left),
        _ => Ok(()),
    }
}

fn count_map(map: &Attrs, level: usize, left: &mut usize) -> Result<(), Failure> {
    enter(map.len(), level, left)?;
    map.iter().try_for_each(|entry| count(&entry.value, level, left))
}

fn count_list(items: &List, level: usize, left: &mut usize) -> Result<(), Failure> {
    enter(items.len(), level, left)?;
    items.iter().try_for_each(|item| count(item, level, left))
}

fn enter(values: usize, level: usize, left: &mut usize) -> Result<(), Failure> {
    if level > LEVELS_MAX {
        return Err(Failure::new(format!("the value is nested more than {LEVELS_MAX} deep")));
    }
    *left = left.checked_sub(values).ok_or_else(|| Failure::new(format!("the value holds more than {VALUES_MAX} values")))?;
    Ok(())
}

/// What reading yields: borrowed from the record where that is possible.
#[derive(Debug)]
pub enum Got<'r> {
    /// A value of its own.
    Own(Val),
    /// A constant of the program.
    Const(&'r Val),
    /// A field of text.
    Text(&'r Text),
    /// A field that is a map.
    Map(&'r Attrs),
    /// A value within a map, or a body.
    Stored(&'r Value),
}

impl Got<'_> {
    /// Nothing.
    pub const NIL: Self = Self::Own(Val::Nil);

    /// The value; content is shared, not copied.
    pub fn into_val(self) -> Val {
        match self {
            Self::Own(value) => value,
            Self::Const(value) => value.clone(),
            Self::Text(text) => Val::Str(text.clone()),
            Self::Map(map) => Val::Map(map.clone()),
            Self::Stored(value) => Val::from(value),
        }
    }

    /// The value as telemetry stores it ([`Val::stored`]); `None` for nothing.
    #[inline]
    pub(crate) fn into_stored(self) -> Option<Value> {
        match self {
            Self::Stored(Value::Empty) => None,
            Self::Stored(value) => Some(value.clone()),
            Self::Text(text) => Some(Value::Str(text.clone())),
            Self::Own(Val::Str(text)) => Some(Value::Str(text)),
            other => Some(other.into_val()).filter(|value| !value.is_nil()).map(Val::stored),
        }
    }

    /// Shows the value to a visitor, without taking it.
    pub fn with<T>(&self, visit: impl FnOnce(&Val) -> T) -> T {
        match self {
            Self::Own(value) => visit(value),
            Self::Const(value) => visit(value),
            Self::Text(text) => visit(&Val::Str((*text).clone())),
            Self::Map(map) => visit(&Val::Map((*map).clone())),
            Self::Stored(value) => visit(&Val::from(*value)),
        }
    }

    /// The text, if it is one.
    #[inline]
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Own(Val::Str(text)) | Self::Const(Val::Str(text)) | Self::Stored(Value::Str(text)) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&Value> for Val {
    fn from(value: &Value) -> Self {
        match value {
            Value::Empty => Self::Nil,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Double(value) => Self::Float(*value),
            Value::Str(text) => Self::Str(text.clone()),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Value::Map(map) => Self::Map(map.clone()),
            Value::List(items) => Self::List(items.clone()),
        }
    }
}

/// Text as a value.
impl From<&str> for Val {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

/// Text as a value.
impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}
