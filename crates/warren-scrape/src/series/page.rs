//! One page being read: series are looked up, values collected; nothing is released yet.

use super::cache::{OUTDATED, OWN_TIME, Role, Slot};
use super::exemplar::exemplar_of;
use super::native::fitted;
use super::origin::ORIGINS_MAX;
use super::release::Release;
use super::unproven::{UNPROVEN_BYTES_MAX, Unproven};
use super::{SERIES_MAX, Series};
use crate::labels::{Labels, TooLarge};
use hashbrown::HashSet;
use warren_exposition::{ExemplarText, FamilyText, NativeHistogram, Refusal, SeriesText, Sink};
use warren_pdata::Exemplar;

/// Exemplars that are kept of one page.
const EXEMPLARS_MAX: usize = 100_000;

/// What a new series takes beside its attributes: the slot and its places in the order and the values, twice for columns that grow by doubling,
/// and its places in the indexes.
const NEW_SERIES_BYTES: usize = 2 * (size_of::<Slot>() + 12) + 16;

/// Stands for a value that does not count: a NaN that no page gives.
pub(super) const LEFT_OUT: f64 = f64::from_bits(0x7ff8_0000_0000_00ff);

/// A timestamp on the page may be so far ahead of the clock, in milliseconds.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// Why a page is refused as a whole. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum PageError {
    #[error("missing metric name (__name__ label)")]
    NoName,
    #[error("invalid sample: non-unique label names: {0:?}")]
    DuplicateLabel(String),
    #[error("sample limit exceeded (limit: {0})")]
    Samples(u64),
    #[error("the page has more than {SERIES_MAX} series; set sample_limit to allow more, or scrape fewer families")]
    Series,
    #[error(
        "new series of pages that have not ended take more than {} MiB; set sample_limit to what the target may have, or scrape fewer families",
        UNPROVEN_BYTES_MAX >> 20
    )]
    Unproven,
    #[error("label_limit exceeded (metric: {metric}, number of labels: {number}, limit: {limit})")]
    Labels { metric: String, number: u64, limit: u64 },
    #[error("label_name_length_limit exceeded (metric: {metric}, label name: {name}, length: {length}, limit: {limit})")]
    LabelName { metric: String, name: String, length: usize, limit: u64 },
    #[error(
        "label_value_length_limit exceeded (metric: {metric}, label name: {name}, value: {value:?}, length: {length}, limit: {limit})"
    )]
    LabelValue { metric: String, name: String, value: String, length: usize, limit: u64 },
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("invalid metric name or label names: {0}")]
    InvalidName(String),
    #[error("histogram bucket limit exceeded")]
    Buckets,
    #[error(
        "the page has more than {ORIGINS_MAX} combinations of job, instance and scope; drop or rename labels by metric_relabel_configs"
    )]
    Origins,
}

impl PageError {
    /// Whether one series alone is at fault.
    fn is_of_series(&self) -> bool {
        matches!(self, Self::NoName | Self::DuplicateLabel(_) | Self::TooLarge(_) | Self::InvalidName(_))
    }
}

/// A page being read.
pub struct Page<'a> {
    pub(super) series: &'a mut Series,
    pub(super) time_ms: i64,
    pub(super) values: Vec<f64>,
    pub(super) asides: Asides,
    pub(super) scraped: u64,
    pub(super) kept: u64,
    pub(super) duplicates: u64,
    /// The text that was looked up in vain: its hash, and the slot that must be placed anew.
    unknown: (u64, Option<u32>),
    /// Whether the sample last taken counts.
    counts: bool,
    labels: Labels,
    outdated: Vec<u32>,
    /// Those of them whose series are still to come on this page.
    changed: HashSet<u32>,
    unproven: Unproven,
    /// Whether series that were read count as present when the page is refused.
    pub(super) read_stays: bool,
}

/// What few samples have, by their place within the values of the page, in order.
#[derive(Default)]
pub(super) struct Asides {
    /// Timestamps on the page, in milliseconds.
    pub(super) times: Vec<(u32, i64)>,
    pub(super) exemplars: Vec<(u32, Exemplar)>,
    pub(super) histograms: Vec<(u32, NativeHistogram)>,
    /// When the series began to count, in milliseconds.
    pub(super) created: Vec<(u32, i64)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(series: &'a mut Series, time_ms: i64) -> Self {
        let expected = series.cache.slots.len();
        series.cache.order.reserve_exact(expected);
        Self {
            series,
            time_ms,
            values: Vec::with_capacity(expected),
            asides: Asides::default(),
            scraped: 0,
            kept: 0,
            duplicates: 0,
            unknown: (0, None),
            counts: false,
            labels: Labels::default(),
            outdated: Vec::new(),
            changed: HashSet::new(),
            unproven: Unproven::default(),
            read_stays: false,
        }
    }

    /// The page ended well: everything on it is released, and stale markers for what was on the page before and is gone.
    pub fn accept(self) -> Release<'a> {
        Release::accepted(self)
    }

    /// What is read already counts as present should the page be refused: it came whole, and is bad from here on. As in Prometheus.
    pub fn keep_read(&mut self) {
        self.read_stays = true;
    }

    /// The page ended badly: nothing on it is released but stale markers for what was on the page before.
    pub fn refuse(self) -> Release<'a> {
        Release::refused(self)
    }

    /// Metrics whose family is described otherwise than when their series were placed.
    pub(super) fn take_outdated(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.outdated)
    }

    /// Takes a value of the series in this slot.
    #[inline]
    fn take(&mut self, at: u32, value: f64, timestamp: Option<i64>) -> Result<(), PageError> {
        self.scraped += 1;
        self.counts = false;
        let Series { cache, rules, .. } = &mut *self.series;
        let Some(slot) = cache.slots.get_mut(at as usize) else { return Ok(()) };
        let kept = slot.role != Role::Dropped;
        self.kept += u64::from(kept);
        if slot.seen == cache.page {
            self.duplicates += u64::from(kept);
            return Ok(());
        }
        slot.seen = cache.page;
        let timestamp = timestamp.filter(|_| rules.honor_timestamps);
        // A sample too far ahead of the clock is left out; its series is there.
        let counts = timestamp.is_none_or(|time| time <= self.time_ms.saturating_add(AHEAD_MS_MAX));
        cache.order.push(at);
        self.values.push(if counts { value } else { LEFT_OUT });
        if !kept {
            return Ok(());
        }
        self.counts = counts;
        let limit = rules.limits.samples;
        if limit > 0 && self.kept - self.duplicates > limit {
            return Err(PageError::Samples(limit));
        }
        match timestamp {
            None => slot.flags &= !OWN_TIME,
            Some(time) => {
                if !rules.track_timestamps_staleness {
                    slot.flags |= OWN_TIME;
                }
                self.asides.times.push((self.values.len() as u32 - 1, time));
            }
        }
        Ok(())
    }

    /// The place of the sample last taken, if it counts.
    fn place(&self) -> Option<u32> {
        self.counts.then(|| self.values.len() as u32 - 1)
    }

    /// A series that is not known: relabels and places it.
    fn place_new(&mut self, hash: u64, series: &SeriesText<'_>) -> Result<u32, PageError> {
        let limit = self.series.rules.limits.samples as usize;
        if self.series.cache.slots.len() >= SERIES_MAX.max(limit) {
            return Err(PageError::Series);
        }
        let mut slot = self.placed(series)?;
        slot.hash = hash;
        // Who set a limit has said how much the target may take.
        if limit == 0 && !self.unproven.take(NEW_SERIES_BYTES + slot.attrs.heap_bytes()) {
            return Err(PageError::Unproven);
        }
        Ok(self.series.cache.insert(slot))
    }

    /// A known series of a family that is described otherwise now: places it anew. Its state stays if it stays in its place.
    fn place_again(&mut self, at: u32, series: &SeriesText<'_>) -> Result<u32, PageError> {
        let new = self.placed(series)?;
        if let Some(slot) = self.series.cache.slots.get_mut(at as usize) {
            let same = slot.metric == new.metric && slot.role == new.role && slot.attrs == new.attrs;
            let (hash, seen, flags) = (slot.hash, slot.seen, slot.flags & !OUTDATED);
            if !same {
                *slot = Slot { hash, ..new };
            }
            (slot.seen, slot.flags) = (seen, flags);
        }
        Ok(at)
    }

    fn placed(&mut self, series: &SeriesText<'_>) -> Result<Slot, PageError> {
        let Series { rules, classifier, metrics, groups, cache } = &mut *self.series;
        let place = match classifier.recall.place(series) {
            Some(place) => place,
            None => classifier.place(rules, metrics, &mut self.labels, series)?,
        };
        cache.tells_of_others |= matches!(place.role, Role::TargetInfo | Role::ScopeInfo | Role::Created);
        let start = match place.role {
            Role::Bound | Role::Sum | Role::Count | Role::Native => i64::from(groups.of(place.metric, &place.attrs, cache.page)),
            _ => i64::MIN,
        };
        Ok(Slot {
            hash: 0,
            attrs: place.attrs,
            value: place.bound,
            start,
            metric: place.metric,
            seen: cache.page.wrapping_sub(1),
            role: place.role,
            flags: 0,
        })
    }
}

impl Sink for Page<'_> {
    type Error = PageError;
    type Series = u32;

    fn metadata(&mut self, family: &str, text: FamilyText<'_>) {
        let Series { classifier, cache, metrics, .. } = &mut *self.series;
        if !classifier.families.note(family, text, cache.page) {
            return;
        }
        classifier.recall.forget_name();
        if cache.slots.is_empty() {
            return;
        }
        match text {
            FamilyText::Kind(_) => {
                let touched = metrics.touched_by(family);
                let last = cache.order.last().and_then(|at| cache.slots.get(*at as usize)).map(|slot| slot.metric);
                self.outdated.extend(&touched);
                // Said behind its samples, it counts on the next page.
                if !last.is_some_and(|last| touched.contains(&last)) {
                    self.changed.extend(touched);
                }
            }
            FamilyText::Help(_) | FamilyText::Unit(_) => metrics.describe(family, &classifier.families),
        }
    }

    #[inline]
    fn find(&mut self, text: &[u8]) -> Option<u32> {
        let cache = &mut self.series.cache;
        let hash = cache.hash(text);
        let found = cache.find(hash);
        let changed = &self.changed;
        let is_outdated = |slot: &Slot| slot.flags & OUTDATED != 0 || (!changed.is_empty() && changed.contains(&slot.metric));
        let outdated = |at: u32| cache.slots.get(at as usize).is_some_and(is_outdated);
        match found {
            Some(at) if !outdated(at) => Some(at),
            other => {
                self.unknown = (hash, other);
                None
            }
        }
    }

    #[cold]
    fn meet(&mut self, series: &SeriesText<'_>) -> Result<u32, Refusal<PageError>> {
        let placed = match self.unknown {
            (_, Some(at)) => self.place_again(at, series),
            (hash, None) => self.place_new(hash, series),
        };
        placed.map_err(|error| if error.is_of_series() { Refusal::Series(error) } else { Refusal::Page(error) })
    }

    #[inline]
    fn sample(&mut self, series: u32, value: f64, timestamp: Option<i64>) -> Result<(), PageError> {
        self.take(series, value, timestamp)
    }

    fn histogram(&mut self, series: u32, histogram: NativeHistogram, timestamp: Option<i64>) -> Result<(), PageError> {
        let rules = &self.series.rules;
        let histogram = fitted(histogram, rules.native_schema_max, rules.native_buckets_max).ok_or(PageError::Buckets)?;
        self.take(series, 0.0, timestamp)?;
        if let Some(place) = self.place() {
            self.asides.histograms.push((place, histogram));
        }
        Ok(())
    }

    fn exemplar(&mut self, exemplar: &ExemplarText<'_>) {
        if let Some(place) = self.place().filter(|_| self.asides.exemplars.len() < EXEMPLARS_MAX) {
            let time =
                exemplar.timestamp.or_else(|| self.asides.times.last().filter(|(at, _)| *at == place).map(|(_, time)| *time));
            self.asides.exemplars.push((place, exemplar_of(exemplar, time.unwrap_or(self.time_ms))));
        }
    }

    fn created(&mut self, created: i64) {
        if let Some(place) = self.place().filter(|_| self.series.rules.start_times.uses_created()) {
            self.asides.created.push((place, created));
        }
    }
}
