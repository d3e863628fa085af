//! Settings of the exporter.

use crate::send::RemoteWrite;
use http::Uri;
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Exporter, ExporterConfig};
use warren_config::{Block, ComponentId, Fields, GoDuration, Keyword, Node, ReferenceKind, Report};
use warren_delivery::{DeliveryConfig, QueueConfig, RetryConfig, deliver};
use warren_http::ClientConfig;
use warren_http::coding::Coding;
use warren_pdata::Signal;
use warren_promname::MetricNamer;
use warren_remotewrite::{Limits, Protocol, Translation};

/// Bytes of a message before compression, unless said otherwise.
const BATCH_BYTES: i64 = 3_000_000;

/// Settings of one exporter.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where requests go, and how.
    pub client: ClientConfig,
    /// Put before every name.
    pub namespace: String,
    /// Labels that every series gets unless it has them.
    pub external_labels: IndexMap<String, String>,
    /// The queue.
    pub queue: RemoteWriteQueue,
    /// What happens after a failure.
    pub retry: RetryConfig,
    /// Whether attributes of resources become labels.
    pub resource_to_telemetry_conversion: Switch,
    /// Whether resources give `target_info`.
    pub target_info: Switch,
    /// Whether units and `_total` are put behind names.
    pub add_metric_suffixes: bool,
    /// Whether type, help and unit are sent.
    pub send_metadata: bool,
    /// Bytes of a message before compression; zero means 3,000,000.
    pub max_batch_size_bytes: i64,
    /// Accepted; the requests of a batch go one after the other.
    max_batch_request_parallelism: Option<i64>,
    /// Which message is sent.
    pub protobuf_message: Message,
    wal: Option<Node>,
}

/// `remote_write_queue`
#[derive(Clone, Debug)]
pub struct RemoteWriteQueue {
    /// Whether there is a queue.
    pub enabled: bool,
    /// Batches that may wait.
    pub queue_size: i64,
    /// Accepted; one batch is on its way at a time.
    pub num_consumers: i64,
    /// The extension that keeps the queue on disk.
    pub storage: Option<ComponentId>,
}

/// A block with a switch.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Whether it is on.
    pub enabled: bool,
}

/// A message by its name in protobuf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message(pub Protocol);

impl Keyword for Message {
    const TYPE: &'static str = "config.RemoteWriteProtoMsg";
    const WORDS: &'static [(&'static str, Self)] =
        &[("prometheus.WriteRequest", Self(Protocol::V1)), ("io.prometheus.write.v2.Request", Self(Protocol::V2))];

    fn unknown(word: &str) -> String {
        format!(
            "unknown remote write protobuf message {word}, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request"
        )
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            client: ClientConfig {
                endpoint: "http://some.url:9411/api/prom/push".into(),
                timeout: Duration::from_secs(5),
                write_buffer_size: 512 * 1024,
                ..ClientConfig::default()
            },
            namespace: String::new(),
            external_labels: IndexMap::new(),
            queue: RemoteWriteQueue { enabled: true, queue_size: 10_000, num_consumers: 5, storage: None },
            retry: RetryConfig { initial_interval: GoDuration(50_000_000), ..RetryConfig::default() },
            resource_to_telemetry_conversion: Switch { enabled: false },
            target_info: Switch { enabled: true },
            add_metric_suffixes: true,
            send_metadata: false,
            max_batch_size_bytes: BATCH_BYTES,
            max_batch_request_parallelism: None,
            protobuf_message: Message::default(),
            wal: None,
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.client);
        f.scalar("namespace", &mut self.namespace);
        f.map("external_labels", &mut self.external_labels);
        f.block("remote_write_queue", &mut self.queue);
        f.block("retry_on_failure", &mut self.retry);
        f.block("resource_to_telemetry_conversion", &mut self.resource_to_telemetry_conversion);
        f.block("target_info", &mut self.target_info);
        f.scalar("add_metric_suffixes", &mut self.add_metric_suffixes);
        f.scalar("send_metadata", &mut self.send_metadata);
        f.scalar("max_batch_size_bytes", &mut self.max_batch_size_bytes);
        f.optional_scalar("max_batch_request_parallelism", &mut self.max_batch_request_parallelism);
        f.scalar("protobuf_message", &mut self.protobuf_message);
        f.any("wal", &mut self.wal);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !is_absolute(&self.client.endpoint) {
            report.error_with_hint("endpoint", "invalid endpoint", "give an absolute URL such as https://host/api/v1/push");
        }
        if !matches!(self.client.compression, Coding::Identity | Coding::Snappy) {
            report.error("compression", "compression type must be snappy");
        }
        for (name, value) in &self.external_labels {
            if name.is_empty() || value.is_empty() {
                report.error(
                    "external_labels",
                    "prometheus remote write: external labels configuration contains an empty key or value",
                );
            }
        }
        if self.max_batch_size_bytes < 0 {
            report.error("max_batch_size_bytes", "max_batch_byte_size must be greater than 0");
        }
        if self.max_batch_request_parallelism.is_some_and(|parallelism| parallelism < 1) {
            report.error("max_batch_request_parallelism", "max_batch_request_parallelism can't be set to below 1");
        }
        if self.wal.is_some() {
            report.error_with_hint(
                "wal",
                "the write-ahead log is not supported",
                "leave it out; remote_write_queue holds what waits",
            );
        }
    }
}

impl Block for RemoteWriteQueue {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("queue_size", &mut self.queue_size);
        f.scalar("num_consumers", &mut self.num_consumers);
        f.own("storage");
        f.optional_scalar("storage", &mut self.storage);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.queue_size < 0 {
            report.error("queue_size", "remote write queue size can't be negative");
        }
        if self.enabled && self.queue_size == 0 {
            report.error("queue_size", "a 0 size queue will drop all the data");
        }
        if self.num_consumers < 0 {
            report.error("num_consumers", "remote write consumer number can't be negative");
        }
        if let Some(storage) = &self.storage {
            report.reference("storage", ReferenceKind::Storage, storage);
        }
    }
}

impl Block for Switch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
    }
}

impl ExporterConfig for Config {
    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        let translation = Translation {
            namer: MetricNamer { namespace: self.namespace.clone(), suffixes: self.add_metric_suffixes },
            external_labels: self.external_labels.iter().map(|(name, value)| (name.as_str(), value.clone())).collect(),
            target_info: self.target_info.enabled,
            resource_attributes: self.resource_to_telemetry_conversion.enabled,
        };
        let bytes = usize::try_from(self.max_batch_size_bytes).ok().filter(|bytes| *bytes > 0).unwrap_or(BATCH_BYTES as usize);
        let limits = Limits { protocol: self.protobuf_message.0, bytes, metadata: self.send_metadata };
        let sender = RemoteWrite::new(&self.client, &cx, translation, limits)?;
        let delivery = DeliveryConfig {
            queue: QueueConfig {
                enabled: self.queue.enabled,
                queue_size: self.queue.queue_size,
                num_consumers: 1,
                storage: self.queue.storage.clone(),
                ..QueueConfig::default()
            },
            retry: self.retry.clone(),
            timeout: None,
            ordered: true,
        };
        deliver(&cx, signal, delivery, sender)
    }
}

/// Whether requests can be sent there.
fn is_absolute(endpoint: &str) -> bool {
    endpoint
        .parse::<Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    /// Facts of upstream's `exporter/prometheusremotewriteexporter/config_test.go` at v0.132.0.
    #[test]
    fn settings_that_make_no_sense_are_refused_in_upstreams_words() {
        for (text, says) in [
            ("{endpoint: not a url}", "invalid endpoint"),
            ("{compression: gzip}", "compression type must be snappy"),
            ("{remote_write_queue: {queue_size: -1}}", "remote write queue size can't be negative"),
            ("{remote_write_queue: {queue_size: 0}}", "a 0 size queue will drop all the data"),
            ("{remote_write_queue: {num_consumers: -1}}", "remote write consumer number can't be negative"),
            ("{max_batch_request_parallelism: 0}", "max_batch_request_parallelism can't be set to below 1"),
            ("{external_labels: {a: ''}}", "contains an empty key or value"),
            ("{protobuf_message: x}", "unknown remote write protobuf message x"),
            ("{sending_queue: {}}", "sending_queue"),
        ] {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
            let told: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
            assert!(told.iter().any(|error| error.contains(says)), "{text}: {told:?}");
        }
    }
}
