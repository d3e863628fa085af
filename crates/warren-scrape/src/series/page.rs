//! One page being read: series are looked up, values collected; nothing is released yet.

use super::cache::{OUTDATED, OWN_TIME, Role, Slot};
use super::metadata::Metadata;
use super::release::Release;
use super::{SERIES_MAX, Scratch, Series};
use crate::labels::{Labels, TooLarge};
use warren_pdata::Exemplar;

/// Takes a series' text apart into labels.
pub type Read = fn(text: &[u8], labels: &mut Labels) -> Result<(), PageError>;

/// Exemplars that are kept of one page.
const EXEMPLARS_MAX: usize = 100_000;

/// A timestamp on the page may be so far ahead of the clock, in milliseconds.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// Why a page is refused as a whole. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum PageError {
    #[error("missing metric name (__name__ label)")]
    NoName,
    #[error("label name {0:?} is not unique: invalid sample")]
    DuplicateLabel(String),
    #[error("sample limit exceeded (limit: {0})")]
    Samples(u64),
    #[error("the page has more than {SERIES_MAX} series; set sample_limit to allow more, or scrape fewer families")]
    Series,
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
    #[error("{0}")]
    Text(String),
}

/// A page being read.
pub struct Page<'a> {
    pub(super) series: &'a mut Series,
    pub(super) time_ms: i64,
    pub(super) values: Vec<f64>,
    /// Place within `values` and the timestamp on the page, in milliseconds.
    pub(super) own_times: Vec<(u32, i64)>,
    pub(super) exemplars: Vec<(u32, Exemplar)>,
    pub(super) scraped: u64,
    pub(super) kept: u64,
    pub(super) duplicates: u64,
    read: Read,
    scratch: Scratch,
    outdated: Vec<u32>,
}

impl<'a> Page<'a> {
    pub(super) fn new(series: &'a mut Series, time_ms: i64, read: Read) -> Self {
        let expected = series.cache.slots.len();
        series.cache.order.reserve_exact(expected);
        Self {
            series,
            time_ms,
            values: Vec::with_capacity(expected),
            own_times: Vec::new(),
            exemplars: Vec::new(),
            scraped: 0,
            kept: 0,
            duplicates: 0,
            read,
            scratch: Scratch::default(),
            outdated: Vec::new(),
        }
    }

    /// Notes what the page says of a family.
    pub fn metadata(&mut self, family: &str, metadata: Metadata<'_>) {
        let Series { classifier, cache, metrics, .. } = &mut *self.series;
        if !classifier.families.note(family, metadata, cache.page) || cache.slots.is_empty() {
            return;
        }
        match metadata {
            Metadata::Kind(_) => self.outdated.extend(metrics.touched_by(family)),
            Metadata::Help(_) | Metadata::Unit(_) => metrics.describe(family, &classifier.families),
        }
    }

    /// Takes a sample: the text of its series as it stands on the page, its value, and its timestamp in milliseconds if it has one.
    ///
    /// # Errors
    /// When the page as a whole must be refused.
    #[inline]
    pub fn sample(&mut self, text: &[u8], value: f64, timestamp: Option<i64>) -> Result<(), PageError> {
        let cache = &mut self.series.cache;
        let hash = cache.hash(text);
        let at = match cache.find(hash) {
            Some(at) => at,
            None => self.meet(text, hash)?,
        };
        self.scraped += 1;
        let cache = &mut self.series.cache;
        let Some(slot) = cache.slots.get_mut(at) else { return Ok(()) };
        if slot.flags & OUTDATED != 0 {
            self.meet_again(text, at)?;
        }
        let cache = &mut self.series.cache;
        let Some(slot) = cache.slots.get_mut(at) else { return Ok(()) };
        if slot.seen == cache.page {
            self.duplicates += 1;
            return Ok(());
        }
        slot.seen = cache.page;
        cache.order.push(at as u32);
        self.values.push(value);
        if slot.role == Role::Dropped {
            return Ok(());
        }
        self.kept += 1;
        let limit = self.series.rules.limits.samples;
        if limit > 0 && self.kept > limit {
            return Err(PageError::Samples(limit));
        }
        match timestamp.filter(|_| self.series.rules.honor_timestamps) {
            None => slot.flags &= !OWN_TIME,
            Some(time) => self.own_time(at, time),
        }
        Ok(())
    }

    /// Adds an exemplar to the sample just taken.
    pub fn exemplar(&mut self, exemplar: Exemplar) {
        if self.exemplars.len() < EXEMPLARS_MAX && !self.values.is_empty() {
            self.exemplars.push((self.values.len() as u32 - 1, exemplar));
        }
    }

    /// The time that samples without one of their own get, in milliseconds since 1970.
    pub fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// Samples so far, dropped ones included.
    pub fn scraped(&self) -> u64 {
        self.scraped
    }

    /// The page ended well: everything on it is released, and stale markers for what was on the page before and is gone.
    pub fn accept(self) -> Release<'a> {
        Release::accepted(self)
    }

    /// The page ended badly: nothing on it is released but stale markers for what was on the page before.
    pub fn refuse(self) -> Release<'a> {
        Release::refused(self)
    }

    /// Metrics whose family is described otherwise than when their series were placed.
    pub(super) fn take_outdated(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.outdated)
    }

    /// Keeps the timestamp of the sample just taken; one too far ahead of the clock takes the sample away.
    fn own_time(&mut self, at: usize, time: i64) {
        let cache = &mut self.series.cache;
        if time > self.time_ms.saturating_add(AHEAD_MS_MAX) {
            cache.order.pop();
            self.values.pop();
            self.kept -= 1;
            return;
        }
        if !self.series.rules.track_timestamps_staleness
            && let Some(slot) = cache.slots.get_mut(at)
        {
            slot.flags |= OWN_TIME;
        }
        self.own_times.push((self.values.len() as u32 - 1, time));
    }

    /// A series that is not known: parses, relabels and places it.
    #[cold]
    fn meet(&mut self, text: &[u8], hash: u64) -> Result<usize, PageError> {
        let most = SERIES_MAX.max(self.series.rules.limits.samples as usize);
        if self.series.cache.slots.len() >= most {
            return Err(PageError::Series);
        }
        let mut slot = self.placed(text)?;
        slot.hash = hash;
        Ok(self.series.cache.insert(slot))
    }

    /// A known series of a family that is described otherwise now: places it anew. Its state stays if it stays in its place.
    #[cold]
    fn meet_again(&mut self, text: &[u8], at: usize) -> Result<(), PageError> {
        let new = self.placed(text)?;
        if let Some(slot) = self.series.cache.slots.get_mut(at) {
            let same = slot.metric == new.metric && slot.role == new.role && slot.attrs == new.attrs;
            let (hash, seen, flags) = (slot.hash, slot.seen, slot.flags & !OUTDATED);
            if !same {
                *slot = Slot { hash, ..new };
            }
            (slot.seen, slot.flags) = (seen, flags);
        }
        Ok(())
    }

    fn placed(&mut self, text: &[u8]) -> Result<Slot, PageError> {
        let labels = &mut self.scratch.labels;
        labels.clear();
        (self.read)(text, labels)?;
        let Series { rules, classifier, metrics, groups, cache } = &mut *self.series;
        let place = classifier.place(rules, metrics, labels)?;
        let start = match place.role {
            Role::Bound | Role::Sum | Role::Count => i64::from(groups.of(place.metric, &place.attrs, cache.page)),
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
