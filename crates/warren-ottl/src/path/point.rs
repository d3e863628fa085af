//! Fields of a data point: number points lie in columns, the others in rows.

use super::{Got, Index, narrow, read, set_map, time};
use crate::record::Failure;
use crate::value::{ItemType, Opaque, Val};
use std::sync::Arc;
use warren_pdata::{Attrs, Data, ExponentialBuckets, ExponentialHistogramPoint, Metric, Number, NumberPoints, Value};

/// A field of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointField {
    /// `attributes`
    Attributes,
    /// `start_time_unix_nano`
    StartTimeUnixNano,
    /// `start_time`
    StartTime,
    /// `time_unix_nano`
    TimeUnixNano,
    /// `time`
    Time,
    /// `flags`
    Flags,
    /// `value_double`
    ValueDouble,
    /// `value_int`
    ValueInt,
    /// `exemplars`
    Exemplars,
    /// `count`
    Count,
    /// `sum`
    Sum,
    /// `bucket_counts`
    BucketCounts,
    /// `explicit_bounds`
    ExplicitBounds,
    /// `scale`
    Scale,
    /// `zero_count`
    ZeroCount,
    /// `positive`, `negative`
    Buckets(Side),
    /// `positive.offset`, `negative.offset`
    BucketsOffset(Side),
    /// `positive.bucket_counts`, `negative.bucket_counts`
    BucketsCounts(Side),
    /// `quantile_values`
    QuantileValues,
}

/// Which buckets of an exponential histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Of positive values.
    Positive,
    /// Of negative values.
    Negative,
}

/// The attributes of a point for writing.
pub(crate) fn attrs_mut(data: &mut Data, at: usize) -> Option<&mut Attrs> {
    match data {
        Data::Empty => None,
        Data::Gauge(points) => points.attrs.get_mut(at),
        Data::Sum(sum) => sum.points.attrs.get_mut(at),
        Data::Histogram { points, .. } => points.get_mut(at).map(|point| &mut point.attrs),
        Data::ExponentialHistogram { points, .. } => points.get_mut(at).map(|point| &mut point.attrs),
        Data::Summary(points) => points.get_mut(at).map(|point| &mut point.attrs),
    }
}

/// The attributes of a point; none if the metric has no such point.
pub(super) fn attrs(data: &Data, at: usize) -> Option<&Attrs> {
    (at < data.len()).then(|| data.attrs(at))
}

pub(super) fn get<'r>(metric: &'r Metric, at: usize, field: PointField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    match field {
        PointField::Attributes => read(metric.data.attrs(at), indexes),
        field => Ok(Got::Own(computed(&metric.data, at, field))),
    }
}

fn computed(data: &Data, at: usize, field: PointField) -> Val {
    match field {
        PointField::StartTimeUnixNano => times(data, at).map_or(Val::Nil, |(start, _)| Val::Int(start as i64)),
        PointField::StartTime => times(data, at).map_or(Val::Nil, |(start, _)| time(start)),
        PointField::TimeUnixNano => times(data, at).map_or(Val::Nil, |(_, end)| Val::Int(end as i64)),
        PointField::Time => times(data, at).map_or(Val::Nil, |(_, end)| time(end)),
        field => of_kind(data, at, field).unwrap_or_default(),
    }
}

/// Start and end of a point.
fn times(data: &Data, at: usize) -> Option<(u64, u64)> {
    Some(match data {
        Data::Empty => return None,
        Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => (points.start.get(at), points.time.get(at)),
        Data::Histogram { points, .. } => points.get(at).map(|point| (point.start, point.time))?,
        Data::ExponentialHistogram { points, .. } => points.get(at).map(|point| (point.start, point.time))?,
        Data::Summary(points) => points.get(at).map(|point| (point.start, point.time))?,
    })
}

/// Fields that some kinds of points have and others not.
fn of_kind(data: &Data, at: usize, field: PointField) -> Option<Val> {
    match data {
        Data::Empty => None,
        Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => of_number(points, at, field),
        Data::Histogram { points, .. } => {
            let point = points.get(at)?;
            Some(match field {
                PointField::Flags => Val::Int(point.flags.into()),
                PointField::Count => Val::Int(point.count as i64),
                PointField::Sum => Val::Float(point.sum.unwrap_or_default()),
                PointField::BucketCounts => counts(&point.counts),
                PointField::ExplicitBounds => {
                    let items = point.bounds.iter().map(|bound| Value::Double(*bound)).collect();
                    Val::Typed(ItemType::Float, triomphe::Arc::new(items))
                }
                PointField::Exemplars => Val::Opaque(Opaque::Exemplars(Arc::new(point.exemplars.clone()))),
                _ => return None,
            })
        }
        Data::ExponentialHistogram { points, .. } => {
            let point = points.get(at)?;
            let buckets = |side| if side == Side::Positive { &point.positive } else { &point.negative };
            Some(match field {
                PointField::Flags => Val::Int(point.flags.into()),
                PointField::Count => Val::Int(point.count as i64),
                PointField::Sum => Val::Float(point.sum.unwrap_or_default()),
                PointField::Scale => Val::Int(point.scale.into()),
                PointField::ZeroCount => Val::Int(point.zero_count as i64),
                PointField::Buckets(side) => Val::Opaque(Opaque::Buckets(Arc::new(buckets(side).clone()))),
                PointField::BucketsOffset(side) => Val::Int(buckets(side).offset.into()),
                PointField::BucketsCounts(side) => counts(&buckets(side).counts),
                PointField::Exemplars => Val::Opaque(Opaque::Exemplars(Arc::new(point.exemplars.clone()))),
                _ => return None,
            })
        }
        Data::Summary(points) => {
            let point = points.get(at)?;
            Some(match field {
                PointField::Flags => Val::Int(point.flags.into()),
                PointField::Count => Val::Int(point.count as i64),
                PointField::Sum => Val::Float(point.sum),
                PointField::QuantileValues => Val::Opaque(Opaque::Quantiles(Arc::new(point.quantiles.clone()))),
                _ => return None,
            })
        }
    }
}

/// The side of a number that is not in use reads as zero.
fn of_number(points: &NumberPoints, at: usize, field: PointField) -> Option<Val> {
    Some(match field {
        PointField::Flags => Val::Int(points.flags.get(at).into()),
        PointField::ValueDouble => Val::Float(match points.value(at) {
            Number::Double(value) => value,
            Number::Int(_) | Number::Empty => 0.0,
        }),
        PointField::ValueInt => Val::Int(match points.value(at) {
            Number::Int(value) => value,
            Number::Double(_) | Number::Empty => 0,
        }),
        PointField::Exemplars => Val::Opaque(Opaque::Exemplars(Arc::new(points.exemplars(at).to_vec()))),
        _ => return None,
    })
}

fn counts(counts: &[u64]) -> Val {
    Val::Typed(ItemType::Uint, triomphe::Arc::new(counts.iter().map(|count| Value::Int(*count as i64)).collect()))
}

pub(super) fn set(metric: &mut Metric, at: usize, field: PointField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    let data = &mut metric.data;
    match (field, &value) {
        (PointField::Attributes, _) => {
            if let Some(attrs) = attrs_mut(data, at) {
                set_map(attrs, indexes, value)?;
            }
        }
        (PointField::StartTimeUnixNano, Val::Int(nanos)) => set_start(data, at, *nanos as u64),
        (PointField::StartTime, Val::Time(time)) => set_start(data, at, time.unix_nanos() as u64),
        (PointField::TimeUnixNano, Val::Int(nanos)) => set_end(data, at, *nanos as u64),
        (PointField::Time, Val::Time(time)) => set_end(data, at, time.unix_nanos() as u64),
        _ => set_of_kind(data, at, field, &value),
    }
    Ok(())
}

fn set_start(data: &mut Data, at: usize, nanos: u64) {
    match data {
        Data::Empty => {}
        Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => points.start.set(at, nanos),
        Data::Histogram { points, .. } => with(points, at, |point| point.start = nanos),
        Data::ExponentialHistogram { points, .. } => with(points, at, |point| point.start = nanos),
        Data::Summary(points) => with(points, at, |point| point.start = nanos),
    }
}

fn set_end(data: &mut Data, at: usize, nanos: u64) {
    match data {
        Data::Empty => {}
        Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => points.time.set(at, nanos),
        Data::Histogram { points, .. } => with(points, at, |point| point.time = nanos),
        Data::ExponentialHistogram { points, .. } => with(points, at, |point| point.time = nanos),
        Data::Summary(points) => with(points, at, |point| point.time = nanos),
    }
}

fn with<P>(points: &mut [P], at: usize, change: impl FnOnce(&mut P)) {
    if let Some(point) = points.get_mut(at) {
        change(point);
    }
}

fn set_of_kind(data: &mut Data, at: usize, field: PointField, value: &Val) {
    match data {
        Data::Empty => {}
        Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => match (field, value) {
            (PointField::Flags, Val::Int(flags)) => points.flags.set(at, *flags as u32),
            (PointField::ValueDouble, Val::Float(value)) => points.set_value(at, Number::Double(*value)),
            (PointField::ValueInt, Val::Int(value)) => points.set_value(at, Number::Int(*value)),
            (PointField::Exemplars, Val::Opaque(Opaque::Exemplars(new))) => points.set_exemplars(at, (**new).clone()),
            _ => {}
        },
        Data::Histogram { points, .. } => with(points, at, |point| match (field, value) {
            (PointField::Flags, value) => narrow(&mut point.flags, value),
            (PointField::Count, value) => narrow(&mut point.count, value),
            (PointField::Sum, Val::Float(sum)) => point.sum = Some(*sum),
            (PointField::BucketCounts, value) => set_counts(&mut point.counts, value),
            (PointField::ExplicitBounds, Val::Typed(ItemType::Float, items)) => {
                let bounds = items.iter().filter_map(|item| if let Value::Double(bound) = item { Some(*bound) } else { None });
                point.bounds = triomphe::Arc::new(bounds.collect());
            }
            (PointField::Exemplars, Val::Opaque(Opaque::Exemplars(new))) => point.exemplars.clone_from(new),
            _ => {}
        }),
        Data::ExponentialHistogram { points, .. } => with(points, at, |point| match (field, value) {
            (PointField::Flags, value) => narrow(&mut point.flags, value),
            (PointField::Count, value) => narrow(&mut point.count, value),
            (PointField::Sum, Val::Float(sum)) => point.sum = Some(*sum),
            (PointField::Scale, value) => narrow(&mut point.scale, value),
            (PointField::ZeroCount, value) => narrow(&mut point.zero_count, value),
            (PointField::Buckets(side), Val::Opaque(Opaque::Buckets(new))) => {
                *buckets(point, side) = ExponentialBuckets::clone(new)
            }
            (PointField::BucketsOffset(side), value) => narrow(&mut buckets(point, side).offset, value),
            (PointField::BucketsCounts(side), value) => set_counts(&mut buckets(point, side).counts, value),
            (PointField::Exemplars, Val::Opaque(Opaque::Exemplars(new))) => point.exemplars.clone_from(new),
            _ => {}
        }),
        Data::Summary(points) => with(points, at, |point| match (field, value) {
            (PointField::Flags, value) => narrow(&mut point.flags, value),
            (PointField::Count, value) => narrow(&mut point.count, value),
            (PointField::Sum, Val::Float(sum)) => point.sum = *sum,
            (PointField::QuantileValues, Val::Opaque(Opaque::Quantiles(new))) => point.quantiles.clone_from(new),
            _ => {}
        }),
    }
}

fn buckets(point: &mut ExponentialHistogramPoint, side: Side) -> &mut ExponentialBuckets {
    match side {
        Side::Positive => &mut point.positive,
        Side::Negative => &mut point.negative,
    }
}

fn set_counts(target: &mut Vec<u64>, value: &Val) {
    if let Val::Typed(ItemType::Uint, items) = value {
        *target = items.iter().filter_map(|item| if let Value::Int(count) = item { Some(*count as u64) } else { None }).collect();
    }
}
