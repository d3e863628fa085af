//! A batch being filled: points by metric.

use super::group::Reading;
use super::native;
use super::release::is_stale;
use hashbrown::HashMap;
use warren_exposition::{FamilyKind, NativeHistogram};
use warren_pdata::{
    Attrs, Bounds, Data, Exemplar, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoints, QuantileValue, Sum,
    SummaryPoint, Temporality, flags,
};

/// A batch being filled.
#[derive(Default)]
pub(super) struct Building {
    /// Index of a metric within its table, and its points.
    pub(super) metrics: Vec<(u32, Points)>,
    /// Points so far.
    pub(super) points: usize,
    index: HashMap<(u32, u8), usize>,
}

/// The points of one metric, all of one kind.
pub(super) enum Points {
    Numbers(NumberPoints),
    Histograms(Vec<HistogramPoint>),
    Natives(Vec<ExponentialHistogramPoint>),
    Summaries(Vec<SummaryPoint>),
}

/// What all distribution points have.
pub(super) struct Frame {
    pub(super) attrs: Attrs,
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) count: f64,
    pub(super) stale: bool,
}

impl Frame {
    fn flags(&self) -> u32 {
        if self.stale { flags::NO_RECORDED_VALUE } else { 0 }
    }

    fn count(&self) -> u64 {
        if self.stale { 0 } else { self.count as u64 }
    }
}

impl Building {
    /// The index of a metric within the batch, for points of one kind: numbers, unless it is a distribution.
    pub(super) fn metric(&mut self, metric: u32, kind: FamilyKind) -> usize {
        let next = self.metrics.len();
        let index = *self.index.entry((metric, kind as u8)).or_insert(next);
        if index == next {
            let points = match kind {
                FamilyKind::Histogram => Points::Histograms(Vec::new()),
                FamilyKind::GaugeHistogram => Points::Natives(Vec::new()),
                FamilyKind::Summary => Points::Summaries(Vec::new()),
                FamilyKind::Unknown | FamilyKind::Counter | FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => {
                    Points::Numbers(NumberPoints::default())
                }
            };
            self.metrics.push((metric, points));
        }
        index
    }

    pub(super) fn push(
        &mut self,
        index: usize,
        attrs: Attrs,
        start: u64,
        time: u64,
        value: f64,
        exemplars: &mut [(u32, Exemplar)],
    ) {
        let Some((_, Points::Numbers(points))) = self.metrics.get_mut(index) else { return };
        let (value, flag) = number(value);
        points.push_plain(attrs, start, time, value, flag);
        if !exemplars.is_empty() {
            let list = exemplars.iter_mut().map(|(_, exemplar)| std::mem::take(exemplar)).collect();
            points.set_exemplars(points.len() - 1, list);
        }
        self.points += 1;
    }

    /// Appends a histogram. One whose buckets fall, or exceed its count, is left out: it has no counts per bucket.
    pub(super) fn histogram(&mut self, metric: u32, frame: Frame, reading: Reading) {
        let finite = reading.bounds.iter().filter(|(bound, _)| *bound != f64::INFINITY);
        let (bounds, cumulative): (Vec<f64>, Vec<f64>) = finite.copied().unzip();
        let mut before = 0.0;
        let mut counts: Vec<u64> = Vec::with_capacity(cumulative.len() + 1);
        for value in cumulative.into_iter().chain([frame.count]) {
            if !frame.stale && (value.is_nan() || value < before) {
                return;
            }
            counts.push(if frame.stale { 0 } else { (value - before) as u64 });
            before = value;
        }
        let index = self.metric(metric, FamilyKind::Histogram);
        let Some((_, Points::Histograms(points))) = self.metrics.get_mut(index) else { return };
        let shared = points.last().filter(|last: &&HistogramPoint| **last.bounds == bounds).map(|last| last.bounds.clone());
        points.push(HistogramPoint {
            start: frame.start,
            time: frame.time,
            count: frame.count(),
            sum: reading.sum.filter(|_| !frame.stale),
            bounds: shared.unwrap_or_else(|| Bounds::new(bounds)),
            counts,
            flags: frame.flags(),
            exemplars: reading.exemplars,
            attrs: frame.attrs,
            ..HistogramPoint::default()
        });
        self.points += 1;
    }

    pub(super) fn native(&mut self, metric: u32, frame: Frame, histogram: NativeHistogram, exemplars: Vec<Exemplar>) {
        let index = self.metric(metric, FamilyKind::GaugeHistogram);
        let Some((_, Points::Natives(points))) = self.metrics.get_mut(index) else { return };
        let point = if frame.stale { ExponentialHistogramPoint::default() } else { native::point(histogram) };
        let (start, time, flags) = (frame.start, frame.time, frame.flags());
        points.push(ExponentialHistogramPoint { attrs: frame.attrs, start, time, flags, exemplars, ..point });
        self.points += 1;
    }

    pub(super) fn summary(&mut self, metric: u32, frame: Frame, reading: Reading) {
        let index = self.metric(metric, FamilyKind::Summary);
        let Some((_, Points::Summaries(points))) = self.metrics.get_mut(index) else { return };
        let quantile = |(quantile, value)| QuantileValue { quantile, value: if frame.stale { 0.0 } else { value } };
        points.push(SummaryPoint {
            start: frame.start,
            time: frame.time,
            count: frame.count(),
            sum: if frame.stale { 0.0 } else { reading.sum.unwrap_or_default() },
            quantiles: reading.bounds.into_iter().map(quantile).collect(),
            flags: frame.flags(),
            attrs: frame.attrs,
        });
        self.points += 1;
    }
}

impl Points {
    /// The points as data of a metric of this type; `None` if there are none.
    pub(super) fn data(self, kind: FamilyKind) -> Option<Data> {
        let temporality = Temporality::CUMULATIVE;
        let data = match self {
            Self::Numbers(points) => match kind {
                FamilyKind::Counter => Data::Sum(Sum { points, temporality, monotonic: true }),
                FamilyKind::Info | FamilyKind::StateSet => Data::Sum(Sum { points, temporality, monotonic: false }),
                FamilyKind::Unknown
                | FamilyKind::Gauge
                | FamilyKind::GaugeHistogram
                | FamilyKind::Histogram
                | FamilyKind::Summary => Data::Gauge(points),
            },
            Self::Histograms(points) => Data::Histogram { points, temporality },
            Self::Natives(points) => Data::ExponentialHistogram { points, temporality },
            Self::Summaries(points) => Data::Summary(points),
        };
        Some(data).filter(|data| !data.is_empty())
    }
}

/// A value as points hold it: a stale marker becomes a flag.
pub(super) fn number(value: f64) -> (Number, u32) {
    if is_stale(value) { (Number::Empty, flags::NO_RECORDED_VALUE) } else { (Number::Double(value), 0) }
}
