//! What kinds of values expressions can have and fields can hold, as far as that is known before anything runs.

use super::Compiler;
use super::library::{self, Found};
use crate::function::Yields;
use crate::path::{EventField, Field, IdForm, KindForm, LogField, MetricField, PointField, ResourceField, ScopeField, SpanField};
use crate::syntax::Value;

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    pub(super) const NIL: Self = Self(1);
    pub(super) const BOOL: Self = Self(1 << 1);
    pub(super) const INT: Self = Self(1 << 2);
    pub(super) const FLOAT: Self = Self(1 << 3);
    pub(super) const TEXT: Self = Self(1 << 4);
    pub(super) const BYTES: Self = Self(1 << 5);
    pub(super) const MAP: Self = Self(1 << 6);
    pub(super) const LIST: Self = Self(1 << 7);
    pub(super) const TIME: Self = Self(1 << 8);
    pub(super) const DURATION: Self = Self(1 << 9);
    pub(super) const TRACE_ID: Self = Self(1 << 10);
    pub(super) const SPAN_ID: Self = Self(1 << 11);
    pub(super) const PART: Self = Self(1 << 12);
    pub(super) const ALL: Self = Self((1 << 13) - 1);
    /// What attributes and bodies hold.
    pub(super) const STORED: Self = Self(0xff);
    /// What can be compared by order.
    pub(super) const ORDERED: Self = Self(0xff & !(1 << 6 | 1 << 7) | 1 << 8 | 1 << 9);

    const NAMES: [&'static str; 13] = [
        "nil",
        "a boolean",
        "a whole number",
        "a fraction",
        "text",
        "bytes",
        "a map",
        "a list",
        "a time",
        "a duration",
        "a trace id",
        "a span id",
        "a part of the record",
    ];

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The kinds that are equal to one of these in a comparison: all numbers compare with each other.
    pub(super) fn comparable(self) -> Self {
        let numbers = Self::INT.or(Self::FLOAT);
        if self.and(numbers).is_none() { self } else { self.or(numbers) }
    }
}

impl std::fmt::Display for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> =
            Self::NAMES.into_iter().enumerate().filter(|(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| name).collect();
        f.write_str(&names.join(" or "))
    }
}

impl Compiler {
    /// The kinds that an expression can have.
    pub(super) fn kinds(&self, value: &Value) -> Kinds {
        match value {
            Value::Nil(_) => Kinds::NIL,
            Value::Bytes(_) => Kinds::BYTES,
            Value::Text(_) => Kinds::TEXT,
            Value::Boolean(_) => Kinds::BOOL,
            Value::Int(_) | Value::Enum(_) => Kinds::INT,
            Value::Float(_) => Kinds::FLOAT,
            Value::List(_) => Kinds::LIST,
            Value::Map(_) => Kinds::MAP,
            Value::Path(path) => {
                let keyed = path.fields.last().is_some_and(|field| !field.keys.is_empty());
                self.path(path).map_or(Kinds::ALL, |path| read(path.field, keyed))
            }
            Value::Call(call) if call.keys.is_empty() => match library::converter(self.context, &call.name.node) {
                Some(Found::Converter(converter)) => yielded(converter.yields),
                Some(Found::OfRecord(_)) => Kinds::BOOL,
                None => Kinds::ALL,
            },
            Value::Call(_) => Kinds::ALL,
            Value::Arithmetic(_) => Kinds::INT.or(Kinds::FLOAT).or(Kinds::TIME).or(Kinds::DURATION),
        }
    }
}

fn yielded(yields: Yields) -> Kinds {
    let kind = match yields {
        Yields::Any => Kinds::ALL,
        Yields::Str => Kinds::TEXT,
        Yields::Int => Kinds::INT,
        Yields::Float => Kinds::FLOAT,
        Yields::Bool => Kinds::BOOL,
        Yields::Bytes => Kinds::BYTES,
        Yields::Map => Kinds::MAP,
        Yields::List => Kinds::LIST,
        Yields::Time => Kinds::TIME,
        Yields::Duration => Kinds::DURATION,
        Yields::TraceId => Kinds::TRACE_ID,
        Yields::SpanId => Kinds::SPAN_ID,
    };
    kind.or(Kinds::NIL)
}

/// The kinds that reading a field can give.
fn read(field: Field, keyed: bool) -> Kinds {
    match field {
        _ if keyed => match field {
            Field::Span(SpanField::TraceState) => Kinds::TEXT.or(Kinds::NIL),
            _ => Kinds::STORED,
        },
        Field::Log(LogField::Body) => Kinds::STORED,
        Field::Metric(MetricField::AggregationTemporality) => Kinds::INT.or(Kinds::NIL),
        Field::Metric(MetricField::IsMonotonic) => Kinds::BOOL.or(Kinds::NIL),
        Field::DataPoint(point) => match point {
            PointField::Attributes
            | PointField::StartTime
            | PointField::StartTimeUnixNano
            | PointField::Time
            | PointField::TimeUnixNano
            | PointField::Flags => held(field),
            _ => held(field).or(Kinds::NIL),
        },
        field => held(field),
    }
}

/// The kinds that a field takes; it ignores others.
pub(super) fn taken(field: Field, keyed: bool) -> Kinds {
    match field {
        Field::Metric(MetricField::Type) | Field::SpanEvent(EventField::EventIndex) => Kinds::ALL,
        Field::Span(SpanField::TraceState) => Kinds::TEXT,
        _ if keyed => Kinds::ALL,
        field => held(field),
    }
}

/// Whether a value is stored there as attributes are: what has no stored form leaves an empty value.
pub(super) fn stores(field: Field, keyed: bool) -> bool {
    keyed && field != Field::Span(SpanField::TraceState)
}

/// The kind of a field's content.
fn held(field: Field) -> Kinds {
    match field {
        Field::Cache
        | Field::Resource(ResourceField::Attributes)
        | Field::Scope(ScopeField::Attributes)
        | Field::Span(SpanField::Attributes)
        | Field::SpanEvent(EventField::Attributes)
        | Field::Metric(MetricField::Metadata)
        | Field::DataPoint(PointField::Attributes)
        | Field::Log(LogField::Attributes) => Kinds::MAP,
        Field::Resource(ResourceField::SchemaUrl | ResourceField::NoSchemaUrl)
        | Field::Scope(ScopeField::Name | ScopeField::Version | ScopeField::SchemaUrl)
        | Field::Span(
            SpanField::Name
            | SpanField::TraceState
            | SpanField::StatusMessage
            | SpanField::TraceId(IdForm::Text)
            | SpanField::SpanId(IdForm::Text)
            | SpanField::ParentSpanId(IdForm::Text)
            | SpanField::Kind(KindForm::Text | KindForm::DeprecatedText),
        )
        | Field::SpanEvent(EventField::Name)
        | Field::Metric(MetricField::Name | MetricField::Description | MetricField::Unit)
        | Field::Log(
            LogField::SeverityText
            | LogField::EventName
            | LogField::BodyString
            | LogField::TraceId(IdForm::Text)
            | LogField::SpanId(IdForm::Text),
        ) => Kinds::TEXT,
        Field::Span(SpanField::StartTime | SpanField::EndTime)
        | Field::SpanEvent(EventField::Time)
        | Field::DataPoint(PointField::StartTime | PointField::Time)
        | Field::Log(LogField::Time | LogField::ObservedTime) => Kinds::TIME,
        Field::Span(SpanField::TraceId(IdForm::Id)) | Field::Log(LogField::TraceId(IdForm::Id)) => Kinds::TRACE_ID,
        Field::Span(SpanField::SpanId(IdForm::Id) | SpanField::ParentSpanId(IdForm::Id))
        | Field::Log(LogField::SpanId(IdForm::Id)) => Kinds::SPAN_ID,
        Field::Metric(MetricField::IsMonotonic) => Kinds::BOOL,
        Field::DataPoint(PointField::ValueDouble | PointField::Sum) => Kinds::FLOAT,
        Field::DataPoint(PointField::BucketCounts | PointField::BucketsCounts(_) | PointField::ExplicitBounds) => Kinds::LIST,
        Field::Span(SpanField::Events | SpanField::Links | SpanField::Status)
        | Field::Metric(MetricField::DataPoints)
        | Field::DataPoint(PointField::Exemplars | PointField::QuantileValues | PointField::Buckets(_)) => Kinds::PART,
        Field::Log(LogField::Body) => Kinds::STORED,
        _ => Kinds::INT,
    }
}
