//! Exponential histograms as Prometheus' native histograms.

use crate::points::milliseconds;
use crate::proto::{double, message, number, number_unless_zero, varint, zigzag};
use warren_pdata::{ExponentialBuckets, ExponentialHistogramPoint, STALE_NAN_BITS, flags};

/// Resolutions that native histograms have.
const SCALE_MIN: i32 = -4;
const SCALE_MAX: i32 = 8;

/// Half width of the zero bucket. The point's own is not looked at, as upstream does not.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Gaps of more empty buckets than this begin a new span.
const GAP_MAX: i64 = 2;

/// Buckets in Prometheus' form: runs of consecutive buckets, and the change of each count from the bucket before.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sparse {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    previous: i64,
}

/// A run of consecutive buckets.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    /// Empty buckets before it; for the first span, the index of its first bucket.
    offset: i64,
    length: u32,
}

/// Why a point has no native form, in upstream's words.
pub(crate) fn fault(point: &ExponentialHistogramPoint) -> Option<String> {
    let scale = point.scale;
    (scale < SCALE_MIN)
        .then(|| format!("cannot convert exponential to native histogram. Scale must be >= {SCALE_MIN}, was {scale}"))
}

/// Appends the point as a histogram, which is the same message in both versions of the protocol. The reset hint stays unknown.
pub(crate) fn write(out: &mut Vec<u8>, field: u32, point: &ExponentialHistogramPoint) {
    let scale = point.scale.min(SCALE_MAX);
    let merged = (point.scale - scale).min(i32::BITS as i32 - 1);
    let stale = point.flags & flags::NO_RECORDED_VALUE != 0;
    let (count, sum) = match stale {
        true => (STALE_NAN_BITS, f64::from_bits(STALE_NAN_BITS)),
        false => (point.count, point.sum.unwrap_or_default()),
    };
    message(out, field, 2, |out| {
        number(out, 1, count);
        double(out, 3, sum);
        number_unless_zero(out, 4, zigzag(i64::from(scale)));
        double(out, 5, ZERO_THRESHOLD);
        number(out, 6, point.zero_count);
        write_buckets(out, 8, 9, &Sparse::new(&point.negative, merged));
        write_buckets(out, 11, 12, &Sparse::new(&point.positive, merged));
        number_unless_zero(out, 15, milliseconds(point.time) as u64);
    });
}

fn write_buckets(out: &mut Vec<u8>, spans: u32, deltas: u32, buckets: &Sparse) {
    for span in &buckets.spans {
        message(out, spans, 1, |out| {
            number_unless_zero(out, 1, zigzag(i64::from(span.offset as i32)));
            number_unless_zero(out, 2, u64::from(span.length));
        });
    }
    if !buckets.deltas.is_empty() {
        message(out, deltas, 2, |out| buckets.deltas.iter().for_each(|delta| varint(out, zigzag(*delta))));
    }
}

impl Sparse {
    /// Merges each `2^merged` buckets into one. The index of a bucket is one higher in Prometheus, where it names the upper bound.
    ///
    /// When a merged bucket begins with empty ones that follow an empty bucket, upstream closes it early and its last counts move on by
    /// one bucket (`convertBucketsLayout`); receivers see the same here.
    fn new(buckets: &ExponentialBuckets, merged: i32) -> Self {
        let mut sparse = Self::default();
        if buckets.counts.is_empty() {
            return sparse;
        }
        let index_of = |rank: usize| ((i64::from(buckets.offset) + rank as i64) >> merged) + 1;
        let mut index = index_of(0);
        let mut count = 0i64;
        sparse.spans.push(Span { offset: index, length: 0 });
        for (rank, more) in buckets.counts.iter().enumerate() {
            let (next, more) = (index_of(rank), *more as i64);
            if next == index {
                count = count.wrapping_add(more);
                continue;
            }
            if count != 0 {
                sparse.skip(next - index - 1);
                sparse.push(count);
                index = next;
            }
            count = more;
        }
        sparse.skip(index_of(buckets.counts.len() - 1) - index);
        sparse.push(count);
        sparse
    }

    /// So many empty buckets follow.
    fn skip(&mut self, gap: i64) {
        if gap > GAP_MAX {
            self.spans.push(Span { offset: gap, length: 0 });
        } else {
            (0..gap).for_each(|_| self.push(0));
        }
    }

    fn push(&mut self, count: i64) {
        if let Some(span) = self.spans.last_mut() {
            span.length += 1;
        }
        self.deltas.push(count.wrapping_sub(self.previous));
        self.previous = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(offset: i32, counts: &[u64], merged: i32) -> (Vec<(i64, u32)>, Vec<i64>) {
        let sparse = Sparse::new(&ExponentialBuckets { offset, counts: counts.to_vec() }, merged);
        (sparse.spans.iter().map(|span| (span.offset, span.length)).collect(), sparse.deltas)
    }

    /// The layouts of `histograms_test.go` of `pkg/translator/prometheusremotewrite` v0.132.0, computed anew, and edges of the source.
    #[test]
    fn buckets_become_spans_and_deltas() {
        for (offset, counts, merged, spans, deltas) in [
            (0, &[][..], 0, &[][..], &[][..]),
            (0, &[4, 3, 2, 1], 0, &[(1, 4)], &[4, -1, -1, -1]),
            (0, &[4, 3, 2, 1], 1, &[(1, 2)], &[7, -4]),
            (0, &[4, 3, 2, 1], 2, &[(1, 1)], &[10]),
            (5, &[4, 3, 2, 1], 0, &[(6, 4)], &[4, -1, -1, -1]),
            (5, &[4, 3, 2, 1], 1, &[(3, 3)], &[4, 1, -4]),
            (-1, &[1, 1, 1], 1, &[(0, 2)], &[1, 1]),
            (0, &[1, 1, 0, 0, 2, 3], 0, &[(1, 6)], &[1, 0, -1, 0, 2, 1]),
            (0, &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2, 1], 0, &[(1, 1), (10, 3)], &[4, -1, -1, -1]),
            (0, &[0; 6], 0, &[(1, 0), (5, 1)], &[0]),
            (3, &[2], 0, &[(4, 1)], &[2]),
            (-2, &[2, 3], 31, &[(0, 1)], &[5]),
        ] {
            let expected = (spans.to_vec(), deltas.to_vec());
            assert_eq!(sparse(offset, counts, merged), expected, "{offset} {counts:?} {merged}");
        }
    }

    #[test]
    fn extreme_points_are_written_without_overflow() {
        let buckets = ExponentialBuckets { offset: i32::MAX, counts: vec![u64::MAX, 0, 0, 0, 1] };
        for scale in [i32::MIN, SCALE_MIN, 8, i32::MAX] {
            let point = ExponentialHistogramPoint {
                scale,
                positive: buckets.clone(),
                negative: ExponentialBuckets { offset: i32::MIN, ..buckets.clone() },
                ..ExponentialHistogramPoint::default()
            };
            assert_eq!(fault(&point).is_some(), scale == i32::MIN);
            write(&mut Vec::new(), 4, &point);
        }
    }
}
