//! From the names of a path to its field.

use super::{EventField, Field, IdForm, KindForm, LogField, MetricField, PointField, ResourceField, ScopeField, Side, SpanField};
use crate::record::Context;
use crate::syntax::{self, Key, Span};
use warren_config::nearest;

/// Names of a context's fields. A name with a dot has two segments.
type Names = &'static [(&'static str, Field)];

const RESOURCE: Names = &[
    ("attributes", Field::Resource(ResourceField::Attributes)),
    ("dropped_attributes_count", Field::Resource(ResourceField::DroppedAttributes)),
    ("schema_url", Field::Resource(ResourceField::SchemaUrl)),
];

const SCOPE: Names = &[
    ("name", Field::Scope(ScopeField::Name)),
    ("version", Field::Scope(ScopeField::Version)),
    ("attributes", Field::Scope(ScopeField::Attributes)),
    ("dropped_attributes_count", Field::Scope(ScopeField::DroppedAttributes)),
    ("schema_url", Field::Scope(ScopeField::SchemaUrl)),
];

const SPAN: Names = &[
    ("trace_id", Field::Span(SpanField::TraceId(IdForm::Id))),
    ("trace_id.string", Field::Span(SpanField::TraceId(IdForm::Text))),
    ("span_id", Field::Span(SpanField::SpanId(IdForm::Id))),
    ("span_id.string", Field::Span(SpanField::SpanId(IdForm::Text))),
    ("parent_span_id", Field::Span(SpanField::ParentSpanId(IdForm::Id))),
    ("parent_span_id.string", Field::Span(SpanField::ParentSpanId(IdForm::Text))),
    ("trace_state", Field::Span(SpanField::TraceState)),
    ("name", Field::Span(SpanField::Name)),
    ("kind", Field::Span(SpanField::Kind(KindForm::Number))),
    ("kind.string", Field::Span(SpanField::Kind(KindForm::Text))),
    ("kind.deprecated_string", Field::Span(SpanField::Kind(KindForm::DeprecatedText))),
    ("start_time_unix_nano", Field::Span(SpanField::StartTimeUnixNano)),
    ("end_time_unix_nano", Field::Span(SpanField::EndTimeUnixNano)),
    ("start_time", Field::Span(SpanField::StartTime)),
    ("end_time", Field::Span(SpanField::EndTime)),
    ("attributes", Field::Span(SpanField::Attributes)),
    ("dropped_attributes_count", Field::Span(SpanField::DroppedAttributes)),
    ("events", Field::Span(SpanField::Events)),
    ("dropped_events_count", Field::Span(SpanField::DroppedEvents)),
    ("links", Field::Span(SpanField::Links)),
    ("dropped_links_count", Field::Span(SpanField::DroppedLinks)),
    ("status", Field::Span(SpanField::Status)),
    ("status.code", Field::Span(SpanField::StatusCode)),
    ("status.message", Field::Span(SpanField::StatusMessage)),
];

const SPAN_EVENT: Names = &[
    ("time_unix_nano", Field::SpanEvent(EventField::TimeUnixNano)),
    ("time", Field::SpanEvent(EventField::Time)),
    ("name", Field::SpanEvent(EventField::Name)),
    ("attributes", Field::SpanEvent(EventField::Attributes)),
    ("dropped_attributes_count", Field::SpanEvent(EventField::DroppedAttributes)),
    ("event_index", Field::SpanEvent(EventField::EventIndex)),
];

const METRIC: Names = &[
    ("name", Field::Metric(MetricField::Name)),
    ("description", Field::Metric(MetricField::Description)),
    ("unit", Field::Metric(MetricField::Unit)),
    ("type", Field::Metric(MetricField::Type)),
    ("aggregation_temporality", Field::Metric(MetricField::AggregationTemporality)),
    ("is_monotonic", Field::Metric(MetricField::IsMonotonic)),
    ("data_points", Field::Metric(MetricField::DataPoints)),
    ("metadata", Field::Metric(MetricField::Metadata)),
];

const DATA_POINT: Names = &[
    ("attributes", Field::DataPoint(PointField::Attributes)),
    ("start_time_unix_nano", Field::DataPoint(PointField::StartTimeUnixNano)),
    ("time_unix_nano", Field::DataPoint(PointField::TimeUnixNano)),
    ("start_time", Field::DataPoint(PointField::StartTime)),
    ("time", Field::DataPoint(PointField::Time)),
    ("value_double", Field::DataPoint(PointField::ValueDouble)),
    ("value_int", Field::DataPoint(PointField::ValueInt)),
    ("exemplars", Field::DataPoint(PointField::Exemplars)),
    ("flags", Field::DataPoint(PointField::Flags)),
    ("count", Field::DataPoint(PointField::Count)),
    ("sum", Field::DataPoint(PointField::Sum)),
    ("bucket_counts", Field::DataPoint(PointField::BucketCounts)),
    ("explicit_bounds", Field::DataPoint(PointField::ExplicitBounds)),
    ("scale", Field::DataPoint(PointField::Scale)),
    ("zero_count", Field::DataPoint(PointField::ZeroCount)),
    ("positive", Field::DataPoint(PointField::Buckets(Side::Positive))),
    ("positive.offset", Field::DataPoint(PointField::BucketsOffset(Side::Positive))),
    ("positive.bucket_counts", Field::DataPoint(PointField::BucketsCounts(Side::Positive))),
    ("negative", Field::DataPoint(PointField::Buckets(Side::Negative))),
    ("negative.offset", Field::DataPoint(PointField::BucketsOffset(Side::Negative))),
    ("negative.bucket_counts", Field::DataPoint(PointField::BucketsCounts(Side::Negative))),
    ("quantile_values", Field::DataPoint(PointField::QuantileValues)),
];

const LOG: Names = &[
    ("time_unix_nano", Field::Log(LogField::TimeUnixNano)),
    ("observed_time_unix_nano", Field::Log(LogField::ObservedTimeUnixNano)),
    ("time", Field::Log(LogField::Time)),
    ("observed_time", Field::Log(LogField::ObservedTime)),
    ("severity_number", Field::Log(LogField::SeverityNumber)),
    ("severity_text", Field::Log(LogField::SeverityText)),
    ("event_name", Field::Log(LogField::EventName)),
    ("body", Field::Log(LogField::Body)),
    ("body.string", Field::Log(LogField::BodyString)),
    ("attributes", Field::Log(LogField::Attributes)),
    ("dropped_attributes_count", Field::Log(LogField::DroppedAttributes)),
    ("flags", Field::Log(LogField::Flags)),
    ("trace_id", Field::Log(LogField::TraceId(IdForm::Id))),
    ("trace_id.string", Field::Log(LogField::TraceId(IdForm::Text))),
    ("span_id", Field::Log(LogField::SpanId(IdForm::Id))),
    ("span_id.string", Field::Log(LogField::SpanId(IdForm::Text))),
];

/// Every name that statements of a context use for its own fields, the cache left out.
pub fn names(context: Context) -> &'static [(&'static str, Field)] {
    match context {
        Context::Resource => RESOURCE,
        Context::Scope => SCOPE,
        Context::Span => SPAN,
        Context::SpanEvent => SPAN_EVENT,
        Context::Metric => METRIC,
        Context::DataPoint => DATA_POINT,
        Context::Log => LOG,
    }
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Where.
    pub span: Span,
    /// What is wrong, in upstream's words.
    pub message: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

/// Finds the field that the segments name, context prefix cut off, and the keys that index it.
///
/// `owner` is the context that the prefix names, `own` the context of the statement, `text` the whole path as upstream's errors show it.
///
/// # Errors
/// Unknown segments, segments too many, keys where nothing can be indexed, the cache of another context.
pub fn resolve<'p>(
    segments: &'p [syntax::Field],
    owner: Context,
    own: Context,
    text: &str,
) -> Result<(Field, &'p [Key]), PathError> {
    let Some((first, rest)) = segments.split_first() else {
        return Err(PathError { span: Span::default(), message: "cannot make a path from zero fields".into(), hint: None });
    };
    if first.name.node == "cache" {
        if owner != own {
            let right = text.replacen(owner.name(), own.name(), 1);
            let message =
                format!(r#"access to cache must be performed using the same context, please replace "{text}" with "{right}""#);
            return Err(PathError { span: first.name.span, message, hint: None });
        }
        return settle(Field::Cache, first, rest);
    }
    let known = names(owner);
    let Some((_, field)) = known.iter().find(|(name, _)| *name == first.name.node) else {
        return Err(unknown(&first.name, owner, text));
    };
    let nested = format!("{}.", first.name.node);
    let Some((second, further)) = rest.split_first() else { return settle(*field, first, rest) };
    if !known.iter().any(|(name, _)| name.starts_with(&nested)) {
        return settle(*field, first, rest);
    }
    if let Some(key) = first.keys.first() {
        return Err(unused_keys(&first.name.node, key));
    }
    let full = nested + &second.name.node;
    match known.iter().find(|(name, _)| *name == full) {
        Some((_, field)) => settle(*field, second, further),
        None => Err(unknown(&second.name, owner, text)),
    }
}

/// Whether a field can be indexed.
fn has_keys(field: Field) -> bool {
    matches!(
        field,
        Field::Cache
            | Field::Resource(ResourceField::Attributes)
            | Field::Scope(ScopeField::Attributes)
            | Field::Span(SpanField::Attributes | SpanField::TraceState)
            | Field::SpanEvent(EventField::Attributes)
            | Field::Metric(MetricField::Metadata)
            | Field::DataPoint(PointField::Attributes)
            | Field::Log(LogField::Attributes | LogField::Body)
    )
}

/// The field, if no segment is left over and it takes the keys of its segment.
fn settle<'p>(field: Field, segment: &'p syntax::Field, rest: &[syntax::Field]) -> Result<(Field, &'p [Key]), PathError> {
    if let Some(extra) = rest.first() {
        let name = &extra.name.node;
        let message = format!(
            "the path section {name:?} was not used by the context - this likely means you are using extra path sections"
        );
        return Err(PathError { span: extra.name.span, message, hint: None });
    }
    match segment.keys.first() {
        Some(key) if !has_keys(field) => Err(unused_keys(&segment.name.node, key)),
        _ => Ok((field, &segment.keys)),
    }
}

fn unused_keys(name: &str, key: &Key) -> PathError {
    let message = format!(
        "the keys indexing {name:?} were not used by the context - this likely means you are trying to index a path that does not support indexing"
    );
    PathError { span: key.span(), message, hint: None }
}

fn unknown(segment: &syntax::Spanned<String>, owner: Context, text: &str) -> PathError {
    let name = &segment.node;
    let context = owner.name();
    let message = format!(
        "segment {name:?} from path {text:?} is not a valid path nor a valid OTTL keyword for the {context} context - review {}{context} to see all valid paths",
        "https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/ottl/contexts/ottl"
    );
    PathError { span: segment.span, message, hint: hint(name, owner) }
}

/// The nearest field of the context, or the context that has a field of this name.
fn hint(name: &str, owner: Context) -> Option<String> {
    let own = names(owner).iter().flat_map(|(known, _)| known.split('.')).chain(["cache"]);
    if let Some(near) = nearest(name, own) {
        return Some(format!("did you mean `{near}`?"));
    }
    let elsewhere = Context::ALL.into_iter().find(|context| names(*context).iter().any(|(known, _)| *known == name))?;
    Some(format!("`{name}` is a path of the {} context", elsewhere.name()))
}
