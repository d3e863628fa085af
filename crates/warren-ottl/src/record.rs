//! What a statement runs on: one record with the resource and scope it belongs to.

use warren_pdata::{Attrs, LogRecord, Metric, Resource, Scope, Span, Text};

/// The kinds of records that statements can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// A resource.
    Resource,
    /// A scope.
    Scope,
    /// A span.
    Span,
    /// An event of a span.
    SpanEvent,
    /// A metric.
    Metric,
    /// A data point.
    DataPoint,
    /// A log record.
    Log,
}

impl Context {
    /// The name in statements and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Span => "span",
            Self::SpanEvent => "spanevent",
            Self::Metric => "metric",
            Self::DataPoint => "datapoint",
            Self::Log => "log",
        }
    }

    /// First segments of paths that this context can read, its own first.
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Resource => &["resource"],
            Self::Scope => &["scope", "instrumentation_scope", "resource"],
            Self::Span => &["span", "instrumentation_scope", "scope", "resource"],
            Self::SpanEvent => &["spanevent", "span", "instrumentation_scope", "scope", "resource"],
            Self::Metric => &["metric", "instrumentation_scope", "scope", "resource"],
            Self::DataPoint => &["datapoint", "metric", "instrumentation_scope", "scope", "resource"],
            Self::Log => &["log", "instrumentation_scope", "scope", "resource"],
        }
    }
}

/// One record, for reading and writing.
pub struct Record<'a> {
    /// Its resource.
    pub resource: &'a mut Resource,
    /// Schema URL of the resource.
    pub resource_schema_url: &'a mut Text,
    /// Its scope and the scope's schema URL; absent for a resource.
    pub scope: Option<(&'a mut Scope, &'a mut Text)>,
    /// The record itself.
    pub item: Item<'a>,
    /// The cache of the statement group, empty at its start.
    pub cache: Attrs,
    /// Metrics that statements added; they follow the record's own and are visited as well.
    pub appended: Vec<Metric>,
}

/// The record itself.
pub enum Item<'a> {
    /// The resource or the scope is the record.
    None,
    /// A span.
    Span(&'a mut Span),
    /// The event of a span at this index.
    SpanEvent(&'a mut Span, usize),
    /// A metric.
    Metric(&'a mut Metric),
    /// The point of a metric at this index.
    DataPoint(&'a mut Metric, usize),
    /// A log record.
    Log(&'a mut LogRecord),
}

/// Why a statement failed on a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub Box<str>);

impl Failure {
    /// A failure in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into_boxed_str())
    }
}
