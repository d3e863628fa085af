//! Settings of the scraper of processes.

use super::resource::{Identity, Resources};
use super::{METRICS, Plan, ProcessScraper, Sets};
use crate::config::Compat;
use crate::filter::FilterSettings;
use crate::known::Known;
use crate::metric::MetricSettings;
use crate::scraper::{Scraper, ScraperConfig, ScraperContext};
use std::time::Duration;
use warren_config::{Block, Fields, Report};
use warren_host::{Host, Source, cpu, system};
use warren_regex::Regex;

/// Settings of the scraper.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    metrics: MetricSettings,
    resource_attributes: ResourceSettings,
    filter: FilterSettings,
    /// How long a process must have run before it is reported.
    scrape_process_delay: Duration,
    mute: Mute,
}

/// What is not told when it fails, which it does when the collector may not look at the processes of others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mute {
    pub(super) all: bool,
    pub(super) name: bool,
    pub(super) exe: bool,
    pub(super) io: bool,
    pub(super) user: bool,
    pub(super) cgroup: bool,
}

/// Which attributes the resources of processes have, and by which values of them processes are left out.
#[derive(Clone, Debug)]
pub(crate) struct ResourceSettings {
    /// In the order of [`ATTRIBUTES`].
    pub(super) attributes: [AttributeSettings; ATTRIBUTES.len()],
}

/// The attributes that a resource may have, sorted by name, and whether it has them unless the configuration says otherwise.
pub(super) const ATTRIBUTES: [(&str, bool); 8] = [
    ("process.cgroup", false),
    ("process.command", true),
    ("process.command_line", true),
    ("process.executable.name", true),
    ("process.executable.path", true),
    ("process.owner", true),
    ("process.parent_pid", true),
    ("process.pid", true),
];

/// Settings of one attribute.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeSettings {
    pub(super) enabled: bool,
    pub(super) include: Vec<ValueSettings>,
    pub(super) exclude: Vec<ValueSettings>,
}

/// A value, or a pattern of values.
#[derive(Clone, Debug, Default)]
pub(crate) struct ValueSettings {
    pub(super) strict: String,
    pub(super) regexp: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metrics: MetricSettings::new(METRICS),
            resource_attributes: ResourceSettings::default(),
            filter: FilterSettings::new(["include", "exclude"], "names", ["process include filters", "process exclude filters"]),
            scrape_process_delay: Duration::ZERO,
            mute: Mute::default(),
        }
    }
}

impl Default for ResourceSettings {
    fn default() -> Self {
        let settings = |(_, enabled)| AttributeSettings { enabled, ..AttributeSettings::default() };
        Self { attributes: ATTRIBUTES.map(settings) }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("metrics", &mut self.metrics);
        f.block("resource_attributes", &mut self.resource_attributes);
        f.squash(&mut self.filter);
        f.scalar("scrape_process_delay", &mut self.scrape_process_delay);
        f.squash(&mut self.mute);
    }
}

impl Block for Mute {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("mute_process_all_errors", &mut self.all);
        f.scalar("mute_process_name_error", &mut self.name);
        f.scalar("mute_process_exe_error", &mut self.exe);
        f.scalar("mute_process_io_error", &mut self.io);
        f.scalar("mute_process_user_error", &mut self.user);
        f.scalar("mute_process_cgroup_error", &mut self.cgroup);
    }
}

impl Block for ResourceSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        for ((name, _), settings) in ATTRIBUTES.iter().zip(&mut self.attributes) {
            f.block(name, settings);
        }
    }
}

impl Block for AttributeSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.blocks("metrics_include", &mut self.include);
        f.blocks("metrics_exclude", &mut self.exclude);
    }
}

impl Block for ValueSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("strict", &mut self.strict);
        f.scalar("regexp", &mut self.regexp);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match (self.strict.is_empty(), self.regexp.is_empty()) {
            (true, true) => report.error("", "must specify either strict or regex"),
            (false, false) => report.error("", "strict and regex cannot be used together"),
            (false, true) => {}
            (true, false) => {
                if let Err(error) = Regex::new(&self.regexp) {
                    report.error("regexp", error.to_string());
                }
            }
        }
    }
}

impl ScraperConfig for Config {
    fn metrics(&self) -> &MetricSettings {
        &self.metrics
    }

    fn build(&self, cx: &ScraperContext<'_>) -> Result<Box<dyn Scraper>, String> {
        let mut host = Host::new(cx.paths.clone());
        let told = host.text(Source::Cpuinfo).map_or(0, |cpuinfo| cpu::logical(cpuinfo, &[]));
        let counted = match told {
            0 => host.text(Source::Stat).map(|stat| cpu::processors(stat).count()),
            told => Ok(told),
        };
        let processors = counted.map_err(|error| format!("error getting number of logical cores: {error}"))?;
        let corrected = cx.compat == Compat::Corrected;
        let plan = Plan {
            filter: self.filter.compile()?,
            delay: self.scrape_process_delay,
            mute: self.mute,
            corrected,
            booted: cx.booted,
            ticks_per_second: system::ticks_per_second(),
            page_bytes: system::page_bytes(),
            processors: processors.max(1) as f64,
            memory_total: 0,
            sets: Sets::new(),
        };
        Ok(Box::new(ProcessScraper {
            plan,
            resources: Resources::new(&self.resource_attributes, cx.paths, corrected).map_err(|error| error.to_string())?,
            boot_time_may_change: cx.boot_time_may_change,
            known: Known::default(),
            identity: Identity::default(),
        }))
    }
}
