//! In which order the series of a family are sent, and which of its points are one series.

use crate::family::{Entry, Families, Origin};
use crate::labels::{Extra, Hash, Layout, Layouts, Named};
use crate::points::{Item, Part, Walk};
use crate::translation::{ResourceLabels, Translation};
use hashbrown::HashTable;
use std::ops::Range;
use warren_pdata::{Attrs, Data, KeyValue, Metric, NumberPoints};

/// The series of a family.
pub(crate) enum Order {
    /// Every item of a walk is a series of its own.
    Straight(Walk),
    /// Several items can be one series.
    Merged(Merged),
}

/// Items by series.
pub(crate) struct Merged {
    items: Vec<Item>,
    /// Items of a series side by side, each series' in the order of the walk.
    members: Vec<u32>,
    /// Where in `members` each series stands; series in the order of their first item.
    groups: Vec<Range<usize>>,
    next: usize,
}

impl Merged {
    /// The items of the next series.
    pub(crate) fn next(&mut self, into: &mut Vec<Item>) -> bool {
        into.clear();
        let Some(group) = self.groups.get(self.next) else { return false };
        self.next += 1;
        let members = self.members.get(group.clone()).unwrap_or_default();
        into.extend(members.iter().filter_map(|at| self.items.get(*at as usize).copied()));
        true
    }
}

/// A column of points and what the labels of their series are made of.
pub(crate) struct Column<'s, 'a> {
    pub(crate) points: &'a NumberPoints,
    entry: &'s Entry<'a>,
    resource: &'s ResourceLabels<'a>,
    layouts: &'s mut Layouts,
    translation: &'a Translation,
    hasher: &'s Hash,
}

impl Column<'_, '_> {
    /// Appends the labels of a point's series as version 1.0 has them.
    #[inline]
    pub(crate) fn write_labels(&mut self, out: &mut Vec<u8>, set: &Attrs) {
        let named = Named { name: &self.entry.name, encoded: Some(&self.entry.label), extra: "" };
        let layout = self.layouts.of(set, Extra::None, self.resource, self.translation, self.hasher);
        layout.write_v1(out, set.as_slice(), named);
    }
}

/// What labels are made with.
pub(crate) struct Labelling<'a> {
    pub(crate) translation: &'a Translation,
    pub(crate) families: Families<'a>,
    pub(crate) layouts: Vec<Layouts>,
    pub(crate) hasher: Hash,
    /// Sets that were found to give distinct labels in a resource: those of the metric looked at last.
    distinct: Option<(usize, &'a [Attrs])>,
    /// Room for labels that are compared.
    labels: [Vec<u8>; 2],
}

impl<'a> Labelling<'a> {
    pub(crate) fn new(translation: &'a Translation, families: Families<'a>, hasher: Hash) -> Self {
        let layouts = families.resources.iter().map(|_| Layouts::default()).collect();
        Self { translation, families, layouts, hasher, distinct: None, labels: Default::default() }
    }

    /// The order of a family.
    pub(crate) fn order(&mut self, family: Range<usize>) -> Order {
        if family.len() == 1 && self.is_distinct(family.start) {
            return Order::Straight(Walk::new(family));
        }
        let items = self.items(family.clone());
        let mut known: Vec<(u64, u32)> = (0u32..).zip(&items).map(|(at, item)| (self.identity(item), at)).collect();
        known.sort_unstable();
        if known.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a != b)) {
            return Order::Straight(Walk::new(family));
        }
        let mut members: Vec<u32> = known.iter().map(|(_, at)| *at).collect();
        let mut groups = Vec::with_capacity(members.len());
        for equal in known.chunk_by(|(a, _), (b, _)| a == b) {
            let mut start = groups.last().map_or(0, |group: &Range<usize>| group.end);
            let end = start + equal.len();
            while start < end {
                let same = self.gather(members.get_mut(start..end).unwrap_or_default(), &items);
                groups.push(start..start + same);
                start += same;
            }
        }
        groups.sort_by_key(|group| members.get(group.start).copied());
        Order::Merged(Merged { items, members, groups, next: 0 })
    }

    /// Moves the members with the labels of the first to the front and tells how many they are. All but always it is all of them: their
    /// hashes are equal.
    fn gather(&mut self, members: &mut [u32], items: &[Item]) -> usize {
        let [mut first, mut other] = std::mem::take(&mut self.labels);
        let mut same = 1;
        for at in 0..members.len() {
            let item = members.get(at).and_then(|member| items.get(*member as usize));
            let labels = if at == 0 { &mut first } else { &mut other };
            labels.clear();
            if let Some(item) = item {
                self.with(item, |layout, set, named, _| layout.write_v1(labels, set, named));
            }
            if at > 0 && first == other {
                if let Some(passed) = members.get_mut(same..=at) {
                    passed.rotate_right(1);
                }
                same += 1;
            }
        }
        self.labels = [first, other];
        same
    }

    /// Whether all points of a metric have labels of their own.
    fn is_distinct(&mut self, entry: usize) -> bool {
        let Some(Entry { origin: Origin::Metric(metric), resource, .. }) = self.families.entries.get(entry) else { return true };
        let (metric, resource): (&'a Metric, usize) = (metric, *resource);
        if let Some(points) = metric.data.numbers() {
            let same =
                |sets: &[Attrs]| sets.len() == points.attrs.len() && sets.iter().zip(&points.attrs).all(|(a, b)| a.same(b));
            if points.len() == 1 || self.distinct.is_some_and(|(of, sets)| of == resource && same(sets)) {
                return true;
            }
        }
        let (extra, parts_differ) = match &metric.data {
            Data::Histogram { points, .. } => (Extra::Le, points.iter().all(|point| ascends(point.bounds.iter().copied()))),
            Data::Summary(points) => {
                let ascend = points.iter().all(|point| ascends(point.quantiles.iter().map(|quantile| quantile.quantile)));
                (Extra::Quantile, ascend)
            }
            _ => (Extra::None, true),
        };
        let mut known: HashTable<u64> = HashTable::with_capacity(metric.data.len());
        let distinct = parts_differ
            && (0..metric.data.len()).all(|point| {
                let identity = self.identity_of_set(resource, metric.data.attrs(point), extra);
                let new = known.find(identity, |known| *known == identity).is_none();
                if new {
                    known.insert_unique(identity, identity, |known| *known);
                }
                new
            });
        if let (true, Some(points)) = (distinct, metric.data.numbers()) {
            self.distinct = Some((resource, &points.attrs));
        }
        distinct
    }

    fn items(&self, family: Range<usize>) -> Vec<Item> {
        let mut walk = Walk::new(family);
        std::iter::from_fn(|| walk.next(&self.families.entries)).collect()
    }

    /// The identity of a set's labels.
    fn identity_of_set(&mut self, resource: usize, set: &Attrs, extra: Extra) -> u64 {
        let Self { translation, families, layouts, hasher, .. } = self;
        let (Some(labels), Some(layouts)) = (families.resources.get(resource), layouts.get_mut(resource)) else {
            return 0;
        };
        layouts.of(set, extra, labels, translation, hasher).identity(set.as_slice(), hasher)
    }

    fn identity(&mut self, item: &Item) -> u64 {
        let mut identity = 0;
        self.with(item, |layout, set, named, hasher| {
            identity = layout.identity(set, hasher).wrapping_add(layout.identity_of(named, hasher));
        });
        identity
    }

    /// The plain column of points at which a walk stands: numbers without exemplars, whose series have one sample each and labels by
    /// attributes alone. With it, what labels are made of.
    #[inline]
    pub(crate) fn column(&mut self, walk: &Walk) -> Option<Column<'_, 'a>> {
        let Self { translation, families, layouts, hasher, .. } = self;
        let entry = families.entries.get(walk.entry())?;
        let Origin::Metric(metric) = entry.origin else { return None };
        let points = match &metric.data {
            Data::Gauge(points) => points,
            Data::Sum(sum) if !sum.points.has_exemplars() => &sum.points,
            _ => return None,
        };
        let resource = families.resources.get(entry.resource)?;
        Some(Column { points, entry, resource, layouts: layouts.get_mut(entry.resource)?, translation, hasher })
    }

    /// Shows what the labels of an item's series are made of.
    #[inline]
    pub(crate) fn with(&mut self, item: &Item, show: impl FnOnce(&Layout, &'a [KeyValue], Named<'_>, &Hash)) {
        let Self { translation, families, layouts, hasher, .. } = self;
        let Some(entry) = families.entries.get(item.entry as usize) else { return };
        let Some(resource) = families.resources.get(entry.resource) else { return };
        let metric: &'a Metric = match &entry.origin {
            Origin::Metric(metric) => metric,
            Origin::TargetInfo { layout, .. } => {
                let named = Named { name: &entry.name, encoded: Some(&entry.label), extra: "" };
                return show(layout, resource.attrs.as_slice(), named, hasher);
            }
        };
        let Some(layouts) = layouts.get_mut(entry.resource) else { return };
        let set = item.attrs(metric);
        let kind = match item.part {
            Part::Bucket(_) => Extra::Le,
            Part::Quantile(_) => Extra::Quantile,
            Part::Whole | Part::Sum | Part::Count => Extra::None,
        };
        let layout = layouts.of(set, kind, resource, translation, hasher);
        if item.part == Part::Whole {
            let named = Named { name: &entry.name, encoded: Some(&entry.label), extra: "" };
            return show(layout, set.as_slice(), named, hasher);
        }
        let name = format!("{}{}", entry.name, item.part.ending());
        let extra = item.extra(metric);
        show(layout, set.as_slice(), Named { name: &name, encoded: None, extra: &extra }, hasher);
    }
}

/// Whether values grow from each to the next and are finite.
fn ascends(values: impl Iterator<Item = f64>) -> bool {
    let mut before = f64::NEG_INFINITY;
    let mut values = values;
    values.all(|value| value.is_finite() && std::mem::replace(&mut before, value) < value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_pdata::{Metrics, Number, Resource, Scope};

    #[test]
    fn series_whose_hashes_collide_stay_apart() {
        let mut points = NumberPoints::default();
        for queue in ["a", "b", "a", "c", "b", "a"] {
            points.push_plain(Attrs::from([("queue", queue)]), 0, 1, Number::Int(1), 0);
        }
        let metric = Metric { name: "m".into(), data: Data::Gauge(points), ..Metric::default() };
        let batch = Metrics::of(Resource::default(), Scope::default(), vec![metric]);
        let (translation, hasher) = (Translation::default(), Hash::default());
        let mut labelling = Labelling::new(&translation, Families::new(&batch, &translation, &hasher), hasher);
        let items = labelling.items(0..1);
        let mut members = [0, 1, 2, 3, 4, 5];
        assert_eq!(labelling.gather(&mut members, &items), 3);
        assert_eq!(members, [0, 2, 5, 1, 3, 4]);
        assert_eq!(labelling.gather(&mut members[3..], &items), 2);
        assert_eq!(members[3..], [1, 4, 3]);
    }
}
