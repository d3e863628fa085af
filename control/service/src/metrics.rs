//! The control plane's own figures.

use warren_telemetry::{Counter, Gauge, Histogram, Registry};

/// What is counted.
pub(crate) struct Figures {
    pub(crate) connections: Gauge,
    pub(crate) messages: Counter,
    pub(crate) refused: Counter,
    pub(crate) deferred: Counter,
    pub(crate) offers: Counter,
    pub(crate) applied: Counter,
    pub(crate) failed: Counter,
    pub(crate) renders: Histogram,
    pub(crate) faults: Counter,
    pub(crate) requests: Counter,
    pub(crate) throttled: Counter,
    pub(crate) package_offers: Counter,
    pub(crate) packages_installed: Counter,
    pub(crate) packages_failed: Counter,
    pub(crate) rollouts_halted: Counter,
    pub(crate) rollout_failures: Counter,
}

const RENDER_BOUNDS: &[f64] = &[0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1];

impl Figures {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &'static str| registry.counter(name, help, &[]);
        Self {
            connections: registry.gauge("warren_opamp_connections", "Collectors that are connected.", &[]),
            messages: counter("warren_opamp_messages_total", "Messages of collectors."),
            refused: counter("warren_opamp_refused_total", "Messages and connections of collectors that were refused."),
            deferred: counter(
                "warren_opamp_deferred_total",
                "Connections and requests of collectors that are to come again later, because there were too many.",
            ),
            offers: counter("warren_config_offers_total", "Configurations that were offered to collectors."),
            applied: counter("warren_config_applied_total", "Configurations that collectors said they run."),
            failed: counter("warren_config_failed_total", "Configurations that collectors said they cannot run."),
            renders: registry.histogram(
                "warren_config_render_duration_seconds",
                "How long it took to make and check a configuration.",
                &[],
                RENDER_BOUNDS,
            ),
            faults: counter("warren_config_faults_total", "Configurations that could not be made, or were found to be wrong."),
            requests: counter("warren_api_requests_total", "Requests to the API."),
            throttled: counter("warren_api_throttled_total", "Requests to the API of tokens that asked too often."),
            package_offers: counter("warren_package_offers_total", "Versions of the collector that were offered to collectors."),
            packages_installed: counter("warren_package_installed_total", "Versions that collectors said they are now."),
            packages_failed: counter("warren_package_failed_total", "Versions that collectors said are not run."),
            rollouts_halted: counter(
                "warren_rollouts_halted_total",
                "Rollouts that were ended or paused because too many servers failed.",
            ),
            rollout_failures: counter("warren_rollout_failures_total", "Servers that failed with what a rollout gave them."),
        }
    }
}
