//! Native histograms: fitted into limits, and as points.

use warren_exposition::{NativeBuckets, NativeHistogram};
use warren_pdata::{ExponentialBuckets, ExponentialHistogramPoint};

/// The finest resolution that Prometheus has.
pub(crate) const SCHEMA_MAX: i32 = 8;

/// The coarsest.
const SCHEMA_MIN: i32 = -4;

/// The finest resolution whose buckets grow by this factor at least.
pub fn schema_of_factor(factor: f64) -> i32 {
    if factor <= 1.0 {
        return SCHEMA_MAX;
    }
    (-factor.log2().log2()).floor().clamp(f64::from(SCHEMA_MIN), f64::from(SCHEMA_MAX)) as i32
}

/// Reduces the resolution to this schema at most, and further until no more than so many buckets are filled (0: any number). `None` if they
/// never fit.
pub(super) fn fitted(mut histogram: NativeHistogram, schema_max: i32, buckets_max: u64) -> Option<NativeHistogram> {
    let filled = |buckets: &NativeBuckets| buckets.counts.iter().filter(|count| **count > 0).count() as u64;
    let fits = |histogram: &NativeHistogram| {
        buckets_max == 0 || filled(&histogram.positive) + filled(&histogram.negative) <= buckets_max
    };
    let is_exponential = (SCHEMA_MIN..=SCHEMA_MAX).contains(&histogram.schema);
    while (is_exponential && histogram.schema > schema_max) || !fits(&histogram) {
        if !is_exponential || histogram.schema <= SCHEMA_MIN {
            return None;
        }
        histogram.schema -= 1;
        halve(&mut histogram.positive);
        halve(&mut histogram.negative);
    }
    Some(histogram)
}

/// Puts each two neighbouring buckets into one.
fn halve(buckets: &mut NativeBuckets) {
    let Some(last) = buckets.counts.len().checked_sub(1) else { return };
    // A bucket is named by its upper bound: 1 and 2 become 1, 3 and 4 become 2.
    let halved = |index: i64| (index + 1).div_euclid(2);
    let first = i64::from(buckets.offset);
    let offset = halved(first);
    let mut counts = vec![0u64; (halved(first + last as i64) - offset) as usize + 1];
    for (at, count) in buckets.counts.iter().enumerate() {
        if let Some(sum) = counts.get_mut((halved(first + at as i64) - offset) as usize) {
            *sum = sum.saturating_add(*count);
        }
    }
    *buckets = NativeBuckets { offset: offset as i32, counts };
}

/// The histogram as a point without attributes and times.
pub(super) fn point(histogram: NativeHistogram) -> ExponentialHistogramPoint {
    ExponentialHistogramPoint {
        count: histogram.count,
        sum: Some(histogram.sum),
        scale: histogram.schema,
        zero_count: histogram.zero_count,
        zero_threshold: histogram.zero_threshold,
        positive: buckets(histogram.positive),
        negative: buckets(histogram.negative),
        ..ExponentialHistogramPoint::default()
    }
}

/// OTLP names a bucket by its lower bound.
fn buckets(buckets: NativeBuckets) -> ExponentialBuckets {
    let offset = if buckets.counts.is_empty() { 0 } else { buckets.offset.saturating_sub(1) };
    ExponentialBuckets { offset, counts: buckets.counts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, offset: i32, counts: &[u64]) -> NativeHistogram {
        NativeHistogram { schema, positive: NativeBuckets { offset, counts: counts.to_vec() }, ..NativeHistogram::default() }
    }

    #[test]
    fn a_histogram_with_too_many_buckets_loses_resolution_until_it_fits() {
        for (offset, counts, limit, expected) in [
            (1, vec![1, 2, 3, 4], 2, Some((1, vec![3, 7]))),
            (0, vec![1, 2, 3, 4], 3, Some((0, vec![1, 5, 4]))),
            (-3, vec![1, 1, 1, 1], 2, Some((-1, vec![2, 2]))),
            (1, vec![1, 2, 3, 4], 0, Some((1, vec![1, 2, 3, 4]))),
        ] {
            let fitted = fitted(histogram(3, offset, &counts), 8, limit);
            assert_eq!(fitted.map(|fitted| (fitted.positive.offset, fitted.positive.counts)), expected);
        }
        let wide = NativeHistogram { negative: NativeBuckets { offset: 1, counts: vec![1] }, ..histogram(-4, 1, &[1]) };
        assert_eq!(fitted(wide, 8, 1), None);
    }

    /// Facts of Prometheus' `scrape/scrape_test.go` (`TestPickSchema`) at commit 419d436a447a.
    #[test]
    fn the_growth_factor_bounds_the_resolution() {
        for (factor, schema) in
            [(65536.0, -4), (16.0, -2), (4.0, -1), (2.0, 0), (1.4, 1), (1.1, 2), (1.04, 4), (1.002, 8), (1.0, 8), (0.0, 8)]
        {
            assert_eq!(schema_of_factor(factor), schema, "{factor}");
        }
    }

    #[test]
    fn offsets_are_those_of_lower_bounds() {
        assert_eq!(point(histogram(3, 1, &[5])).positive, ExponentialBuckets { offset: 0, counts: vec![5] });
        assert_eq!(point(histogram(3, 0, &[])).positive, ExponentialBuckets::default());
    }
}
