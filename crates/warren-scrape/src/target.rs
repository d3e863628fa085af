//! Targets: what is scraped, made of discovered groups and the settings of a job.
//!
//! Labels come together in the order of Prometheus: those of the target, those of its group, those of the job; then the job's
//! rules run; then `__meta_` labels go and `instance` is filled in. Two targets with the same labels and URL are one.

use std::time::Duration;

use warren_config::{format_prometheus, parse_prometheus};

use crate::config::ScrapeConfig;
use crate::discovery::{LabelSet, TargetGroup};
use crate::labels::{Labels, TooLarge};
use crate::relabel::Verdict;

/// Most targets of one job; further ones are left out and counted.
pub const TARGETS_MAX: usize = 100_000;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";
const RESERVED_PREFIX: &str = "__";

/// One endpoint to scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// All labels after relabelling, sorted by name; those that begin with `__` are not shown to the world.
    pub labels: Labels,
    /// What is requested.
    pub url: String,
    /// Time between scrapes.
    pub interval: Duration,
    /// Time limit of a scrape, at most the interval.
    pub timeout: Duration,
    hash: u64,
}

/// Why a discovered address is no target; the texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum TargetError {
    #[error("no address")]
    NoAddress,
    #[error("{0:?} is not a valid hostname")]
    Address(String),
    #[error("error parsing scrape interval: {0}")]
    Interval(warren_config::PrometheusDurationError),
    #[error("scrape interval cannot be 0")]
    NoInterval,
    #[error("error parsing scrape timeout: {0}")]
    Timeout(warren_config::PrometheusDurationError),
    #[error("scrape timeout cannot be 0")]
    NoTimeout,
    #[error("scrape timeout cannot be greater than scrape interval ({timeout:?} > {interval:?})")]
    TimeoutTooLong { timeout: String, interval: String },
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// The targets of one job.
#[derive(Debug, Default)]
pub struct Targets {
    /// In the order of discovery, each once.
    pub active: Vec<Target>,
    /// Addresses that are no targets: where they were found (`instance 0 in group FILE:1`), and why.
    pub failures: Vec<(String, TargetError)>,
    /// How many the rules dropped.
    pub dropped: usize,
    /// How many were beyond [`TARGETS_MAX`].
    pub over_limit: usize,
}

/// Most failures that are kept for telling.
const FAILURES_MAX: usize = 100;

impl Targets {
    /// Makes the targets of a job from what was discovered.
    pub fn new<'a>(job: &ScrapeConfig, groups: impl IntoIterator<Item = &'a TargetGroup>) -> Self {
        let mut targets = Self::default();
        let mut seen = std::collections::HashSet::new();
        for group in groups {
            for (index, own) in group.targets.iter().enumerate() {
                if targets.active.len() == TARGETS_MAX {
                    targets.over_limit += 1;
                    continue;
                }
                match Target::new(job, own, &group.labels) {
                    Ok(Some(target)) => {
                        if seen.insert(target.hash) {
                            targets.active.push(target);
                        }
                    }
                    Ok(None) => targets.dropped += 1,
                    Err(error) if targets.failures.len() < FAILURES_MAX => {
                        targets.failures.push((format!("instance {index} in group {}", group.source), error));
                    }
                    Err(_) => {}
                }
            }
        }
        targets
    }

    /// What every scrape of the job fails with when it has more targets than `target_limit` allows.
    pub fn limit_error(&self, job: &ScrapeConfig) -> Option<String> {
        let (number, limit) = (self.active.len() as u64 + self.over_limit as u64, job.limits.targets);
        (limit > 0 && number > limit).then(|| format!("target_limit exceeded (number of targets: {number}, limit: {limit})"))
    }
}

impl Target {
    /// Makes a target; `None` when the rules drop it.
    ///
    /// # Errors
    /// When the labels after relabelling do not make a target.
    pub fn new(job: &ScrapeConfig, own: &LabelSet, group: &LabelSet) -> Result<Option<Self>, TargetError> {
        let mut labels = discovered_labels(job, own, group)?;
        if job.relabel.apply(&mut labels)? == Verdict::Drop {
            return Ok(None);
        }
        let address = labels.get(ADDRESS).to_owned();
        if address.is_empty() {
            return Err(TargetError::NoAddress);
        }
        check_address(&address)?;
        let (interval, timeout) = timing(&labels)?;
        labels.retain(|name, value| !name.starts_with(META_PREFIX) && !value.is_empty());
        if labels.get("instance").is_empty() {
            labels.set("instance", &address)?;
        }
        labels.sort();
        let url = url(job, &labels, &address);
        let hash = fnv_1a([format!("{:016}", labels.hash()).as_bytes(), url.as_bytes()]);
        Ok(Some(Self { labels, url, interval, timeout, hash }))
    }

    /// Identity of the target: the same for the same labels and URL, in every process.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Value of a label; empty when there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name)
    }

    /// The labels that scraped series get.
    pub fn public_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().filter(|(name, _)| !name.starts_with(RESERVED_PREFIX))
    }

    /// Time from `now` (since the Unix epoch) to the next scrape. Every target has its own place within the interval, which
    /// stays over restarts; `seed` moves the places of a whole program.
    pub fn offset(&self, now: Duration, seed: u64) -> Duration {
        let interval = self.interval.as_nanos().max(1);
        let place = u128::from(self.hash ^ seed) % interval;
        let next = interval - now.as_nanos() % interval + place;
        let wait = if next > interval { next - interval } else { next };
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

/// What moves the scrapes of this program against those of others: a hash of the host's full name and the external labels.
pub fn offset_seed(host: &str, external_labels: &[(String, String)]) -> u64 {
    let labels: Labels = external_labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fnv_1a([host.as_bytes(), format!("{:016}", labels.hash()).as_bytes()])
}

/// Refuses a URL where an address should be.
///
/// # Errors
/// [`TargetError::Address`].
pub fn check_address(address: &str) -> Result<(), TargetError> {
    if address.contains('/') { Err(TargetError::Address(address.to_owned())) } else { Ok(()) }
}

/// The labels before relabelling.
fn discovered_labels(job: &ScrapeConfig, own: &LabelSet, group: &LabelSet) -> Result<Labels, TooLarge> {
    let mut labels = Labels::new();
    for (name, value) in own {
        labels.set(name, value)?;
    }
    for (name, value) in group.iter().filter(|(name, _)| !own.contains_key(*name)) {
        labels.set(name, value)?;
    }
    let mut default = |name: &str, value: &str| match labels.get(name) {
        "" => labels.set(name, value),
        _ => Ok(()),
    };
    default("job", &job.job_name)?;
    default(INTERVAL, &format_prometheus(job.scrape_interval))?;
    default(TIMEOUT, &format_prometheus(job.scrape_timeout))?;
    default(METRICS_PATH, &job.metrics_path)?;
    default(SCHEME, &job.scheme)?;
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            default(&format!("{PARAM_PREFIX}{name}"), first)?;
        }
    }
    Ok(labels)
}

/// Interval and timeout after relabelling.
fn timing(labels: &Labels) -> Result<(Duration, Duration), TargetError> {
    let (interval_text, timeout_text) = (labels.get(INTERVAL), labels.get(TIMEOUT));
    let interval = parse_prometheus(interval_text).map_err(TargetError::Interval)?;
    if interval.is_zero() {
        return Err(TargetError::NoInterval);
    }
    let timeout = parse_prometheus(timeout_text).map_err(TargetError::Timeout)?;
    if timeout.is_zero() {
        return Err(TargetError::NoTimeout);
    }
    if timeout > interval {
        return Err(TargetError::TimeoutTooLong { timeout: timeout_text.into(), interval: interval_text.into() });
    }
    Ok((interval, timeout))
}

/// The URL, its parts escaped as Go's `net/url` does.
fn url(job: &ScrapeConfig, labels: &Labels, address: &str) -> String {
    let mut url = format!("{}://{address}", labels.get(SCHEME));
    let path = labels.get(METRICS_PATH);
    if !path.is_empty() && !path.starts_with('/') {
        url.push('/');
    }
    escape_path(path, &mut url);
    let mut params: std::collections::BTreeMap<&str, Vec<&str>> =
        job.params.iter().map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect())).collect();
    for (label, value) in labels.iter() {
        if let Some(name) = label.strip_prefix(PARAM_PREFIX) {
            let values = params.entry(name).or_default();
            match values.first_mut() {
                Some(first) => *first = value,
                None => values.push(value),
            }
        }
    }
    let mut separator = '?';
    for (name, value) in params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
        url.push(separator);
        escape_query(name, &mut url);
        url.push('=');
        escape_query(value, &mut url);
        separator = '&';
    }
    url
}

fn escape_path(text: &str, out: &mut String) {
    escape(text, out, |byte| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte));
}

fn escape_query(text: &str, out: &mut String) {
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            out.push('+');
        }
        escape(word, out, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    }
}

fn escape(text: &str, out: &mut String, plain: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// FNV-1a, 64 bits.
fn fnv_1a<const N: usize>(texts: [&[u8]; N]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    texts.into_iter().flatten().fold(OFFSET_BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests;
