//! The series of one target: what is known of them from one scrape to the next.
//!
//! ```text
//! page ── sample(text, value) ──▶ Cache: text hash ─hit──▶ slot ──┐
//!                                   └─miss─▶ classify: labels,    │ values in the order of the page
//!                                            relabel, family, set │
//! page ended well ◀────────────────────────────────────────────────┘
//!    └─▶ Release: slots + values ──▶ batches of metrics, stale markers for what is gone
//! ```
//!
//! A series costs one [`Slot`](cache::Slot) of 40 bytes and a share of its attribute set. A known series on a page costs a hash and a
//! comparison with the slot that followed last time; nothing is parsed, nothing allocated. Nothing of a page is kept but its values, and those
//! only until they are released. A page that ends badly releases nothing: [`Page::refuse`] leaves the stale markers alone.

mod batch;
mod cache;
mod classify;
mod exemplar;
mod group;
mod metadata;
mod metric;
mod native;
mod origin;
mod page;
mod recall;
mod release;
#[cfg(test)]
mod tests;
mod unproven;

pub use native::schema_of_factor;
pub use page::{Page, PageError};
pub use release::{Counts, Own, Release};

use crate::config::Limits;
use crate::relabel::Program;
use cache::{Cache, OUTDATED};
use classify::Classifier;
use group::Groups;
use metric::MetricTable;

/// Series that one target may have at a time when no `sample_limit` says otherwise.
pub const SERIES_MAX: usize = 2_000_000;

/// How the samples of a target are read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `job` of the target.
    pub job: String,
    /// `instance` of the target.
    pub instance: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Labels of the target that its series get, sorted by name.
    pub target_labels: Vec<(String, String)>,
    /// Labels that every series gets, overriding its own.
    pub external_labels: Vec<(String, String)>,
    /// Whether scraped labels win over the target's.
    pub honor_labels: bool,
    /// Whether timestamps on the page count.
    pub honor_timestamps: bool,
    /// Whether series with timestamps on the page get stale markers.
    pub track_timestamps_staleness: bool,
    /// Whether names must be letters, digits, underscores and colons.
    pub legacy_names: bool,
    /// Whether native histograms are taken.
    pub native_histograms: bool,
    /// The finest resolution of native histograms.
    pub native_schema_max: i32,
    /// Filled buckets that a native histogram may have; 0 for any number.
    pub native_buckets_max: u64,
    /// Pages after which a series that is gone is forgotten, and its start time with it.
    pub forget_after: u16,
    /// Bounds on series.
    pub limits: Limits,
    /// Rules for the labels of series.
    pub relabel: Program,
    /// Whether unit and `_total` are cut off names.
    pub trim_metric_suffixes: bool,
    /// Where start times come from.
    pub start_times: StartTimes,
    /// Version of the default scope.
    pub version: String,
}

/// Where start times of cumulative points come from.
#[derive(Clone, Debug)]
pub enum StartTimes {
    /// The first sight of a series, and every reset; if `created`, what the page says of the series (`_created`) comes first.
    Adjusted {
        /// Whether what the page says counts.
        created: bool,
    },
    /// What the page says of the series alone.
    Told {
        /// Whether what the page says counts; without it there are none.
        created: bool,
    },
    /// `process_start_time_seconds` on the same page, or the first metric whose name matches.
    Metric(Option<warren_regex::Regex>),
}

impl Default for StartTimes {
    fn default() -> Self {
        Self::Adjusted { created: false }
    }
}

impl StartTimes {
    /// Whether what pages say of when a series began counts.
    fn uses_created(&self) -> bool {
        matches!(self, Self::Adjusted { created: true } | Self::Told { created: true })
    }
}

/// What is known of a target's series.
pub struct Series {
    rules: Rules,
    cache: Cache,
    classifier: Classifier,
    metrics: MetricTable,
    groups: Groups,
}

impl Series {
    /// Nothing known yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            classifier: Classifier::new(&rules),
            cache: Cache::default(),
            metrics: MetricTable::default(),
            groups: Groups::default(),
            rules,
        }
    }

    /// Begins a page scraped at this time (milliseconds since 1970).
    pub fn begin(&mut self, time_ms: i64) -> Page<'_> {
        self.cache.begin();
        Page::new(self, time_ms)
    }

    /// Ends a page: families described otherwise are placed anew when they are met again, what is gone for long is forgotten.
    fn settle(&mut self, outdated: &[u32]) {
        let Self { cache, classifier, metrics, groups, rules } = self;
        if !outdated.is_empty() {
            let mut is_outdated = vec![false; metrics.len()];
            mark(&mut is_outdated, outdated.iter().copied());
            let slots = cache.slots.iter_mut().filter(|slot| is_outdated.get(slot.metric as usize) == Some(&true));
            slots.for_each(|slot| slot.flags |= OUTDATED);
        }
        let moved = cache.settle(rules.forget_after);
        groups.settle(cache.page, rules.forget_after);
        classifier.settle(cache.page, moved);
        if !moved {
            return;
        }
        let mut used = vec![false; metrics.len()];
        mark(&mut used, cache.slots.iter().map(|slot| slot.metric).chain(groups.metrics()));
        if used.iter().filter(|used| !**used).count() > used.len() / 4 {
            let to = metrics.compact(&used);
            groups.moved(&to);
            cache.slots.iter_mut().for_each(|slot| slot.metric = to.get(slot.metric as usize).copied().unwrap_or_default());
        }
        let mut used = vec![false; classifier.origins.len()];
        mark(&mut used, metrics.origins());
        if used.contains(&false) {
            let to = classifier.origins.compact(&used);
            metrics.moved(&to);
        }
    }

    /// Series that are known, present or not.
    pub fn len(&self) -> usize {
        self.cache.slots.len()
    }

    /// Whether no series is known.
    pub fn is_empty(&self) -> bool {
        self.cache.slots.is_empty()
    }
}

fn mark(used: &mut [bool], indices: impl Iterator<Item = u32>) {
    indices.for_each(|at| used.get_mut(at as usize).into_iter().for_each(|used| *used = true));
}
