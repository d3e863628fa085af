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
    /// Bytes that it is charged besides its series, while it has any.
    weight: usize,
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
    weight: usize,
}

/// What changed in the size of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) series: isize,
    pub(crate) bytes: isize,
}

impl Family {
    pub(crate) fn new(name: &str, kind: Kind, metric: Text, help: Text) -> Self {
        let texts = name.len() + metric.len() + help.len();
        Self {
            weight: size_of::<Self>() + size_of::<Arc<str>>() + 64 + texts,
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
        let weight = weight(&labels, own_layout, &value);
        let family = if self.is_empty() { self.weight } else { 0 };
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
        (number, Growth { series: 1, bytes: (family + weight) as isize })
    }

    /// Gives a series what a point makes of it, if that is not more than `room` bytes larger. New labels come with whether their layout is not shared.
    pub(crate) fn update(
        &mut self,
        number: u32,
        point: &Point<'_>,
        labels: Option<(Labels, bool)>,
        now: u32,
        exemplars: bool,
        room: usize,
    ) -> Updated {
        let Some(series) = self.series.get_mut(number as usize).and_then(Option::as_mut) else { return Updated::Older };
        match point.after(&series.value, series.time, exemplars) {
            Change::Older => Updated::Older,
            Change::Misaligned => Updated::Misaligned,
            Change::Becomes(value) => {
                let weight = match &labels {
                    Some((labels, own_layout)) => weight(labels, *own_layout, &value),
                    None => (series.weight + value.heap_bytes()).saturating_sub(series.value.heap_bytes()),
                };
                if weight.saturating_sub(series.weight) > room {
                    return Updated::NoRoom;
                }
                let bytes = weight as isize - series.weight as isize;
                series.weight = weight;
                // Labels that are equal may come from a newer set, which the next point will have.
                if let Some((labels, _)) = labels {
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
        let family = if self.is_empty() { self.weight } else { 0 };
        Growth { series: -1, bytes: -removed.map_or(0, |series| (family + series.weight) as isize) }
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
                growth.bytes -= self.weight as isize;
                (self.series, self.free, self.last) = (Vec::new(), Vec::new(), 0);
            }
        }
        growth
    }
}

/// Bytes that a series is charged. Its set counts in full, for whoever else holds it may let go.
fn weight(labels: &Labels, own_layout: bool, value: &Held) -> usize {
    let layout = if own_layout { labels.layout.heap_bytes() } else { 0 };
    size_of::<Option<Series>>() + size_of::<u32>() * 2 + labels.attrs.whole_bytes() + layout + value.heap_bytes()
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

/// A layout that was asked for.
pub(crate) struct Found {
    pub(crate) layout: Arc<Layout>,
    /// It is kept for others too.
    pub(crate) shared: bool,
    /// Bytes by which the layouts that are kept have grown.
    pub(crate) grown: usize,
}

impl Layouts {
    /// Layouts kept; sets with further sequences of keys do not share theirs.
    const MAX: usize = 64;

    /// The layout for a set; if it is new and there is `room`, it is kept.
    pub(crate) fn get(&mut self, set: &Attrs, taken: Option<&'static str>, room: bool, new: impl FnOnce() -> Layout) -> Found {
        let fits = |keys: &[Text]| keys.len() == set.len() && keys.iter().zip(set).all(|(key, entry)| *key == entry.key);
        if let Some((_, _, layout)) = self.0.iter().find(|(label, keys, _)| *label == taken && fits(keys)) {
            return Found { layout: Arc::clone(layout), shared: true, grown: 0 };
        }
        let layout = Arc::new(new());
        let shared = room && self.0.len() < Self::MAX;
        let mut grown = 0;
        if shared {
            let keys: Vec<Text> = set.iter().map(|entry| entry.key.clone()).collect();
            grown = Self::bytes(&keys, &layout);
            self.0.push((taken, keys, Arc::clone(&layout)));
        }
        Found { layout, shared, grown }
    }

    /// Forgets the layouts that no series has. Gives their bytes.
    pub(crate) fn shrink(&mut self) -> usize {
        let mut bytes = 0;
        self.0.retain(|(_, keys, layout)| {
            let used = Arc::strong_count(layout) > 1;
            bytes += if used { 0 } else { Self::bytes(keys, layout) };
            used
        });
        bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(keys: &[Text], layout: &Layout) -> usize {
        let texts: usize = keys.iter().map(|key| key.len()).sum();
        layout.heap_bytes() + size_of::<(Option<&str>, Vec<Text>, Arc<Layout>)>() + size_of_val(keys) + texts
    }
}
