//! From a page to batches of metrics: values with their attribute sets, start times, and stale markers.
//!
//! Batches hold a bounded number of points; the series of one distribution always stay together.

use super::cache::{OUTDATED, OWN_TIME, PRESENT, Role, SHADOWED, Slot};
use super::group::Reading;
use super::{Page, Series, StartTimes};
use hashbrown::HashMap;
use std::hash::{BuildHasher, Hasher};
use warren_pdata::{
    Attrs, Bounds, Data, Exemplar, HistogramPoint, KeyValue, Metric, Metrics, Number, NumberPoints, QuantileValue, ResourceGroup,
    STALE_NAN_BITS, ScopeGroup, SummaryPoint, Temporality, flags,
};

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
    own_times: Vec<(u32, i64)>,
    exemplars: Vec<(u32, Exemplar)>,
    counts: Counts,
    accepted: bool,
    /// Next place of the page.
    next: usize,
    next_time: usize,
    next_exemplar: usize,
    /// Series to be marked stale.
    gone: Vec<u32>,
    readings: Vec<(u32, Reading)>,
    reading_of: HashMap<u32, usize>,
    /// Attributes that `target_info` gives to a job and instance, and `otel_scope_info` to a scope; by origin.
    added_attrs: HashMap<u32, Attrs>,
    scope_attrs: HashMap<u32, Attrs>,
    /// Start time in milliseconds that the page itself gives.
    page_start: Option<i64>,
    outdated: Vec<u32>,
}

/// A page lacks the metric from which start times are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("start_time metric is missing")]
pub struct NoStartTime;

impl<'a> Release<'a> {
    pub(super) fn accepted(mut page: Page<'a>) -> Self {
        let outdated = page.take_outdated();
        let cache = &page.series.cache;
        let added = cache.slots.len().saturating_sub(cache.known) as u64;
        let current = cache.page;
        let mut gone = Vec::new();
        if cache.order.len() < cache.slots.len() {
            let is_gone = |slot: &Slot| slot.flags & PRESENT != 0 && slot.seen != current;
            gone.extend(cache.slots.iter().enumerate().filter(|(_, slot)| is_gone(slot)).map(|(at, _)| at as u32));
        }
        let counts = Counts { scraped: page.scraped, kept: page.kept, added, duplicates: page.duplicates };
        let mut release = Self::new(page, counts, gone, true);
        release.outdated = outdated;
        if added > 0 || release.series.cache.reordered || !release.gone.is_empty() {
            release.mark_shadowed();
        }
        release.read_page_wide();
        release
    }

    pub(super) fn refused(page: Page<'a>) -> Self {
        let counts = Counts { scraped: page.scraped, kept: page.kept, added: 0, duplicates: page.duplicates };
        page.series.cache.forget_new();
        let slots = page.series.cache.slots.iter().enumerate();
        let gone = slots.filter(|(_, slot)| slot.flags & PRESENT != 0).map(|(at, _)| at as u32).collect();
        let mut release = Self::new(page, counts, gone, false);
        release.values = Vec::new();
        release
    }

    fn new(page: Page<'a>, counts: Counts, gone: Vec<u32>, accepted: bool) -> Self {
        Self {
            time_ms: page.time_ms,
            values: page.values,
            own_times: page.own_times,
            exemplars: page.exemplars,
            series: page.series,
            counts,
            accepted,
            next: 0,
            next_time: 0,
            next_exemplar: 0,
            gone,
            readings: Vec::new(),
            reading_of: HashMap::new(),
            added_attrs: HashMap::new(),
            scope_attrs: HashMap::new(),
            page_start: None,
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
        if wanted && self.page_start.is_none() { Err(NoStartTime) } else { Ok(()) }
    }

    /// Metrics of the target itself, such as `up`.
    pub fn report(&self, own: &[Own]) -> Metrics {
        let classifier = &self.series.classifier;
        let nanos = nanos(self.time_ms);
        let metrics = own.iter().map(|own| {
            let mut points = NumberPoints::with_capacity(1);
            let (value, flag) = number(own.value);
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
        let mut origins = super::origin::Origins::default();
        let rules = &self.series.rules;
        let at = origins.of(rules, &rules.job, &rules.instance, ("", "", ""));
        match origins.get(at) {
            Some(origin) => Metrics::of(origin.resource(None), origin.scope.clone(), metrics),
            None => Metrics::default(),
        }
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

    /// Ends the page: what is gone for long is forgotten, and memory given back. Call it when everything was taken.
    pub fn settle(self) {
        let Series { cache, classifier, metrics, groups, .. } = self.series;
        for slot in cache.slots.iter_mut().filter(|slot| self.outdated.contains(&slot.metric)) {
            slot.flags |= OUTDATED;
        }
        drop((self.values, self.readings));
        let moved = cache.settle();
        groups.settle(cache.page);
        classifier.settle(cache.page, moved);
        if moved {
            let mut used = vec![false; metrics.len()];
            let uses = cache.slots.iter().map(|slot| slot.metric).chain(groups.metrics());
            uses.for_each(|at| used.get_mut(at as usize).into_iter().for_each(|place| *place = true));
            if used.iter().filter(|used| !**used).count() > used.len() / 4 {
                let to = metrics.compact(&used);
                groups.moved(&to);
                cache.slots.iter_mut().for_each(|slot| slot.metric = to.get(slot.metric as usize).copied().unwrap_or_default());
            }
        }
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

    /// Reads what concerns the whole page: `target_info`, `otel_scope_info`, the start time.
    fn read_page_wide(&mut self) {
        let Series { cache, metrics, classifier, rules, .. } = &mut *self.series;
        let start_metric = match &rules.start_times {
            StartTimes::Metric(regex) => Some(regex.as_ref()),
            StartTimes::Adjusted | StartTimes::None => None,
        };
        let info = cache
            .order
            .iter()
            .zip(&self.values)
            .filter_map(|(at, value)| cache.slots.get(*at as usize).map(|slot| (slot, *value)));
        for (slot, value) in info {
            match slot.role {
                Role::TargetInfo | Role::ScopeInfo => {
                    let Some(entry) = metrics.get(slot.metric) else { continue };
                    let own = if slot.role == Role::TargetInfo { &mut self.added_attrs } else { &mut self.scope_attrs };
                    let Some(told) = classifier.origins.get(entry.origin) else { continue };
                    let key =
                        resource_key(&told.job, &told.instance, if slot.role == Role::ScopeInfo { &told.scope.name } else { "" });
                    own.insert(key, slot.attrs.clone());
                }
                Role::Number if start_metric.is_some() && self.page_start.is_none() => {
                    let name = metrics.get(slot.metric).map_or("", |entry| entry.name.as_str());
                    let fits = match start_metric.flatten() {
                        Some(regex) => regex.is_match(name),
                        None => name == "process_start_time_seconds",
                    };
                    if fits {
                        self.page_start = Some((value * 1000.0) as i64);
                    }
                }
                _ => {}
            }
        }
    }

    /// Appends values in the order of the page until the batch is full.
    fn take_values(&mut self, batch: &mut Building) {
        let Series { cache, metrics, groups, rules, .. } = &mut *self.series;
        let page = cache.page;
        let mut current: Option<(u32, usize, bool)> = None;
        while batch.points < POINTS_PER_BATCH {
            let (Some(at), Some(value)) = (cache.order.get(self.next), self.values.get(self.next)) else { break };
            let place = self.next as u32;
            self.next += 1;
            let mut time = self.time_ms;
            if let Some((_, own)) = self.own_times.get(self.next_time).filter(|(at, _)| *at == place) {
                time = *own;
                self.next_time += 1;
            }
            let first_exemplar = self.next_exemplar;
            while self.exemplars.get(self.next_exemplar).is_some_and(|(at, _)| *at == place) {
                self.next_exemplar += 1;
            }
            let exemplars = self.exemplars.get_mut(first_exemplar..self.next_exemplar).unwrap_or_default();
            let Some(slot) = cache.slots.get_mut(*at as usize) else { continue };
            slot.flags |= PRESENT;
            if slot.flags & SHADOWED != 0 {
                continue;
            }
            match slot.role {
                Role::Number => {
                    let (index, cumulative) = match current {
                        Some((metric, index, cumulative)) if metric == slot.metric => (index, cumulative),
                        _ => {
                            let cumulative = metrics.get(slot.metric).is_some_and(super::metric::MetricEntry::is_cumulative);
                            let index = batch.metric(slot.metric);
                            current = Some((slot.metric, index, cumulative));
                            (index, cumulative)
                        }
                    };
                    let start = if cumulative { start_of(slot, *value, time, &rules.start_times, self.page_start) } else { 0 };
                    batch.push(index, slot.attrs.clone(), start, nanos(time), *value, exemplars);
                }
                Role::Bound | Role::Sum | Role::Count => {
                    let group = slot.start as u32;
                    if groups.get_mut(group, page).is_none() {
                        continue;
                    }
                    let readings = &mut self.readings;
                    let index = *self.reading_of.entry(group).or_insert_with(|| {
                        readings.push((group, Reading::default()));
                        readings.len() - 1
                    });
                    if let Some((_, reading)) = readings.get_mut(index) {
                        reading.take(slot.role, slot.value, *value, time);
                        reading.exemplars.extend(exemplars.iter_mut().map(|(_, exemplar)| std::mem::take(exemplar)));
                    }
                }
                Role::Dropped | Role::Created | Role::TargetInfo | Role::ScopeInfo => {}
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
                    let cumulative = metrics.get(slot.metric).is_some_and(super::metric::MetricEntry::is_cumulative);
                    let index = batch.metric(slot.metric);
                    let start = if cumulative && slot.start != UNKNOWN { nanos(slot.start) } else { 0 };
                    batch.push(index, slot.attrs.clone(), start, nanos(self.time_ms), STALE, &mut []);
                }
                Role::Bound | Role::Sum | Role::Count => {
                    let group = slot.start as u32;
                    if groups.get_mut(group, cache.page).is_none() {
                        continue;
                    }
                    let readings = &mut self.readings;
                    let index = *self.reading_of.entry(group).or_insert_with(|| {
                        readings.push((group, Reading { stale: true, ..Reading::default() }));
                        readings.len() - 1
                    });
                    if let Some((_, reading)) = readings.get_mut(index).filter(|(_, reading)| reading.stale) {
                        reading.take(slot.role, slot.value, STALE, self.time_ms);
                    }
                }
                Role::Dropped | Role::Created | Role::TargetInfo | Role::ScopeInfo => {}
            }
        }
    }

    /// Appends distributions until the batch is full.
    fn take_readings(&mut self, batch: &mut Building) {
        let page_start = self.page_start;
        while batch.points < POINTS_PER_BATCH {
            let Some((at, mut reading)) = self.readings.pop() else { break };
            let Series { metrics, groups, rules, cache, .. } = &mut *self.series;
            let Some(group) = groups.get_mut(at, cache.page) else { continue };
            let (Some(count), Some(time)) = (reading.count, reading.time) else { continue };
            let stale = is_stale(count) || reading.sum.is_some_and(is_stale);
            let is_summary = metrics.get(group.metric).is_some_and(|entry| entry.kind == super::Kind::Summary);
            let start = match (&rules.start_times, page_start) {
                (StartTimes::None, _) => 0,
                (StartTimes::Metric(_), start) => start.map_or(0, nanos),
                (StartTimes::Adjusted, _) => {
                    let sum = reading.sum.unwrap_or_default();
                    if !stale {
                        let counted = !is_summary || (count != 0.0 && group.count != 0.0);
                        let reset = group.start == UNKNOWN || (counted && (count < group.count || sum < group.sum));
                        if reset {
                            group.start = time;
                        }
                        (group.count, group.sum) = (count, sum);
                    }
                    if group.start == UNKNOWN { nanos(time) } else { nanos(group.start) }
                }
            };
            reading.bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            let index = batch.metric(group.metric);
            let frame = Frame { attrs: group.attrs.clone(), start, time: nanos(time), count, stale };
            if is_summary { batch.summary(index, frame, reading) } else { batch.histogram(index, frame, reading) }
        }
    }

    /// The batch as metrics under their resources and scopes.
    fn sealed(&self, batch: Building) -> Metrics {
        let (table, origins) = (&self.series.metrics, &self.series.classifier.origins);
        let mut metrics = Metrics::default();
        let mut groups: Vec<(u32, usize, usize)> = Vec::new();
        for (at, data) in batch.metrics {
            let Some(entry) = table.get(at) else { continue };
            let Some(origin) = origins.get(entry.origin) else { continue };
            let metric = match data {
                Points::Numbers(points) => entry.numbers(points),
                Points::Histograms(points) => entry.metric(Data::Histogram { points, temporality: Temporality::CUMULATIVE }),
                Points::Summaries(points) => entry.metric(Data::Summary(points)),
                Points::None => continue,
            };
            let found = groups.iter().find(|(known, ..)| *known == entry.origin).map(|(_, resource, scope)| (*resource, *scope));
            let (resource, scope) = found.unwrap_or_else(|| {
                let place = self.open_group(&mut metrics, origin);
                groups.push((entry.origin, place.0, place.1));
                place
            });
            if let Some(scoped) = metrics.resources.get_mut(resource).and_then(|group| group.scopes.get_mut(scope)) {
                scoped.items.push(metric);
            }
        }
        metrics
    }

    /// Adds an origin's scope to its resource, made if it is new; gives the indices of both.
    fn open_group(&self, metrics: &mut Metrics, origin: &super::origin::Origin) -> (usize, usize) {
        let added = self.added_attrs.get(&resource_key(&origin.job, &origin.instance, ""));
        let resource = origin.resource(added);
        let mut scope = origin.scope.clone();
        for entry in self.scope_attrs.get(&resource_key(&origin.job, &origin.instance, &scope.name)).into_iter().flatten() {
            scope.attrs.upsert(entry.key.clone(), entry.value.clone());
        }
        let at = metrics.resources.iter().position(|group| group.resource == resource).unwrap_or_else(|| {
            metrics.resources.push(ResourceGroup { resource, ..ResourceGroup::default() });
            metrics.resources.len() - 1
        });
        let Some(group) = metrics.resources.get_mut(at) else { return (at, 0) };
        group.scopes.push(ScopeGroup { scope, schema_url: origin.schema_url.clone(), items: Vec::new() });
        (at, group.scopes.len() - 1)
    }
}

/// A key of job, instance and scope name.
fn resource_key(job: &str, instance: &str, scope: &str) -> u32 {
    use std::hash::Hash;
    let mut state = foldhash::fast::FixedState::default().build_hasher();
    (job, instance, scope).hash(&mut state);
    state.finish() as u32
}

/// The start time of a cumulative number in nanoseconds: its first sight, or its last reset.
fn start_of(slot: &mut Slot, value: f64, time: i64, from: &StartTimes, page_start: Option<i64>) -> u64 {
    match from {
        StartTimes::None => 0,
        StartTimes::Metric(_) => page_start.map_or(0, nanos),
        StartTimes::Adjusted => {
            if slot.start == UNKNOWN || value < slot.value {
                slot.start = time;
            }
            slot.value = value;
            nanos(slot.start)
        }
    }
}

/// A value as points hold it: a stale marker becomes a flag.
fn number(value: f64) -> (Number, u32) {
    if is_stale(value) { (Number::Empty, flags::NO_RECORDED_VALUE) } else { (Number::Double(value), 0) }
}

fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

fn nanos(millis: i64) -> u64 {
    (millis as u64).wrapping_mul(1_000_000)
}

/// What all distribution points have.
struct Frame {
    attrs: Attrs,
    start: u64,
    time: u64,
    count: f64,
    stale: bool,
}

/// A batch being filled.
#[derive(Default)]
struct Building {
    metrics: Vec<(u32, Points)>,
    index: HashMap<u32, usize>,
    points: usize,
}

/// The points of one metric.
#[derive(Default)]
enum Points {
    #[default]
    None,
    Numbers(NumberPoints),
    Histograms(Vec<HistogramPoint>),
    Summaries(Vec<SummaryPoint>),
}

impl Building {
    /// The index of a metric within the batch.
    fn metric(&mut self, metric: u32) -> usize {
        if let Some((last, _)) = self.metrics.last()
            && *last == metric
        {
            return self.metrics.len() - 1;
        }
        let next = self.metrics.len();
        let index = *self.index.entry(metric).or_insert(next);
        if index == next {
            self.metrics.push((metric, Points::None));
        }
        index
    }

    fn push(&mut self, index: usize, attrs: Attrs, start: u64, time: u64, value: f64, exemplars: &mut [(u32, Exemplar)]) {
        let Some((_, points)) = self.metrics.get_mut(index) else { return };
        if let Points::None = points {
            *points = Points::Numbers(NumberPoints::default());
        }
        let Points::Numbers(points) = points else { return };
        let (value, flag) = number(value);
        points.push_plain(attrs, start, time, value, flag);
        if !exemplars.is_empty() {
            let list = exemplars.iter_mut().map(|(_, exemplar)| std::mem::take(exemplar)).collect();
            points.set_exemplars(points.len() - 1, list);
        }
        self.points += 1;
    }

    fn histogram(&mut self, index: usize, frame: Frame, reading: Reading) {
        let Some((_, points)) = self.metrics.get_mut(index) else { return };
        if let Points::None = points {
            *points = Points::Histograms(Vec::new());
        }
        let Points::Histograms(points) = points else { return };
        let finite = reading.bounds.iter().filter(|(bound, _)| *bound != f64::INFINITY);
        let (bounds, cumulative): (Vec<f64>, Vec<f64>) = finite.copied().unzip();
        let mut before = 0.0;
        let mut counts: Vec<u64> = Vec::with_capacity(cumulative.len() + 1);
        for value in cumulative.into_iter().chain([frame.count]) {
            counts.push(if frame.stale { 0 } else { (value - before) as u64 });
            before = value;
        }
        let shared = points.last().filter(|last: &&HistogramPoint| **last.bounds == bounds).map(|last| last.bounds.clone());
        points.push(HistogramPoint {
            attrs: frame.attrs,
            start: frame.start,
            time: frame.time,
            count: if frame.stale { 0 } else { frame.count as u64 },
            sum: reading.sum.filter(|_| !frame.stale),
            bounds: shared.unwrap_or_else(|| Bounds::new(bounds)),
            counts,
            flags: if frame.stale { flags::NO_RECORDED_VALUE } else { 0 },
            exemplars: reading.exemplars,
            ..HistogramPoint::default()
        });
        self.points += 1;
    }

    fn summary(&mut self, index: usize, frame: Frame, reading: Reading) {
        let Some((_, points)) = self.metrics.get_mut(index) else { return };
        if let Points::None = points {
            *points = Points::Summaries(Vec::new());
        }
        let Points::Summaries(points) = points else { return };
        let quantile =
            |(quantile, value): (f64, f64)| QuantileValue { quantile, value: if is_stale(value) { 0.0 } else { value } };
        points.push(SummaryPoint {
            attrs: frame.attrs,
            start: frame.start,
            time: frame.time,
            count: if frame.stale { 0 } else { frame.count as u64 },
            sum: if frame.stale { 0.0 } else { reading.sum.unwrap_or_default() },
            quantiles: reading.bounds.into_iter().map(quantile).collect(),
            flags: if frame.stale { flags::NO_RECORDED_VALUE } else { 0 },
        });
        self.points += 1;
    }
}

/// Attributes of an exemplar: those named `trace_id` and `span_id` become identities.
impl Release<'_> {
    /// An exemplar from its labels, value and time in milliseconds.
    pub fn exemplar<'l>(labels: impl Iterator<Item = (&'l str, &'l str)>, value: f64, time_ms: i64) -> Exemplar {
        let mut exemplar = Exemplar { time: nanos(time_ms), value: Number::Double(value), ..Exemplar::default() };
        let mut attrs = Vec::new();
        for (name, text) in labels {
            match name.to_ascii_lowercase().as_str() {
                "trace_id" => exemplar.trace_id.0 = id_from_hex(text).unwrap_or_default(),
                "span_id" => exemplar.span_id.0 = id_from_hex(text).unwrap_or_default(),
                _ => attrs.push(KeyValue::new(name, text)),
            }
        }
        exemplar.attrs = Attrs::new(attrs);
        exemplar
    }
}

/// Hexadecimal digits as bytes, padded on the left.
fn id_from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let padded = [vec![0; (2 * N).checked_sub(digits.len())?], digits].concat();
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(padded.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |high, low| high << 4 | low);
    }
    Some(bytes)
}
