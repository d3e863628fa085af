//! Protobuf to metrics.

use super::{Decoder, Reader};
use crate::DecodeError;
use crate::intake::share_bounds;
use warren_pdata::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Number, NumberPoint, NumberPoints,
    QuantileValue, SpanId, Sum, SummaryPoint, Temporality, TraceId,
};

/// Memory of a number point whose columns do not hold one value for all: attributes, value, kind, both times and flags.
type NumberColumns = [u32; 9];

impl<'a> Decoder<'a> {
    pub(super) fn metric(&mut self, mut r: Reader<'a>) -> Result<Metric, DecodeError> {
        let mut metric = Metric::default();
        while let Some(field) = r.field()? {
            match field {
                1 => metric.name = self.text(&mut r)?,
                2 => metric.description = self.text(&mut r)?,
                3 => metric.unit = self.text(&mut r)?,
                5 => metric.data = Data::Gauge(self.numbers(r.message("Gauge")?, false)?.points),
                7 => metric.data = Data::Sum(self.numbers(r.message("Sum")?, true)?),
                9 => metric.data = self.histogram(r.message("Histogram")?)?,
                10 => metric.data = self.exponential_histogram(r.message("ExponentialHistogram")?)?,
                11 => metric.data = self.summary(r.message("Summary")?)?,
                12 => self.attributes(&mut r, &mut metric.metadata)?,
                _ => r.skip()?,
            }
        }
        Ok(metric)
    }

    /// A sum, or a gauge, which has nothing but the points of one.
    fn numbers(&mut self, mut r: Reader<'a>, is_sum: bool) -> Result<Sum, DecodeError> {
        let count = r.count(1);
        self.charge::<NumberColumns>(&r, count)?;
        let mut sum = Sum { points: NumberPoints::with_capacity(count), ..Sum::default() };
        while let Some(field) = r.field()? {
            match field {
                1 => sum.points.push(self.number_point(r.message("NumberDataPoint")?)?),
                2 if is_sum => sum.temporality = Temporality(r.int32()?),
                3 if is_sum => sum.monotonic = r.bool()?,
                _ => r.skip()?,
            }
        }
        Ok(sum)
    }

    #[inline]
    fn number_point(&mut self, mut r: Reader<'a>) -> Result<NumberPoint, DecodeError> {
        let mut point = NumberPoint::default();
        while let Some(field) = r.field()? {
            match field {
                2 => point.start = r.fixed64()?,
                3 => point.time = r.fixed64()?,
                4 => point.value = Number::Double(r.double()?),
                5 => self.exemplar(&mut r, &mut point.exemplars)?,
                6 => point.value = Number::Int(r.fixed64()? as i64),
                7 => self.attributes(&mut r, &mut point.attrs)?,
                8 => point.flags = r.uint32()?,
                _ => r.skip()?,
            }
        }
        Ok(point)
    }

    fn histogram(&mut self, mut r: Reader<'a>) -> Result<Data, DecodeError> {
        let (mut points, mut temporality) = (Vec::new(), Temporality::default());
        while let Some(field) = r.field()? {
            match field {
                1 => {
                    self.charge::<HistogramPoint>(&r, 1)?;
                    points.push(self.histogram_point(r.message("HistogramDataPoint")?)?);
                }
                2 => temporality = Temporality(r.int32()?),
                _ => r.skip()?,
            }
        }
        share_bounds(&mut points);
        Ok(Data::Histogram { points, temporality })
    }

    fn histogram_point(&mut self, mut r: Reader<'a>) -> Result<HistogramPoint, DecodeError> {
        let mut point = HistogramPoint::default();
        let mut bounds = Vec::new();
        while let Some(field) = r.field()? {
            match field {
                2 => point.start = r.fixed64()?,
                3 => point.time = r.fixed64()?,
                4 => point.count = r.fixed64()?,
                5 => point.sum = Some(r.double()?),
                6 => r.fixed64s(|count| point.counts.push(count))?,
                7 => r.fixed64s(|bits| bounds.push(f64::from_bits(bits)))?,
                8 => self.exemplar(&mut r, &mut point.exemplars)?,
                9 => self.attributes(&mut r, &mut point.attrs)?,
                10 => point.flags = r.uint32()?,
                11 => point.min = Some(r.double()?),
                12 => point.max = Some(r.double()?),
                _ => r.skip()?,
            }
        }
        point.bounds = triomphe::Arc::new(bounds);
        Ok(point)
    }

    fn exponential_histogram(&mut self, mut r: Reader<'a>) -> Result<Data, DecodeError> {
        let (mut points, mut temporality) = (Vec::new(), Temporality::default());
        while let Some(field) = r.field()? {
            match field {
                1 => {
                    self.charge::<ExponentialHistogramPoint>(&r, 1)?;
                    points.push(self.exponential_point(r.message("ExponentialHistogramDataPoint")?)?);
                }
                2 => temporality = Temporality(r.int32()?),
                _ => r.skip()?,
            }
        }
        Ok(Data::ExponentialHistogram { points, temporality })
    }

    fn exponential_point(&mut self, mut r: Reader<'a>) -> Result<ExponentialHistogramPoint, DecodeError> {
        let mut point = ExponentialHistogramPoint::default();
        while let Some(field) = r.field()? {
            match field {
                1 => self.attributes(&mut r, &mut point.attrs)?,
                2 => point.start = r.fixed64()?,
                3 => point.time = r.fixed64()?,
                4 => point.count = r.fixed64()?,
                5 => point.sum = Some(r.double()?),
                6 => point.scale = r.sint32()?,
                7 => point.zero_count = r.fixed64()?,
                8 => self.buckets(r.message("Buckets")?, &mut point.positive)?,
                9 => self.buckets(r.message("Buckets")?, &mut point.negative)?,
                10 => point.flags = r.uint32()?,
                11 => self.exemplar(&mut r, &mut point.exemplars)?,
                12 => point.min = Some(r.double()?),
                13 => point.max = Some(r.double()?),
                14 => point.zero_threshold = r.double()?,
                _ => r.skip()?,
            }
        }
        Ok(point)
    }

    fn buckets(&mut self, mut r: Reader<'a>, buckets: &mut ExponentialBuckets) -> Result<(), DecodeError> {
        while let Some(field) = r.field()? {
            match field {
                1 => buckets.offset = r.sint32()?,
                2 => r.varints(|count| {
                    buckets.counts.push(count);
                    self.intake.charge::<u64>(1)
                })?,
                _ => r.skip()?,
            }
        }
        Ok(())
    }

    fn summary(&mut self, mut r: Reader<'a>) -> Result<Data, DecodeError> {
        let mut points = Vec::new();
        while let Some(field) = r.field()? {
            match field {
                1 => {
                    self.charge::<SummaryPoint>(&r, 1)?;
                    points.push(self.summary_point(r.message("SummaryDataPoint")?)?);
                }
                _ => r.skip()?,
            }
        }
        Ok(Data::Summary(points))
    }

    fn summary_point(&mut self, mut r: Reader<'a>) -> Result<SummaryPoint, DecodeError> {
        let mut point = SummaryPoint::default();
        while let Some(field) = r.field()? {
            match field {
                2 => point.start = r.fixed64()?,
                3 => point.time = r.fixed64()?,
                4 => point.count = r.fixed64()?,
                5 => point.sum = r.double()?,
                6 => {
                    self.charge::<QuantileValue>(&r, 1)?;
                    point.quantiles.push(quantile(r.message("ValueAtQuantile")?)?);
                }
                7 => self.attributes(&mut r, &mut point.attrs)?,
                8 => point.flags = r.uint32()?,
                _ => r.skip()?,
            }
        }
        Ok(point)
    }

    #[cold]
    fn exemplar(&mut self, r: &mut Reader<'a>, exemplars: &mut Vec<Exemplar>) -> Result<(), DecodeError> {
        self.charge::<Exemplar>(r, 1)?;
        let mut r = r.message("Exemplar")?;
        let mut exemplar = Exemplar::default();
        while let Some(field) = r.field()? {
            match field {
                2 => exemplar.time = r.fixed64()?,
                3 => exemplar.value = Number::Double(r.double()?),
                4 => exemplar.span_id = SpanId(r.id()?),
                5 => exemplar.trace_id = TraceId(r.id()?),
                6 => exemplar.value = Number::Int(r.fixed64()? as i64),
                7 => self.attributes(&mut r, &mut exemplar.attrs)?,
                _ => r.skip()?,
            }
        }
        exemplars.push(exemplar);
        Ok(())
    }
}

fn quantile(mut r: Reader<'_>) -> Result<QuantileValue, DecodeError> {
    let mut quantile = QuantileValue::default();
    while let Some(field) = r.field()? {
        match field {
            1 => quantile.quantile = r.double()?,
            2 => quantile.value = r.double()?,
            _ => r.skip()?,
        }
    }
    Ok(quantile)
}
