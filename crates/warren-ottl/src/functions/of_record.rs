//! Converters that look at the record: `IsRootSpan`, `HasAttrKeyOnDatapoint`, `HasAttrOnDatapoint`.

use crate::function::{Kind, RecordConverter, param};
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
            Ok(Box::new(move |record| any_point(record, |attrs| attrs.contains_key(&key))))
        },
    },
    RecordConverter {
        name: "HasAttrOnDatapoint",
        params: &[param("key", Kind::LitStr), param("expected_val", Kind::LitStr)],
        contexts: &[Context::Metric],
        bind: |literals| {
            let key = Text::from(literals.text(0).unwrap_or_default());
            let expected = Text::from(literals.text(1).unwrap_or_default());
            // A value that is no text compares as empty text.
            Ok(Box::new(move |record| {
                any_point(record, |attrs| {
                    attrs.get(&key).is_some_and(|value| value.as_str().unwrap_or_default() == expected.as_str())
                })
            }))
        },
    },
];

fn any_point(record: &Record<'_>, fits: impl Fn(&Attrs) -> bool) -> Result<Val, Failure> {
    match &record.item {
        Item::Metric(metric) if matches!(metric.data, Data::Empty) => Err(Failure::new("unknown metric type")),
        Item::Metric(metric) => Ok(Val::Bool((0..metric.data.len()).any(|at| fits(metric.data.attrs(at))))),
        _ => Ok(Val::Bool(false)),
    }
}
