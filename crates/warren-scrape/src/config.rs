//! The `config` subtree of the prometheus receiver: a Prometheus configuration file, as far as it is about scraping.
//!
//! A [`Config`] decodes itself from the tree with Prometheus' own rules and texts (commit 419d436a447a; see [`yaml`] for how
//! they differ from those of other components) and tells every fault at its place. Its jobs are complete: global values are
//! filled in and relabel rules compiled. [`Config::jobs`] adds those of `scrape_config_files`, which are read anew each time.

mod discovery;
mod format;
mod http_client;
mod rules;
mod scrape;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use warren_config::{Custom, Diagnostics, Node, Report, Value};

pub use discovery::{DiscoveryConfig, DnsConfig, FileConfig, HttpConfig, RecordType};
pub use format::{NameEscaping, NameValidation, ScrapeProtocol};
pub use http_client::{
    Authentication, HeaderValues, HttpClientConfig, OAuth2Config, PemSource, ProxyConfig, SecretSource, TlsConfig, TlsVersion,
};
pub use scrape::{Global, JobPrint, Limits, ScrapeConfig};

use crate::glob;
use crate::scrape::PAGE_BYTES_MAX;
use yaml::Mapping;

/// Longest file of `scrape_config_files` that is read, in bytes.
pub const SCRAPE_CONFIG_FILE_BYTES_MAX: u64 = 16 << 20;

/// Most jobs of one configuration, those in files included.
pub const JOBS_MAX: usize = 100_000;

/// What a known series takes beside its labels.
const SERIES_BYTES: u64 = 128;

/// What a label takes beside its text.
const LABEL_BYTES: u64 = 64;

/// What series take for each byte of the page that brings them, about: the shortest line with labels that tell series apart has some 32 bytes and the series
/// takes 512; of labels alone, which take the most when they are the shortest, no byte takes more.
const BYTES_PER_PAGE_BYTE: u64 = 16;

/// A Prometheus configuration.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Values that jobs fell back on, and external labels.
    pub global: Global,
    /// Jobs of the configuration itself.
    pub scrape_configs: Vec<Arc<ScrapeConfig>>,
    /// Paths, possibly with a pattern in the last part, of files with further jobs.
    pub scrape_config_files: Vec<String>,
    /// What was decoded, to be shown again.
    source: Value,
}

/// Sections that the reference accepts and does not use.
const IGNORED_SECTIONS: [&str; 4] = ["runtime", "storage", "tracing", "otlp"];

impl Config {
    /// Whether there is anything to scrape.
    pub fn has_scrape_configs(&self) -> bool {
        !self.scrape_configs.is_empty() || !self.scrape_config_files.is_empty()
    }

    /// All jobs, with those of `scrape_config_files`, which are read now.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn jobs(&self) -> Result<Vec<Arc<ScrapeConfig>>, Box<Diagnostics>> {
        let mut diagnostics = Diagnostics::new();
        let jobs = self.read_jobs(&mut Report::root(&mut diagnostics, None));
        if diagnostics.has_errors() { Err(Box::new(diagnostics)) } else { Ok(jobs) }
    }

    /// What the series of all targets may take, for each job: its name and the bytes. The size of a page limits them, and so do limits of samples and labels
    /// if all are set; without a limit of targets there are as many as are written down, or as discovery may find.
    pub fn series_memory(&self) -> Vec<(String, u64)> {
        let jobs = self.jobs().unwrap_or_default();
        let bytes = |job: &ScrapeConfig| {
            let page = if job.limits.body_size == 0 { PAGE_BYTES_MAX } else { job.limits.body_size };
            let by_page = page.saturating_mul(BYTES_PER_PAGE_BYTE);
            let series = job.limits.series_bytes().map_or(by_page, |bytes| bytes.min(by_page));
            let found: u64 = job.discovery.iter().map(DiscoveryConfig::targets_max).fold(0, u64::saturating_add);
            let targets = if job.limits.targets == 0 { found } else { job.limits.targets.min(found) };
            series.saturating_mul(targets)
        };
        jobs.iter().map(|job| (job.job_name.clone(), bytes(job))).collect()
    }

    fn read_jobs(&self, report: &mut Report<'_>) -> Vec<Arc<ScrapeConfig>> {
        let mut jobs = self.scrape_configs.clone();
        let mut origins: BTreeMap<String, String> =
            jobs.iter().map(|job| (job.job_name.clone(), "main config file".to_owned())).collect();
        for pattern in &self.scrape_config_files {
            for file in glob::files(Path::new(pattern)) {
                report.file("scrape_config_files", file.to_string_lossy());
                let found = match read_file(&file) {
                    Ok(node) => self.file_jobs(&node, &file, report),
                    Err(message) => {
                        report.error("scrape_config_files", format!("{file:?}: {message}"));
                        continue;
                    }
                };
                for job in found {
                    if let Some(origin) = origins.get(&job.job_name) {
                        let name = &job.job_name;
                        let message =
                            format!("{file:?}: found multiple scrape configs with job name {name:?}, first found in {origin}");
                        report.error("scrape_config_files", message);
                    } else if jobs.len() == JOBS_MAX {
                        report.error("scrape_config_files", format!("more than {JOBS_MAX} scrape configs"));
                        return jobs;
                    } else {
                        origins.insert(job.job_name.clone(), format!("{:?}", file.display().to_string()));
                        jobs.push(Arc::new(job));
                    }
                }
            }
        }
        jobs
    }

    /// The jobs of one file.
    fn file_jobs(&self, node: &Node, file: &Path, report: &mut Report<'_>) -> Vec<ScrapeConfig> {
        if node.is_null() {
            return Vec::new();
        }
        let mut report = report.at_key("scrape_config_files", node);
        let Some(mut m) = Mapping::of(node, &mut report, "config.ScrapeConfigs") else { return Vec::new() };
        let mut jobs = scrape_configs(&mut m, &self.global);
        m.finish(|_| false);
        let directory = file.parent().unwrap_or(Path::new(""));
        jobs.iter_mut().for_each(|job| job.set_directory(directory));
        jobs
    }

    /// Decodes the tree; variables in external labels are replaced by what `variable` gives.
    fn read_with(&mut self, node: &Node, report: &mut Report<'_>, variable: &dyn Fn(&str) -> Option<String>) {
        self.source = node.value.clone();
        let Some(mut m) = Mapping::of(node, report, "config.plain") else { return };
        // Null stands for the defaults here, as does a block of zeros.
        if let Some(global) = m.optional::<Option<Global>>("global").flatten() {
            self.global = global;
        }
        self.expand_external_labels(&mut m, variable);
        m.field("scrape_config_files", &mut self.scrape_config_files);
        for pattern in &self.scrape_config_files {
            if !is_last_part_pattern(pattern) {
                let message = format!("invalid scrape config file path {pattern:?}");
                m.report().error_with_hint("scrape_config_files", message, "only the last part of the path may hold a *");
            }
        }
        let jobs = scrape_configs(&mut m, &self.global);
        let mut names = std::collections::BTreeSet::new();
        for job in &jobs {
            if !names.insert(&job.job_name) {
                let message = format!("found multiple scrape configs with job name {:?}", job.job_name);
                m.report().error("scrape_configs", message);
            }
        }
        self.scrape_configs = jobs.into_iter().map(Arc::new).collect();
        for section in IGNORED_SECTIONS {
            m.node(section);
        }
        refuse_unsupported(&mut m);
        m.finish(|_| false);
    }

    fn expand_external_labels(&mut self, m: &mut Mapping<'_, '_>, variable: &dyn Fn(&str) -> Option<String>) {
        for (_, value) in &mut self.global.external_labels {
            let mut missing = Vec::new();
            *value = expand(value, |name| match variable(name).filter(|value| !value.is_empty()) {
                Some(value) => value,
                None => {
                    missing.push(name.to_owned());
                    String::new()
                }
            });
            for name in missing {
                m.report().warning("global", format!("Empty environment variable {name:?} in external_labels"));
            }
        }
        self.global.external_labels.retain(|(_, value)| !value.is_empty());
    }
}

impl Custom for Config {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        self.read_with(node, report, &|name| std::env::var(name).ok());
    }

    /// Reads the files that hold further jobs, and tells what is wrong with them.
    fn validate(&self, report: &mut Report<'_>) {
        self.read_jobs(report);
    }

    fn encode(&self) -> Value {
        self.source.clone()
    }
}

/// Reads the list of jobs of the configuration or of a file.
fn scrape_configs(m: &mut Mapping<'_, '_>, global: &Global) -> Vec<ScrapeConfig> {
    let Some(node) = m.node("scrape_configs").filter(|node| !node.is_null()) else { return Vec::new() };
    let mut report = m.report().at_key("scrape_configs", node);
    let Some(list) = node.as_list() else {
        yaml::mismatch(node, "[]*config.ScrapeConfig", &mut report);
        return Vec::new();
    };
    if list.len() > JOBS_MAX {
        report.error("", format!("more than {JOBS_MAX} scrape configs"));
        return Vec::new();
    }
    let elements = list.iter().enumerate();
    elements.filter_map(|(index, node)| ScrapeConfig::read(node, global, &mut report.at_index(index, node))).collect()
}

/// Tells the parts of a Prometheus configuration that have no place in a receiver, all in one error.
fn refuse_unsupported(m: &mut Mapping<'_, '_>) {
    let filled = |node: Option<&Node>| node.is_some_and(|node| node.as_list().is_some_and(|list| !list.is_empty()));
    let alerting = m.node("alerting");
    let parts = [
        ("alert_config.alertmanagers", alerting.and_then(|node| node.get("alertmanagers"))),
        ("alert_config.relabel_configs", alerting.and_then(|node| node.get("alert_relabel_configs"))),
        ("remote_read", m.node("remote_read")),
        ("remote_write", m.node("remote_write")),
        ("rule_files", m.node("rule_files")),
    ];
    let refused: Vec<_> = parts.into_iter().filter(|(_, node)| filled(*node)).map(|(name, _)| name).collect();
    if !refused.is_empty() {
        m.report().error("", format!("unsupported features:\n\t{}", refused.join("\n\t")));
    }
}

/// Whether only the last part of a path holds an asterisk: `^[^*]*(\*[^/]*)?$`.
fn is_last_part_pattern(path: &str) -> bool {
    path.split_once('*').is_none_or(|(_, rest)| !rest.contains('/'))
}

fn read_file(path: &PathBuf) -> Result<Node, String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(SCRAPE_CONFIG_FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() as u64 > SCRAPE_CONFIG_FILE_BYTES_MAX {
        return Err(format!("longer than {SCRAPE_CONFIG_FILE_BYTES_MAX} bytes"));
    }
    warren_config::parse_yaml(&path.to_string_lossy(), &text).map_err(|error| error.to_string())
}

/// Replaces `$NAME` and `${NAME}` as Go's `os.Expand` does; `$$` is a dollar.
fn expand(text: &str, mut variable: impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        let (name, consumed) = match after.chars().next() {
            None => {
                out.push('$');
                break;
            }
            Some('{') => match after.find('}') {
                Some(end) => (after.get(1..end).unwrap_or_default(), end + 1),
                // Go eats the brace of a name that never ends.
                None => ("", 1),
            },
            Some(c) if "*#$@!?-0123456789".contains(c) => (after.get(..1).unwrap_or_default(), 1),
            Some(_) => {
                let end = after.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(after.len());
                if end == 0 {
                    out.push('$');
                }
                (after.get(..end).unwrap_or_default(), end)
            }
        };
        rest = after.get(consumed..).unwrap_or_default();
        match name {
            "" => {}
            "$" => out.push('$'),
            name => out.push_str(&variable(name)),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
