//! Settings of the exporter.

use crate::send::{RemoteWrite, Sending};
use http::Uri;
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Exporter, ExporterConfig, MemoryBound, Replaced};
use warren_config::{Block, ComponentId, Fields, GoDuration, Keyword, ReferenceKind, Report, Scalar};
use warren_delivery::{DeliveryConfig, QueueConfig, RetryConfig, deliver};
use warren_http::ClientConfig;
use warren_http::coding::Coding;
use warren_pdata::Signal;
use warren_promname::MetricNamer;
use warren_remotewrite::{Limits, Protocol, Translation};
use warren_telemetry::Field;

/// Bytes of a message before compression, unless said otherwise.
const BATCH_BYTES: i64 = 3_000_000;

/// The gate without which remote write 2.0 is refused.
const V2_GATE: &str = "exporter.prometheusremotewritexporter.enableSendingRW2";

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
    /// Requests of one batch that may be on their way at the same time; by default the queue's `num_consumers`.
    pub max_batch_request_parallelism: Option<i64>,
    /// Which message is sent.
    pub protobuf_message: Message,
    wal: Option<Wal>,
}

/// `remote_write_queue`
#[derive(Clone, Debug)]
pub struct RemoteWriteQueue {
    /// Whether there is a queue.
    pub enabled: bool,
    /// Batches that may wait.
    pub queue_size: i64,
    /// Whether the configuration says so.
    pub queue_size_given: bool,
    /// Requests of one batch that may be on their way at the same time, unless `max_batch_request_parallelism` says it.
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

/// `wal`: decoded for the reference's sake.
#[derive(Clone, Debug)]
struct Wal {
    directory: String,
    buffer_size: i64,
    truncate_frequency: GoDuration,
    lag_record_frequency: GoDuration,
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

impl Message {
    fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, message)| *message == self).map_or("", |(name, _)| name)
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
            queue: RemoteWriteQueue {
                enabled: true,
                queue_size: 10_000,
                queue_size_given: false,
                num_consumers: 5,
                storage: None,
            },
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
        f.optional("wal", &mut self.wal);
        f.accepted("translation_strategy", "a key of later versions without effect: add_metric_suffixes says how names are made");
        f.accepted("disable_scope_info", "a key of later versions without effect: scopes are not sent");
    }

    fn validate(&self, report: &mut Report<'_>) {
        match destination(&self.client.endpoint) {
            Destination::Reachable => {}
            Destination::Elsewhere => report.warning("endpoint", "nothing can be sent there: only http and https are known"),
            Destination::Invalid => {
                let hint = "give an absolute URL such as https://host/api/v1/push";
                report.error_with_hint("endpoint", "invalid endpoint", hint);
            }
        }
        if let Some(timeout) =
            report.node().and_then(|node| node.get("timeout")).map(|node| (GoDuration::decode(&node.value), node.place.clone()))
            && timeout.0.is_ok_and(|time| time.0 < 0)
        {
            report.error_at("timeoutsettings", &timeout.1, "'timeout' must be non-negative");
        }
        let none = report.node().and_then(|node| node.get("compression")).is_some_and(|node| node.as_text() == Some("none"));
        let mut fault = |path: &[&str], message: &str| fault(report, path, message);
        if none || !matches!(self.client.compression, Coding::Identity | Coding::Snappy) {
            fault(&["compression"], "compression type must be snappy");
        }
        if self.external_labels.iter().any(|(name, value)| name.is_empty() || value.is_empty()) {
            let text = "prometheus remote write: external labels configuration contains an empty key or value";
            fault(&["external_labels"], text);
        }
        if self.max_batch_size_bytes < 0 {
            fault(&["max_batch_size_bytes"], "max_batch_byte_size must be greater than 0");
        }
        if self.max_batch_request_parallelism.is_some_and(|parallelism| parallelism < 1) {
            fault(&["max_batch_request_parallelism"], "max_batch_request_parallelism can't be set to below 1");
        }
        if self.queue.queue_size < 0 {
            fault(&["remote_write_queue", "queue_size"], "remote write queue size can't be negative");
        }
        if self.queue.enabled && self.queue.queue_size == 0 {
            fault(&["remote_write_queue", "queue_size"], "a 0 size queue will drop all the data");
        }
        if self.queue.num_consumers < 0 {
            fault(&["remote_write_queue", "num_consumers"], "remote write consumer number can't be negative");
        }
        if self.protobuf_message.0 == Protocol::V2 && !report.has_gate(V2_GATE) {
            let text = format!("remote write v2 is only supported with the feature gate {V2_GATE}");
            self::fault(report, &["protobuf_message"], &text);
        }
    }
}

impl Block for RemoteWriteQueue {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        self.queue_size_given |= f.is_set("queue_size");
        f.scalar("queue_size", &mut self.queue_size);
        f.scalar("num_consumers", &mut self.num_consumers);
        f.own("storage");
        f.optional_scalar("storage", &mut self.storage);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Some(storage) = &self.storage {
            report.reference("storage", ReferenceKind::Storage, storage);
        }
    }
}

impl Default for Wal {
    fn default() -> Self {
        const SECOND: i64 = 1_000_000_000;
        Self {
            directory: String::new(),
            buffer_size: 300,
            truncate_frequency: GoDuration(60 * SECOND),
            lag_record_frequency: GoDuration(15 * SECOND),
        }
    }
}

impl Block for Wal {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("directory", &mut self.directory);
        f.scalar("buffer_size", &mut self.buffer_size);
        f.scalar("truncate_frequency", &mut self.truncate_frequency);
        f.scalar("lag_record_frequency", &mut self.lag_record_frequency);
    }

    fn validate(&self, report: &mut Report<'_>) {
        report.warning(
            "",
            "no write-ahead log is kept: what waits is lost with the process, unless remote_write_queue::storage is set",
        );
    }
}

impl Block for Switch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
    }
}

impl Config {
    /// Requests of one batch that may be on their way at the same time.
    fn parallelism(&self) -> usize {
        let asked = self.max_batch_request_parallelism.unwrap_or(self.queue.num_consumers);
        usize::try_from(asked).unwrap_or_default().max(1)
    }

    fn limits(&self) -> Limits {
        let bytes = usize::try_from(self.max_batch_size_bytes).ok().filter(|bytes| *bytes > 0);
        Limits { protocol: self.protobuf_message.0, bytes: bytes.unwrap_or(BATCH_BYTES as usize), metadata: self.send_metadata }
    }
}

/// `job` and `instance` are those of the resource.
const REPLACED: [Replaced; 2] =
    [Replaced { attribute: "job", by: "service.name" }, Replaced { attribute: "instance", by: "service.instance.id" }];

impl ExporterConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        let queue = QueueConfig { enabled: self.queue.enabled, storage: self.queue.storage.clone(), ..QueueConfig::default() };
        let mut bounds = queue.memory();
        bounds.retain(|bound| bound.what == "queue");
        // Each request is there once as it is written and once compressed.
        let requests = self.parallelism().saturating_mul(2).saturating_mul(self.limits().bytes);
        bounds.push(MemoryBound::new("requests", requests as u64).set_by("max_batch_size_bytes"));
        bounds
    }

    fn replaced(&self) -> &'static [Replaced] {
        &REPLACED
    }

    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        let sending = Sending {
            translation: Translation {
                namer: MetricNamer { namespace: self.namespace.clone(), suffixes: self.add_metric_suffixes },
                external_labels: self.external_labels.iter().collect(),
                target_info: self.target_info.enabled,
                resource_attributes: self.resource_to_telemetry_conversion.enabled,
            },
            limits: self.limits(),
            parallelism: self.parallelism(),
        };
        let message = self.protobuf_message.name();
        cx.telemetry.log.info("starting prometheus remote write exporter", &[("ProtoMsg", Field::Str(message))]);
        let sender = RemoteWrite::new(&self.client, &cx, sending)?;
        let delivery = DeliveryConfig {
            queue: QueueConfig {
                enabled: self.queue.enabled,
                queue_size: self.queue.queue_size,
                queue_size_given: self.queue.queue_size_given,
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

/// Tells an error about the exporter, as upstream's path has it, but shown where the setting stands.
fn fault(report: &mut Report<'_>, path: &[&str], message: &str) {
    let found = path.iter().try_fold(report.node(), |node, key| node.map(|node| node.get(key)));
    match found.flatten().map(|node| node.place.clone()) {
        Some(place) => report.error_at("", &place, message),
        None => report.error("", message),
    }
}

/// What an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    /// Requests can be sent there.
    Reachable,
    /// A URI as `net/url.ParseRequestURI` takes it, but not one of HTTP: `localhost:8888`.
    Elsewhere,
    /// No absolute URI.
    Invalid,
}

fn destination(endpoint: &str) -> Destination {
    let http = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    let broken = warren_http::is_broken_url(endpoint);
    if !broken && endpoint.parse().is_ok_and(http) {
        return Destination::Reachable;
    }
    let scheme = endpoint.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let plain = endpoint.bytes().all(|byte| byte.is_ascii_graphic()) && !broken;
    if plain && (scheme || endpoint.starts_with('/')) { Destination::Elsewhere } else { Destination::Invalid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn decoded(text: &str, gates: &[&str]) -> (Config, Diagnostics) {
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        diagnostics.gates = Arc::new(gates.iter().map(|gate| (*gate).to_owned()).collect());
        decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
        (config, diagnostics)
    }

    /// `exporter/prometheusremotewriteexporter/config_test.go` with `testdata/config.yaml`, `factory_test.go`, and the source, at v0.132.0.
    #[test]
    fn settings_that_make_no_sense_are_refused_in_upstreams_words() {
        let v2 = format!("remote write v2 is only supported with the feature gate {V2_GATE}");
        for (text, says) in [
            ("{endpoint: not a url}", "invalid endpoint"),
            ("{endpoint: ''}", "invalid endpoint"),
            ("{endpoint: host}", "invalid endpoint"),
            ("{endpoint: 'http://x:y'}", "invalid endpoint"),
            ("{timeout: -1s}", "'timeout' must be non-negative"),
            ("{compression: gzip}", "compression type must be snappy"),
            ("{remote_write_queue: {queue_size: -1}}", "remote write queue size can't be negative"),
            ("{remote_write_queue: {queue_size: 0}}", "a 0 size queue will drop all the data"),
            ("{remote_write_queue: {num_consumers: -1}}", "remote write consumer number can't be negative"),
            ("{max_batch_request_parallelism: 0}", "max_batch_request_parallelism can't be set to below 1"),
            ("{max_batch_size_bytes: -1}", "max_batch_byte_size must be greater than 0"),
            (
                "{external_labels: {a: ''}}",
                "prometheus remote write: external labels configuration contains an empty key or value",
            ),
            (
                "{protobuf_message: io.prometheus.write.v4.Request}",
                "unknown remote write protobuf message io.prometheus.write.v4.Request, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request",
            ),
            ("{protobuf_message: io.prometheus.write.v2.Request}", &v2),
            ("{sending_queue: {}}", "'' has invalid keys: sending_queue"),
            ("{retry_on_failure: {max_elapsed_time: 1s}}", "'max_elapsed_time' must not be less than 'max_interval'"),
        ] {
            let (_, diagnostics) = decoded(text, &[]);
            let told: Vec<String> = diagnostics.errors().map(|error| error.message.clone()).collect();
            assert!(told.len() == 1 && told[0].contains(says), "{text}: {told:?}");
        }
    }

    #[test]
    fn settings_that_upstream_accepts_are_accepted() {
        for (text, gates, warnings) in [
            ("{endpoint: 'localhost:8888', tls: {insecure: true}}", &[][..], 1),
            ("{endpoint: 'https://my-cortex:7900/api/v1/push', compression: snappy}", &[], 0),
            ("{remote_write_queue: {enabled: false, queue_size: 0, num_consumers: 10}, max_batch_size_bytes: 0}", &[], 0),
            ("{protobuf_message: io.prometheus.write.v2.Request}", &[V2_GATE], 0),
            ("{wal: {directory: ./prom_rw, buffer_size: 100, truncate_frequency: 45s}}", &[], 1),
            ("{translation_strategy: NoTranslation, disable_scope_info: true}", &[], 2),
            ("{target_info: , remote_write_queue: }", &[], 0),
        ] {
            let (_, diagnostics) = decoded(text, gates);
            let told: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
            assert!(!diagnostics.has_errors() && told.len() == warnings, "{text}: {told:?}");
        }
    }

    #[test]
    fn a_fault_of_the_queue_is_told_of_the_exporter_and_shown_in_the_queue() {
        let (_, diagnostics) = decoded("namespace: x\nremote_write_queue:\n  enabled: true\n  queue_size: -1\n", &[]);
        let fault = diagnostics.errors().next().unwrap();
        assert_eq!((fault.path.as_str(), fault.place.line()), ("", 4));
    }

    #[test]
    fn requests_of_a_batch_go_side_by_side_as_upstreams_keys_say() {
        for (text, expected) in [
            ("{}", 5),
            ("{remote_write_queue: {num_consumers: 10}}", 10),
            ("{remote_write_queue: {num_consumers: 0}}", 1),
            ("{remote_write_queue: {num_consumers: 10}, max_batch_request_parallelism: 2}", 2),
        ] {
            assert_eq!(decoded(text, &[]).0.parallelism(), expected, "{text}");
        }
    }
}
