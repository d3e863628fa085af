//! Data points: number points in columns, distributions in rows.

use crate::{Attrs, Column, SpanId, TraceId};

/// Bits of the value with which Prometheus marks a series that has ended.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Flags of a data point.
pub mod flags {
    /// The point says that there is no value: the series has ended.
    pub const NO_RECORDED_VALUE: u32 = 1;
}

/// Explicit histogram bounds, shared between the points of a metric.
pub type Bounds = triomphe::Arc<Vec<f64>>;

/// A point's value. Integers and doubles are kept apart, bit by bit.
#[derive(Clone, Copy, Debug, Default)]
pub enum Number {
    /// None was given.
    #[default]
    Empty,
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
}

impl Number {
    /// The value as a double; zero when there is none.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Empty => 0.0,
            Self::Int(value) => value as f64,
            Self::Double(value) => value,
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Empty, Self::Empty) => true,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

/// A sampled value behind a point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exemplar {
    /// Attributes that the point's own do not have.
    pub attrs: Attrs,
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// The value.
    pub value: Number,
    /// The trace it was measured in.
    pub trace_id: TraceId,
    /// The span it was measured in.
    pub span_id: SpanId,
}

/// Number points as columns; every column has the same length.
#[derive(Clone, Debug, Default)]
pub struct NumberPoints {
    /// Attributes of each point.
    pub attrs: Vec<Attrs>,
    /// Start of the counted time, nanoseconds since 1970; zero if unknown.
    pub start: Column<u64>,
    /// Time of the value, nanoseconds since 1970.
    pub time: Column<u64>,
    /// Flags, see [`flags`].
    pub flags: Column<u32>,
    bits: Vec<u64>,
    kinds: Column<NumberKind>,
    exemplars: Vec<(u32, Vec<Exemplar>)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NumberKind {
    Empty,
    Int,
    #[default]
    Double,
}

/// One number point, to be appended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberPoint {
    /// Attributes.
    pub attrs: Attrs,
    /// Start of the counted time, nanoseconds since 1970; zero if unknown.
    pub start: u64,
    /// Time of the value, nanoseconds since 1970.
    pub time: u64,
    /// The value.
    pub value: Number,
    /// Flags, see [`flags`].
    pub flags: u32,
    /// Sampled values behind it.
    pub exemplars: Vec<Exemplar>,
}

/// One number point, for reading.
#[derive(Clone, Copy, Debug)]
pub struct NumberRef<'a> {
    /// Attributes.
    pub attrs: &'a Attrs,
    /// Start of the counted time, nanoseconds since 1970; zero if unknown.
    pub start: u64,
    /// Time of the value, nanoseconds since 1970.
    pub time: u64,
    /// The value.
    pub value: Number,
    /// Flags, see [`flags`].
    pub flags: u32,
    /// Sampled values behind it.
    pub exemplars: &'a [Exemplar],
}

impl NumberPoints {
    /// No points, with room for so many.
    pub fn with_capacity(points: usize) -> Self {
        Self { attrs: Vec::with_capacity(points), bits: Vec::with_capacity(points), ..Self::default() }
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.attrs.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.attrs.is_empty()
    }

    /// Appends a point.
    pub fn push(&mut self, point: NumberPoint) {
        if !point.exemplars.is_empty() {
            self.exemplars.push((self.attrs.len() as u32, point.exemplars));
        }
        self.push_plain(point.attrs, point.start, point.time, point.value, point.flags);
    }

    /// Appends a point without exemplars.
    pub fn push_plain(&mut self, attrs: Attrs, start: u64, time: u64, value: Number, flags: u32) {
        let (kind, bits) = pack(value);
        self.attrs.push(attrs);
        self.start.push(start);
        self.time.push(time);
        self.flags.push(flags);
        self.kinds.push(kind);
        self.bits.push(bits);
    }

    /// The value of the point at `index`.
    pub fn value(&self, index: usize) -> Number {
        let bits = self.bits.get(index).copied().unwrap_or_default();
        match self.kinds.get(index) {
            NumberKind::Empty => Number::Empty,
            NumberKind::Int => Number::Int(bits as i64),
            NumberKind::Double => Number::Double(f64::from_bits(bits)),
        }
    }

    /// All values as doubles, as long as every one of them is a double.
    pub fn doubles(&self) -> Option<&[u64]> {
        (self.kinds.single() == Some(NumberKind::Double)).then_some(&self.bits)
    }

    /// Replaces the value of the point at `index`; does nothing beyond the end.
    pub fn set_value(&mut self, index: usize, value: Number) {
        let (kind, bits) = pack(value);
        if let Some(slot) = self.bits.get_mut(index) {
            *slot = bits;
            self.kinds.set(index, kind);
        }
    }

    /// Whether any point has exemplars.
    pub fn has_exemplars(&self) -> bool {
        !self.exemplars.is_empty()
    }

    /// The exemplars of the point at `index`.
    pub fn exemplars(&self, index: usize) -> &[Exemplar] {
        if self.exemplars.is_empty() {
            return &[];
        }
        match self.exemplars.binary_search_by_key(&index, |(at, _)| *at as usize) {
            Ok(found) => self.exemplars.get(found).map_or(&[], |(_, list)| list),
            Err(_) => &[],
        }
    }

    /// Replaces the exemplars of the point at `index`.
    pub fn set_exemplars(&mut self, index: usize, list: Vec<Exemplar>) {
        match (self.exemplars.binary_search_by_key(&index, |(at, _)| *at as usize), list.is_empty()) {
            (Ok(found), true) => drop(self.exemplars.remove(found)),
            (Ok(found), false) => self.exemplars[found].1 = list,
            (Err(_), true) => {}
            (Err(place), false) => self.exemplars.insert(place, (index as u32, list)),
        }
    }

    /// The point at `index`.
    pub fn get(&self, index: usize) -> Option<NumberRef<'_>> {
        Some(NumberRef {
            attrs: self.attrs.get(index)?,
            start: self.start.get(index),
            time: self.time.get(index),
            value: self.value(index),
            flags: self.flags.get(index),
            exemplars: self.exemplars(index),
        })
    }

    /// All points, in order.
    pub fn iter(&self) -> impl Iterator<Item = NumberRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Keeps the points whose index `keep` accepts; it is asked once for each, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let kept: Vec<bool> = (0..self.len()).map(&mut keep).collect();
        if kept.iter().all(|keep| *keep) {
            return;
        }
        let stays = |index: usize| kept.get(index).copied().unwrap_or_default();
        retain_by_index(&mut self.attrs, stays);
        retain_by_index(&mut self.bits, stays);
        self.start.retain(stays);
        self.time.retain(stays);
        self.flags.retain(stays);
        self.kinds.retain(stays);
        if !self.exemplars.is_empty() {
            let mut place = 0;
            let places: Vec<u32> = kept
                .iter()
                .map(|keep| {
                    place += u32::from(*keep);
                    place.saturating_sub(1)
                })
                .collect();
            self.exemplars.retain(|(at, _)| stays(*at as usize));
            for (at, _) in &mut self.exemplars {
                *at = places.get(*at as usize).copied().unwrap_or_default();
            }
        }
    }

    /// Cuts after `at` points and returns the rest.
    pub fn split_off(&mut self, at: usize) -> Self {
        let at = at.min(self.len());
        let cut = self.exemplars.partition_point(|(place, _)| (*place as usize) < at);
        let mut exemplars = self.exemplars.split_off(cut);
        for (place, _) in &mut exemplars {
            *place -= at as u32;
        }
        Self {
            attrs: self.attrs.split_off(at),
            start: self.start.split_off(at),
            time: self.time.split_off(at),
            flags: self.flags.split_off(at),
            bits: self.bits.split_off(at),
            kinds: self.kinds.split_off(at),
            exemplars,
        }
    }

    /// Appends all points of another.
    pub fn append(&mut self, other: Self) {
        let offset = self.len() as u32;
        self.attrs.extend(other.attrs);
        self.start.append(&other.start);
        self.time.append(&other.time);
        self.flags.append(&other.flags);
        self.bits.extend_from_slice(&other.bits);
        self.kinds.append(&other.kinds);
        self.exemplars.extend(other.exemplars.into_iter().map(|(place, list)| (place + offset, list)));
    }

    /// Gives back room that was reserved and not used.
    pub fn shrink_to_fit(&mut self) {
        self.attrs.shrink_to_fit();
        self.bits.shrink_to_fit();
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let mut last = 0;
        let sets: usize = self
            .attrs
            .iter()
            .map(|set| {
                let repeated = std::mem::replace(&mut last, set.id()) == set.id();
                if repeated { 0 } else { set.heap_bytes() }
            })
            .sum();
        let columns = self.attrs.capacity() * size_of::<Attrs>()
            + self.bits.capacity() * size_of::<u64>()
            + self.start.heap_bytes()
            + self.time.heap_bytes()
            + self.flags.heap_bytes()
            + self.kinds.heap_bytes();
        columns + sets + self.exemplars.iter().map(|(_, list)| exemplar_bytes(list) + 32).sum::<usize>()
    }
}

impl PartialEq for NumberPoints {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.attrs == other.attrs
            && self.bits == other.bits
            && self.kinds == other.kinds
            && self.start == other.start
            && self.time == other.time
            && self.flags == other.flags
            && self.exemplars == other.exemplars
    }
}

impl FromIterator<NumberPoint> for NumberPoints {
    fn from_iter<I: IntoIterator<Item = NumberPoint>>(points: I) -> Self {
        let mut columns = Self::default();
        points.into_iter().for_each(|point| columns.push(point));
        columns
    }
}

fn pack(value: Number) -> (NumberKind, u64) {
    match value {
        Number::Empty => (NumberKind::Empty, 0),
        Number::Int(value) => (NumberKind::Int, value as u64),
        Number::Double(value) => (NumberKind::Double, value.to_bits()),
    }
}

fn retain_by_index<T>(items: &mut Vec<T>, keep: impl Fn(usize) -> bool) {
    let mut index = 0;
    items.retain(|_| {
        index += 1;
        keep(index - 1)
    });
}

fn exemplar_bytes(list: &[Exemplar]) -> usize {
    size_of_val(list) + list.iter().map(|exemplar| exemplar.attrs.heap_bytes()).sum::<usize>()
}

/// A distribution with explicit bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramPoint {
    /// Attributes.
    pub attrs: Attrs,
    /// Start of the counted time, nanoseconds since 1970; zero if unknown.
    pub start: u64,
    /// Time, nanoseconds since 1970.
    pub time: u64,
    /// How many values.
    pub count: u64,
    /// Their sum, if known.
    pub sum: Option<f64>,
    /// The least, if known.
    pub min: Option<f64>,
    /// The greatest, if known.
    pub max: Option<f64>,
    /// Upper bounds, ascending, without the infinite one.
    pub bounds: Bounds,
    /// Values per bucket: one more than bounds, or none.
    pub counts: Vec<u64>,
    /// Flags, see [`flags`].
    pub flags: u32,
    /// Sampled values behind it.
    pub exemplars: Vec<Exemplar>,
}

/// A distribution with exponential bounds: bucket `i` holds values in `(base^i, base^(i+1)]`, base = 2^(2^-scale).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialHistogramPoint {
    /// Attributes.
    pub attrs: Attrs,
    /// Start of the counted time, nanoseconds since 1970; zero if unknown.
    pub start: u64,
    /// Time, nanoseconds since 1970.
    pub time: u64,
    /// How many values.
    pub count: u64,
    /// Their sum, if known.
    pub sum: Option<f64>,
    /// The least, if known.
    pub min: Option<f64>,
    /// The greatest, if known.
    pub max: Option<f64>,
    /// Resolution.
    pub scale: i32,
    /// Values within the zero threshold.
    pub zero_count: u64,
    /// Half width of the zero bucket.
    pub zero_threshold: f64,
    /// Buckets of positive values.
    pub positive: ExponentialBuckets,
    /// Buckets of negative values.
    pub negative: ExponentialBuckets,
    /// Flags, see [`flags`].
    pub flags: u32,
    /// Sampled values behind it.
    pub exemplars: Vec<Exemplar>,
}

/// Consecutive exponential buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExponentialBuckets {
    /// Index of the first bucket.
    pub offset: i32,
    /// Values per bucket.
    pub counts: Vec<u64>,
}

/// Quantiles computed at the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SummaryPoint {
    /// Attributes.
    pub attrs: Attrs,
    /// Start of the counted time, nanoseconds since 1970; zero if unknown.
    pub start: u64,
    /// Time, nanoseconds since 1970.
    pub time: u64,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Quantiles.
    pub quantiles: Vec<QuantileValue>,
    /// Flags, see [`flags`].
    pub flags: u32,
}

/// One quantile of a summary.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QuantileValue {
    /// Which, from 0 to 1.
    pub quantile: f64,
    /// Its value.
    pub value: f64,
}

impl HistogramPoint {
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.attrs.heap_bytes()
            + self.counts.capacity() * 8
            + self.bounds.capacity() * 8 / triomphe::Arc::strong_count(&self.bounds).max(1)
            + exemplar_bytes(&self.exemplars)
    }
}

impl ExponentialHistogramPoint {
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.attrs.heap_bytes()
            + (self.positive.counts.capacity() + self.negative.counts.capacity()) * 8
            + exemplar_bytes(&self.exemplars)
    }
}

impl SummaryPoint {
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.attrs.heap_bytes() + self.quantiles.capacity() * size_of::<QuantileValue>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(seed: u64) -> NumberPoint {
        let value = match seed % 3 {
            0 => Number::Int(-(seed as i64)),
            1 => Number::Double(seed as f64 / 3.0),
            _ => Number::Empty,
        };
        let exemplars = if seed.is_multiple_of(4) { vec![Exemplar { time: seed, ..Exemplar::default() }] } else { Vec::new() };
        NumberPoint {
            attrs: Attrs::from([("n", seed as i64)]),
            start: seed / 5,
            time: 7,
            value,
            flags: (seed % 2) as u32,
            exemplars,
        }
    }

    fn rows(points: &NumberPoints) -> Vec<NumberPoint> {
        points
            .iter()
            .map(|p| NumberPoint {
                attrs: p.attrs.clone(),
                start: p.start,
                time: p.time,
                value: p.value,
                flags: p.flags,
                exemplars: p.exemplars.to_vec(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn prop_columns_behave_as_rows(seeds in proptest::collection::vec(0u64..50, 0..30), more in proptest::collection::vec(0u64..50, 0..10), at in 0usize..40) {
            let mut expected: Vec<NumberPoint> = seeds.iter().copied().map(point).collect();
            let mut points: NumberPoints = expected.iter().cloned().collect();
            prop_assert_eq!(rows(&points), expected.clone());
            points.append(more.iter().copied().map(point).collect());
            expected.extend(more.into_iter().map(point));
            prop_assert_eq!(rows(&points), expected.clone());
            let rest = points.split_off(at);
            let tail = expected.split_off(at.min(expected.len()));
            prop_assert_eq!(rows(&rest), tail);
            points.retain(|index| index % 3 != 0);
            let mut index = 0;
            expected.retain(|_| { index += 1; (index - 1) % 3 != 0 });
            prop_assert_eq!(rows(&points), expected);
        }
    }

    #[test]
    fn replacing_a_value_changes_its_kind_alone() {
        let mut points: NumberPoints = [point(1), point(1)].into_iter().collect();
        assert!(points.doubles().is_some());
        points.set_value(1, Number::Int(i64::MIN));
        assert_eq!(points.value(0), Number::Double(1.0 / 3.0));
        assert_eq!(points.value(1), Number::Int(i64::MIN));
        assert!(points.doubles().is_none());
    }
}
