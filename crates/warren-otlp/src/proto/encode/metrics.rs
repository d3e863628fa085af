//! Metrics to protobuf.

use super::{Encoder, Sink};
use warren_pdata::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Number, NumberPoints, NumberRef,
    SummaryPoint,
};

impl<S: Sink> Encoder<S> {
    pub(super) fn metric(&mut self, metric: &Metric) {
        self.attributes(12, &metric.metadata);
        match &metric.data {
            Data::Empty => {}
            Data::Gauge(points) => self.message(5, |e| e.number_points(points)),
            Data::Sum(sum) => self.message(7, |e| {
                e.uint(3, sum.monotonic.into());
                e.int32(2, sum.temporality.0);
                e.number_points(&sum.points);
            }),
            Data::Histogram { points, temporality } => self.message(9, |e| {
                e.int32(2, temporality.0);
                points.iter().rev().for_each(|point| e.message(1, |e| e.histogram_point(point)));
            }),
            Data::ExponentialHistogram { points, temporality } => self.message(10, |e| {
                e.int32(2, temporality.0);
                points.iter().rev().for_each(|point| e.message(1, |e| e.exponential_point(point)));
            }),
            Data::Summary(points) => self.message(11, |e| {
                points.iter().rev().for_each(|point| e.message(1, |e| e.summary_point(point)));
            }),
        }
        self.text(3, &metric.unit);
        self.text(2, &metric.description);
        self.text(1, &metric.name);
    }

    fn number_points(&mut self, points: &NumberPoints) {
        for point in (0..points.len()).rev().filter_map(|index| points.get(index)) {
            self.message(1, |e| e.number_point(point));
        }
    }

    #[inline]
    fn number_point(&mut self, point: NumberRef<'_>) {
        self.uint(8, point.flags.into());
        self.attributes(7, point.attrs);
        self.number(4, 6, point.value);
        self.exemplars(5, point.exemplars);
        self.fixed64(3, point.time);
        self.fixed64(2, point.start);
    }

    /// `oneof value { double as_double; sfixed64 as_int }`.
    #[inline]
    fn number(&mut self, double: u32, int: u32, value: Number) {
        match value {
            Number::Empty => {}
            Number::Double(value) => self.double(double, value),
            Number::Int(value) => self.fixed64_always(int, value as u64),
        }
    }

    fn histogram_point(&mut self, point: &HistogramPoint) {
        self.optional_double(12, point.max);
        self.optional_double(11, point.min);
        self.uint(10, point.flags.into());
        self.attributes(9, &point.attrs);
        self.exemplars(8, &point.exemplars);
        self.packed64(7, point.bounds.iter().map(|bound| bound.to_bits()));
        self.packed64(6, point.counts.iter().copied());
        self.optional_double(5, point.sum);
        self.fixed64(4, point.count);
        self.fixed64(3, point.time);
        self.fixed64(2, point.start);
    }

    fn exponential_point(&mut self, point: &ExponentialHistogramPoint) {
        self.fixed64(14, point.zero_threshold.to_bits());
        self.optional_double(13, point.max);
        self.optional_double(12, point.min);
        self.exemplars(11, &point.exemplars);
        self.uint(10, point.flags.into());
        self.message(9, |e| e.buckets(&point.negative));
        self.message(8, |e| e.buckets(&point.positive));
        self.fixed64(7, point.zero_count);
        self.sint32(6, point.scale);
        self.optional_double(5, point.sum);
        self.fixed64(4, point.count);
        self.fixed64(3, point.time);
        self.fixed64(2, point.start);
        self.attributes(1, &point.attrs);
    }

    fn buckets(&mut self, buckets: &ExponentialBuckets) {
        if !buckets.counts.is_empty() {
            self.message(2, |e| buckets.counts.iter().rev().for_each(|count| e.sink.varint(*count)));
        }
        self.sint32(1, buckets.offset);
    }

    fn summary_point(&mut self, point: &SummaryPoint) {
        self.uint(8, point.flags.into());
        self.attributes(7, &point.attrs);
        for quantile in point.quantiles.iter().rev() {
            self.message(6, |e| {
                e.fixed64(2, quantile.value.to_bits());
                e.fixed64(1, quantile.quantile.to_bits());
            });
        }
        self.fixed64(5, point.sum.to_bits());
        self.fixed64(4, point.count);
        self.fixed64(3, point.time);
        self.fixed64(2, point.start);
    }

    #[inline]
    fn exemplars(&mut self, field: u32, exemplars: &[Exemplar]) {
        for exemplar in exemplars.iter().rev() {
            self.message(field, |e| {
                e.attributes(7, &exemplar.attrs);
                e.number(3, 6, exemplar.value);
                e.id(5, &exemplar.trace_id.0);
                e.id(4, &exemplar.span_id.0);
                e.fixed64(2, exemplar.time);
            });
        }
    }

    /// `repeated fixed64` or `repeated double`, packed, unless empty.
    fn packed64(&mut self, field: u32, values: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator) {
        let length = values.len() * 8;
        if length > 0 {
            values.rev().for_each(|value| self.sink.put(&value.to_le_bytes()));
            self.length(field, length);
        }
    }
}
