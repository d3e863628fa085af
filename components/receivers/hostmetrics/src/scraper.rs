//! What a scraper is.

use crate::config::Compat;
use crate::faults::Faults;
use crate::metric::MetricSettings;
use crate::recorder::Recorder;
use std::time::Duration;
use warren_config::Block;
use warren_host::{Host, Paths};

/// Reads figures of one kind off the machine.
pub(crate) trait Scraper: Send {
    /// Records the values of this tick. What fails goes to `faults`; what was recorded besides counts. Whatever is left recorded at the end goes
    /// under the empty resource.
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults);
}

/// Settings of a scraper.
pub(crate) trait ScraperConfig: Block + Send + Sync {
    /// Which metrics are reported.
    fn metrics(&self) -> &MetricSettings;

    /// Makes the scraper.
    ///
    /// # Errors
    /// In upstream's words.
    fn build(&self, cx: &ScraperContext<'_>) -> Result<Box<dyn Scraper>, String>;
}

/// What a scraper is made with.
pub(crate) struct ScraperContext<'a> {
    /// Whose figures are wanted.
    pub(crate) compat: Compat,
    /// Where the kernel's files are.
    pub(crate) paths: &'a Paths,
    /// When the machine booted, in seconds since 1970.
    pub(crate) booted: u64,
    /// Whether that is to be looked up again and again.
    pub(crate) boot_time_may_change: bool,
    /// How long a scrape may take; none says nothing.
    pub(crate) timeout: Option<Duration>,
}
