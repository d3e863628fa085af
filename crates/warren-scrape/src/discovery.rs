//! Finding targets: each job has one [`Discovery`], which runs the job's mechanisms and shows what they found.
//!
//! A mechanism refreshes its [`TargetGroup`]s on its own; a refresh that fails keeps the last good groups and is told once, as is
//! its recovery. Whoever scrapes watches [`Discovery::groups`], which changes only when something was found anew. Addresses of
//! `static_configs` are there from the start.

mod dns;
mod file;
mod http;
mod refresh;
pub mod resolver;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::watch as channel;
use warren_telemetry::Telemetry;

use crate::config::DiscoveryConfig;

pub use http::{Fetch, FetchClient, FetchError, Fetched, Get};
pub use resolver::Resolver;

/// Longest file or response with target groups that is read, in bytes.
pub const GROUPS_BYTES_MAX: usize = 64 << 20;

/// Names and values; an empty value is an absent label.
pub type LabelSet = BTreeMap<String, String>;

/// Targets that share labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// Where the group comes from: an index, `FILE:INDEX`, `URL:INDEX`, a DNS name.
    pub source: String,
    /// Labels of each target, `__address__` among them.
    pub targets: Vec<LabelSet>,
    /// Labels of all targets.
    pub labels: LabelSet,
}

impl TargetGroup {
    /// A group of plain addresses.
    pub fn from_addresses(addresses: impl IntoIterator<Item = String>, labels: LabelSet) -> Self {
        let target = |address| LabelSet::from([("__address__".to_owned(), address)]);
        Self { source: String::new(), targets: addresses.into_iter().map(target).collect(), labels }
    }

    /// The addresses in the group.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| target.get("__address__")).map(String::as_str)
    }
}

/// What all mechanisms of a job found, one share each. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Groups(Vec<Arc<[TargetGroup]>>);

impl Groups {
    /// All groups.
    pub fn iter(&self) -> impl Iterator<Item = &TargetGroup> {
        self.0.iter().flat_map(|share| share.iter())
    }
}

/// Where a mechanism shows what it found.
pub(crate) struct Share {
    index: usize,
    found: Arc<channel::Sender<Groups>>,
}

impl Share {
    /// Replaces the mechanism's groups; whoever watches is woken only if they differ.
    pub(crate) fn publish(&self, groups: Vec<TargetGroup>) {
        self.found.send_if_modified(|found| match found.0.get_mut(self.index) {
            Some(share) if **share != *groups => {
                *share = groups.into();
                true
            }
            _ => false,
        });
    }
}

/// What mechanisms work with.
#[derive(Clone)]
pub struct Tools {
    /// Log and metrics.
    pub telemetry: Telemetry,
    /// Makes the HTTP clients of `http_sd_configs`.
    pub fetch: Arc<dyn Fetch>,
    /// Asks name servers.
    pub resolver: Resolver,
}

/// Finds the targets of one job.
pub struct Discovery {
    mechanisms: Vec<Mechanism>,
    found: Arc<channel::Sender<Groups>>,
}

enum Mechanism {
    File(file::FileDiscovery),
    Http(http::HttpDiscovery),
    Dns(dns::DnsDiscovery),
}

impl Discovery {
    /// The mechanisms of a job. Opens and asks nothing yet.
    ///
    /// # Errors
    /// When an HTTP client cannot be made of its settings.
    pub fn new(job: &str, configs: &[DiscoveryConfig], tools: &Tools) -> Result<Self, FetchError> {
        let mut groups = Groups::default();
        groups.0.resize_with(configs.len(), || Arc::from([]));
        let found = Arc::new(channel::Sender::new(groups));
        let mut mechanisms = Vec::new();
        for (index, config) in configs.iter().enumerate() {
            let share = Share { index, found: Arc::clone(&found) };
            let health = |mechanism| refresh::Health::new(&tools.telemetry, job, mechanism);
            match config {
                DiscoveryConfig::Static(groups) => share.publish(groups.clone()),
                DiscoveryConfig::File(config) => {
                    mechanisms.push(Mechanism::File(file::FileDiscovery::new(config, share, health("file"))));
                }
                DiscoveryConfig::Http(config) => {
                    let client = tools.fetch.client(&config.http)?;
                    mechanisms.push(Mechanism::Http(http::HttpDiscovery::new(config, client, share, health("http"))));
                }
                DiscoveryConfig::Dns(config) => {
                    let resolver = tools.resolver.clone();
                    mechanisms.push(Mechanism::Dns(dns::DnsDiscovery::new(config, resolver, share, health("dns"))));
                }
            }
        }
        Ok(Self { mechanisms, found })
    }

    /// What was found, now and from now on.
    pub fn groups(&self) -> channel::Receiver<Groups> {
        self.found.subscribe()
    }

    /// Whether all targets are known from the start.
    pub fn is_static(&self) -> bool {
        self.mechanisms.is_empty()
    }

    /// Keeps looking until it is dropped. Ends at once when everything is static.
    pub async fn run(self) {
        join_all(self.mechanisms.into_iter().map(|mechanism| async move {
            match mechanism {
                Mechanism::File(file) => file.run().await,
                Mechanism::Http(http) => http.run().await,
                Mechanism::Dns(dns) => dns.run().await,
            }
        }))
        .await;
    }
}

#[cfg(test)]
mod tests;
