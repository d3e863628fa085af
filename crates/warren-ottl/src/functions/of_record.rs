//! Converters that look at the record: `IsRootSpan`, `HasAttrKeyOnDatapoint`, `HasAttrOnDatapoint`.

use crate::function::{Kind, Literals, Param, RecordConverter, param};
use crate::record::{Context, Failure, Item, Record};
use crate::value::Val;
use warren_pdata::{Attrs, Data, Text};

pub(super) const CONVERTERS: &[RecordConverter] = &[
    RecordConverter {
        name: "IsRootSpan",
        params: &[],
        contexts: &[Context::Span],
        bind: |_| {
            Ok(Box::new(|record| match &record.item {
                Item::Span(span) => Ok(Val::Bool(span.parent_span_id.is_empty())),
                _ => Ok(Val::Bool(false)),
            }))
        },
    },
    RecordConverter {
        name: "HasAttrKeyOnDatapoint",
        params: &[param("key", Kind::LitStr)],
        contexts: &[Context::Metric],
        bind: |literals| {
            let key = Text::from(literals.text(0).unwrap_or_default());
            Ok(Box::new(move |record| Ok(Val::Bool(points(record)?.any(|attrs| attrs.contains_key(&key))))))
        },
    },
    RecordConverter {
        name: "HasAttrOnDatapoint",
        params: HAS_ATTR,
        contexts: &[Context::Metric],
        bind: |literals| {
            let (key, expected) = attr(literals);
            Ok(Box::new(move |record| Ok(Val::Bool(points(record)?.any(|attrs| is(attrs, &key, &expected) == Some(true))))))
        },
    },
];

/// Those that upstream has otherwise, in its way.
pub(super) const ODD_CONVERTERS: &[RecordConverter] = &[RecordConverter {
    name: "HasAttrOnDatapoint",
    params: HAS_ATTR,
    contexts: &[Context::Metric],
    bind: |literals| {
        let (key, expected) = attr(literals);
        // Only the first point that has the key is asked.
        Ok(Box::new(move |record| Ok(Val::Bool(points(record)?.find_map(|attrs| is(attrs, &key, &expected)) == Some(true)))))
    },
}];

const HAS_ATTR: &[Param] = &[param("key", Kind::LitStr), param("expected_val", Kind::LitStr)];

/// The literals of `HasAttrOnDatapoint`.
fn attr(literals: &Literals<'_>) -> (Text, Text) {
    (literals.text(0).unwrap_or_default().into(), literals.text(1).unwrap_or_default().into())
}

/// Whether an attribute has a value, if there is one; a value that is no text compares as empty text.
fn is(attrs: &Attrs, key: &Text, expected: &Text) -> Option<bool> {
    Some(attrs.get(key)?.as_str().unwrap_or_default() == expected.as_str())
}

/// The attributes of a metric's points.
fn points<'r>(record: &'r Record<'_>) -> Result<impl Iterator<Item = &'r Attrs>, Failure> {
    let data = match &record.item {
        Item::Metric(metric) if matches!(metric.data, Data::Empty) => return Err(Failure::new("unknown metric type")),
        Item::Metric(metric) => Some(&metric.data),
        _ => None,
    };
    Ok(data.into_iter().flat_map(|data| (0..data.len()).map(move |at| data.attrs(at))))
}
