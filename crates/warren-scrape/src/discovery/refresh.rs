//! Telling how a mechanism fares: once when something begins to fail, once when it works again.

use std::collections::BTreeMap;

use warren_telemetry::{Counter, Field, Logger, Telemetry};

/// Most failing things that are told apart.
const FAILING_MAX: usize = 1000;

/// The state of a mechanism's files, names or URL.
pub(super) struct Health {
    log: Logger,
    refreshes: Counter,
    failures: Counter,
    /// What fails now, and how.
    failing: BTreeMap<String, String>,
}

impl Health {
    pub(super) fn new(telemetry: &Telemetry, job: &str, mechanism: &'static str) -> Self {
        let labels: [(&'static str, &str); 2] = [("job", job), ("mechanism", mechanism)];
        let registry = &telemetry.registry;
        Self {
            log: telemetry.log.with(&[("job", job), ("discovery", mechanism)]),
            refreshes: registry.counter("warren_discovery_refreshes_total", "Refreshes of discovered targets.", &labels),
            failures: registry.counter(
                "warren_discovery_failures_total",
                "Failed refreshes of discovered targets; the last good ones were kept.",
                &labels,
            ),
            failing: BTreeMap::new(),
        }
    }

    /// Notes how the refresh of `what` ended.
    pub(super) fn note<T>(&mut self, what: &str, result: Result<T, String>) -> Option<T> {
        self.refreshes.add(1);
        match result {
            Ok(value) => {
                if self.failing.remove(what).is_some() {
                    self.log.info("Target groups refreshed again", &[("source", Field::Str(what))]);
                }
                Some(value)
            }
            Err(error) => {
                self.failures.add(1);
                if !self.failing.contains_key(what) && self.failing.len() < FAILING_MAX {
                    let fields = [("source", Field::Str(what)), ("error", Field::Str(&error))];
                    self.log.warn("Unable to refresh target groups, keeping the last ones", &fields);
                    self.failing.insert(what.to_owned(), error);
                }
                None
            }
        }
    }

    /// Forgets failures of what is no longer asked for.
    pub(super) fn retain(&mut self, asked: impl Fn(&str) -> bool) {
        self.failing.retain(|what, _| asked(what));
    }
}
