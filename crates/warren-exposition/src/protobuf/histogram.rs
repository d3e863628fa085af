//! `Histogram` messages, classic and native.

use super::field::{Bad, each, signed};
use super::metric::{Exemplar, Part, time};

/// Buckets that a native histogram may have on either side, gaps included.
pub const NATIVE_BUCKETS_MAX: usize = 65_536;

/// A native histogram: buckets whose bounds grow by a constant factor, `2^(2^-schema)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// The resolution.
    pub schema: i32,
    /// Values nearer to zero than this are in the zero bucket.
    pub zero_threshold: f64,
    /// Values in the zero bucket.
    pub zero_count: u64,
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Buckets of positive values.
    pub positive: NativeBuckets,
    /// Buckets of negative values.
    pub negative: NativeBuckets,
    /// Whether it may fall.
    pub gauge: bool,
}

/// Consecutive buckets of a native histogram, without empty ones at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeBuckets {
    /// Index of the first bucket: its upper bound is the factor to this power.
    pub offset: i32,
    /// Values per bucket.
    pub counts: Vec<u64>,
}

/// A `Histogram` message.
#[derive(Debug, Default)]
pub(super) struct Histogram<'a> {
    count: u64,
    count_float: f64,
    sum: f64,
    pub(super) buckets: Vec<Bucket<'a>>,
    pub(super) created: Option<i64>,
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: Side,
    positive: Side,
    exemplars: Vec<Exemplar<'a>>,
}

/// A bucket of a classic histogram.
#[derive(Debug, Default)]
pub(super) struct Bucket<'a> {
    count: u64,
    count_float: f64,
    bound: f64,
    exemplar: Option<Exemplar<'a>>,
}

/// One side of a native histogram as it is encoded: spans of buckets, and the buckets' counts in one of two forms.
#[derive(Debug, Default)]
struct Side {
    /// Gap to the span before, and length.
    spans: Vec<(i32, u32)>,
    deltas: Vec<u64>,
    counts: Vec<f64>,
}

impl<'a> Histogram<'a> {
    pub(super) fn read(&mut self, message: &'a [u8]) -> Result<(), Bad> {
        each(message, |number, value| {
            match number {
                1 => self.count = value.number()?,
                2 => self.sum = value.double()?,
                3 => self.buckets.push(Bucket::read(value.bytes()?)?),
                4 => self.count_float = value.double()?,
                5 => self.schema = signed(value.number()?) as i32,
                6 => self.zero_threshold = value.double()?,
                7 => self.zero_count = value.number()?,
                8 => self.zero_count_float = value.double()?,
                9 => self.negative.spans.push(span(value.bytes()?)?),
                10 => value.numbers(&mut self.negative.deltas)?,
                11 => value.doubles(&mut self.negative.counts)?,
                12 => self.positive.spans.push(span(value.bytes()?)?),
                13 => value.numbers(&mut self.positive.deltas)?,
                14 => value.doubles(&mut self.positive.counts)?,
                15 => self.created = Some(time(value.bytes()?)?),
                16 => self.exemplars.push(Exemplar(value.bytes()?)),
                _ => {}
            }
            Ok(())
        })
    }

    /// Whether it has anything that only a native histogram has.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty() || !self.negative.spans.is_empty() || self.zero_threshold > 0.0 || self.zero_count > 0
    }

    /// Exemplars of the native histogram: its own, or else those of the classic buckets.
    pub(super) fn native_exemplars(&self) -> impl Iterator<Item = Exemplar<'a>> + '_ {
        let of_buckets = self.buckets.iter().filter(|_| self.exemplars.is_empty()).filter_map(|bucket| bucket.exemplar);
        self.exemplars.iter().copied().chain(of_buckets)
    }

    /// The series at this place among those of the classic histogram.
    pub(super) fn part(&self, at: usize) -> Option<(Part, f64, Option<Exemplar<'a>>)> {
        let either = |float: f64, whole: u64| if float == 0.0 { whole as f64 } else { float };
        let count = either(self.count_float, self.count);
        match at {
            0 => return Some((Part::Count, count, None)),
            1 => return Some((Part::Sum, self.sum, None)),
            _ => {}
        }
        // Nothing follows the last bucket, which has no upper bound; where it is not written, it holds what is counted.
        let ended = |bucket: &Bucket<'_>| bucket.bound == f64::INFINITY;
        if self.buckets.iter().take(at - 2).any(ended) {
            return None;
        }
        match self.buckets.get(at - 2) {
            Some(bucket) => Some((Part::Bucket(bucket.bound), either(bucket.count_float, bucket.count), bucket.exemplar)),
            None if at - 2 == self.buckets.len() => Some((Part::Bucket(f64::INFINITY), count, None)),
            None => None,
        }
    }

    /// The native histogram. Counts that are no whole numbers are cut off.
    pub(super) fn native(&self, gauge: bool) -> Result<NativeHistogram, String> {
        let floats = self.count_float > 0.0 || self.zero_count_float > 0.0;
        Ok(NativeHistogram {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: if floats { self.zero_count_float as u64 } else { self.zero_count },
            count: if floats { self.count_float as u64 } else { self.count },
            sum: self.sum,
            positive: self.positive.buckets(floats)?,
            negative: self.negative.buckets(floats)?,
            gauge,
        })
    }
}

impl<'a> Bucket<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Bad> {
        let mut bucket = Self::default();
        each(message, |number, value| {
            match number {
                1 => bucket.count = value.number()?,
                2 => bucket.bound = value.double()?,
                3 => bucket.exemplar = Some(Exemplar(value.bytes()?)),
                4 => bucket.count_float = value.double()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(bucket)
    }
}

fn span(message: &[u8]) -> Result<(i32, u32), Bad> {
    let mut span = (0, 0);
    each(message, |number, value| {
        match number {
            1 => span.0 = signed(value.number()?) as i32,
            2 => span.1 = value.number()? as u32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(span)
}

impl Side {
    /// The counts bucket by bucket, gaps filled with zeros, empty ends cut off.
    fn buckets(&self, floats: bool) -> Result<NativeBuckets, String> {
        let mut counts: Vec<u64> = Vec::new();
        let mut source = self.counts(floats)?.into_iter();
        let mut offset = 0;
        for (at, (gap, length)) in self.spans.iter().enumerate() {
            if at == 0 {
                offset = *gap;
            } else {
                let gap = usize::try_from(*gap).map_err(|_| "native histogram: a span has a negative offset")?;
                counts.resize(counts.len() + gap.min(NATIVE_BUCKETS_MAX + 1), 0);
            }
            if counts.len() + *length as usize > NATIVE_BUCKETS_MAX {
                return Err(format!("native histogram: more than {NATIVE_BUCKETS_MAX} buckets"));
            }
            for _ in 0..*length {
                counts.push(source.next().ok_or("native histogram: spans need more buckets than there are")?);
            }
        }
        if source.next().is_some() {
            return Err("native histogram: more buckets than its spans need".to_owned());
        }
        let empty = counts.iter().position(|count| *count > 0).unwrap_or(counts.len());
        counts.drain(..empty);
        let filled = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        counts.truncate(filled);
        let offset = if counts.is_empty() { 0 } else { offset.saturating_add(empty as i32) };
        Ok(NativeBuckets { offset, counts })
    }

    fn counts(&self, floats: bool) -> Result<Vec<u64>, String> {
        if floats {
            return Ok(self.counts.iter().map(|count| *count as u64).collect());
        }
        let mut count = 0i64;
        let sum = |delta: &u64| {
            count = count.checked_add(signed(*delta))?;
            u64::try_from(count).ok()
        };
        self.deltas
            .iter()
            .map(sum)
            .collect::<Option<_>>()
            .ok_or_else(|| "native histogram: a bucket has a negative count".to_owned())
    }
}
