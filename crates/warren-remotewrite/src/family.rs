//! Families: which metrics of a batch can have series in common.
//!
//! Series are equal only if their names are. What a metric's series are called begins with the metric's translated name and may end with
//! `_sum`, `_count` or `_bucket`; metrics whose names agree without such endings are of one family.

use crate::labels::{Hash, Layout, name_label};
use crate::translation::{ResourceLabels, Translation};
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::ops::Range;
use warren_pdata::{Data, Metric, Metrics, Temporality};
use warren_promname::Kind;

/// Reasons that are told of one batch.
const REASONS_MAX: usize = 10;

/// A metric, or what a resource gives by itself.
pub(crate) struct Entry<'a> {
    /// What it is.
    pub(crate) origin: Origin<'a>,
    /// Its resource's rank in the batch.
    pub(crate) resource: usize,
    /// The translated name.
    pub(crate) name: String,
    /// The name as a label of version 1.0.
    pub(crate) label: Vec<u8>,
    family: u32,
}

/// Where series come from.
pub(crate) enum Origin<'a> {
    /// The points of a metric.
    Metric(&'a Metric),
    /// A resource: `target_info`.
    TargetInfo {
        /// The newest time of its points, nanoseconds since 1970.
        time: u64,
        /// What its attributes become.
        layout: Layout,
    },
}

/// The metrics of a batch by family, and what of it cannot be translated.
pub(crate) struct Families<'a> {
    /// The resources, as they stand in the batch.
    pub(crate) resources: Vec<ResourceLabels<'a>>,
    /// Metrics, those of a family side by side; families in the order in which they first occur.
    pub(crate) entries: Vec<Entry<'a>>,
    /// Where in `entries` each family stands.
    pub(crate) ranges: Vec<Range<usize>>,
    /// What is left out.
    pub(crate) failures: Failures,
}

/// What of a batch has no form in remote write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many metrics.
    pub metrics: u64,
    /// How many points they had.
    pub points: u64,
    /// Why, in upstream's words; the first few.
    pub reasons: Vec<String>,
}

impl Failures {
    pub(crate) fn add(&mut self, points: usize, reason: impl FnOnce() -> String) {
        self.metrics += 1;
        self.points += points as u64;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason());
        }
    }
}

impl<'a> Entry<'a> {
    fn new(origin: Origin<'a>, resource: usize, name: String) -> Self {
        Self { origin, resource, label: name_label(&name), name, family: 0 }
    }
}

impl<'a> Families<'a> {
    pub(crate) fn new(batch: &'a Metrics, translation: &Translation, hasher: &Hash) -> Self {
        let mut entries = Vec::new();
        let mut failures = Failures::default();
        let mut resources = Vec::with_capacity(batch.resources.len());
        for (rank, group) in batch.resources.iter().enumerate() {
            let resource = ResourceLabels::new(&group.resource.attrs);
            let mut newest = 0;
            for metric in group.scopes.iter().flat_map(|scope| &scope.items) {
                newest = newest.max(newest_time(&metric.data));
                if let Some(reason) = fault(metric) {
                    failures.add(metric.data.len(), || reason);
                    continue;
                }
                let name = translation.namer.name(&metric.name, &metric.unit, kind(&metric.data));
                entries.push(Entry::new(Origin::Metric(metric), rank, name));
            }
            if translation.target_info && newest > 0 && resource.telling() {
                let layout = Layout::for_target_info(&resource, translation, hasher);
                if layout.identifies() {
                    let origin = Origin::TargetInfo { time: newest, layout };
                    entries.push(Entry::new(origin, rank, translation.target_info_name()));
                }
            }
            resources.push(resource);
        }
        let ranges = arrange(&mut entries);
        Self { resources, entries, ranges, failures }
    }
}

/// Puts the entries of a family side by side and tells where each family stands.
fn arrange(entries: &mut [Entry<'_>]) -> Vec<Range<usize>> {
    let (ranks, sizes) = ranks(entries);
    for (entry, rank) in entries.iter_mut().zip(ranks) {
        entry.family = rank;
    }
    entries.sort_by_key(|entry| entry.family);
    let mut end = 0;
    sizes
        .into_iter()
        .map(|size| {
            end += size;
            end - size..end
        })
        .collect()
}

/// The family of each entry, and how many entries each family has.
fn ranks(entries: &[Entry<'_>]) -> (Vec<u32>, Vec<usize>) {
    let hasher = foldhash::fast::RandomState::default();
    let mut table: HashTable<(&str, u32)> = HashTable::with_capacity(entries.len());
    let mut sizes: Vec<usize> = Vec::new();
    let ranks = entries.iter().map(|entry| {
        let root = root(&entry.name);
        let found = table.entry(hasher.hash_one(root), |(known, _)| *known == root, |(known, _)| hasher.hash_one(known));
        let rank = found.or_insert((root, sizes.len() as u32)).get().1;
        match sizes.get_mut(rank as usize) {
            Some(size) => *size += 1,
            None => sizes.push(1),
        }
        rank
    });
    (ranks.collect(), sizes)
}

/// A name without the endings that mark a part of a distribution.
fn root(mut name: &str) -> &str {
    while let Some(shorter) = ["_sum", "_count", "_bucket"].iter().find_map(|ending| name.strip_suffix(ending)) {
        name = shorter;
    }
    name
}

/// Why a metric cannot be translated.
fn fault(metric: &Metric) -> Option<String> {
    let cumulative = metric.data.temporality().is_none_or(|temporality| temporality == Temporality::CUMULATIVE);
    if !cumulative || matches!(metric.data, Data::Empty) {
        return Some(format!("invalid temporality and type combination for metric {:?}", metric.name.as_str()));
    }
    metric.data.is_empty().then(|| format!("empty data points. {} is dropped", metric.name))
}

/// What a metric's name shows of its kind.
pub(crate) fn kind(data: &Data) -> Kind {
    match data {
        Data::Gauge(_) => Kind::Gauge,
        Data::Sum(sum) if sum.monotonic => Kind::Counter,
        _ => Kind::Other,
    }
}

/// The newest time of a metric's points.
fn newest_time(data: &Data) -> u64 {
    match data {
        Data::Empty => 0,
        Data::Gauge(points) => newest_of(&points.time),
        Data::Sum(sum) => newest_of(&sum.points.time),
        Data::Histogram { points, .. } => points.iter().map(|point| point.time).max().unwrap_or_default(),
        Data::ExponentialHistogram { points, .. } => points.iter().map(|point| point.time).max().unwrap_or_default(),
        Data::Summary(points) => points.iter().map(|point| point.time).max().unwrap_or_default(),
    }
}

fn newest_of(times: &warren_pdata::Column<u64>) -> u64 {
    times.single().unwrap_or_else(|| times.iter().max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_pdata::{Attrs, Number, NumberPoints, Resource, Scope, Sum};

    fn gauge(name: &str) -> Metric {
        let mut points = NumberPoints::default();
        points.push_plain(Attrs::EMPTY, 0, 5, Number::Int(1), 0);
        Metric { name: name.into(), data: Data::Gauge(points), ..Metric::default() }
    }

    fn batch(metrics: Vec<Metric>) -> Metrics {
        Metrics::of(Resource::default(), Scope::default(), metrics)
    }

    #[test]
    fn metrics_that_can_share_a_series_are_of_one_family() {
        let batch = batch(["a", "b", "a_sum", "c_bucket_count", "a", "b_total", "_sum"].map(gauge).to_vec());
        let families = Families::new(&batch, &Translation::default(), &Hash::default());
        let names: Vec<Vec<&str>> = families
            .ranges
            .iter()
            .map(|range| families.entries[range.clone()].iter().map(|entry| entry.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["a", "a_sum", "a"], vec!["b"], vec!["c_bucket_count"], vec!["b_total"], vec!["_sum"]]);
    }

    #[test]
    fn what_has_no_form_is_told_and_counted() {
        let delta = Data::Sum(Sum { temporality: Temporality::DELTA, ..Sum::default() });
        let metrics = vec![
            Metric { name: "d\"".into(), data: delta, ..Metric::default() },
            Metric { name: "none".into(), ..Metric::default() },
            Metric { name: "e".into(), data: Data::Gauge(NumberPoints::default()), ..Metric::default() },
            gauge("good"),
        ];
        let batch = batch(metrics);
        let families = Families::new(&batch, &Translation::default(), &Hash::default());
        assert_eq!(families.entries.len(), 1);
        assert_eq!(
            families.failures.reasons,
            [
                "invalid temporality and type combination for metric \"d\\\"\"",
                "invalid temporality and type combination for metric \"none\"",
                "empty data points. e is dropped",
            ]
        );
    }
}
