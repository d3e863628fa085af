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

mod cache;
mod classify;
mod group;
mod metadata;
mod metric;
mod origin;
mod page;
mod release;
#[cfg(test)]
mod tests;

pub use metadata::{Kind, Metadata};
pub use page::{Page, PageError, Read};
pub use release::{Counts, Own, Release};

use crate::config::Limits;
use crate::labels::Labels;
use crate::relabel::Program;
use cache::Cache;
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
#[derive(Clone, Debug, Default)]
pub enum StartTimes {
    /// The first sight of a series, and every reset.
    #[default]
    Adjusted,
    /// Nowhere.
    None,
    /// `process_start_time_seconds` on the same page, or the first metric whose name matches.
    Metric(Option<warren_regex::Regex>),
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
    ///
    /// `read` takes a series' text apart into labels, its name among them as `__name__`.
    pub fn begin(&mut self, time_ms: i64, read: Read) -> Page<'_> {
        self.cache.begin();
        Page::new(self, time_ms, read)
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

/// Labels of one series being read, and those of the target it came from; the same buffers for every series.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) labels: Labels,
}
