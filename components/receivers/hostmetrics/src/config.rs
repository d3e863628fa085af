//! Settings of the receiver.

use crate::scraper::ScraperConfig;
use crate::scrapers::{cpu, disk, filesystem, load, memory, network, paging, process, processes, system};
use std::path::Path;
use std::time::Duration;
use warren_config::{Block, Fields, GoDuration, Keyword, Report};

/// Settings of the receiver.
#[derive(Debug)]
pub struct Config {
    /// Time from one scrape to the next.
    pub collection_interval: GoDuration,
    /// Time from the start to the first scrape; none of it when it is not positive.
    pub initial_delay: GoDuration,
    /// How long a scrape may take before it counts as hung; zero leaves it to the receiver.
    pub timeout: GoDuration,
    /// Where the root of the machine is, seen from here; empty for the own.
    pub root_path: String,
    /// Time from one event about the host to the next, when a pipeline of logs has the receiver; zero for one event only.
    pub metadata_collection_interval: Duration,
    /// What is read.
    pub(crate) scrapers: Scrapers,
    /// What upstream does not know.
    pub warren: Extras,
}

/// What upstream does not know.
#[derive(Debug, Default)]
pub struct Extras {
    /// Whose figures are wanted.
    pub compat: Compat,
}

/// Whose figures are wanted, where upstream's are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// Upstream's, so that dashboards made for it show what they always did.
    #[default]
    Upstream,
    /// Right ones.
    Corrected,
}

/// The scrapers that are wanted, each with its settings.
#[derive(Debug, Default)]
pub(crate) struct Scrapers {
    cpu: Option<cpu::Config>,
    disk: Option<disk::Config>,
    filesystem: Option<filesystem::Config>,
    load: Option<load::Config>,
    memory: Option<memory::Config>,
    network: Option<network::Config>,
    paging: Option<paging::Config>,
    process: Option<process::Config>,
    processes: Option<processes::Config>,
    system: Option<system::Config>,
}

impl Default for Config {
    fn default() -> Self {
        const SECOND: i64 = 1_000_000_000;
        Self {
            collection_interval: GoDuration(60 * SECOND),
            initial_delay: GoDuration(SECOND),
            timeout: GoDuration(0),
            root_path: String::new(),
            metadata_collection_interval: Duration::from_secs(300),
            scrapers: Scrapers::default(),
            warren: Extras::default(),
        }
    }
}

impl Keyword for Compat {
    const TYPE: &'static str = "string";
    const WORDS: &'static [(&'static str, Self)] = &[("upstream", Self::Upstream), ("corrected", Self::Corrected)];

    fn unknown(word: &str) -> String {
        format!("unknown figures {word:?}: upstream or corrected")
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("collection_interval", &mut self.collection_interval);
        f.scalar("initial_delay", &mut self.initial_delay);
        f.scalar("timeout", &mut self.timeout);
        f.scalar("root_path", &mut self.root_path);
        f.scalar("metadata_collection_interval", &mut self.metadata_collection_interval);
        f.block("scrapers", &mut self.scrapers);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.scrapers.wanted().next().is_none() {
            report.error("", "must specify at least one scraper when using hostmetrics receiver");
        }
        if self.collection_interval.0 <= 0 {
            report.error("", "\"collection_interval\": requires positive value");
        }
        if self.timeout.0 < 0 {
            report.error("", "\"timeout\": requires positive value");
        }
        if !self.root_path.is_empty()
            && let Err(errno) = warren_host::look_at(Path::new(&self.root_path))
        {
            report.error("root_path", format!("invalid root_path: {errno}"));
        }
    }
}

impl Block for Extras {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("compat", &mut self.compat);
    }
}

impl Block for Scrapers {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.unknown_keys(|key| format!("invalid scraper key: {key}"));
        f.defaulted("cpu", &mut self.cpu, cpu::Config::default);
        f.defaulted("disk", &mut self.disk, disk::Config::default);
        f.defaulted("filesystem", &mut self.filesystem, filesystem::Config::default);
        f.defaulted("load", &mut self.load, load::Config::default);
        f.defaulted("memory", &mut self.memory, memory::Config::default);
        f.defaulted("network", &mut self.network, network::Config::default);
        f.defaulted("paging", &mut self.paging, paging::Config::default);
        f.defaulted("process", &mut self.process, process::Config::default);
        f.defaulted("processes", &mut self.processes, processes::Config::default);
        f.defaulted("system", &mut self.system, system::Config::default);
    }
}

impl Scrapers {
    /// Those that are wanted, by name.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = (&'static str, &dyn ScraperConfig)> {
        fn one<'a, C: ScraperConfig>(name: &'static str, config: &'a Option<C>) -> Option<(&'static str, &'a dyn ScraperConfig)> {
            config.as_ref().map(|config| (name, config as &dyn ScraperConfig))
        }
        let all = [
            one("cpu", &self.cpu),
            one("disk", &self.disk),
            one("filesystem", &self.filesystem),
            one("load", &self.load),
            one("memory", &self.memory),
            one("network", &self.network),
            one("paging", &self.paging),
            one("process", &self.process),
            one("processes", &self.processes),
            one("system", &self.system),
        ];
        all.into_iter().flatten()
    }
}

impl Config {
    /// Time from one scrape to the next.
    pub(crate) fn interval(&self) -> Duration {
        self.collection_interval.as_duration().unwrap_or_default().max(Duration::from_millis(1))
    }

    /// Time from the start to the first scrape.
    pub(crate) fn delay(&self) -> Duration {
        self.initial_delay.as_duration().unwrap_or_default()
    }

    /// How long a scrape may take, if anything was said.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.timeout.as_duration().filter(|timeout| !timeout.is_zero())
    }
}
