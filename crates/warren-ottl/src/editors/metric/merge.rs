//! Points that are alike become one.

use crate::getter::truncated;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;
use warren_gotext::json;
use warren_pdata::{
    Attrs, Data, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint, NumberPoints, Temporality,
    Value,
};

/// What becomes of the numbers of points that are merged. Distributions are always added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregation {
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Count,
}

impl Aggregation {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "median" => Self::Median,
            "count" => Self::Count,
            _ => return None,
        })
    }
}

/// Merges the points that are alike.
pub(super) fn merge(data: &mut Data, aggregation: Aggregation) {
    let by_start = data.temporality() == Some(Temporality::DELTA);
    let start = |start: u64| if by_start { start } else { 0 };
    let mut sets = Sets::default();
    match data {
        Data::Gauge(points) => *points = numbers(points, &mut sets, start, aggregation),
        Data::Sum(sum) => sum.points = numbers(&sum.points, &mut sets, start, aggregation),
        Data::Histogram { points, .. } => {
            let key = |point: &HistogramPoint| {
                let bounds: Vec<u64> = point.bounds.iter().map(|bound| bound.to_bits()).collect();
                let set = sets.number(&point.attrs);
                (set, point.time, start(point.start), point.min.is_some(), point.max.is_some(), point.flags, bounds)
            };
            *points = grouped(std::mem::take(points), key).into_iter().filter_map(histogram).collect();
        }
        Data::ExponentialHistogram { points, .. } => {
            let key = |point: &ExponentialHistogramPoint| {
                let set = sets.number(&point.attrs);
                let offsets = (point.scale, point.positive.offset, point.negative.offset);
                (set, point.time, start(point.start), point.min.is_some(), point.max.is_some(), point.flags, offsets)
            };
            *points = grouped(std::mem::take(points), key).into_iter().filter_map(exponential).collect();
        }
        Data::Empty | Data::Summary(_) => {}
    }
}

/// Numbers for attribute sets: equal for equal sets in any order.
#[derive(Default)]
struct Sets {
    /// By storage: shared sets are looked at once. A clone is held, so that no storage is used again.
    known: HashMap<usize, (Attrs, usize)>,
    numbers: HashMap<String, usize>,
}

impl Sets {
    fn number(&mut self, attrs: &Attrs) -> usize {
        if let Some((_, number)) = self.known.get(&attrs.id()) {
            return *number;
        }
        let mut text = String::new();
        if json(&mut text, &Value::Map(attrs.clone())).is_err() {
            text = format!("{attrs:?}");
        }
        let next = self.numbers.len();
        let number = *self.numbers.entry(text).or_insert(next);
        self.known.insert(attrs.id(), (attrs.clone(), number));
        number
    }
}

/// Items by key, in the order in which keys came first.
fn grouped<T, K: Hash + Eq>(items: impl IntoIterator<Item = T>, mut key: impl FnMut(&T) -> K) -> Vec<Vec<T>> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in items {
        let next = groups.len();
        let place = *places.entry(key(&item)).or_insert(next);
        match groups.get_mut(place) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

fn numbers(points: &NumberPoints, sets: &mut Sets, start: impl Fn(u64) -> u64, aggregation: Aggregation) -> NumberPoints {
    let key = |index: &usize| {
        let point = points.get(*index);
        point.map(|point| (sets.number(point.attrs), point.time, start(point.start)))
    };
    let merged = |group: Vec<usize>| {
        let first = points.get(*group.first()?)?;
        let values: Vec<Number> = group.iter().map(|index| points.value(*index)).collect();
        Some(NumberPoint {
            attrs: first.attrs.clone(),
            start: group.iter().map(|index| points.start.get(*index)).min().unwrap_or(first.start),
            time: first.time,
            value: aggregated(&values, aggregation),
            flags: first.flags,
            exemplars: first.exemplars.to_vec(),
        })
    };
    grouped(0..points.len(), key).into_iter().filter_map(merged).collect()
}

/// The first value decides the kind of number.
fn aggregated(values: &[Number], aggregation: Aggregation) -> Number {
    match values.first() {
        Some(Number::Int(_)) => Number::Int(whole(values, aggregation)),
        Some(Number::Double(_)) => Number::Double(fraction(values, aggregation)),
        Some(Number::Empty) | None => Number::Empty,
    }
}

fn whole(numbers: &[Number], aggregation: Aggregation) -> i64 {
    let mut values: Vec<i64> = numbers
        .iter()
        .map(|number| match number {
            Number::Int(value) => *value,
            Number::Double(value) => truncated(*value),
            Number::Empty => 0,
        })
        .collect();
    // Fractions count nothing in sums of whole numbers, as upstream has it.
    let sum =
        || numbers.iter().fold(0i64, |sum, number| sum.wrapping_add(if let Number::Int(value) = number { *value } else { 0 }));
    let first = values.first().copied().unwrap_or_default();
    match aggregation {
        Aggregation::Sum => sum(),
        Aggregation::Mean => sum() / (numbers.len() as i64).max(1),
        Aggregation::Min => values.iter().copied().min().unwrap_or(first),
        Aggregation::Max => values.iter().copied().max().unwrap_or(first),
        Aggregation::Count if values.len() == 1 => first,
        Aggregation::Count => values.len() as i64,
        Aggregation::Median => {
            values.sort_unstable();
            let [low, high] = middle(&values, first);
            if values.len() % 2 == 1 { high } else { low.wrapping_add(high) / 2 }
        }
    }
}

fn fraction(numbers: &[Number], aggregation: Aggregation) -> f64 {
    let mut values: Vec<f64> = numbers.iter().map(|number| number.as_f64()).collect();
    let first = values.first().copied().unwrap_or_default();
    match aggregation {
        Aggregation::Sum => values.iter().skip(1).fold(first, |sum, value| sum + value),
        Aggregation::Mean => values.iter().skip(1).fold(first, |sum, value| sum + value) / values.len() as f64,
        Aggregation::Min => values.iter().copied().fold(first, |a, b| extreme(a, b, f64::NEG_INFINITY, f64::min)),
        Aggregation::Max => values.iter().copied().fold(first, |a, b| extreme(a, b, f64::INFINITY, f64::max)),
        Aggregation::Count if values.len() == 1 => first,
        Aggregation::Count => values.len() as f64,
        Aggregation::Median => {
            values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())).then(Ordering::Equal));
            let [low, high] = middle(&values, first);
            if values.len() % 2 == 1 { high } else { (low + high) / 2.0 }
        }
    }
}

/// The two in the middle; of an odd number, the second is the one.
fn middle<T: Copy>(values: &[T], default: T) -> [T; 2] {
    let half = values.len() / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(default);
    [at(half.saturating_sub(1)), at(half)]
}

/// Go's `math.Min` and `math.Max`: the infinity in their direction wins, else `NaN` does.
fn extreme(a: f64, b: f64, infinity: f64, of: fn(f64, f64) -> f64) -> f64 {
    if a == infinity || b == infinity {
        return infinity;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { of(a, b) }
}

fn histogram(group: Vec<HistogramPoint>) -> Option<HistogramPoint> {
    let mut points = group.into_iter();
    let mut merged = points.next()?;
    for point in points.filter(|point| point.count > 0) {
        merged.count = merged.count.wrapping_add(point.count);
        merged.sum = Some(merged.sum.unwrap_or_default() + point.sum.unwrap_or_default());
        merged.min = merged.min.map(|min| if min > point.min.unwrap_or_default() { point.min.unwrap_or_default() } else { min });
        merged.max = merged.max.map(|max| if max < point.max.unwrap_or_default() { point.max.unwrap_or_default() } else { max });
        add(&mut merged.counts, &point.counts);
        merged.exemplars.extend(point.exemplars);
        merged.start = merged.start.min(point.start);
    }
    Some(merged)
}

fn exponential(group: Vec<ExponentialHistogramPoint>) -> Option<ExponentialHistogramPoint> {
    let mut points = group.into_iter();
    let mut merged = points.next()?;
    for point in points.filter(|point| point.count > 0) {
        merged.count = merged.count.wrapping_add(point.count);
        merged.sum = Some(merged.sum.unwrap_or_default() + point.sum.unwrap_or_default());
        merged.zero_count = merged.zero_count.wrapping_add(point.zero_count);
        merged.min = merged.min.map(|min| if min > point.min.unwrap_or_default() { point.min.unwrap_or_default() } else { min });
        merged.max = merged.max.map(|max| if max < point.max.unwrap_or_default() { point.max.unwrap_or_default() } else { max });
        // Offsets are equal, so the same place is the same bucket.
        let buckets = |to: &mut ExponentialBuckets, from: &ExponentialBuckets| add(&mut to.counts, &from.counts);
        buckets(&mut merged.positive, &point.positive);
        buckets(&mut merged.negative, &point.negative);
        merged.exemplars.extend(point.exemplars);
        merged.start = merged.start.min(point.start);
    }
    Some(merged)
}

fn add(to: &mut Vec<u64>, from: &[u64]) {
    if to.len() < from.len() {
        to.resize(from.len(), 0);
    }
    for (to, from) in to.iter_mut().zip(from) {
        *to = to.wrapping_add(*from);
    }
}
