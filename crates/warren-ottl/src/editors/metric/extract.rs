//! Metrics made of a metric: `copy_metric`, `extract_count_metric`, `extract_sum_metric`, and what summaries hold. They are appended to the scope's
//! metrics.

use super::{kind, metric, temporality};
use crate::function::{Changes, Edit, Editor, Kind, Literals, Param, Place, optional, param};
use crate::record::{Context, Failure};
use crate::value::Val;
use warren_pdata::{Attrs, Data, Metric, Number, NumberPoints, Sum, Temporality, Text, literal};

const OF_DISTRIBUTION: &[Param] = &[param("monotonic", Kind::LitBool), optional("suffix", Kind::LitStr)];
const OF_SUMMARY: &[Param] =
    &[param("string_agg_temp", Kind::LitStr), param("monotonic", Kind::LitBool), optional("suffix", Kind::LitStr)];

pub(crate) const EDITORS: &[Editor] = &[
    Editor {
        name: "copy_metric",
        params: &[optional("name", Kind::Str), optional("description", Kind::Str), optional("unit", Kind::Str)],
        contexts: &[Context::Metric],
        changes: Changes::Metrics,
        bind: |_| {
            Ok(Edit::new(|place, args| {
                let mut copy = metric(place)?.clone();
                for (param, field) in [&mut copy.name, &mut copy.description, &mut copy.unit].into_iter().enumerate() {
                    if let Val::Str(text) = args.get(param) {
                        *field = text.clone();
                    }
                }
                place.record.appended.push(copy);
                Ok(())
            }))
        },
    },
    Editor {
        name: "extract_count_metric",
        params: OF_DISTRIBUTION,
        contexts: &[Context::Metric],
        changes: Changes::Metrics,
        bind: |literals| {
            let (monotonic, suffix) = (literals.bool(0).unwrap_or_default(), suffix(literals, 1, "_count"));
            Ok(Edit::new(move |place, _| {
                // The unit is that of the values, not of how many there are.
                extract(place, "extract_count_metric", &suffix, Some(literal!("1")), monotonic, counts)
            }))
        },
    },
    Editor {
        name: "extract_sum_metric",
        params: OF_DISTRIBUTION,
        contexts: &[Context::Metric],
        changes: Changes::Metrics,
        bind: |literals| {
            let (monotonic, suffix) = (literals.bool(0).unwrap_or_default(), suffix(literals, 1, "_sum"));
            Ok(Edit::new(move |place, _| extract(place, "extract_sum_metric", &suffix, None, monotonic, sums)))
        },
    },
    Editor {
        name: "convert_summary_count_val_to_sum",
        params: OF_SUMMARY,
        contexts: &[Context::DataPoint],
        changes: Changes::Metrics,
        bind: |literals| {
            let sum = of_summary(literals, "_count", counts)?;
            Ok(Edit::new(move |place, _| sum(place)))
        },
    },
    Editor {
        name: "convert_summary_sum_val_to_sum",
        params: OF_SUMMARY,
        contexts: &[Context::DataPoint],
        changes: Changes::Metrics,
        bind: |literals| {
            let sum = of_summary(literals, "_sum", sums)?;
            Ok(Edit::new(move |place, _| sum(place)))
        },
    },
    Editor {
        name: "convert_summary_quantile_val_to_gauge",
        params: &[optional("attribute_key", Kind::LitStr), optional("suffix", Kind::LitStr)],
        contexts: &[Context::Metric],
        changes: Changes::Metrics,
        bind: |literals| {
            let key = Text::from(literals.text(0).unwrap_or("quantile"));
            let suffix = suffix(literals, 1, ".quantiles");
            Ok(Edit::new(move |place, _| {
                let metric = metric(place)?;
                let Data::Summary(summaries) = &metric.data else { return Ok(()) };
                let mut points = NumberPoints::default();
                for summary in summaries {
                    for quantile in &summary.quantiles {
                        let mut attrs = summary.attrs.clone();
                        attrs.upsert(key.clone(), quantile.quantile.into());
                        points.push_plain(attrs, summary.start, summary.time, Number::Double(quantile.value), 0);
                    }
                }
                let gauge = derived(metric, &suffix, None, Data::Gauge(points));
                place.record.appended.push(gauge);
                Ok(())
            }))
        },
    },
];

fn suffix(literals: &Literals<'_>, param: usize, default: &str) -> Text {
    Text::from(literals.text(param).unwrap_or(default))
}

/// A metric named after another.
fn derived(metric: &Metric, suffix: &str, unit: Option<Text>, data: Data) -> Metric {
    Metric {
        name: format!("{}{suffix}", metric.name).into(),
        description: metric.description.clone(),
        unit: unit.unwrap_or_else(|| metric.unit.clone()),
        metadata: Attrs::EMPTY,
        data,
    }
}

/// Appends a sum of what a distribution's points hold, if there is any.
fn extract(
    place: &mut Place<'_, '_>,
    function: &str,
    suffix: &str,
    unit: Option<Text>,
    monotonic: bool,
    values: fn(&Data) -> NumberPoints,
) -> Result<(), Failure> {
    let metric = metric(place)?;
    let temporality = match &metric.data {
        Data::Histogram { temporality, .. } | Data::ExponentialHistogram { temporality, .. } => *temporality,
        // Summaries say nothing of it and count from the start.
        Data::Summary(_) => Temporality::CUMULATIVE,
        _ => Temporality::UNSPECIFIED,
    };
    if temporality == Temporality::UNSPECIFIED {
        let kind = kind(&metric.data);
        return Err(Failure::new(format!(
            "{function} requires an input metric of type Histogram, ExponentialHistogram or Summary, got {kind}"
        )));
    }
    let points = values(&metric.data);
    if !points.is_empty() {
        let sum = derived(metric, suffix, unit, Data::Sum(Sum { points, temporality, monotonic }));
        place.record.appended.push(sum);
    }
    Ok(())
}

type OfSummary = Box<dyn Fn(&mut Place<'_, '_>) -> Result<(), Failure> + Send + Sync>;

/// Appends a sum of what a summary's points hold.
fn of_summary(literals: &Literals<'_>, default: &str, values: fn(&Data) -> NumberPoints) -> Result<OfSummary, String> {
    let temporality = temporality(literals.text(0).unwrap_or_default())?;
    let monotonic = literals.bool(1).unwrap_or_default();
    let suffix = suffix(literals, 2, default);
    Ok(Box::new(move |place| {
        let metric = metric(place)?;
        if matches!(metric.data, Data::Summary(_)) {
            let data = Data::Sum(Sum { points: values(&metric.data), temporality, monotonic });
            let sum = derived(metric, &suffix, None, data);
            place.record.appended.push(sum);
        }
        Ok(())
    }))
}

fn counts(data: &Data) -> NumberPoints {
    let mut points = NumberPoints::default();
    let mut push =
        |attrs: &Attrs, start, time, count: u64| points.push_plain(attrs.clone(), start, time, Number::Int(count as i64), 0);
    match data {
        Data::Histogram { points, .. } => {
            points.iter().for_each(|point| push(&point.attrs, point.start, point.time, point.count))
        }
        Data::ExponentialHistogram { points, .. } => {
            points.iter().for_each(|point| push(&point.attrs, point.start, point.time, point.count));
        }
        Data::Summary(points) => points.iter().for_each(|point| push(&point.attrs, point.start, point.time, point.count)),
        _ => {}
    }
    points
}

/// Points without a sum are left out.
fn sums(data: &Data) -> NumberPoints {
    let mut points = NumberPoints::default();
    let mut push = |attrs: &Attrs, start, time, sum: Option<f64>| {
        if let Some(sum) = sum {
            points.push_plain(attrs.clone(), start, time, Number::Double(sum), 0);
        }
    };
    match data {
        Data::Histogram { points, .. } => points.iter().for_each(|point| push(&point.attrs, point.start, point.time, point.sum)),
        Data::ExponentialHistogram { points, .. } => {
            points.iter().for_each(|point| push(&point.attrs, point.start, point.time, point.sum));
        }
        Data::Summary(points) => points.iter().for_each(|point| push(&point.attrs, point.start, point.time, Some(point.sum))),
        _ => {}
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edit, gauge, histogram, numbers, point, summary};
    use super::*;
    use warren_pdata::HistogramPoint;

    fn show(metrics: &[Metric]) -> Vec<String> {
        let one = |metric: &Metric| {
            format!("{} {} {} {} {}", metric.name, metric.unit, metric.description, kind(&metric.data), numbers(metric))
        };
        metrics.iter().map(|metric| one(metric).trim_end().to_owned()).collect()
    }

    fn of(context: Context, metric: &Metric, statement: &str) -> Vec<String> {
        show(&edit(context, metric, statement).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn counts_and_sums_of_distributions_become_metrics() {
        let with_sum = HistogramPoint { start: 1, time: 5, count: 3, sum: Some(4.5), ..HistogramPoint::default() };
        let without = HistogramPoint { count: 2, ..HistogramPoint::default() };
        let metric = histogram(vec![with_sum, without.clone()]);
        assert_eq!(
            of(Context::Metric, &metric, "extract_count_metric(true)"),
            ["m u d Histogram", "m_count 1 d Sum {}@1-5=Int(3) {}@0-0=Int(2)"]
        );
        assert_eq!(
            of(Context::Metric, &metric, r#"extract_sum_metric(false, ".total")"#),
            ["m u d Histogram", "m.total u d Sum {}@1-5=Double(4.5)"]
        );
        assert_eq!(of(Context::Metric, &histogram(vec![without]), "extract_sum_metric(true)"), ["m u d Histogram"]);
        assert_eq!(
            of(Context::Metric, &summary(), "extract_count_metric(true)")[1],
            r#"m_count 1 d Sum {"a": "x"}@1-5=Int(3) {"a": "y"}@1-5=Int(4)"#
        );
        let error = edit(Context::Metric, &gauge([]), "extract_count_metric(true)").unwrap_err();
        assert!(
            error.contains(
                "extract_count_metric requires an input metric of type Histogram, ExponentialHistogram or Summary, got Gauge"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_summarys_parts_become_one_metric_however_many_points_it_has() {
        assert_eq!(
            of(Context::DataPoint, &summary(), r#"convert_summary_count_val_to_sum("delta", false)"#),
            ["m u d Summary", r#"m_count u d Sum {"a": "x"}@1-5=Int(3) {"a": "y"}@1-5=Int(4)"#]
        );
        assert_eq!(
            of(Context::DataPoint, &summary(), r#"convert_summary_sum_val_to_sum("cumulative", true, "_s")"#),
            ["m u d Summary", r#"m_s u d Sum {"a": "x"}@1-5=Double(1.5) {"a": "y"}@1-5=Double(2.0)"#]
        );
        assert_eq!(
            of(Context::Metric, &summary(), r#"convert_summary_quantile_val_to_gauge("q")"#)[1],
            "m.quantiles u d Gauge {\"a\": \"x\", \"q\": Double(0.5)}@1-5=Double(7.0) {\"a\": \"x\", \"q\": Double(0.99)}@1-5=Double(9.0) \
             {\"a\": \"y\", \"q\": Double(0.5)}@1-5=Double(7.0) {\"a\": \"y\", \"q\": Double(0.99)}@1-5=Double(9.0)"
        );
        assert_eq!(of(Context::Metric, &gauge([]), "convert_summary_quantile_val_to_gauge()").len(), 1);
        let error = edit(Context::DataPoint, &summary(), r#"convert_summary_sum_val_to_sum("x", true)"#).unwrap_err();
        assert!(error.contains("unknown aggregation temporality: x"), "{error}");
    }

    #[test]
    fn a_metric_is_copied_once_though_its_copy_is_visited() {
        let metric = gauge([point("x", Number::Int(1))]);
        assert_eq!(
            of(Context::Metric, &metric, r#"copy_metric(name="n", unit="s")"#),
            [r#"m u d Gauge {"a": "x"}@1-5=Int(1)"#, r#"n s d Gauge {"a": "x"}@1-5=Int(1)"#]
        );
        assert_eq!(of(Context::Metric, &metric, "copy_metric()").len(), 2);
    }
}
