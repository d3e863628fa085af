//! What collectors tell of themselves, for those who operate them.
//!
//! ```text
//! prometheus/own ─▶ resource/instance ─▶ attributes/identity ─▶ prometheusremotewrite/own   (metrics/own)
//! journald/own ───▶ resource/own ─────────────────────────────▶ otlphttp/own                (logs/own)
//! ```
//!
//! Nothing else goes through these pipelines, so that a destination that is ill is told of by another one. What the exporter of the log itself has to
//! say comes back to it; the collector's log is sampled, so that this stays as little as it is.

use super::Maker;
use crate::secret::escape;
use serde_json::json;

/// Receivers of what the collector tells of itself.
pub(crate) const RECEIVERS: [&str; 2] = ["prometheus/own", "journald/own"];

/// Their pipelines.
pub(crate) const PIPELINES: [&str; 2] = ["metrics/own", "logs/own"];

/// The port of the collector's own metrics unless another is set.
const PORT: u16 = 8888;

/// The name that figures and logs of collectors carry.
const NAME: &str = "warren-collector";

impl Maker<'_> {
    /// The pipelines of the collector's own figures and log.
    pub(super) fn own(&mut self) {
        let (settings, server) = (self.settings, self.input.server);
        let own = &settings.destinations.own;
        if let Some(store) = &own.metrics {
            let job = json!({
                "job_name": NAME,
                "scrape_interval": own.interval,
                "static_configs": [{"targets": [format!("127.0.0.1:{}", settings.telemetry_port.unwrap_or(PORT))]}],
            });
            let exporter = "prometheusremotewrite/own";
            let origin = self.web_store(exporter, "own-metrics", store, "/destinations/own/metrics");
            self.document.put(&["receivers", "prometheus/own", "config", "scrape_configs"], json!([job]), &origin);
            let identity = self.identity();
            self.pipeline("metrics/own", &["prometheus/own"], &identity, &[exporter.to_owned()], &origin);
        }
        if let Some(store) = &own.logs {
            let exporter = "otlphttp/own";
            let origin = self.web_store(exporter, "own-logs", store, "/destinations/own/logs");
            let receiver = json!({"units": [escape(&own.unit)], "start_at": "end"});
            self.document.put(&["receivers", "journald/own"], receiver, &origin);
            let attribute = |key: &str, value: &str| json!({"key": key, "value": escape(value), "action": "upsert"});
            let mut attributes = vec![
                attribute("service.name", NAME),
                attribute("service.instance.id", &server.name),
                attribute("host.name", &server.name),
            ];
            if !server.cluster.is_empty() {
                attributes.push(attribute("cluster", &server.cluster));
            }
            self.document.put(&["processors", "resource/own", "attributes"], json!(attributes), "server");
            self.pipeline("logs/own", &["journald/own"], &["resource/own".to_owned()], &[exporter.to_owned()], &origin);
        }
    }
}
