//! From a page that has ended to batches of metrics: values with their attribute sets, start times, and stale markers.
//!
//! Batches hold a bounded number of points; the series of one distribution always stay together.

use super::batch::{Building, Frame};
use super::cache::{OWN_TIME, PRESENT, Role, SHADOWED, Slot};
use super::group::Reading;
use super::metric::MetricEntry;
use super::page::{Asides, LEFT_OUT};
use super::{Page, Series, StartTimes};
use hashbrown::HashMap;
use std::hash::{BuildHasher, Hasher};
use warren_exposition::FamilyKind;
use warren_pdata::{Attrs, Data, Metric, Metrics, NumberPoints, ResourceGroup, STALE_NAN_BITS, ScopeGroup, Text};

/// Points after which a batch is handed on.
const POINTS_PER_BATCH: usize = 8_192;

const UNKNOWN: i64 = i64::MIN;
const STALE: f64 = f64::from_bits(STALE_NAN_BITS);

/// What a scrape amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples on the page.
    pub scraped: u64,
    /// Samples left after relabelling.
    pub kept: u64,
    /// Series that were not there before.
    pub added: u64,
    /// Samples whose series stood on the page before; they do not count.
    pub duplicates: u64,
}

/// A metric of the target itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its unit, in UCUM.
    pub unit: &'static str,
    /// Its value; a stale marker ends it.
    pub value: f64,
}

/// A page that has ended, to be taken batch by batch.
pub struct Release<'a> {
    series: &'a mut Series,
    time_ms: i64,
    values: Vec<f64>,
    asides: Asides,
    counts: Counts,
    accepted: bool,
    /// Next place of the page.
    next: usize,
    /// How far the asides were taken.
    taken: Taken,
    /// Series to be marked stale.
    gone: Vec<u32>,
    readings: Vec<(u32, Reading)>,
    reading_of: HashMap<u32, usize>,
    said: Said,
    outdated: Vec<u32>,
}

/// How many of each kind of aside were taken.
#[derive(Default)]
struct Taken {
    times: usize,
    exemplars: usize,
    histograms: usize,
    created: usize,
}

/// What series of a page say of the others.
#[derive(Default)]
struct Said {
    /// Attributes that `target_info` gives to the resource of a job and instance.
    resources: HashMap<(Text, Text), Attrs>,
    /// Attributes that `otel_scope_info` gives to a scope of that resource.
    scopes: HashMap<(Text, Text, Text), Attrs>,
    /// Start time of everything on the page, in nanoseconds.
    start: Option<u64>,
    /// When a series or distribution began to count, in milliseconds, by metric and attribute set: `_created`.
    created: HashMap<(u32, usize), i64>,
}

/// A page lacks the metric from which start times are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("start_time metric is missing")]
pub struct NoStartTime;

impl<'a> Release<'a> {
    pub(super) fn accepted(mut page: Page<'a>) -> Self {
        let outdated = page.take_outdated();
        let cache = &page.series.cache;
        let added = cache.slots.iter().skip(cache.known).filter(|slot| slot.role != Role::Dropped).count() as u64;
        let current = cache.page;
        let mut gone = Vec::new();
        if cache.order.len() < cache.slots.len() {
            let is_gone = |slot: &Slot| slot.flags & PRESENT != 0 && slot.seen != current;
            gone.extend(cache.slots.iter().enumerate().filter(|(_, slot)| is_gone(slot)).map(|(at, _)| at as u32));
        }
        let counts = Counts { scraped: page.scraped, kept: page.kept, added, duplicates: page.duplicates };
        let mut release = Self::new(page, counts, gone, true);
        release.outdated = outdated;
        if release.series.cache.reordered || !release.gone.is_empty() {
            release.mark_shadowed();
        }
        release.read_page_wide();
        release
    }

    pub(super) fn refused(mut page: Page<'a>) -> Self {
        let counts = Counts { scraped: page.scraped, kept: page.kept, added: 0, duplicates: page.duplicates };
        page.series.cache.forget_new();
        page.values = Vec::new();
        page.asides = Asides::default();
        let cache = &page.series.cache;
        let stays = |slot: &Slot| page.read_stays && slot.seen == cache.page;
        let is_gone = |slot: &Slot| slot.flags & PRESENT != 0 && !stays(slot);
        let gone = cache.slots.iter().enumerate().filter(|(_, slot)| is_gone(slot)).map(|(at, _)| at as u32).collect();
        Self::new(page, counts, gone, false)
    }

    fn new(page: Page<'a>, counts: Counts, gone: Vec<u32>, accepted: bool) -> Self {
        Self {
            time_ms: page.time_ms,
            values: page.values,
            asides: page.asides,
            series: page.series,
            counts,
            accepted,
            next: 0,
            taken: Taken::default(),
            gone,
            readings: Vec::new(),
            reading_of: HashMap::new(),
            said: Said::default(),
            outdated: Vec::new(),
        }
    }

    /// What the scrape amounts to.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the page gives the start time that its points are to have.
    ///
    /// # Errors
    /// When start times come from a metric and the page lacks it.
    pub fn check_start_time(&self) -> Result<(), NoStartTime> {
        let wanted = matches!(self.series.rules.start_times, StartTimes::Metric(_)) && self.accepted;
        if wanted && self.said.start.is_none() { Err(NoStartTime) } else { Ok(()) }
    }

    /// Metrics of the target itself, such as `up`.
    pub fn report(&self, own: &[Own]) -> Metrics {
        let classifier = &self.series.classifier;
        let nanos = nanos(self.time_ms);
        let metrics = own.iter().map(|own| {
            let mut points = NumberPoints::with_capacity(1);
            let (value, flag) = super::batch::number(own.value);
            points.push_plain(classifier.own_attrs.clone(), 0, nanos, value, flag);
            let metadata = Attrs::from([("prometheus.type", "gauge")]);
            Metric {
                name: own.name.into(),
                description: own.help.into(),
                unit: own.unit.into(),
                metadata,
                data: Data::Gauge(points),
            }
        });
        let metrics = metrics.collect();
        let origin = super::origin::Origin::of_target(&self.series.rules);
        let told = self.said.resources.get(&(origin.job.clone(), origin.instance.clone()));
        Metrics::of(origin.resource(told), origin.scope.clone(), metrics)
    }

    /// The next batch; `None` when everything was taken.
    pub fn next_batch(&mut self) -> Option<Metrics> {
        let mut batch = Building::default();
        if self.accepted {
            self.take_values(&mut batch);
        }
        if self.next >= self.values.len() {
            self.take_stale(&mut batch);
        }
        if self.next >= self.values.len() && self.gone.is_empty() {
            self.take_readings(&mut batch);
        }
        (batch.points > 0).then(|| self.sealed(batch))
    }

    /// Ends the page, also when not everything was taken: series count as present or gone, what is gone for long is forgotten, and memory given back.
    pub fn settle(mut self) {
        while self.next < self.values.len() || !self.gone.is_empty() {
            self.take_values(&mut Building::default());
            self.take_stale(&mut Building::default());
        }
        drop((self.values, self.readings, self.asides));
        self.series.settle(&self.outdated);
    }

    /// Of several series with the same metric and attributes, the last one on the page counts; one that is gone is no loss while another stands
    /// for it.
    fn mark_shadowed(&mut self) {
        let cache = &mut self.series.cache;
        let hasher = foldhash::fast::RandomState::default();
        let mut known: hashbrown::HashSet<u64> = hashbrown::HashSet::with_capacity(cache.order.len() + self.gone.len());
        for at in cache.order.iter().rev().chain(&self.gone) {
            let Some(slot) = cache.slots.get_mut(*at as usize) else { continue };
            if slot.role == Role::Dropped {
                continue;
            }
            let mut state = hasher.build_hasher();
            state.write_u32(slot.metric);
            state.write_usize(slot.attrs.id());
            state.write_u8(slot.role as u8);
            state.write_u64(if slot.role == Role::Bound { slot.value.to_bits() } else { 0 });
            let repeated = !known.insert(state.finish());
            slot.flags = if repeated { slot.flags | SHADOWED } else { slot.flags & !SHADOWED };
        }
    }

    /// Reads what concerns other series: `target_info`, `otel_scope_info`, `_created`, the start time of everything.
    fn read_page_wide(&mut self) {
        let Series { cache, metrics, classifier, rules, .. } = &mut *self.series;
        let from = match &rules.start_times {
            StartTimes::Metric(regex) => Some(regex.as_ref()),
            StartTimes::Adjusted { .. } | StartTimes::Told { .. } => None,
        };
        if !cache.tells_of_others && from.is_none() {
            return;
        }
        for (at, value) in cache.order.iter().zip(&self.values) {
            let Some(slot) = cache.slots.get(*at as usize) else { continue };
            match slot.role {
                Role::TargetInfo | Role::ScopeInfo => {
                    let told = metrics.get(slot.metric).and_then(|entry| classifier.origins.get(entry.origin));
                    let Some(told) = told else { continue };
                    let (job, instance) = (told.job.clone(), told.instance.clone());
                    if slot.role == Role::TargetInfo {
                        self.said.resources.insert((job, instance), slot.attrs.clone());
                    } else {
                        self.said.scopes.insert((job, instance, told.scope.name.clone()), slot.attrs.clone());
                    }
                }
                Role::Created if rules.start_times.uses_created() => {
                    self.said.created.insert((slot.metric, slot.attrs.id()), (value * 1000.0) as i64);
                }
                Role::Number if from.is_some() && self.said.start.is_none() => {
                    let name = metrics.get(slot.metric).map_or("", |entry| entry.name.as_str());
                    let fits = match from.flatten() {
                        Some(regex) => regex.is_match(name),
                        None => name == "process_start_time_seconds",
                    };
                    if fits {
                        self.said.start =
                            Some((value.trunc() as i64).wrapping_mul(1_000_000_000).wrapping_add((value.fract() * 1e9) as i64)
                                as u64);
                    }
                }
                _ => {}
            }
        }
    }

    /// Appends values in the order of the page until the batch is full.
    fn take_values(&mut self, batch: &mut Building) {
        let mut current: Option<(u32, usize, bool)> = None;
        while batch.points < POINTS_PER_BATCH {
            let Series { cache, metrics, groups, rules, .. } = &mut *self.series;
            let page = cache.page;
            let (Some(at), Some(value)) = (cache.order.get(self.next), self.values.get(self.next)) else { break };
            let place = self.next as u32;
            self.next += 1;
            let Some(slot) = cache.slots.get_mut(*at as usize) else { continue };
            slot.flags |= PRESENT;
            let Aside { time, created, histogram, exemplars } = self.taken.at(&mut self.asides, place);
            let time = time.unwrap_or(self.time_ms);
            if slot.flags & SHADOWED != 0 || value.to_bits() == LEFT_OUT.to_bits() {
                continue;
            }
            match slot.role {
                Role::Number => {
                    let (index, cumulative) = match current {
                        Some((metric, index, cumulative)) if metric == slot.metric => (index, cumulative),
                        _ => {
                            let cumulative = metrics.get(slot.metric).is_some_and(MetricEntry::is_cumulative);
                            let index = batch.metric(slot.metric, FamilyKind::Gauge);
                            current = Some((slot.metric, index, cumulative));
                            (index, cumulative)
                        }
                    };
                    let start = if cumulative {
                        let created = created.or_else(|| self.said.created_of(slot));
                        start_of_number(slot, *value, time, &rules.start_times, created, self.said.start)
                    } else {
                        0
                    };
                    batch.push(index, slot.attrs.clone(), start, nanos(time), *value, exemplars);
                }
                Role::Bound | Role::Sum | Role::Count | Role::Native => {
                    let group = slot.start as u32;
                    if groups.get_mut(group, page).is_none() {
                        continue;
                    }
                    let created = created.or_else(|| self.said.created_of(slot));
                    let reading = reading_of(&mut self.readings, &mut self.reading_of, group, Reading::default);
                    if reading.take(slot.role, slot.value, *value, time) {
                        reading.native = histogram.or(reading.native.take());
                        reading.created = created.or(reading.created);
                        reading.exemplars.extend(exemplars.iter_mut().map(|(_, exemplar)| std::mem::take(exemplar)));
                    }
                }
                Role::Dropped | Role::Ignored | Role::Created | Role::TargetInfo | Role::ScopeInfo => {}
            }
        }
    }

    /// Appends stale markers until the batch is full.
    fn take_stale(&mut self, batch: &mut Building) {
        let Series { cache, metrics, groups, .. } = &mut *self.series;
        while batch.points < POINTS_PER_BATCH {
            let Some(at) = self.gone.pop() else { break };
            let Some(slot) = cache.slots.get_mut(at as usize) else { continue };
            slot.flags &= !PRESENT;
            if slot.flags & (OWN_TIME | SHADOWED) != 0 {
                continue;
            }
            match slot.role {
                Role::Number => {
                    let cumulative = metrics.get(slot.metric).is_some_and(MetricEntry::is_cumulative);
                    let index = batch.metric(slot.metric, FamilyKind::Gauge);
                    let start = if cumulative && slot.start != UNKNOWN { nanos(slot.start) } else { 0 };
                    batch.push(index, slot.attrs.clone(), start, nanos(self.time_ms), STALE, &mut []);
                }
                Role::Bound | Role::Sum | Role::Count | Role::Native => {
                    let group = slot.start as u32;
                    if groups.get_mut(group, cache.page).is_none() {
                        continue;
                    }
                    let stale = || Reading { stale: true, ..Reading::default() };
                    let reading = reading_of(&mut self.readings, &mut self.reading_of, group, stale);
                    if reading.stale {
                        reading.take(slot.role, slot.value, STALE, self.time_ms);
                        if slot.role == Role::Native {
                            reading.native = Some(warren_exposition::NativeHistogram { sum: STALE, ..Default::default() });
                        }
                    }
                }
                Role::Dropped | Role::Ignored | Role::Created | Role::TargetInfo | Role::ScopeInfo => {}
            }
        }
    }

    /// Appends distributions until the batch is full.
    fn take_readings(&mut self, batch: &mut Building) {
        while batch.points < POINTS_PER_BATCH {
            let Some((at, mut reading)) = self.readings.pop() else { break };
            let Series { metrics, groups, rules, cache, .. } = &mut *self.series;
            let Some(group) = groups.get_mut(at, cache.page) else { continue };
            // A native histogram counts only where the page has no classic one of the same name and labels.
            let native = reading.native.take().filter(|_| reading.count.is_none() && reading.bounds.is_empty());
            if let Some(native) = &native {
                (reading.count, reading.sum) =
                    (Some(if is_stale(native.sum) { STALE } else { native.count as f64 }), Some(native.sum));
            }
            let (Some(count), Some(time)) = (reading.count, reading.time) else { continue };
            let stale = is_stale(count) || reading.sum.is_some_and(is_stale);
            let is_summary = metrics.get(group.metric).is_some_and(|entry| entry.kind == FamilyKind::Summary);
            let created = reading.created.filter(|created| *created < time);
            let start = match (&rules.start_times, created) {
                (StartTimes::Metric(_), _) => self.said.start.unwrap_or_default(),
                (StartTimes::Adjusted { .. } | StartTimes::Told { .. }, Some(created)) => nanos(created),
                (StartTimes::Told { .. }, None) => 0,
                (StartTimes::Adjusted { .. }, None) => {
                    if !stale {
                        group.count_on(count, reading.sum.unwrap_or_default(), time, is_summary);
                    }
                    if group.start == UNKNOWN { nanos(time) } else { nanos(group.start) }
                }
            };
            reading.bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            let frame = Frame { attrs: group.attrs.clone(), start, time: nanos(time), count, stale };
            match (native, is_summary) {
                (Some(native), _) => batch.native(group.metric, frame, native, reading.exemplars),
                (None, true) => batch.summary(group.metric, frame, reading),
                (None, false) => batch.histogram(group.metric, frame, reading),
            }
        }
    }

    /// The batch as metrics under their resources and scopes.
    fn sealed(&self, batch: Building) -> Metrics {
        let (table, origins) = (&self.series.metrics, &self.series.classifier.origins);
        let mut metrics = Metrics::default();
        let mut resources: HashMap<(Text, Text), usize> = HashMap::new();
        let mut scopes: HashMap<u32, (usize, usize)> = HashMap::new();
        for (at, points) in batch.metrics {
            let Some(entry) = table.get(at) else { continue };
            let Some(origin) = origins.get(entry.origin) else { continue };
            let Some(data) = points.data(entry.kind) else { continue };
            let (resource, scope) = *scopes.entry(entry.origin).or_insert_with(|| {
                let key = (origin.job.clone(), origin.instance.clone());
                let resource = *resources.entry(key.clone()).or_insert_with(|| {
                    let resource = origin.resource(self.said.resources.get(&key));
                    metrics.resources.push(ResourceGroup { resource, ..ResourceGroup::default() });
                    metrics.resources.len() - 1
                });
                let Some(group) = metrics.resources.get_mut(resource) else { return (resource, 0) };
                let mut scope = origin.scope.clone();
                let (job, instance) = key;
                for entry in self.said.scopes.get(&(job, instance, scope.name.clone())).into_iter().flatten() {
                    scope.attrs.upsert(entry.key.clone(), entry.value.clone());
                }
                group.scopes.push(ScopeGroup { scope, schema_url: origin.schema_url.clone(), items: Vec::new() });
                (resource, group.scopes.len() - 1)
            });
            if let Some(scoped) = metrics.resources.get_mut(resource).and_then(|group| group.scopes.get_mut(scope)) {
                scoped.items.push(entry.metric(data));
            }
        }
        metrics
    }
}

/// What one sample has beside its value.
struct Aside<'p> {
    time: Option<i64>,
    created: Option<i64>,
    histogram: Option<warren_exposition::NativeHistogram>,
    exemplars: &'p mut [(u32, warren_pdata::Exemplar)],
}

impl Taken {
    /// What the sample at this place has; places come in order.
    #[inline]
    fn at<'p>(&mut self, asides: &'p mut Asides, place: u32) -> Aside<'p> {
        let time = next_at(&asides.times, &mut self.times, place).copied();
        let created = next_at(&asides.created, &mut self.created, place).copied();
        let mut histogram = None;
        if let Some((_, own)) = asides.histograms.get_mut(self.histograms).filter(|(at, _)| *at == place) {
            self.histograms += 1;
            histogram = Some(std::mem::take(own));
        }
        let first = self.exemplars;
        while asides.exemplars.get(self.exemplars).is_some_and(|(at, _)| *at == place) {
            self.exemplars += 1;
        }
        Aside { time, created, histogram, exemplars: asides.exemplars.get_mut(first..self.exemplars).unwrap_or_default() }
    }
}

fn next_at<'p, T>(items: &'p [(u32, T)], taken: &mut usize, place: u32) -> Option<&'p T> {
    let (_, item) = items.get(*taken).filter(|(at, _)| *at == place)?;
    *taken += 1;
    Some(item)
}

impl Said {
    /// When the series or distribution of this slot began to count, in milliseconds.
    fn created_of(&self, slot: &Slot) -> Option<i64> {
        if self.created.is_empty() { None } else { self.created.get(&(slot.metric, slot.attrs.id())).copied() }
    }
}

fn reading_of<'r>(
    readings: &'r mut Vec<(u32, Reading)>,
    index: &mut HashMap<u32, usize>,
    group: u32,
    new: impl FnOnce() -> Reading,
) -> &'r mut Reading {
    let next = readings.len();
    let at = *index.entry(group).or_insert(next);
    if at == next {
        readings.push((group, new()));
    }
    &mut readings[at].1
}

/// The start time of a cumulative number in nanoseconds: what the page tells, or its first sight or last reset.
fn start_of_number(
    slot: &mut Slot,
    value: f64,
    time: i64,
    from: &StartTimes,
    created: Option<i64>,
    page_start: Option<u64>,
) -> u64 {
    match (from, created.filter(|created| *created < time)) {
        (StartTimes::Metric(_), _) => page_start.unwrap_or_default(),
        (StartTimes::Adjusted { .. } | StartTimes::Told { .. }, Some(created)) => nanos(created),
        (StartTimes::Told { .. }, None) => 0,
        (StartTimes::Adjusted { .. }, None) => {
            if slot.start == UNKNOWN || value < slot.value {
                slot.start = time;
            }
            slot.value = value;
            nanos(slot.start)
        }
    }
}

pub(super) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

pub(super) fn nanos(millis: i64) -> u64 {
    (millis as u64).wrapping_mul(1_000_000)
}
