//! `aggregate_on_attributes`, `aggregate_on_attribute_value`: points that become alike are merged.
//!
//! Points are alike when their attributes (in any order) and times are, for deltas also their start times, for distributions also their bounds.
//! Merged points stand where the first of them stood.

use super::merge::{Aggregation, merge};
use super::metric;
use crate::function::{Changes, Edit, Editor, Kind, Literals, optional, param};
use crate::record::{Context, Failure};
use std::collections::HashSet;
use warren_pdata::{Attrs, Data, Metric, Text, Value};

pub(crate) const EDITORS: &[Editor] = &[
    Editor {
        name: "aggregate_on_attributes",
        params: &[param("aggregation_function", Kind::LitStr), optional("attributes", Kind::LitStrs)],
        contexts: &[Context::Metric],
        changes: Changes::Record,
        bind: |literals| {
            let aggregation = aggregation(literals)?;
            // All attributes count if none are named, and none if the list is empty.
            let keys: Option<HashSet<Text>> = literals.texts(1).map(|keys| keys.iter().cloned().collect());
            Ok(Edit::new(move |place, _| {
                let metric = metric(place)?;
                refuse_summary(metric, "aggregate_on_attributes")?;
                if let Some(keys) = &keys {
                    edit_attrs(&mut metric.data, |attrs| {
                        if attrs.iter().any(|entry| !keys.contains(&entry.key)) {
                            attrs.edit().retain(|entry| keys.contains(&entry.key));
                        }
                    });
                }
                aggregate(metric, aggregation);
                Ok(())
            }))
        },
    },
    Editor {
        name: "aggregate_on_attribute_value",
        params: &[
            param("aggregation_function", Kind::LitStr),
            param("attribute", Kind::LitStr),
            param("values", Kind::LitStrs),
            param("new_value", Kind::LitStr),
        ],
        contexts: &[Context::Metric],
        changes: Changes::Record,
        bind: |literals| {
            let aggregation = aggregation(literals)?;
            let key = Text::from(literals.text(1).unwrap_or_default());
            let values: HashSet<Text> = literals.texts(2).unwrap_or_default().iter().cloned().collect();
            let new = Value::from(literals.text(3).unwrap_or_default());
            Ok(Edit::new(move |place, _| {
                let metric = metric(place)?;
                refuse_summary(metric, "aggregate_on_attribute_value")?;
                edit_attrs(&mut metric.data, |attrs| {
                    // What is no text counts as empty text.
                    let old = attrs.get(&key).map(|value| value.as_str().unwrap_or_default());
                    if old.is_some_and(|old| values.contains(old)) {
                        attrs.upsert(key.clone(), new.clone());
                    }
                });
                aggregate(metric, aggregation);
                Ok(())
            }))
        },
    },
];

fn aggregation(literals: &Literals<'_>) -> Result<Aggregation, String> {
    let name = literals.text(0).unwrap_or_default();
    Aggregation::named(name).ok_or_else(|| {
        format!(
            "invalid aggregation function: 'unsupported function: '{name}'', valid options: sum, mean, min, max, median, count"
        )
    })
}

fn refuse_summary(metric: &Metric, function: &str) -> Result<(), Failure> {
    match metric.data {
        Data::Summary(_) => Err(Failure::new(format!("{function} does not support aggregating Summary metrics"))),
        _ => Ok(()),
    }
}

/// Edits the attributes of every point; sets that are shared by neighbours stay shared.
fn edit_attrs(data: &mut Data, mut edit: impl FnMut(&mut Attrs)) {
    let mut last: Option<(Attrs, Attrs)> = None;
    data.for_each_attrs(|attrs| {
        if let Some((old, new)) = &last
            && old.same(attrs)
        {
            *attrs = new.clone();
            return;
        }
        let old = attrs.clone();
        edit(attrs);
        last = Some((old, attrs.clone()));
    });
}

fn aggregate(metric: &mut Metric, aggregation: Aggregation) {
    metric.metadata = Attrs::EMPTY;
    merge(&mut metric.data, aggregation);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edit, edited, gauge, histogram, numbers, point, sum, summary};
    use super::*;
    use warren_pdata::{ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint, Temporality};

    fn two(a: &str, b: &str, start: u64, value: Number) -> NumberPoint {
        NumberPoint { attrs: Attrs::from([("a", a), ("b", b)]), start, ..point(a, value) }
    }

    fn ints(values: &[i64]) -> Metric {
        gauge(values.iter().enumerate().map(|(at, value)| two("x", &at.to_string(), 9 - at as u64, Number::Int(*value))))
    }

    fn doubles(values: &[f64]) -> Metric {
        gauge(values.iter().enumerate().map(|(at, value)| two("x", &at.to_string(), 1, Number::Double(*value))))
    }

    /// Results of upstream's `aggregateutil`.
    #[test]
    fn numbers_are_merged_by_the_function() {
        let on_a = |metric: &Metric, function: &str| {
            numbers(&edited(metric, &format!(r#"aggregate_on_attributes("{function}", ["a"])"#)))
        };
        for (function, of_ints, of_doubles) in [
            ("sum", "Int(10)", "Double(10.5)"),
            ("mean", "Int(2)", "Double(2.625)"),
            ("min", "Int(-1)", "Double(-1.0)"),
            ("max", "Int(8)", "Double(8.0)"),
            ("median", "Int(1)", "Double(1.75)"),
            ("count", "Int(4)", "Double(4.0)"),
        ] {
            assert_eq!(on_a(&ints(&[2, 8, 1, -1]), function), format!(r#"{{"a": "x"}}@6-5={of_ints}"#), "{function}");
            assert_eq!(
                on_a(&doubles(&[2.0, 8.0, 1.5, -1.0]), function),
                format!(r#"{{"a": "x"}}@1-5={of_doubles}"#),
                "{function}"
            );
        }
        // The count of one point is its value.
        assert_eq!(on_a(&ints(&[7]), "count"), r#"{"a": "x"}@9-5=Int(7)"#);
        assert_eq!(on_a(&doubles(&[1.0, 2.0, 9.0]), "median"), r#"{"a": "x"}@1-5=Double(2.0)"#);
        // A fraction counts nothing in a sum of whole numbers, and the other way round it does.
        let mixed = |first, second| gauge([two("x", "1", 1, first), two("x", "2", 1, second)]);
        assert_eq!(on_a(&mixed(Number::Int(1), Number::Double(2.9)), "sum"), r#"{"a": "x"}@1-5=Int(1)"#);
        assert_eq!(on_a(&mixed(Number::Int(1), Number::Double(2.9)), "max"), r#"{"a": "x"}@1-5=Int(2)"#);
        assert_eq!(on_a(&mixed(Number::Double(2.5), Number::Int(1)), "sum"), r#"{"a": "x"}@1-5=Double(3.5)"#);
    }

    #[test]
    fn what_points_have_in_common_decides_which_are_merged() {
        let points = || [two("x", "1", 1, Number::Int(1)), two("y", "1", 2, Number::Int(2)), two("x", "2", 2, Number::Int(4))];
        let metric = gauge(points());
        assert_eq!(
            numbers(&edited(&metric, r#"aggregate_on_attributes("sum", ["a"])"#)),
            r#"{"a": "x"}@1-5=Int(5) {"a": "y"}@2-5=Int(2)"#
        );
        assert_eq!(numbers(&edited(&metric, r#"aggregate_on_attributes("sum", [])"#)), "{}@1-5=Int(7)");
        assert_eq!(numbers(&edited(&metric, r#"aggregate_on_attributes("sum")"#)), numbers(&metric));
        let delta = sum(Temporality::DELTA, points());
        assert_eq!(numbers(&edited(&delta, r#"aggregate_on_attributes("sum", [])"#)), "{}@1-5=Int(1) {}@2-5=Int(6)");
        assert_eq!(
            numbers(&edited(&metric, r#"aggregate_on_attribute_value("sum", "b", ["1", "2"], "all")"#)),
            r#"{"a": "x", "b": "all"}@1-5=Int(5) {"a": "y", "b": "all"}@2-5=Int(2)"#
        );
        assert_eq!(edited(&metric, r#"aggregate_on_attributes("sum")"#).metadata, Attrs::EMPTY);
        let reordered = gauge([
            NumberPoint { attrs: Attrs::from([("a", "x"), ("b", "1")]), ..point("", Number::Int(1)) },
            NumberPoint { attrs: Attrs::from([("b", "1"), ("a", "x")]), ..point("", Number::Int(1)) },
        ]);
        assert_eq!(edited(&reordered, r#"aggregate_on_attributes("sum")"#).data.len(), 1);
    }

    #[test]
    fn distributions_are_added() {
        let point = |a: &str, bounds: &[f64], counts: &[u64], min| HistogramPoint {
            attrs: Attrs::from([("a", a)]),
            start: 3 - counts.len() as u64,
            count: counts.iter().sum(),
            sum: Some(1.5),
            min,
            bounds: triomphe::Arc::new(bounds.to_vec()),
            counts: counts.to_vec(),
            ..HistogramPoint::default()
        };
        let metric = histogram(vec![
            point("x", &[1.0], &[1, 2], Some(4.0)),
            point("y", &[1.0], &[3, 4, 5], Some(2.0)),
            point("x", &[2.0], &[1, 1], Some(4.0)),
            point("z", &[1.0], &[1, 1], None),
            point("x", &[1.0], &[0, 0], Some(0.0)),
        ]);
        let Data::Histogram { points, .. } = edited(&metric, r#"aggregate_on_attributes("max", [])"#).data else {
            panic!("no histogram")
        };
        assert_eq!(points.len(), 3);
        assert_eq!((points[0].count, points[0].sum, points[0].min, points[0].start), (15, Some(3.0), Some(2.0), 0));
        assert_eq!(points[0].counts, [4, 6, 5]);

        let exponential = |offset, positive: &[u64]| ExponentialHistogramPoint {
            count: 3,
            zero_count: 1,
            scale: 2,
            positive: ExponentialBuckets { offset, counts: positive.to_vec() },
            ..ExponentialHistogramPoint::default()
        };
        let metric = super::super::testing::named(Data::ExponentialHistogram {
            points: vec![exponential(0, &[1, 1]), exponential(1, &[2]), exponential(0, &[1, 2, 3])],
            temporality: Temporality::CUMULATIVE,
        });
        let Data::ExponentialHistogram { points, .. } = edited(&metric, r#"aggregate_on_attributes("sum")"#).data else {
            panic!("none")
        };
        assert_eq!(points.len(), 2);
        assert_eq!((points[0].count, points[0].zero_count, points[0].sum), (6, 2, Some(0.0)));
        assert_eq!(points[0].positive.counts, [2, 3, 3]);
    }

    #[test]
    fn summaries_and_unknown_functions_are_refused() {
        for (statement, expected) in [
            (r#"aggregate_on_attributes("sum")"#, "aggregate_on_attributes does not support aggregating Summary metrics"),
            (
                r#"aggregate_on_attribute_value("sum", "a", ["x"], "y")"#,
                "aggregate_on_attribute_value does not support aggregating Summary metrics",
            ),
            (
                r#"aggregate_on_attributes("avg")"#,
                "invalid aggregation function: 'unsupported function: 'avg'', valid options: sum, mean, min, max, median, count",
            ),
        ] {
            let error = edit(Context::Metric, &summary(), statement).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
