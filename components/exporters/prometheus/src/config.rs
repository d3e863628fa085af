//! The exporter's settings.

use crate::exporter;
use crate::page::PAGE_BYTES;
use crate::serve::PAGES_MAX;
use crate::store::Settings;
use crate::translation::{Strategy, Translation};
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Exporter, ExporterConfig, MemoryBound};
use warren_config::{Block, ByteSize, Fields, GoDuration, Report};
use warren_http::server::ServerConfig;
use warren_pdata::Signal;

/// The path that is always served.
const METRICS: &str = "/metrics";

/// Feature gate under which `add_metric_suffixes` is not looked at.
const IGNORE_SUFFIXES: &str = "exporter.prometheusexporter.DisableAddMetricSuffixes";

/// Settings of a `prometheus` exporter.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub server: ServerConfig,
    /// Put before every name.
    pub namespace: String,
    /// Labels of every series.
    pub const_labels: IndexMap<String, String>,
    /// Whether values are shown with their times.
    pub send_timestamps: bool,
    /// How long a series is shown after its last update.
    pub metric_expiration: GoDuration,
    /// Attributes of the resource as labels.
    pub resource_to_telemetry_conversion: Conversion,
    /// Whether clients that ask for OpenMetrics get it.
    pub enable_open_metrics: bool,
    /// Whether units and kinds are appended to names.
    pub add_metric_suffixes: bool,
    /// How names are translated; decides instead of `add_metric_suffixes` if it is set.
    pub translation_strategy: Strategy,
    /// Paths besides `/metrics`.
    pub path: Vec<String>,
    /// What only Warren knows.
    pub warren: Own,
}

/// The block `resource_to_telemetry_conversion`.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// Whether attributes of the resource become labels.
    pub enabled: bool,
}

/// The block `warren`.
#[derive(Clone, Debug)]
pub struct Own {
    /// Series held at most.
    pub max_series: u32,
    /// Memory that all series may have together.
    pub max_memory: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig::default(),
            namespace: String::new(),
            const_labels: IndexMap::new(),
            send_timestamps: false,
            metric_expiration: GoDuration(300 * 1_000_000_000),
            resource_to_telemetry_conversion: Conversion::default(),
            enable_open_metrics: false,
            add_metric_suffixes: true,
            translation_strategy: Strategy::Unset,
            path: Vec::new(),
            warren: Own::default(),
        }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { max_series: 500_000, max_memory: ByteSize(128 << 20) }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.server);
        f.scalar("namespace", &mut self.namespace);
        f.map("const_labels", &mut self.const_labels);
        f.scalar("send_timestamps", &mut self.send_timestamps);
        f.scalar("metric_expiration", &mut self.metric_expiration);
        f.block("resource_to_telemetry_conversion", &mut self.resource_to_telemetry_conversion);
        f.scalar("enable_open_metrics", &mut self.enable_open_metrics);
        f.scalar("add_metric_suffixes", &mut self.add_metric_suffixes);
        f.scalar("translation_strategy", &mut self.translation_strategy);
        f.own("path");
        f.list("path", &mut self.path);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        for path in &self.path {
            if !path.starts_with('/') || path.contains(['?', '#']) {
                report.error("path", format!("path must start with / and have no query: {path:?}"));
            }
        }
    }
}

impl Block for Conversion {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
    }
}

impl Block for Own {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("max_series", &mut self.max_series);
        f.scalar("max_memory", &mut self.max_memory);
    }

    fn validate(&self, report: &mut Report<'_>) {
        for (key, value) in [("max_series", u64::from(self.max_series)), ("max_memory", self.max_memory.0)] {
            if value == 0 {
                report.error(key, format!("`{key}` must be positive"));
            }
        }
    }
}

impl Config {
    /// The paths that are served.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = self.path.clone();
        paths.push(METRICS.to_owned());
        paths
    }

    pub(crate) fn settings(&self, ignore_suffixes: bool) -> Settings {
        let (suffixes, utf8) = match self.translation_strategy {
            Strategy::Unset => (self.add_metric_suffixes || ignore_suffixes, false),
            Strategy::UnderscoreEscapingWithSuffixes => (true, false),
            Strategy::UnderscoreEscapingWithoutSuffixes => (false, false),
            Strategy::NoUtf8EscapingWithSuffixes => (true, true),
            Strategy::NoTranslation => (false, true),
        };
        Settings {
            translation: Arc::new(Translation {
                namespace: self.namespace.clone(),
                suffixes,
                utf8,
                constant: self.const_labels.clone(),
                resource_attributes: self.resource_to_telemetry_conversion.enabled,
            }),
            expiration: self.metric_expiration.as_duration().unwrap_or(Duration::ZERO),
            exemplars: self.enable_open_metrics,
            series_max: self.warren.max_series as usize,
            bytes_max: usize::try_from(self.warren.max_memory.0).unwrap_or(usize::MAX),
        }
    }
}

impl ExporterConfig for Config {
    fn check(&self, _signal: Signal) -> Result<(), BuildError> {
        if self.server.endpoint.trim().is_empty() {
            return Err(BuildError::new("expecting a non-blank address to run the Prometheus metrics handler"));
        }
        Ok(())
    }

    fn memory(&self) -> Vec<MemoryBound> {
        let mut bounds = self.server.memory(false);
        bounds.push(MemoryBound::new("series", self.warren.max_memory.0).set_by("warren::max_memory"));
        bounds.push(MemoryBound::new("pages being sent", (PAGES_MAX * PAGE_BYTES) as u64));
        bounds
    }

    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        self.check(signal)?;
        let settings = self.settings(cx.gates.is_on(IGNORE_SUFFIXES));
        exporter::build(self, settings, &cx, signal)
    }
}
