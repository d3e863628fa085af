//! What a series holds, and how a point changes it.

use warren_pdata::{Bounds, Exemplar, HistogramPoint, Number, NumberRef, QuantileValue, SummaryPoint, Temporality};

/// The value of a series.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// Of a gauge or counter, with the last exemplar.
    Number(Number, Option<Box<Exemplar>>),
    /// Of a histogram.
    Histogram(Box<Histogram>),
    /// Of a summary.
    Summary(Box<Summary>),
}

/// A histogram's counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) bounds: Bounds,
    /// One per bound; what is missing is zero.
    pub(crate) counts: Vec<u64>,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// A summary's quantiles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) quantiles: Vec<QuantileValue>,
}

/// What arrived for a series.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point<'a> {
    Number(NumberRef<'a>, Temporality),
    Histogram(&'a HistogramPoint, Temporality),
    Summary(&'a SummaryPoint),
}

/// What became of a point.
#[derive(Debug)]
pub(crate) enum Change {
    /// The series has this value from now on, at the time of the point.
    Becomes(Held),
    /// It is older than what is known.
    Older,
    /// It counts from a time that is known already.
    Misaligned,
}

impl Point<'_> {
    /// Nanoseconds since 1970.
    pub(crate) fn time(&self) -> u64 {
        match self {
            Self::Number(point, _) => point.time,
            Self::Histogram(point, _) => point.time,
            Self::Summary(point) => point.time,
        }
    }

    pub(crate) fn flags(&self) -> u32 {
        match self {
            Self::Number(point, _) => point.flags,
            Self::Histogram(point, _) => point.flags,
            Self::Summary(point) => point.flags,
        }
    }

    /// The value of a series that is new. Exemplars are kept only for a page that shows them.
    pub(crate) fn first(&self, exemplars: bool) -> Held {
        match self {
            Self::Number(point, _) => {
                let exemplar = exemplars.then(|| point.exemplars.last().cloned().map(Box::new)).flatten();
                Held::Number(point.value, exemplar)
            }
            Self::Histogram(point, _) => Held::Histogram(Box::new(Histogram {
                count: point.count,
                sum: point.sum.unwrap_or_default(),
                bounds: point.bounds.clone(),
                counts: point.counts.clone(),
                exemplars: if exemplars { point.exemplars.clone() } else { Vec::new() },
            })),
            Self::Summary(point) => {
                Held::Summary(Box::new(Summary { count: point.count, sum: point.sum, quantiles: point.quantiles.clone() }))
            }
        }
    }

    /// What the point makes of a series that has this value since this time.
    pub(crate) fn after(&self, held: &Held, time: u64, exemplars: bool) -> Change {
        let new = self.first(exemplars);
        match (self, held, new) {
            (Self::Histogram(point, Temporality::DELTA), Held::Histogram(before), Held::Histogram(mut new)) => {
                if point.start == time {
                    new.add(before);
                } else if point.start < time {
                    return Change::Misaligned;
                }
                Change::Becomes(Held::Histogram(new))
            }
            (_, _, _) if self.time() < time => Change::Older,
            (Self::Number(point, Temporality::DELTA), Held::Number(before, _), Held::Number(value, exemplar)) => {
                let value = if point.start == time { sum(value, *before) } else { value };
                Change::Becomes(Held::Number(value, exemplar))
            }
            (_, _, new) => Change::Becomes(new),
        }
    }
}

fn sum(a: Number, b: Number) -> Number {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Number::Int(a.wrapping_add(b)),
        (a, b) => Number::Double(a.as_f64() + b.as_f64()),
    }
}

impl Histogram {
    /// Adds what was counted before; with other bounds that has no meaning any more.
    fn add(&mut self, before: &Self) {
        if self.bounds != before.bounds {
            return;
        }
        self.count = self.count.wrapping_add(before.count);
        self.sum += before.sum;
        for (count, before) in self.counts.iter_mut().zip(&before.counts) {
            *count = count.wrapping_add(*before);
        }
    }

    /// Upper bounds in ascending order, each with the values up to it.
    pub(crate) fn buckets(&self) -> Vec<(f64, u64)> {
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        let mut buckets: Vec<(f64, u64)> = self.bounds.iter().copied().zip(counts).collect();
        // Sorted stably, so that of equal bounds the first counts.
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets.dedup_by(|later, first| later.0 == first.0);
        let mut total = 0u64;
        for (_, count) in &mut buckets {
            total = total.wrapping_add(*count);
            *count = total;
        }
        buckets
    }
}

impl Held {
    /// Bytes besides those of the series itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        let of = |exemplar: &Exemplar| size_of::<Exemplar>() + exemplar.attrs.heap_bytes();
        match self {
            Self::Number(_, exemplar) => exemplar.as_deref().map_or(0, of),
            Self::Histogram(histogram) => {
                size_of::<Histogram>()
                    + (histogram.counts.capacity() + histogram.bounds.len()) * 8
                    + histogram.exemplars.iter().map(of).sum::<usize>()
            }
            Self::Summary(summary) => size_of::<Summary>() + summary.quantiles.capacity() * size_of::<QuantileValue>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_pdata::Attrs;

    fn delta(start: u64, time: u64, value: Number) -> Change {
        let attrs = Attrs::EMPTY;
        let point = NumberRef { attrs: &attrs, start, time, value, flags: 0, exemplars: &[] };
        Point::Number(point, Temporality::DELTA).after(&Held::Number(Number::Int(10), None), 100, false)
    }

    #[test]
    fn a_delta_is_added_only_where_it_follows_on() {
        let value = |change| match change {
            Change::Becomes(Held::Number(value, _)) => Some(value),
            _ => None,
        };
        assert_eq!(value(delta(100, 200, Number::Int(5))), Some(Number::Int(15)));
        assert_eq!(value(delta(100, 200, Number::Double(0.5))), Some(Number::Double(10.5)));
        assert_eq!(value(delta(150, 200, Number::Int(5))), Some(Number::Int(5)));
        assert_eq!(value(delta(0, 100, Number::Int(5))), Some(Number::Int(5)));
        assert!(matches!(delta(0, 99, Number::Int(5)), Change::Older));
    }

    #[test]
    fn delta_histograms_add_up_restart_or_are_dropped() {
        let point = |start, time, bounds: &[f64]| HistogramPoint {
            start,
            time,
            count: 3,
            sum: Some(2.0),
            bounds: Bounds::new(bounds.to_vec()),
            counts: vec![1, 2],
            ..HistogramPoint::default()
        };
        let before = Point::Histogram(&point(0, 100, &[1.0]), Temporality::DELTA).first(false);
        let after = |start, bounds: &[f64]| match Point::Histogram(&point(start, 200, bounds), Temporality::DELTA)
            .after(&before, 100, false)
        {
            Change::Becomes(Held::Histogram(histogram)) => Some((histogram.count, histogram.sum, histogram.counts)),
            _ => None,
        };
        assert_eq!(after(100, &[1.0]), Some((6, 4.0, vec![2, 4])));
        assert_eq!(after(100, &[2.0]), Some((3, 2.0, vec![1, 2])));
        assert_eq!(after(150, &[1.0]), Some((3, 2.0, vec![1, 2])));
        assert_eq!(after(50, &[1.0]), None);
    }

    #[test]
    fn buckets_ascend_and_add_up() {
        let histogram = Histogram { bounds: Bounds::new(vec![5.0, 1.0, 5.0]), counts: vec![1, 2], ..Histogram::default() };
        assert_eq!(histogram.buckets(), [(1.0, 2), (5.0, 3)]);
    }
}
