//! JSON to metrics.

use super::{Decode, Decoder};
use crate::intake::share_bounds;
use warren_pdata::names::TEMPORALITIES;
use warren_pdata::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Number, NumberPoint, QuantileValue,
    SpanId, Sum, SummaryPoint, Temporality, TraceId,
};

impl Decoder<'_> {
    pub(super) fn metric(&mut self) -> Decode<Metric> {
        let mut metric = Metric::default();
        self.object(|d, name| {
            match name {
                b"name" => metric.name = d.text()?,
                b"description" => metric.description = d.text()?,
                b"unit" => metric.unit = d.text()?,
                b"gauge" => metric.data = Data::Gauge(d.numbers(false)?.points),
                b"sum" => metric.data = Data::Sum(d.numbers(true)?),
                b"histogram" => {
                    let (mut points, temporality) = d.points(Self::histogram_point)?;
                    share_bounds(&mut points);
                    metric.data = Data::Histogram { points, temporality };
                }
                b"exponentialHistogram" | b"exponential_histogram" => {
                    let (points, temporality) = d.points(Self::exponential_point)?;
                    metric.data = Data::ExponentialHistogram { points, temporality };
                }
                b"summary" => metric.data = Data::Summary(d.points(Self::summary_point)?.0),
                b"metadata" => metric.metadata = d.attributes()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(metric)
    }

    /// A sum, or a gauge, which has nothing but the points of one.
    fn numbers(&mut self, is_sum: bool) -> Decode<Sum> {
        let mut sum = Sum::default();
        self.object(|d, name| {
            match name {
                b"dataPoints" | b"data_points" => sum.points = d.list(Self::number_point)?.into_iter().collect(),
                b"aggregationTemporality" | b"aggregation_temporality" if is_sum => {
                    sum.temporality = Temporality(d.enumeration(TEMPORALITIES)?);
                }
                b"isMonotonic" | b"is_monotonic" if is_sum => sum.monotonic = d.json.bool()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(sum)
    }

    fn number_point(&mut self) -> Decode<NumberPoint> {
        let mut point = NumberPoint::default();
        self.object(|d, name| {
            match name {
                b"attributes" => point.attrs = d.attributes()?,
                b"startTimeUnixNano" | b"start_time_unix_nano" => point.start = d.json.uint64()?,
                b"timeUnixNano" | b"time_unix_nano" => point.time = d.json.uint64()?,
                b"asDouble" | b"as_double" => point.value = Number::Double(d.json.double()?),
                b"asInt" | b"as_int" => point.value = Number::Int(d.json.int64()?),
                b"exemplars" => point.exemplars = d.list(Self::exemplar)?,
                b"flags" => point.flags = d.json.uint32()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(point)
    }

    /// The points of a distribution and what their counts refer to.
    fn points<T>(&mut self, point: fn(&mut Self) -> Decode<T>) -> Decode<(Vec<T>, Temporality)> {
        let (mut points, mut temporality) = (Vec::new(), Temporality::default());
        self.object(|d, name| {
            match name {
                b"dataPoints" | b"data_points" => points = d.list(point)?,
                b"aggregationTemporality" | b"aggregation_temporality" => {
                    temporality = Temporality(d.enumeration(TEMPORALITIES)?);
                }
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok((points, temporality))
    }

    fn histogram_point(&mut self) -> Decode<HistogramPoint> {
        let mut point = HistogramPoint::default();
        self.object(|d, name| {
            match name {
                b"attributes" => point.attrs = d.attributes()?,
                b"startTimeUnixNano" | b"start_time_unix_nano" => point.start = d.json.uint64()?,
                b"timeUnixNano" | b"time_unix_nano" => point.time = d.json.uint64()?,
                b"count" => point.count = d.json.uint64()?,
                b"sum" => point.sum = Some(d.json.double()?),
                b"bucketCounts" | b"bucket_counts" => point.counts = d.list(|d| d.json.uint64())?,
                b"explicitBounds" | b"explicit_bounds" => point.bounds = triomphe::Arc::new(d.list(|d| d.json.double())?),
                b"exemplars" => point.exemplars = d.list(Self::exemplar)?,
                b"flags" => point.flags = d.json.uint32()?,
                b"min" => point.min = Some(d.json.double()?),
                b"max" => point.max = Some(d.json.double()?),
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(point)
    }

    fn exponential_point(&mut self) -> Decode<ExponentialHistogramPoint> {
        let mut point = ExponentialHistogramPoint::default();
        self.object(|d, name| {
            match name {
                b"attributes" => point.attrs = d.attributes()?,
                b"startTimeUnixNano" | b"start_time_unix_nano" => point.start = d.json.uint64()?,
                b"timeUnixNano" | b"time_unix_nano" => point.time = d.json.uint64()?,
                b"count" => point.count = d.json.uint64()?,
                b"sum" => point.sum = Some(d.json.double()?),
                b"scale" => point.scale = d.json.int32()?,
                b"zeroCount" | b"zero_count" => point.zero_count = d.json.uint64()?,
                b"positive" => d.buckets(&mut point.positive)?,
                b"negative" => d.buckets(&mut point.negative)?,
                b"flags" => point.flags = d.json.uint32()?,
                b"exemplars" => point.exemplars = d.list(Self::exemplar)?,
                b"min" => point.min = Some(d.json.double()?),
                b"max" => point.max = Some(d.json.double()?),
                b"zeroThreshold" | b"zero_threshold" => point.zero_threshold = d.json.double()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(point)
    }

    fn buckets(&mut self, buckets: &mut ExponentialBuckets) -> Decode<()> {
        self.object(|d, name| {
            match name {
                b"offset" => buckets.offset = d.json.int32()?,
                b"bucketCounts" | b"bucket_counts" => buckets.counts = d.list(|d| d.json.uint64())?,
                _ => d.json.skip()?,
            }
            Ok(())
        })
    }

    fn summary_point(&mut self) -> Decode<SummaryPoint> {
        let mut point = SummaryPoint::default();
        self.object(|d, name| {
            match name {
                b"attributes" => point.attrs = d.attributes()?,
                b"startTimeUnixNano" | b"start_time_unix_nano" => point.start = d.json.uint64()?,
                b"timeUnixNano" | b"time_unix_nano" => point.time = d.json.uint64()?,
                b"count" => point.count = d.json.uint64()?,
                b"sum" => point.sum = d.json.double()?,
                b"quantileValues" | b"quantile_values" => point.quantiles = d.list(Self::quantile)?,
                b"flags" => point.flags = d.json.uint32()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(point)
    }

    fn quantile(&mut self) -> Decode<QuantileValue> {
        let mut quantile = QuantileValue::default();
        self.object(|d, name| {
            match name {
                b"quantile" => quantile.quantile = d.json.double()?,
                b"value" => quantile.value = d.json.double()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(quantile)
    }

    fn exemplar(&mut self) -> Decode<Exemplar> {
        let mut exemplar = Exemplar::default();
        self.object(|d, name| {
            match name {
                b"filteredAttributes" | b"filtered_attributes" => exemplar.attrs = d.attributes()?,
                b"timeUnixNano" | b"time_unix_nano" => exemplar.time = d.json.uint64()?,
                b"asDouble" | b"as_double" => exemplar.value = Number::Double(d.json.double()?),
                b"asInt" | b"as_int" => exemplar.value = Number::Int(d.json.int64()?),
                b"spanId" | b"span_id" => exemplar.span_id = SpanId(d.json.id()?),
                b"traceId" | b"trace_id" => exemplar.trace_id = TraceId(d.json.id()?),
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(exemplar)
    }
}
