//! Metrics: a description and a column of points.

use crate::value::text_bytes;
use crate::{Attrs, ExponentialHistogramPoint, HistogramPoint, Item, NumberPoints, SummaryPoint, Telemetry, Text};

/// Metrics by resource and scope.
pub type Metrics = Telemetry<Metric>;

/// One metric with all its points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: Text,
    /// What it says, for people.
    pub description: Text,
    /// Its unit, in UCUM's spelling.
    pub unit: Text,
    /// Metadata, such as `prometheus.type`.
    pub metadata: Attrs,
    /// Its points.
    pub data: Data,
}

/// The points of a metric, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Data {
    /// No kind was given.
    #[default]
    Empty,
    /// Values at a time.
    Gauge(NumberPoints),
    /// Values that add up.
    Sum(Sum),
    /// Distributions with explicit bounds.
    Histogram {
        /// Points.
        points: Vec<HistogramPoint>,
        /// What a point's counts refer to.
        temporality: Temporality,
    },
    /// Distributions with exponential bounds.
    ExponentialHistogram {
        /// Points.
        points: Vec<ExponentialHistogramPoint>,
        /// What a point's counts refer to.
        temporality: Temporality,
    },
    /// Quantiles computed at the source.
    Summary(Vec<SummaryPoint>),
}

/// A sum's points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// Points.
    pub points: NumberPoints,
    /// What a point's value refers to.
    pub temporality: Temporality,
    /// Whether the sum only grows.
    pub monotonic: bool,
}

/// Whether a point counts from the start or from the point before. Unknown numbers pass through unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Temporality(pub i32);

impl Temporality {
    /// Not said.
    pub const UNSPECIFIED: Self = Self(0);
    /// Since the point before.
    pub const DELTA: Self = Self(1);
    /// Since the start time.
    pub const CUMULATIVE: Self = Self(2);
}

impl Data {
    /// How many points there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Gauge(points) => points.len(),
            Self::Sum(sum) => sum.points.len(),
            Self::Histogram { points, .. } => points.len(),
            Self::ExponentialHistogram { points, .. } => points.len(),
            Self::Summary(points) => points.len(),
        }
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number points of a gauge or a sum.
    pub fn numbers(&self) -> Option<&NumberPoints> {
        match self {
            Self::Gauge(points) => Some(points),
            Self::Sum(sum) => Some(&sum.points),
            _ => None,
        }
    }

    /// The number points of a gauge or a sum, for writing.
    pub fn numbers_mut(&mut self) -> Option<&mut NumberPoints> {
        match self {
            Self::Gauge(points) => Some(points),
            Self::Sum(sum) => Some(&mut sum.points),
            _ => None,
        }
    }

    /// Temporality of a sum or a histogram.
    pub fn temporality(&self) -> Option<Temporality> {
        match self {
            Self::Sum(sum) => Some(sum.temporality),
            Self::Histogram { temporality, .. } | Self::ExponentialHistogram { temporality, .. } => Some(*temporality),
            _ => None,
        }
    }

    /// The attributes of the point at `index`; the empty set beyond the end.
    pub fn attrs(&self, index: usize) -> &Attrs {
        const NONE: &Attrs = &Attrs::EMPTY;
        match self {
            Self::Empty => NONE,
            Self::Gauge(points) => points.attrs.get(index).unwrap_or(NONE),
            Self::Sum(sum) => sum.points.attrs.get(index).unwrap_or(NONE),
            Self::Histogram { points, .. } => points.get(index).map_or(NONE, |point| &point.attrs),
            Self::ExponentialHistogram { points, .. } => points.get(index).map_or(NONE, |point| &point.attrs),
            Self::Summary(points) => points.get(index).map_or(NONE, |point| &point.attrs),
        }
    }

    /// Every point's attributes, for writing. Visit each place; equal sets often stand in a row.
    pub fn for_each_attrs(&mut self, mut visit: impl FnMut(&mut Attrs)) {
        match self {
            Self::Empty => {}
            Self::Gauge(points) => points.attrs.iter_mut().for_each(visit),
            Self::Sum(sum) => sum.points.attrs.iter_mut().for_each(visit),
            Self::Histogram { points, .. } => points.iter_mut().for_each(|point| visit(&mut point.attrs)),
            Self::ExponentialHistogram { points, .. } => points.iter_mut().for_each(|point| visit(&mut point.attrs)),
            Self::Summary(points) => points.iter_mut().for_each(|point| visit(&mut point.attrs)),
        }
    }

    /// Keeps the points whose index `keep` accepts; it is asked once for each, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut index = 0;
        let mut next = || {
            index += 1;
            keep(index - 1)
        };
        match self {
            Self::Empty => {}
            Self::Gauge(points) => points.retain(|_| next()),
            Self::Sum(sum) => sum.points.retain(|_| next()),
            Self::Histogram { points, .. } => points.retain(|_| next()),
            Self::ExponentialHistogram { points, .. } => points.retain(|_| next()),
            Self::Summary(points) => points.retain(|_| next()),
        }
    }
}

impl Item for Metric {
    fn count(&self) -> usize {
        self.data.len()
    }

    fn split_off(&mut self, at: usize) -> Self {
        let data = match &mut self.data {
            Data::Empty => Data::Empty,
            Data::Gauge(points) => Data::Gauge(points.split_off(at)),
            Data::Sum(sum) => Data::Sum(Sum { points: sum.points.split_off(at), ..*sum }),
            Data::Histogram { points, temporality } => {
                Data::Histogram { points: points.split_off(at.min(points.len())), temporality: *temporality }
            }
            Data::ExponentialHistogram { points, temporality } => {
                Data::ExponentialHistogram { points: points.split_off(at.min(points.len())), temporality: *temporality }
            }
            Data::Summary(points) => Data::Summary(points.split_off(at.min(points.len()))),
        };
        Self {
            name: self.name.clone(),
            description: self.description.clone(),
            unit: self.unit.clone(),
            metadata: self.metadata.clone(),
            data,
        }
    }

    fn heap_bytes(&self) -> usize {
        let points = match &self.data {
            Data::Empty => 0,
            Data::Gauge(points) => points.heap_bytes(),
            Data::Sum(sum) => sum.points.heap_bytes(),
            Data::Histogram { points, .. } => points.iter().map(HistogramPoint::heap_bytes).sum(),
            Data::ExponentialHistogram { points, .. } => points.iter().map(ExponentialHistogramPoint::heap_bytes).sum(),
            Data::Summary(points) => points.iter().map(SummaryPoint::heap_bytes).sum(),
        };
        text_bytes(&self.name) + text_bytes(&self.description) + text_bytes(&self.unit) + self.metadata.heap_bytes() + points
    }
}
