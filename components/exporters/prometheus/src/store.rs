//! The last value of every series, by name and labels.

use crate::family::{Family, Found, Growth, Kind, Layouts, Updated};
use crate::labels::{Context, Labels, Layout, target};
use crate::translation::Translation;
use crate::value::{Held, Point};
use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_pdata::{Attrs, Data, Metric, Number, Temporality, Text, flags};
use warren_promname::Kind as NameKind;
use warren_telemetry::{Counter, Field, Registry, Telemetry};

/// Contexts at which those are looked for that have no series any more; with more that have, at twice as many as there are.
const CONTEXTS_MAX: usize = 4096;

/// What to do when there is no room.
const NO_ROOM: &str = "no room for more series: raise warren::max_series or warren::max_memory";

/// Steps of the store's clock in a second.
const TICKS: u32 = 10;

/// What a store is to do.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) translation: Arc<Translation>,
    /// A series is shown for so long after its last update.
    pub(crate) expiration: Duration,
    /// Whether exemplars are kept.
    pub(crate) exemplars: bool,
    /// Series it may hold.
    pub(crate) series_max: usize,
    /// Bytes they may have together.
    pub(crate) bytes_max: usize,
}

/// The store.
pub(crate) struct Store {
    settings: Settings,
    families: BTreeMap<Arc<str>, Family>,
    contexts: HashMap<Arc<Context>, Layouts>,
    contexts_max: usize,
    /// The series of `target_info`, by job and instance.
    targets: HashMap<(String, String), u32>,
    target_info: Arc<str>,
    series: usize,
    bytes: usize,
    born: Instant,
    losses: Losses,
}

impl Store {
    pub(crate) fn new(settings: Settings, losses: Losses) -> Self {
        Self {
            target_info: settings.translation.target_info().into(),
            settings,
            families: BTreeMap::new(),
            contexts: HashMap::new(),
            contexts_max: CONTEXTS_MAX,
            targets: HashMap::new(),
            series: 0,
            bytes: 0,
            born: Instant::now(),
            losses,
        }
    }

    /// Goes on with other settings of the same translation.
    pub(crate) fn configure(&mut self, settings: Settings, losses: Losses) {
        self.settings = settings;
        self.losses = losses;
    }

    /// Series that are held, and bytes of all that is.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.series, self.bytes)
    }

    /// The family behind a name in the order of names; the first without one.
    pub(crate) fn family_after(&self, name: Option<&str>) -> Option<(&Arc<str>, &Family)> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.families.range::<str, _>((from, Bound::Unbounded)).next()
    }

    pub(crate) fn family(&self, name: &str) -> Option<&Family> {
        self.families.get(name)
    }

    /// Series updated before this are not shown.
    pub(crate) fn shown_since(&self) -> i64 {
        let ticks = self.settings.expiration.as_millis() * u128::from(TICKS) / 1000;
        i64::from(self.now()) - i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// Notes that a resource lives.
    pub(crate) fn take_target(&mut self, resource: &Attrs) {
        let Some(target) = target(resource) else { return };
        let now = self.now();
        let name = Arc::clone(&self.target_info);
        let known = self.targets.get(&target).copied();
        if let (Some(number), Some(family)) = (known, self.families.get_mut(&name)) {
            if family.get(number).is_some_and(|series| series.labels.attrs == *resource) {
                return family.touch(number, now);
            }
            let growth = family.remove(number);
            self.targets.remove(&target);
            self.grow(growth);
        }
        if self.has_room() {
            let translation = Arc::clone(&self.settings.translation);
            let labels = Labels { layout: Arc::new(Layout::for_target(resource, &translation)), attrs: resource.clone() };
            let new = || Family::new(&self.target_info, Kind::Gauge, Text::new(), "Target metadata".into());
            let family = self.families.entry(name).or_insert_with(new);
            if family.kind != Kind::Gauge {
                return;
            }
            if let Err(place) = family.find(&labels) {
                let (number, growth) = family.insert(place, labels, Held::Number(Number::Int(1), None), 0, now, true);
                self.targets.insert(target, number);
                self.grow(growth);
            }
        }
    }

    /// Takes some points of a metric.
    pub(crate) fn take(&mut self, context: &Arc<Context>, metric: &Metric, points: Range<usize>) {
        let count = points.len() as u64;
        let Some((kind, temporality)) = kind(&metric.data) else {
            return self.losses.count(Loss::Type, count, &metric.name, "no histogram with exponential buckets is shown");
        };
        let cumulative = temporality == Temporality::CUMULATIVE;
        if !cumulative && (temporality != Temporality::DELTA || kind == Kind::Gauge) {
            return self.losses.count(
                Loss::Temporality,
                count,
                &metric.name,
                "only cumulative points and growing deltas are shown",
            );
        }
        let Some(name) = self.settings.translation.metric(&metric.name, &metric.unit, name_kind(&metric.data)) else {
            return self.losses.count(Loss::Name, count, &metric.name, "nothing of the name is allowed");
        };
        let name: Arc<str> = name.into();
        if !self.has_room() && !self.families.contains_key(&name) {
            let shown = |index: &usize| point(&metric.data, *index, temporality).is_some_and(|point| !is_end(&point));
            return self.losses.count(Loss::Room, points.filter(shown).count() as u64, &metric.name, NO_ROOM);
        }
        let family = self
            .families
            .entry(Arc::clone(&name))
            .or_insert_with(|| Family::new(&name, kind, metric.name.clone(), metric.description.clone()));
        self.losses.compare(&name, family, kind, metric);
        if family.kind != kind {
            return self.losses.add(Loss::Kind, count);
        }
        self.take_points(&name, context, metric, points, temporality);
        if self.families.get(&name).is_some_and(Family::is_empty) {
            self.families.remove(&name);
        }
    }

    fn take_points(
        &mut self,
        name: &Arc<str>,
        context: &Arc<Context>,
        metric: &Metric,
        points: Range<usize>,
        temporality: Temporality,
    ) {
        let now = self.now();
        let context = self.context(context);
        let Self { settings, families, contexts, losses, series, bytes, .. } = self;
        let Some(family) = families.get_mut(name) else { return };
        let mut passing = Layouts::default();
        let kept = contexts.get_mut(&context);
        let is_kept = kept.is_some();
        let layouts = kept.unwrap_or(&mut passing);
        let translation = &settings.translation;
        // A gauge's are never shown.
        let exemplars = settings.exemplars && family.kind != Kind::Gauge;
        let mut grow = |growth: Growth| {
            *series = series.saturating_add_signed(growth.series);
            *bytes = bytes.saturating_add_signed(growth.bytes);
            (settings.series_max.saturating_sub(*series), settings.bytes_max.saturating_sub(*bytes))
        };
        let mut room = grow(Growth::default());
        for index in points {
            let Some(point) = point(&metric.data, index, temporality) else { continue };
            let attrs = metric.data.attrs(index);
            let ended = is_end(&point);
            let (found, labels) = match family.expected(&context, attrs) {
                Some(number) => (Ok(number), None),
                None => {
                    let taken = family.kind.label();
                    let new = || Layout::for_points(&context, attrs, taken, translation);
                    let Found { layout, shared, grown } = layouts.get(attrs, taken, is_kept && room.0 > 0 && room.1 > 0, new);
                    room = grow(Growth { series: 0, bytes: grown as isize });
                    let labels = Labels { layout, attrs: attrs.clone() };
                    (family.find(&labels), Some((labels, !shared)))
                }
            };
            match (found, labels) {
                (Ok(number), _) if ended => room = grow(family.remove(number)),
                (Ok(number), labels) => match family.update(number, &point, labels, now, exemplars, room.1) {
                    Updated::Grown(growth) => room = grow(growth),
                    Updated::Older => losses.add(Loss::Older, 1),
                    Updated::Misaligned => {
                        losses.count(Loss::Misaligned, 1, &metric.name, "Dropped misaligned histogram datapoint")
                    }
                    Updated::NoRoom => losses.no_room(name, family),
                },
                (Err(_), _) if ended => {}
                (Err(_), _) if room.0 == 0 || room.1 == 0 => losses.no_room(name, family),
                (Err(place), Some((labels, own_layout))) => {
                    let value = point.first(exemplars);
                    room = grow(family.insert(place, labels, value, point.time(), now, own_layout).1);
                }
                (Err(_), None) => {}
            }
        }
    }

    /// Forgets what has not been updated for too long in the family behind a name; gives its name, until there is none.
    pub(crate) fn expire_after(&mut self, name: Option<&str>) -> Option<Arc<str>> {
        let before = self.shown_since();
        let Some(name) = self.family_after(name).map(|(name, _)| Arc::clone(name)) else {
            self.forget_contexts();
            self.targets
                .retain(|_, number| self.families.get(&self.target_info).is_some_and(|family| family.get(*number).is_some()));
            return None;
        };
        if let Some(family) = self.families.get_mut(&name) {
            let growth = family.expire(before);
            if family.is_empty() {
                self.families.remove(&name);
            }
            self.grow(growth);
        }
        Some(name)
    }

    /// The same context as before, if it is remembered; a new one is, if there is room.
    fn context(&mut self, context: &Arc<Context>) -> Arc<Context> {
        if let Some((known, _)) = self.contexts.get_key_value(context) {
            return Arc::clone(known);
        }
        if self.contexts.len() >= self.contexts_max {
            self.forget_contexts();
        }
        if self.has_room() {
            self.bytes += context.bytes();
            self.contexts.insert(Arc::clone(context), Layouts::default());
        }
        Arc::clone(context)
    }

    /// Forgets the contexts that have no series any more.
    fn forget_contexts(&mut self) {
        let bytes = &mut self.bytes;
        self.contexts.retain(|context, layouts| {
            let unused = layouts.shrink();
            let used = !layouts.is_empty();
            *bytes = bytes.saturating_sub(if used { unused } else { unused + context.bytes() });
            used
        });
        self.contexts_max = CONTEXTS_MAX.max(self.contexts.len() * 2);
    }

    fn grow(&mut self, growth: Growth) {
        self.series = self.series.saturating_add_signed(growth.series);
        self.bytes = self.bytes.saturating_add_signed(growth.bytes);
    }

    fn has_room(&self) -> bool {
        self.series < self.settings.series_max && self.bytes < self.settings.bytes_max
    }

    fn now(&self) -> u32 {
        let ticks = self.born.elapsed().as_millis() * u128::from(TICKS) / 1000;
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

/// Whether a point says that its series has ended.
fn is_end(point: &Point<'_>) -> bool {
    point.flags() & flags::NO_RECORDED_VALUE != 0
}

/// What a metric's points are, and what they refer to; a gauge's to nothing before.
fn kind(data: &Data) -> Option<(Kind, Temporality)> {
    match data {
        Data::Gauge(_) => Some((Kind::Gauge, Temporality::CUMULATIVE)),
        Data::Sum(sum) => Some((if sum.monotonic { Kind::Counter } else { Kind::Gauge }, sum.temporality)),
        Data::Histogram { temporality, .. } => Some((Kind::Histogram, *temporality)),
        Data::Summary(_) => Some((Kind::Summary, Temporality::CUMULATIVE)),
        Data::ExponentialHistogram { .. } | Data::Empty => None,
    }
}

/// What a metric is, as far as its name shows it.
fn name_kind(data: &Data) -> NameKind {
    match data {
        Data::Gauge(_) => NameKind::Gauge,
        Data::Sum(sum) if sum.monotonic => NameKind::Counter,
        _ => NameKind::Other,
    }
}

fn point(data: &Data, index: usize, temporality: Temporality) -> Option<Point<'_>> {
    match data {
        Data::Gauge(points) => Some(Point::Number(points.get(index)?, temporality)),
        Data::Sum(sum) => Some(Point::Number(sum.points.get(index)?, temporality)),
        Data::Histogram { points, .. } => Some(Point::Histogram(points.get(index)?, temporality)),
        Data::Summary(points) => Some(Point::Summary(points.get(index)?)),
        Data::ExponentialHistogram { .. } | Data::Empty => None,
    }
}

/// Why points are not shown: label `reason` of `warren_dropped_items_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Type,
    Temporality,
    Name,
    Kind,
    Older,
    Misaligned,
    Room,
}

impl Loss {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Type, "unsupported_type"),
        (Self::Temporality, "unsupported_temporality"),
        (Self::Name, "invalid_name"),
        (Self::Kind, "type_conflict"),
        (Self::Older, "out_of_order"),
        (Self::Misaligned, "misaligned"),
        (Self::Room, "series_limit"),
    ];
}

/// Counts and tells what is not shown.
pub(crate) struct Losses {
    counters: Vec<(Loss, Counter)>,
    told: Vec<Loss>,
    telemetry: Telemetry,
}

impl Losses {
    pub(crate) fn new(telemetry: Telemetry, exporter: &str) -> Self {
        let counter = |registry: &Registry, reason: &str| {
            let labels = [("component", exporter), ("signal", "metrics"), ("reason", reason)];
            registry.counter("warren_dropped_items_total", "Items lost, by reason.", &labels)
        };
        let counters = Loss::ALL.map(|(loss, reason)| (loss, counter(&telemetry.registry, reason))).to_vec();
        Self { counters, told: Vec::new(), telemetry }
    }

    fn add(&self, loss: Loss, points: u64) {
        if let Some((_, counter)) = self.counters.iter().find(|(own, _)| *own == loss) {
            counter.add(points);
        }
    }

    /// Counts points, and tells of the first ones.
    fn count(&mut self, loss: Loss, points: u64, metric: &str, why: &str) {
        self.add(loss, points);
        if !self.told.contains(&loss) {
            self.told.push(loss);
            let fields = [("metric_name", Field::Str(metric)), ("reason", Field::Str(why))];
            self.telemetry.log.error("failed to translate metric; further ones are only counted", &fields);
        }
    }

    fn no_room(&self, name: &str, family: &mut Family) {
        self.add(Loss::Room, 1);
        if !std::mem::replace(&mut family.told.room, true) {
            self.telemetry.log.warn(NO_ROOM, &[("instrument", Field::Str(name))]);
        }
    }

    /// Tells, once per family, in what a metric differs from the one that gave the family its form.
    fn compare(&self, name: &str, family: &mut Family, kind: Kind, metric: &Metric) {
        let log = &self.telemetry.log;
        if family.kind != kind {
            if !std::mem::replace(&mut family.told.kind, true) {
                let (existing, dropped) = (family.kind.name().to_uppercase(), kind.name().to_uppercase());
                log.error(
                    &format!(
                        "failed to convert metric {}: instrument type conflict, using existing type definition. instrument: {name}, existing: {existing}, dropped: {dropped}",
                        metric.name
                    ),
                    &[],
                );
            }
        } else if family.metric != metric.name {
            if !std::mem::replace(&mut family.told.metric, true) {
                let fields = [
                    ("instrument", Field::Str(name)),
                    ("existing", Field::Str(&family.metric)),
                    ("other", Field::Str(&metric.name)),
                ];
                log.warn("Two metrics have one name; where their labels are equal the newer value is shown", &fields);
            }
        } else if family.help != metric.description && !std::mem::replace(&mut family.told.help, true) {
            let fields = [
                ("instrument", Field::Str(name)),
                ("existing", Field::Str(&family.help)),
                ("dropped", Field::Str(&metric.description)),
            ];
            log.info("Instrument description conflict, using existing", &fields);
        }
    }
}
