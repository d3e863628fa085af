//! The extension's settings.

use crate::answer::HealthCheck;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Extension, ExtensionConfig, MemoryBound};
use warren_config::{Block, Fields, GoDuration, Report, parse_go};
use warren_http::server::ServerConfig;

/// How long an exporter may be silent unless the settings say otherwise.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Settings of a `health_check` extension.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub server: ServerConfig,
    /// The path that is served; one that ends with a slash stands for all below it.
    pub path: String,
    /// What is answered instead of JSON.
    pub response_body: Option<ResponseBody>,
    /// How long an exporter may be silent.
    pub check_collector_pipeline: PipelineCheck,
    /// What only Warren knows.
    pub warren: Own,
}

/// The block `response_body`.
#[derive(Clone, Debug, Default)]
pub struct ResponseBody {
    /// When all is well.
    pub healthy: String,
    /// When it is not.
    pub unhealthy: String,
}

/// The block `check_collector_pipeline`, which has no effect upstream.
#[derive(Clone, Debug)]
pub struct PipelineCheck {
    /// Whether `interval` counts.
    pub enabled: bool,
    /// How long an exporter may be silent.
    pub interval: String,
    /// Checked, and without effect.
    pub exporter_failure_threshold: i64,
}

/// The block `warren`.
#[derive(Clone, Debug)]
pub struct Own {
    /// Whether the flow of data decides; else only whether the program has started.
    pub flow: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig { endpoint: "localhost:13133".to_owned(), ..ServerConfig::default() },
            path: "/".to_owned(),
            response_body: None,
            check_collector_pipeline: PipelineCheck::default(),
            warren: Own::default(),
        }
    }
}

impl Default for PipelineCheck {
    fn default() -> Self {
        Self { enabled: false, interval: "5m".to_owned(), exporter_failure_threshold: 5 }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { flow: true }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.server);
        f.scalar("path", &mut self.path);
        f.optional("response_body", &mut self.response_body);
        f.block("check_collector_pipeline", &mut self.check_collector_pipeline);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Err(error) = parse_go(&self.check_collector_pipeline.interval) {
            report.error("", format!("{error} {:?}", self.check_collector_pipeline.interval));
        }
        if self.server.endpoint.is_empty() {
            report.error("", "bad config: endpoint must be specified");
        }
        if self.check_collector_pipeline.exporter_failure_threshold <= 0 {
            report.error("", "bad config: exporter_failure_threshold expects a positive number");
        }
        if !self.path.starts_with('/') {
            report.error("", "bad config: path must start with /");
        }
    }
}

impl Block for ResponseBody {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("healthy", &mut self.healthy);
        f.scalar("unhealthy", &mut self.unhealthy);
    }
}

impl Block for PipelineCheck {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("interval", &mut self.interval);
        f.scalar("exporter_failure_threshold", &mut self.exporter_failure_threshold);
    }
}

impl Block for Own {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("flow", &mut self.flow);
    }
}

impl Config {
    /// How long an exporter may be silent.
    pub(crate) fn silence_max(&self) -> Duration {
        let interval = parse_go(&self.check_collector_pipeline.interval).ok().and_then(GoDuration::as_duration);
        interval.filter(|_| self.check_collector_pipeline.enabled).unwrap_or(SILENCE_MAX)
    }
}

impl ExtensionConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        self.server.memory(false)
    }

    fn build(&self, cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(HealthCheck::new(self, &cx)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::read_settings;

    fn decode(yaml: &str) -> (Config, Vec<String>) {
        read_settings(yaml)
    }

    /// Facts of upstream's `extension/healthcheckextension/config_test.go` at v0.132.0.
    #[test]
    fn faults_are_told_in_upstreams_words() {
        for (yaml, says) in [
            ("{endpoint: \"\"}", "bad config: endpoint must be specified"),
            (
                "{check_collector_pipeline: {exporter_failure_threshold: -1}}",
                "bad config: exporter_failure_threshold expects a positive number",
            ),
            ("{path: health}", "bad config: path must start with /"),
            ("{check_collector_pipeline: {interval: soon}}", "time: invalid duration \"soon\""),
        ] {
            let errors = decode(yaml).1;
            assert!(errors.iter().any(|error| error.contains(says)), "{yaml}: {errors:?}");
        }
    }

    #[test]
    fn the_interval_counts_when_the_check_is_enabled() {
        assert_eq!(decode("{check_collector_pipeline: {interval: 1m}}").0.silence_max(), SILENCE_MAX);
        let (config, errors) = decode(
            "{path: /health/status, check_collector_pipeline: {enabled: true, interval: 1m, exporter_failure_threshold: 1}}",
        );
        assert_eq!((config.silence_max(), errors), (Duration::from_secs(60), Vec::new()));
    }
}
