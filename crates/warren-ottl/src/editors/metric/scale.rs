//! `scale_metric`: values times a factor.

use super::{kind, metric};
use crate::function::{Changes, Edit, Editor, Kind, optional, param};
use crate::getter::{coerce, truncated};
use crate::record::{Context, Failure};
use crate::value::Val;
use warren_pdata::{Bounds, Data, HistogramPoint, Metric, Number, NumberPoints};

pub(crate) const EDITORS: &[Editor] = &[Editor {
    name: "scale_metric",
    params: &[param("multiplier", Kind::LitFloat), optional("unit", Kind::Any)],
    contexts: &[Context::Metric],
    changes: Changes::Record,
    bind: |literals| {
        let factor = literals.float(0).unwrap_or_default();
        let has_unit = literals.get(1).is_some();
        Ok(Edit::new(move |place, args| {
            let unit = if has_unit {
                coerce(Kind::Str, args.get(1).clone())
                    .map_err(|failure| Failure::new(format!("could not get unit from ScaleArguments: {failure}")))?
            } else {
                Val::Nil
            };
            let metric = metric(place)?;
            scale(metric, factor)?;
            if let Val::Str(unit) = unit {
                metric.unit = unit;
            }
            Ok(())
        }))
    },
}];

fn scale(metric: &mut Metric, factor: f64) -> Result<(), Failure> {
    match &mut metric.data {
        Data::Gauge(points) => numbers(points, factor),
        Data::Sum(sum) => numbers(&mut sum.points, factor),
        Data::Histogram { points, .. } => histograms(points, factor),
        Data::Summary(points) => {
            for point in points {
                point.sum *= factor;
                point.quantiles.iter_mut().for_each(|quantile| quantile.value *= factor);
            }
        }
        Data::ExponentialHistogram { .. } => {
            return Err(Failure::new("exponential histograms are not supported by the 'scale_metric' function"));
        }
        data @ Data::Empty => return Err(Failure::new(format!("unsupported metric type: '{}'", kind(data)))),
    }
    Ok(())
}

fn number(value: Number, factor: f64) -> Number {
    match value {
        Number::Empty => Number::Empty,
        Number::Int(value) => Number::Int(truncated(value as f64 * factor)),
        Number::Double(value) => Number::Double(value * factor),
    }
}

fn numbers(points: &mut NumberPoints, factor: f64) {
    for index in 0..points.len() {
        points.set_value(index, number(points.value(index), factor));
    }
}

fn histograms(points: &mut [HistogramPoint], factor: f64) {
    // Bounds are mostly shared between points, and stay so.
    let mut last: Option<(Bounds, Bounds)> = None;
    for point in points {
        for part in [&mut point.sum, &mut point.min, &mut point.max].into_iter().flatten() {
            *part *= factor;
        }
        let scaled = match &last {
            Some((old, new)) if triomphe::Arc::ptr_eq(old, &point.bounds) => new.clone(),
            _ => triomphe::Arc::new(point.bounds.iter().map(|bound| bound * factor).collect()),
        };
        last = Some((std::mem::replace(&mut point.bounds, scaled.clone()), scaled));
        for exemplar in &mut point.exemplars {
            exemplar.value = number(exemplar.value, factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edit, edited, gauge, histogram, named, numbers, point, summary};
    use super::*;
    use warren_pdata::{Exemplar, Temporality};

    #[test]
    fn values_are_scaled_and_the_unit_may_change() {
        let metric = gauge([point("x", Number::Int(7)), point("y", Number::Double(1.5)), point("z", Number::Int(i64::MAX))]);
        let scaled = edited(&metric, r#"scale_metric(2.5, "kg")"#);
        assert_eq!(scaled.unit, "kg");
        assert_eq!(
            numbers(&scaled),
            r#"{"a": "x"}@1-5=Int(17) {"a": "y"}@1-5=Double(3.75) {"a": "z"}@1-5=Int(-9223372036854775808)"#
        );
        let bounds: Bounds = triomphe::Arc::new(vec![1.0, 10.0]);
        let point = |sum| HistogramPoint {
            sum,
            max: Some(4.0),
            bounds: bounds.clone(),
            exemplars: vec![Exemplar { value: Number::Int(3), ..Exemplar::default() }],
            ..HistogramPoint::default()
        };
        let Data::Histogram { points, .. } = edited(&histogram(vec![point(Some(2.0)), point(None)]), "scale_metric(10.0)").data
        else {
            panic!("no histogram");
        };
        assert_eq!((points[0].sum, points[0].min, points[0].max), (Some(20.0), None, Some(40.0)));
        assert_eq!(points[1].sum, None);
        assert_eq!(*points[0].bounds, [10.0, 100.0]);
        assert!(triomphe::Arc::ptr_eq(&points[0].bounds, &points[1].bounds));
        assert_eq!(points[0].exemplars[0].value, Number::Int(30));
        let Data::Summary(points) = edited(&summary(), "scale_metric(2.0)").data else { panic!("no summary") };
        assert_eq!((points[0].sum, points[0].quantiles[1].value, points[0].quantiles[1].quantile), (3.0, 18.0, 0.99));
    }

    #[test]
    fn what_cannot_be_scaled_is_told() {
        let exponential = named(Data::ExponentialHistogram { points: Vec::new(), temporality: Temporality::DELTA });
        for (metric, statement, expected) in [
            (&exponential, "scale_metric(2.0)", "exponential histograms are not supported by the 'scale_metric' function"),
            (&named(Data::Empty), "scale_metric(2.0)", "unsupported metric type: 'Empty'"),
            (&gauge([]), "scale_metric(10)", "must be a float"),
            (&gauge([]), "scale_metric(1.0, 5)", "could not get unit from ScaleArguments: expected string but got int64"),
        ] {
            let error = edit(Context::Metric, metric, statement).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
