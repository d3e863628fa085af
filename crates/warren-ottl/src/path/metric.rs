//! Fields of a metric.

use super::{Got, Index, read, set_map, set_text};
use crate::record::Failure;
use crate::value::{Opaque, Val};
use std::sync::Arc;
use warren_pdata::{Data, Metric, Temporality};

/// A field of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricField {
    /// `name`
    Name,
    /// `description`
    Description,
    /// `unit`
    Unit,
    /// `type`
    Type,
    /// `aggregation_temporality`
    AggregationTemporality,
    /// `is_monotonic`
    IsMonotonic,
    /// `metadata`
    Metadata,
    /// `data_points`
    DataPoints,
}

pub(super) fn get<'r>(metric: &'r Metric, field: MetricField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    Ok(match field {
        MetricField::Metadata => read(&metric.metadata, indexes)?,
        MetricField::Name => Got::Text(&metric.name),
        MetricField::Description => Got::Text(&metric.description),
        MetricField::Unit => Got::Text(&metric.unit),
        MetricField::Type => Got::Own(Val::Int(match metric.data {
            Data::Empty => 0,
            Data::Gauge(_) => 1,
            Data::Sum(_) => 2,
            Data::Histogram { .. } => 3,
            Data::ExponentialHistogram { .. } => 4,
            Data::Summary(_) => 5,
        })),
        MetricField::AggregationTemporality => {
            Got::Own(metric.data.temporality().map_or(Val::Nil, |temporality| Val::Int(temporality.0.into())))
        }
        MetricField::IsMonotonic => match &metric.data {
            Data::Sum(sum) => Got::Own(Val::Bool(sum.monotonic)),
            _ => Got::NIL,
        },
        MetricField::DataPoints if metric.data == Data::Empty => Got::NIL,
        MetricField::DataPoints => Got::Own(Val::Opaque(Opaque::DataPoints(Arc::new(metric.data.clone())))),
    })
}

pub(super) fn set(metric: &mut Metric, field: MetricField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    match (field, value) {
        (MetricField::Name, value) => set_text(&mut metric.name, value),
        (MetricField::Description, value) => set_text(&mut metric.description, value),
        (MetricField::Unit, value) => set_text(&mut metric.unit, value),
        (MetricField::AggregationTemporality, Val::Int(new)) => match &mut metric.data {
            Data::Sum(sum) => sum.temporality = Temporality(new as i32),
            Data::Histogram { temporality, .. } | Data::ExponentialHistogram { temporality, .. } => {
                *temporality = Temporality(new as i32)
            }
            Data::Empty | Data::Gauge(_) | Data::Summary(_) => {}
        },
        (MetricField::IsMonotonic, Val::Bool(new)) => {
            if let Data::Sum(sum) = &mut metric.data {
                sum.monotonic = new;
            }
        }
        (MetricField::Metadata, value) => set_map(&mut metric.metadata, indexes, value)?,
        (MetricField::DataPoints, Val::Opaque(Opaque::DataPoints(new))) => replace_points(&mut metric.data, &new),
        _ => {}
    }
    Ok(())
}

/// Takes over the points of data of the same kind; temporality and monotony stay.
fn replace_points(data: &mut Data, new: &Data) {
    match (data, new) {
        (Data::Gauge(points), Data::Gauge(new)) => *points = new.clone(),
        (Data::Sum(sum), Data::Sum(new)) => sum.points = new.points.clone(),
        (Data::Histogram { points, .. }, Data::Histogram { points: new, .. }) => points.clone_from(new),
        (Data::ExponentialHistogram { points, .. }, Data::ExponentialHistogram { points: new, .. }) => points.clone_from(new),
        (Data::Summary(points), Data::Summary(new)) => points.clone_from(new),
        _ => {}
    }
}
