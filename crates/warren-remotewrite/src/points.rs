//! Points: the series that each point of a metric gives, in a fixed order, with their samples.

use crate::exemplars::Exemplars;
use crate::family::{Entry, Origin};
use warren_gotext::{Float, float};
use warren_pdata::{Attrs, Data, HistogramPoint, Metric, STALE_NAN_BITS, SummaryPoint, flags};

/// What a point gives to one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Item {
    /// Rank of the metric among the entries.
    pub(crate) entry: u32,
    /// Rank of the point in its metric.
    pub(crate) point: u32,
    /// Which of the point's series.
    pub(crate) part: Part,
    /// Its sample; the native histogram of an exponential point is made when it is written.
    pub(crate) sample: Option<Sample>,
    /// Whether it is the last series of its point.
    pub(crate) last: bool,
}

/// A value at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// The value.
    pub(crate) value: f64,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
}

/// Which of a point's series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The only one.
    Whole,
    /// `_sum`.
    Sum,
    /// `_count`.
    Count,
    /// `_bucket` with the bound of this rank; the one past the last bound is infinite.
    Bucket(u32),
    /// The quantile of this rank.
    Quantile(u32),
}

impl Part {
    /// What stands behind the metric's name.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Whole | Self::Quantile(_) => "",
            Self::Sum => "_sum",
            Self::Count => "_count",
            Self::Bucket(_) => "_bucket",
        }
    }
}

/// Walks the points of a family, yielding [`Item`]s.
pub(crate) struct Walk {
    entry: usize,
    end: usize,
    point: usize,
    /// Ranks of a point's series: 0 is the first it can have.
    rank: usize,
    /// Values in the buckets before this one.
    below: u64,
}

impl Walk {
    /// A walk over these entries.
    pub(crate) fn new(entries: std::ops::Range<usize>) -> Self {
        Self { entry: entries.start, end: entries.end, point: 0, rank: 0, below: 0 }
    }

    /// Rank of the metric at hand.
    pub(crate) fn entry(&self) -> usize {
        self.entry
    }

    /// Rank of the point at hand.
    pub(crate) fn point(&self) -> usize {
        self.point
    }

    /// Passes over points that have one series each.
    pub(crate) fn skip(&mut self, points: usize) {
        self.point += points;
    }

    /// The next series of the next point.
    pub(crate) fn next(&mut self, entries: &[Entry<'_>]) -> Option<Item> {
        while self.entry < self.end {
            let entry = entries.get(self.entry)?;
            if let Some((part, sample, last)) = self.step(&entry.origin) {
                let item = Item { entry: self.entry as u32, point: self.point as u32, part, sample, last };
                self.rank += 1;
                if last {
                    self.point += 1;
                    self.rank = 0;
                    self.below = 0;
                }
                return Some(item);
            }
            self.entry += 1;
            self.point = 0;
        }
        None
    }

    /// The series at hand; none beyond the last point.
    #[inline]
    fn step(&mut self, origin: &Origin<'_>) -> Option<(Part, Option<Sample>, bool)> {
        let metric = match origin {
            Origin::Metric(metric) => metric,
            Origin::TargetInfo { .. } if self.point > 0 => return None,
            Origin::TargetInfo { time, .. } => return Some((Part::Whole, Some(sample(1.0, *time, 0)), true)),
        };
        match &metric.data {
            Data::Empty => None,
            Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => {
                if self.point >= points.len() {
                    return None;
                }
                let value = points.value(self.point).as_f64();
                let sample = sample(value, points.time.get(self.point), points.flags.get(self.point));
                Some((Part::Whole, Some(sample), true))
            }
            Data::Histogram { points, .. } => Some(self.histogram(points.get(self.point)?)),
            Data::Summary(points) => Some(self.summary(points.get(self.point)?)),
            Data::ExponentialHistogram { points, .. } => points.get(self.point).map(|_| (Part::Whole, None, true)),
        }
    }

    fn histogram(&mut self, point: &HistogramPoint) -> (Part, Option<Sample>, bool) {
        if self.rank == 0 && point.sum.is_none() {
            self.rank = 1;
        }
        let sample = |value: f64| Some(sample(value, point.time, point.flags));
        match self.rank {
            0 => (Part::Sum, sample(point.sum.unwrap_or_default()), false),
            1 => (Part::Count, sample(point.count as f64), false),
            rank => {
                let bucket = rank - 2;
                if bucket >= buckets(point) {
                    return (Part::Bucket(bucket as u32), sample(point.count as f64), true);
                }
                self.below = self.below.wrapping_add(point.counts.get(bucket).copied().unwrap_or_default());
                (Part::Bucket(bucket as u32), sample(self.below as f64), false)
            }
        }
    }

    fn summary(&self, point: &SummaryPoint) -> (Part, Option<Sample>, bool) {
        let last = self.rank > point.quantiles.len();
        let sample = |value: f64| Some(sample(value, point.time, point.flags));
        match self.rank {
            0 => (Part::Sum, sample(point.sum), false),
            1 => (Part::Count, sample(point.count as f64), last),
            rank => {
                let value = point.quantiles.get(rank - 2).map_or(0.0, |quantile| quantile.value);
                (Part::Quantile((rank - 2) as u32), sample(value), last)
            }
        }
    }
}

impl Item {
    /// The attributes of its point.
    pub(crate) fn attrs<'a>(&self, metric: &'a Metric) -> &'a Attrs {
        metric.data.attrs(self.point as usize)
    }

    /// The value of its extra label: a bound or a quantile.
    pub(crate) fn extra(&self, metric: &Metric) -> String {
        let mut out = String::new();
        match (self.part, &metric.data) {
            (Part::Bucket(rank), Data::Histogram { points, .. }) => match points.get(self.point as usize) {
                Some(point) if (rank as usize) < buckets(point) => {
                    float(&mut out, point.bounds.get(rank as usize).copied().unwrap_or_default(), Float::Plain);
                }
                _ => out.push_str("+Inf"),
            },
            (Part::Quantile(rank), Data::Summary(points)) => {
                let quantile = points.get(self.point as usize).and_then(|point| point.quantiles.get(rank as usize));
                float(&mut out, quantile.map_or(0.0, |quantile| quantile.quantile), Float::Plain);
            }
            _ => {}
        }
        out
    }

    /// Adds the exemplars that belong to its series.
    pub(crate) fn exemplars<'a>(&self, metric: &'a Metric, found: &mut Exemplars<'a>) {
        match &metric.data {
            Data::Sum(sum) => found.all(sum.points.exemplars(self.point as usize)),
            Data::ExponentialHistogram { points, .. } => {
                if let Some(point) = points.get(self.point as usize) {
                    found.all(&point.exemplars);
                }
            }
            Data::Histogram { points, .. } => {
                if let (Part::Bucket(rank), Some(point)) = (self.part, points.get(self.point as usize)) {
                    found.of_bucket(point, buckets(point), rank as usize);
                }
            }
            Data::Empty | Data::Gauge(_) | Data::Summary(_) => {}
        }
    }
}

/// How many buckets of a point have a bound and a count.
fn buckets(point: &HistogramPoint) -> usize {
    point.bounds.len().min(point.counts.len())
}

/// A sample at a time in nanoseconds; a point without a recorded value marks the end of its series.
#[inline]
pub(crate) fn sample(value: f64, nanoseconds: u64, flags: u32) -> Sample {
    let stale = flags & flags::NO_RECORDED_VALUE != 0;
    Sample { value: if stale { f64::from_bits(STALE_NAN_BITS) } else { value }, time: milliseconds(nanoseconds) }
}

/// Milliseconds of a time in nanoseconds.
#[inline]
pub(crate) fn milliseconds(nanoseconds: u64) -> i64 {
    nanoseconds as i64 / 1_000_000
}
