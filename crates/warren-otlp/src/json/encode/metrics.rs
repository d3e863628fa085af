//! Metrics to JSON.

use super::{Writer, attributes};
use warren_pdata::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Number, NumberRef, SummaryPoint,
};

pub(super) fn metric(w: &mut Writer<'_>, metric: &Metric) {
    w.object(|w| {
        w.text("name", &metric.name);
        w.text("description", &metric.description);
        w.text("unit", &metric.unit);
        data(w, &metric.data);
        attributes(w, "metadata", &metric.metadata);
    });
}

fn data(w: &mut Writer<'_>, data: &Data) {
    match data {
        Data::Empty => {}
        Data::Gauge(points) => w.name("gauge").object(|w| w.list("dataPoints", points.iter(), number_point)),
        Data::Sum(sum) => w.name("sum").object(|w| {
            w.list("dataPoints", sum.points.iter(), number_point);
            w.int("aggregationTemporality", sum.temporality.0.into());
            w.bool("isMonotonic", sum.monotonic);
        }),
        Data::Histogram { points, temporality } => w.name("histogram").object(|w| {
            w.list("dataPoints", points, histogram_point);
            w.int("aggregationTemporality", temporality.0.into());
        }),
        Data::ExponentialHistogram { points, temporality } => w.name("exponentialHistogram").object(|w| {
            w.list("dataPoints", points, exponential_point);
            w.int("aggregationTemporality", temporality.0.into());
        }),
        Data::Summary(points) => w.name("summary").object(|w| w.list("dataPoints", points, summary_point)),
    }
}

fn number_point(w: &mut Writer<'_>, point: NumberRef<'_>) {
    w.object(|w| {
        attributes(w, "attributes", point.attrs);
        w.uint64("startTimeUnixNano", point.start);
        w.uint64("timeUnixNano", point.time);
        number(w, point.value);
        w.list("exemplars", point.exemplars, exemplar);
        w.int("flags", point.flags.into());
    });
}

fn number(w: &mut Writer<'_>, value: Number) {
    match value {
        Number::Empty => {}
        Number::Double(value) => w.name("asDouble").number(value),
        Number::Int(value) => w.name("asInt").quoted(value),
    }
}

fn histogram_point(w: &mut Writer<'_>, point: &HistogramPoint) {
    w.object(|w| {
        attributes(w, "attributes", &point.attrs);
        w.uint64("startTimeUnixNano", point.start);
        w.uint64("timeUnixNano", point.time);
        w.uint64("count", point.count);
        w.optional_double("sum", point.sum);
        w.list("bucketCounts", &point.counts, |w, count| w.quoted(*count));
        w.list("explicitBounds", point.bounds.iter(), |w, bound| w.number(*bound));
        w.list("exemplars", &point.exemplars, exemplar);
        w.int("flags", point.flags.into());
        w.optional_double("min", point.min);
        w.optional_double("max", point.max);
    });
}

fn exponential_point(w: &mut Writer<'_>, point: &ExponentialHistogramPoint) {
    w.object(|w| {
        attributes(w, "attributes", &point.attrs);
        w.uint64("startTimeUnixNano", point.start);
        w.uint64("timeUnixNano", point.time);
        w.uint64("count", point.count);
        w.optional_double("sum", point.sum);
        w.int("scale", point.scale.into());
        w.uint64("zeroCount", point.zero_count);
        buckets(w.name("positive"), &point.positive);
        buckets(w.name("negative"), &point.negative);
        w.int("flags", point.flags.into());
        w.list("exemplars", &point.exemplars, exemplar);
        w.optional_double("min", point.min);
        w.optional_double("max", point.max);
        w.double("zeroThreshold", point.zero_threshold);
    });
}

fn buckets(w: &mut Writer<'_>, buckets: &ExponentialBuckets) {
    w.object(|w| {
        w.int("offset", buckets.offset.into());
        w.list("bucketCounts", &buckets.counts, |w, count| w.quoted(*count));
    });
}

fn summary_point(w: &mut Writer<'_>, point: &SummaryPoint) {
    w.object(|w| {
        attributes(w, "attributes", &point.attrs);
        w.uint64("startTimeUnixNano", point.start);
        w.uint64("timeUnixNano", point.time);
        w.uint64("count", point.count);
        w.double("sum", point.sum);
        w.list("quantileValues", &point.quantiles, |w, quantile| {
            w.object(|w| {
                w.double("quantile", quantile.quantile);
                w.double("value", quantile.value);
            });
        });
        w.int("flags", point.flags.into());
    });
}

fn exemplar(w: &mut Writer<'_>, exemplar: &Exemplar) {
    w.object(|w| {
        attributes(w, "filteredAttributes", &exemplar.attrs);
        w.uint64("timeUnixNano", exemplar.time);
        number(w, exemplar.value);
        w.id("spanId", &exemplar.span_id.0);
        w.id("traceId", &exemplar.trace_id.0);
    });
}
