//! The series of one name.

use crate::labels::{Context, Labels, Layout};
use crate::order::{Order, Place};
use crate::value::{Change, Held, Point};
use std::sync::Arc;
use warren_pdata::{Attrs, Text};

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Counter,
    Histogram,
    Summary,
}

impl Kind {
    /// The word in a page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }

    /// The label that only series of this kind may have.
    pub(crate) fn label(self) -> Option<&'static str> {
        match self {
            Self::Gauge | Self::Counter => None,
            Self::Histogram => Some("le"),
            Self::Summary => Some("quantile"),
        }
    }
}

/// All series of one name.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    pub(crate) help: Text,
    /// The name of the metric that was the first.
    pub(crate) metric: Text,
    /// Whether something was told about the family already.
    pub(crate) told: Told,
    series: Vec<Option<Series>>,
    free: Vec<u32>,
    order: Order,
    /// Changes with the order.
    version: u64,
    /// Where the last point was found: the next one is often behind it.
    last: usize,
}

/// What is told once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) kind: bool,
    pub(crate) help: bool,
    pub(crate) metric: bool,
    pub(crate) room: bool,
}

/// One series.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) value: Held,
    /// Time of the value, nanoseconds since 1970; zero if it is shown without.
    pub(crate) time: u64,
    /// When it arrived, by the store's clock.
    pub(crate) updated: u32,
    /// Bytes it is charged.
    weight: u32,
}

/// What changed in the size of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) series: isize,
    pub(crate) bytes: isize,
}

impl Family {
    pub(crate) fn new(kind: Kind, metric: Text, help: Text) -> Self {
        Self {
            kind,
            help,
            metric,
            told: Told::default(),
            series: Vec::new(),
            free: Vec::new(),
            order: Order::default(),
            version: 0,
            last: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.series.len() == self.free.len()
    }

    /// The series of these attributes in a context, if it is where one would expect it.
    pub(crate) fn expected(&mut self, context: &Arc<Context>, attrs: &Attrs) -> Option<u32> {
        let at = [self.last + 1, self.last, 0].into_iter().find(|at| {
            let series = self.series.get(*at).and_then(Option::as_ref);
            series.is_some_and(|series| series.labels.attrs.same(attrs) && series.labels.layout.is_of(context))
        })?;
        self.last = at;
        Some(at as u32)
    }

    /// The series with these labels, or where it belongs.
    pub(crate) fn find(&mut self, labels: &Labels) -> Result<u32, Place> {
        let series = &self.series;
        let compare = |number: u32| match series.get(number as usize).and_then(Option::as_ref) {
            Some(series) => series.labels.order(labels),
            None => std::cmp::Ordering::Less,
        };
        let (_, number) = self.order.find(compare)?;
        self.last = number as usize;
        Ok(number)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Series> {
        self.series.get(number as usize).and_then(Option::as_ref)
    }

    /// Adds a series where it belongs. `own_layout`: its layout is not shared.
    pub(crate) fn insert(
        &mut self,
        place: Place,
        labels: Labels,
        value: Held,
        time: u64,
        updated: u32,
        own_layout: bool,
    ) -> (u32, Growth) {
        let layout = if own_layout { labels.layout.heap_bytes() } else { 0 };
        // The set counts in full, for whoever else holds it may let go.
        let attrs = labels.attrs.heap_bytes() * labels.attrs.holders().max(1);
        let weight = size_of::<Option<Series>>() + size_of::<u32>() * 2 + attrs + layout + value.heap_bytes();
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let series = Some(Series { labels, value, time, updated, weight });
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(slot) = self.series.get_mut(number as usize) {
                    *slot = series;
                }
                number
            }
            None => {
                self.series.push(series);
                (self.series.len() - 1) as u32
            }
        };
        self.last = number as usize;
        self.order.insert(place, number);
        self.version += 1;
        (number, Growth { series: 1, bytes: weight as isize })
    }

    /// Gives a series what a point makes of it, if that is not more than `room` bytes larger.
    pub(crate) fn update(
        &mut self,
        number: u32,
        point: &Point<'_>,
        labels: Option<Labels>,
        now: u32,
        exemplars: bool,
        room: usize,
    ) -> Updated {
        let Some(series) = self.series.get_mut(number as usize).and_then(Option::as_mut) else { return Updated::Older };
        match point.after(&series.value, series.time, exemplars) {
            Change::Older => Updated::Older,
            Change::Misaligned => Updated::Misaligned,
            Change::Becomes(value) => {
                let bytes = value.heap_bytes() as isize - series.value.heap_bytes() as isize;
                if bytes > 0 && bytes.unsigned_abs() > room {
                    return Updated::NoRoom;
                }
                series.weight = series.weight.saturating_add_signed(i32::try_from(bytes).unwrap_or_default());
                // Labels that are equal may come from a newer set, which the next point will have.
                if let Some(labels) = labels {
                    series.labels = labels;
                }
                series.value = value;
                series.time = point.time().max(series.time);
                series.updated = now;
                Updated::Grown(Growth { series: 0, bytes })
            }
        }
    }

    /// Keeps a series alive that has no points.
    pub(crate) fn touch(&mut self, number: u32, now: u32) {
        if let Some(series) = self.series.get_mut(number as usize).and_then(Option::as_mut) {
            series.updated = now;
        }
    }

    /// Forgets a series.
    pub(crate) fn remove(&mut self, number: u32) -> Growth {
        let Some(labels) = self.get(number).map(|series| series.labels.clone()) else { return Growth::default() };
        let series = &self.series;
        let found = self.order.find(|other| match series.get(other as usize).and_then(Option::as_ref) {
            Some(series) => series.labels.order(&labels),
            None => std::cmp::Ordering::Less,
        });
        if let Ok((place, _)) = found {
            self.order.remove(place);
            self.version += 1;
        }
        let removed = self.series.get_mut(number as usize).and_then(Option::take);
        self.free.push(number);
        Growth { series: -1, bytes: -removed.map_or(0, |series| series.weight as isize) }
    }

    /// Forgets the series that were not updated since a time.
    pub(crate) fn expire(&mut self, before: i64) -> Growth {
        let mut growth = Growth::default();
        for (number, slot) in self.series.iter_mut().enumerate() {
            if let Some(series) = slot.take_if(|series| i64::from(series.updated) < before) {
                growth.series -= 1;
                growth.bytes -= series.weight as isize;
                self.free.push(number as u32);
            }
        }
        if growth.series < 0 {
            let series = &self.series;
            self.order.retain(|number| series.get(number as usize).is_some_and(Option::is_some));
            self.version += 1;
            if self.is_empty() {
                (self.series, self.free, self.last) = (Vec::new(), Vec::new(), 0);
            }
        }
        growth
    }
}

/// What became of an update.
#[derive(Debug)]
pub(crate) enum Updated {
    Grown(Growth),
    Older,
    Misaligned,
    NoRoom,
}

/// How far a reader of a family has come. The family may change between two steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    place: Place,
    version: Option<u64>,
    last: Option<Labels>,
}

impl Reading {
    /// The next series in order that is as recent as `before`.
    pub(crate) fn next<'a>(&mut self, family: &'a Family, before: i64) -> Option<&'a Series> {
        if self.version != Some(family.version) {
            if let Some(last) = &self.last {
                let compare =
                    |number: u32| family.get(number).map_or(std::cmp::Ordering::Less, |series| series.labels.order(last));
                self.place = match family.order.find(compare) {
                    Ok((place, _)) => place.next(),
                    Err(place) => place,
                };
            }
            self.version = Some(family.version);
        }
        loop {
            let (place, number) = family.order.at(self.place)?;
            self.place = place.next();
            let Some(series) = family.get(number) else { continue };
            if i64::from(series.updated) >= before {
                return Some(series);
            }
        }
    }

    /// Remembers the series that was read last, before the family is let go.
    pub(crate) fn pause(&mut self, last: &Series) {
        self.last = Some(last.labels.clone());
    }
}

/// The layouts of one context, by the keys of sets.
#[derive(Debug, Default)]
pub(crate) struct Layouts(Vec<(Option<&'static str>, Vec<Text>, Arc<Layout>)>);

impl Layouts {
    /// Layouts kept; sets with further sequences of keys do not share theirs.
    const MAX: usize = 64;

    /// The layout for a set, and whether it is shared.
    pub(crate) fn get(&mut self, set: &Attrs, taken: Option<&'static str>, new: impl FnOnce() -> Layout) -> (Arc<Layout>, bool) {
        let fits = |keys: &[Text]| keys.len() == set.len() && keys.iter().zip(set).all(|(key, entry)| *key == entry.key);
        if let Some((_, _, layout)) = self.0.iter().find(|(label, keys, _)| *label == taken && fits(keys)) {
            return (Arc::clone(layout), true);
        }
        let layout = Arc::new(new());
        let room = self.0.len() < Self::MAX;
        if room {
            self.0.push((taken, set.iter().map(|entry| entry.key.clone()).collect(), Arc::clone(&layout)));
        }
        (layout, room)
    }

    /// Forgets the layouts that no series has; whether any is left.
    pub(crate) fn shrink(&mut self) -> bool {
        self.0.retain(|(_, _, layout)| Arc::strong_count(layout) > 1);
        !self.0.is_empty()
    }
}
