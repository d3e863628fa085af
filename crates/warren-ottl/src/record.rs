//! What a statement runs on: one record with the resource and scope it belongs to.

use warren_pdata::{Attrs, LogRecord, Metric, Resource, Scope, Signal, Span, Text};

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
    /// Every context, those that see most first: the order in which a context is inferred.
    pub const ALL: [Self; 7] =
        [Self::Log, Self::DataPoint, Self::Metric, Self::SpanEvent, Self::Span, Self::Scope, Self::Resource];

    /// The contexts of a signal's records, those that see most first.
    pub fn of(signal: Signal) -> &'static [Self] {
        match signal {
            Signal::Logs => &[Self::Log, Self::Scope, Self::Resource],
            Signal::Metrics => &[Self::DataPoint, Self::Metric, Self::Scope, Self::Resource],
            Signal::Traces => &[Self::SpanEvent, Self::Span, Self::Scope, Self::Resource],
        }
    }

    /// The context of this name, in lower case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|context| context.name() == name)
    }

    /// The context that a path's first segment names to statements of this context.
    pub fn prefix(self, name: &str) -> Option<Self> {
        self.prefixes()
            .contains(&name)
            .then(|| if name == "instrumentation_scope" { Some(Self::Scope) } else { Self::named(name) })?
    }

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
    /// Which statements had a part in adding this metric.
    pub(crate) lineage: Lineage,
}

impl<'a> Record<'a> {
    /// A record in its resource and scope.
    pub fn new(
        resource: &'a mut Resource,
        resource_schema_url: &'a mut Text,
        scope: Option<(&'a mut Scope, &'a mut Text)>,
        item: Item<'a>,
    ) -> Self {
        let (cache, appended, lineage) = (Attrs::EMPTY, Vec::new(), Lineage::default());
        Self { resource, resource_schema_url, scope, item, cache, appended, lineage }
    }

    /// Makes another point of the same metric the record. False if the metric has no such point.
    pub fn enter_point(&mut self, point: usize) -> bool {
        match &mut self.item {
            Item::DataPoint(metric, at) => {
                *at = point;
                point < metric.data.len()
            }
            _ => false,
        }
    }
}

/// Which statements had a part in adding a metric: none of them runs on it again, so that no metric is copied without end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lineage {
    own: Vec<usize>,
    /// Those of the appended metrics.
    appended: Vec<Self>,
}

impl Lineage {
    pub(crate) fn had(&self, statement: usize) -> bool {
        self.own.contains(&statement)
    }

    /// The statement added metrics; so many are appended now.
    pub(crate) fn add(&mut self, statement: usize, appended: usize) {
        self.own.push(statement);
        self.appended.resize_with(appended, || Self { own: self.own.clone(), appended: Vec::new() });
    }

    pub(crate) fn take_appended(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.appended)
    }
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
