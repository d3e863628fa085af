//! Metrics.

use super::{attributes, inner_attributes};
use crate::text::{Fixed, Hex, Lines, Time, line};
use warren_pdata::{
    Attrs, Data, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric, Number, NumberPoints, SummaryPoint, Temporality,
};

pub(super) fn metric(out: &mut Lines, metric: &Metric) {
    line!(out, "Descriptor:");
    line!(out, "     -> Name: {}", metric.name);
    line!(out, "     -> Description: {}", metric.description);
    line!(out, "     -> Unit: {}", metric.unit);
    line!(out, "     -> DataType: {}", data_type(&metric.data));
    if let Data::Sum(sum) = &metric.data {
        line!(out, "     -> IsMonotonic: {}", sum.monotonic);
    }
    if let Some(temporality) = metric.data.temporality() {
        line!(out, "     -> AggregationTemporality: {}", temporality_name(temporality));
    }
    match &metric.data {
        Data::Empty => {}
        Data::Gauge(points) => numbers(out, points),
        Data::Sum(sum) => numbers(out, &sum.points),
        Data::Histogram { points, .. } => {
            points.iter().enumerate().for_each(|(index, point)| histogram(out, index, point));
        }
        Data::ExponentialHistogram { points, .. } => {
            points.iter().enumerate().for_each(|(index, point)| exponential(out, index, point));
        }
        Data::Summary(points) => points.iter().enumerate().for_each(|(index, point)| summary(out, index, point)),
    }
}

fn data_type(data: &Data) -> &'static str {
    match data {
        Data::Empty => "Empty",
        Data::Gauge(_) => "Gauge",
        Data::Sum(_) => "Sum",
        Data::Histogram { .. } => "Histogram",
        Data::ExponentialHistogram { .. } => "ExponentialHistogram",
        Data::Summary(_) => "Summary",
    }
}

/// The name of a temporality; empty for numbers that have none.
fn temporality_name(temporality: Temporality) -> &'static str {
    match temporality {
        Temporality::UNSPECIFIED => "Unspecified",
        Temporality::DELTA => "Delta",
        Temporality::CUMULATIVE => "Cumulative",
        _ => "",
    }
}

/// What every point begins with.
fn head(out: &mut Lines, kind: &str, index: usize, attrs: &Attrs, [start, time]: [u64; 2]) {
    line!(out, "{kind} #{index}");
    attributes(out, "Data point attributes", attrs);
    line!(out, "StartTimestamp: {}", Time(start));
    line!(out, "Timestamp: {}", Time(time));
}

fn numbers(out: &mut Lines, points: &NumberPoints) {
    for (index, point) in points.iter().enumerate() {
        head(out, "NumberDataPoints", index, point.attrs, [point.start, point.time]);
        value(out, "", point.value);
        exemplars(out, point.exemplars);
    }
}

fn value(out: &mut Lines, indent: &str, value: Number) {
    match value {
        Number::Empty => {}
        Number::Int(value) => line!(out, "{indent}Value: {value}"),
        Number::Double(value) => line!(out, "{indent}Value: {}", Fixed(value)),
    }
}

fn totals(out: &mut Lines, count: u64, [sum, min, max]: [Option<f64>; 3]) {
    line!(out, "Count: {count}");
    for (name, value) in [("Sum", sum), ("Min", min), ("Max", max)] {
        if let Some(value) = value {
            line!(out, "{name}: {}", Fixed(value));
        }
    }
}

fn histogram(out: &mut Lines, index: usize, point: &HistogramPoint) {
    head(out, "HistogramDataPoints", index, &point.attrs, [point.start, point.time]);
    totals(out, point.count, [point.sum, point.min, point.max]);
    for (index, bound) in point.bounds.iter().enumerate() {
        line!(out, "ExplicitBounds #{index}: {}", Fixed(*bound));
    }
    for (index, count) in point.counts.iter().enumerate() {
        line!(out, "Buckets #{index}, Count: {count}");
    }
    exemplars(out, &point.exemplars);
}

fn exponential(out: &mut Lines, index: usize, point: &ExponentialHistogramPoint) {
    head(out, "ExponentialHistogramDataPoints", index, &point.attrs, [point.start, point.time]);
    totals(out, point.count, [point.sum, point.min, point.max]);
    // Beyond these every power is zero or infinite.
    let power = (-i64::from(point.scale)).clamp(-2_000, 2_000) as i32;
    let factor = std::f64::consts::LN_2 * 2f64.powi(power);
    let bounds = |offset: i32, place: usize| {
        let index = f64::from(offset) + place as f64;
        (Fixed((index * factor).exp()), Fixed(((index + 1.0) * factor).exp()))
    };
    for (place, count) in point.negative.counts.iter().enumerate().rev() {
        let (Fixed(lower), Fixed(upper)) = bounds(point.negative.offset, place);
        line!(out, "Bucket [{}, {}), Count: {count}", Fixed(-upper), Fixed(-lower));
    }
    if point.zero_count != 0 {
        line!(out, "Bucket [0, 0], Count: {}", point.zero_count);
    }
    for (place, count) in point.positive.counts.iter().enumerate() {
        let (lower, upper) = bounds(point.positive.offset, place);
        line!(out, "Bucket ({lower}, {upper}], Count: {count}");
    }
    exemplars(out, &point.exemplars);
}

fn summary(out: &mut Lines, index: usize, point: &SummaryPoint) {
    head(out, "SummaryDataPoints", index, &point.attrs, [point.start, point.time]);
    line!(out, "Count: {}", point.count);
    line!(out, "Sum: {}", Fixed(point.sum));
    for (index, quantile) in point.quantiles.iter().enumerate() {
        line!(out, "QuantileValue #{index}: Quantile {}, Value {}", Fixed(quantile.quantile), Fixed(quantile.value));
    }
}

fn exemplars(out: &mut Lines, exemplars: &[Exemplar]) {
    if !exemplars.is_empty() {
        line!(out, "Exemplars:");
    }
    for (index, exemplar) in exemplars.iter().enumerate() {
        line!(out, "Exemplar #{index}");
        line!(out, "     -> Trace ID: {}", Hex::from(&exemplar.trace_id));
        line!(out, "     -> Span ID: {}", Hex::from(&exemplar.span_id));
        line!(out, "     -> Timestamp: {}", Time(exemplar.time));
        value(out, "     -> ", exemplar.value);
        inner_attributes(out, "FilteredAttributes", &exemplar.attrs);
    }
}
