//! `convert_exponential_histogram_to_histogram`: exponential buckets as counts under explicit bounds.
//!
//! As upstream has it, there are as many counts as bounds (not one more), negative values do not count, and the zero bucket counts only if the first
//! bound is zero.

use super::metric;
use crate::function::{Changes, Edit, Editor, Kind, param};
use crate::record::{Context, Failure};
use warren_pdata::{Attrs, Bounds, Data, ExponentialHistogramPoint, HistogramPoint};

pub(crate) const EDITORS: &[Editor] = &[Editor {
    name: "convert_exponential_histogram_to_histogram",
    params: &[param("distribution_fn", Kind::LitStr), param("explicit_bounds", Kind::LitFloats)],
    contexts: &[Context::Metric],
    changes: Changes::Record,
    bind: |literals| {
        let distribution = match literals.text(0).unwrap_or_default() {
            "upper" => Distribution::Upper,
            "midpoint" => Distribution::Midpoint,
            "uniform" => Distribution::Uniform,
            "random" | "" => Distribution::Random,
            other => {
                return Err(format!("invalid conversion function: {other}, must be one of [upper, midpoint, random, uniform]"));
            }
        };
        let bounds: Bounds = triomphe::Arc::new(literals.floats(1).unwrap_or_default().to_vec());
        if bounds.is_empty() {
            return Err("explicit bounds cannot be empty: []".to_owned());
        }
        Ok(Edit::new(move |place, _| {
            let metric = metric(place)?;
            let Data::ExponentialHistogram { points, temporality } = &mut metric.data else { return Ok(()) };
            let mut random = Random::new()?;
            let converted = std::mem::take(points).into_iter().map(|point| convert(point, &bounds, distribution, &mut random));
            metric.data = Data::Histogram { temporality: *temporality, points: converted.collect() };
            metric.metadata = Attrs::EMPTY;
            Ok(())
        }))
    },
}];

/// How a bucket that lies under several bounds is shared out.
#[derive(Clone, Copy)]
enum Distribution {
    /// To the bound over its upper end.
    Upper,
    /// To the bound before the one over its middle.
    Midpoint,
    /// Evenly.
    Uniform,
    /// By overlap and chance.
    Random,
}

fn convert(point: ExponentialHistogramPoint, bounds: &Bounds, distribution: Distribution, random: &mut Random) -> HistogramPoint {
    let counts = counts(&point, bounds, distribution, random);
    HistogramPoint {
        attrs: point.attrs,
        start: point.start,
        time: point.time,
        count: point.count,
        // There is a sum and a least and a greatest value, be they known or not.
        sum: Some(point.sum.unwrap_or_default()),
        min: Some(point.min.unwrap_or_default()),
        max: Some(point.max.unwrap_or_default()),
        bounds: bounds.clone(),
        counts,
        flags: 0,
        exemplars: point.exemplars,
    }
}

fn counts(point: &ExponentialHistogramPoint, bounds: &[f64], distribution: Distribution, random: &mut Random) -> Vec<u64> {
    let factor = std::f64::consts::LN_2 * (-f64::from(point.scale)).exp2();
    let mut counts = vec![0; bounds.len()];
    let last = bounds.len() - 1;
    if bounds.first() == Some(&0.0) {
        add(&mut counts, 0, point.zero_count);
    }
    for (at, count) in point.positive.counts.iter().enumerate() {
        let index = point.positive.offset.wrapping_add(at as i32);
        let lower = (f64::from(index) * factor).exp();
        let upper = (f64::from(index.wrapping_add(1)) * factor).exp();
        if bounds.last().is_some_and(|bound| lower > *bound) {
            add(&mut counts, last, *count);
            continue;
        }
        // A bucket between two bounds counts under the lower one.
        let between = bounds.windows(2).position(|pair| matches!(pair, [low, high] if lower > *low && upper <= *high));
        if let Some(at) = between {
            add(&mut counts, at, *count);
            continue;
        }
        match distribution {
            Distribution::Upper => add(&mut counts, first_over(bounds, upper).unwrap_or(last), *count),
            Distribution::Midpoint => {
                let over = first_over(bounds, (upper + lower) / 2.0);
                add(&mut counts, over.map_or(last, |over| over.saturating_sub(1)), *count);
            }
            Distribution::Uniform => uniformly(&mut counts, bounds, lower, upper, *count),
            Distribution::Random => randomly(&mut counts, bounds, lower, upper, *count, random),
        }
    }
    counts
}

fn add(counts: &mut [u64], at: usize, count: u64) {
    if let Some(place) = counts.get_mut(at) {
        *place = place.wrapping_add(count);
    }
}

fn first_over(bounds: &[f64], value: f64) -> Option<usize> {
    bounds.iter().position(|bound| value <= *bound)
}

/// The first bounds that are over the lower and the upper end.
fn overlapped(bounds: &[f64], lower: f64, upper: f64) -> (usize, usize) {
    let last = bounds.len() - 1;
    let start = first_over(bounds, lower).unwrap_or(last);
    let end = bounds.iter().skip(start).position(|bound| upper <= *bound).map_or(last, |skipped| start + skipped);
    (start, end)
}

fn uniformly(counts: &mut [u64], bounds: &[f64], lower: f64, upper: f64, count: u64) {
    let (start, end) = overlapped(bounds, lower, upper);
    share(counts, start, end, count);
}

/// Gives each place the same, and what is left to the first ones.
fn share(counts: &mut [u64], start: usize, end: usize, count: u64) {
    let places = (end - start + 1) as u64;
    for at in start..=end {
        add(counts, at, count / places + u64::from(((at - start) as u64) < count % places));
    }
}

/// Each place gets a random part of its overlap's share; what is left goes to places in turn, from a random one on.
fn randomly(counts: &mut [u64], bounds: &[f64], lower: f64, upper: f64, count: u64, random: &mut Random) {
    let (start, end) = overlapped(bounds, lower, upper);
    if end == start {
        return add(counts, start, count);
    }
    let mut left = count;
    for at in start..=end {
        let low = if at == 0 { lower } else { bounds.get(at - 1).copied().unwrap_or(lower) };
        let high = bounds.get(at).copied().unwrap_or(upper);
        let overlap = high.min(upper) - low.max(lower);
        let part = (random.fraction() * (count as f64 * (overlap / (upper - lower))).trunc()) as u64;
        let part = part.min(left);
        add(counts, at, part);
        left -= part;
    }
    let places = (end - start + 1) as u64;
    let first = (random.fraction() * places as f64) as u64;
    for turn in 0..places {
        let at = start + ((first + turn) % places) as usize;
        add(counts, at, left / places + u64::from(turn < left % places));
    }
}

/// A generator of random numbers, xorshift64*.
struct Random(u64);

impl Random {
    fn new() -> Result<Self, Failure> {
        let seed = getrandom::u64().map_err(|error| Failure::new(format!("cannot choose at random: {error}")))?;
        Ok(Self(seed | 1))
    }

    /// From 0 up to 1.
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edit, edited, named, summary};
    use super::*;
    use proptest::prelude::*;
    use warren_pdata::{ExponentialBuckets, Metric, Temporality};

    fn metric(scale: i32, offset: i32, positive: &[u64], zero_count: u64) -> Metric {
        let positive = ExponentialBuckets { offset, counts: positive.to_vec() };
        let count = positive.counts.iter().fold(zero_count, |sum, count| sum.wrapping_add(*count));
        let point =
            ExponentialHistogramPoint { count, scale, zero_count, positive, flags: 1, ..ExponentialHistogramPoint::default() };
        named(Data::ExponentialHistogram { points: vec![point], temporality: Temporality::DELTA })
    }

    fn point(metric: &Metric, function: &str, bounds: &str) -> HistogramPoint {
        let statement = format!(r#"convert_exponential_histogram_to_histogram("{function}", {bounds})"#);
        match edited(metric, &statement).data {
            Data::Histogram { points, temporality: Temporality::DELTA } => points[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Buckets (1,2], (2,4], (4,8], (8,16], (16,32].
    #[test]
    fn buckets_are_shared_out_under_bounds() {
        let metric = metric(0, 0, &[1, 2, 3, 4, 5], 7);
        for (function, bounds, expected) in [
            ("upper", "[3.5, 10.0, 20.0]", [4, 2, 9]),
            ("midpoint", "[3.5, 10.0, 20.0]", [6, 4, 5]),
            ("uniform", "[3.5, 10.0, 20.0]", [5, 3, 7]),
            ("upper", "[0.0, 10.0, 20.0]", [13, 0, 9]),
        ] {
            assert_eq!(point(&metric, function, bounds).counts, expected, "{function} {bounds}");
        }
        let point = point(&metric, "random", "[3.0, 10.0, 20.0]");
        assert_eq!(point.counts.iter().sum::<u64>(), 15);
        assert_eq!((point.sum, point.min, point.max, point.flags), (Some(0.0), Some(0.0), Some(0.0), 0));
    }

    #[test]
    fn what_does_not_do_is_told() {
        for (statement, expected) in [
            (
                r#"convert_exponential_histogram_to_histogram("x", [1.0])"#,
                "invalid conversion function: x, must be one of [upper, midpoint, random, uniform]",
            ),
            (r#"convert_exponential_histogram_to_histogram("upper", [])"#, "explicit bounds cannot be empty: []"),
            (r#"convert_exponential_histogram_to_histogram("upper", [1])"#, "must be a float"),
        ] {
            let error = edit(Context::Metric, &summary(), statement).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(edited(&summary(), r#"convert_exponential_histogram_to_histogram("upper", [1.0])"#), summary());
    }

    proptest! {
        #[test]
        fn prop_no_count_is_lost_or_takes_long(
            scale in any::<i32>(),
            offset in any::<i32>(),
            positive in proptest::collection::vec(any::<u64>(), 0..8),
            function in 0usize..4,
        ) {
            let function = ["upper", "midpoint", "uniform", "random"][function];
            let point = point(&metric(scale, offset, &positive, 0), function, "[0.5, 1.0, 8.0, 100.0]");
            let sum = |counts: &[u64]| counts.iter().fold(0u64, |sum, count| sum.wrapping_add(*count));
            prop_assert_eq!(sum(&point.counts), sum(&positive));
        }
    }
}
