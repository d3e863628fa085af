//! Enums: symbols in upper case that stand for whole numbers.

use crate::record::Context;
use warren_pdata::names::{Names, SEVERITIES, SPAN_KINDS, STATUS_CODES, TEMPORALITIES};

/// Types of a metric's data.
const DATA_TYPES: Names = &[
    ("METRIC_DATA_TYPE_NONE", 0),
    ("METRIC_DATA_TYPE_GAUGE", 1),
    ("METRIC_DATA_TYPE_SUM", 2),
    ("METRIC_DATA_TYPE_HISTOGRAM", 3),
    ("METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM", 4),
    ("METRIC_DATA_TYPE_SUMMARY", 5),
];

/// Flags of a data point.
const FLAGS: Names = &[("FLAG_NONE", 0), ("FLAG_NO_RECORDED_VALUE", 1)];

/// Every symbol of a context.
pub(super) fn symbols(context: Context) -> impl Iterator<Item = (&'static str, i64)> {
    let lists: [Names; 3] = match context {
        Context::Log => [SEVERITIES, &[], &[]],
        Context::Span | Context::SpanEvent => [SPAN_KINDS, STATUS_CODES, &[]],
        Context::Metric => [TEMPORALITIES, DATA_TYPES, &[]],
        Context::DataPoint => [TEMPORALITIES, DATA_TYPES, FLAGS],
        Context::Resource | Context::Scope => [&[], &[], &[]],
    };
    lists.into_iter().flatten().map(|(name, number)| (*name, i64::from(*number)))
}

/// The number that a symbol stands for.
pub(super) fn symbol(context: Context, name: &str) -> Option<i64> {
    symbols(context).find(|(known, _)| *known == name).map(|(_, value)| value)
}
