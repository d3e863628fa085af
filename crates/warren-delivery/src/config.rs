//! The settings of delivery: the blocks `sending_queue` and `retry_on_failure`, and the key `timeout`.
//!
//! Keys, defaults and checks are those of `exporter/exporterhelper` and `config/configretry` at v0.132.0, except that the checks of
//! `batch` are run (v0.132.0 forgets them) and its absent keys have the defaults of v0.138.

use crate::queue::Capacity;
use std::time::Duration;
use warren_component::MemoryBound;
use warren_config::{Block, ComponentId, Fields, GoDuration, Keyword, ReferenceKind, Report, format_go};

/// How an exporter wants its batches delivered.
#[derive(Clone, Debug, Default)]
pub struct DeliveryConfig {
    /// The queue.
    pub queue: QueueConfig,
    /// What happens after a failure.
    pub retry: RetryConfig,
    /// How long one attempt may take; `None` where the sender has a limit of its own.
    pub timeout: Option<Duration>,
    /// At most one batch at a time is on its way, so that batches arrive in order whatever `num_consumers` says.
    pub ordered: bool,
}

/// The block `sending_queue`.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// Whether there is a queue.
    pub enabled: bool,
    /// The caller waits until its batch was sent or given up.
    pub wait_for_result: bool,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// How much may wait or be on its way.
    pub queue_size: i64,
    /// Whether the configuration says so. A queue on disk is else bounded by the bytes of its storage alone.
    pub queue_size_given: bool,
    /// A full queue makes the caller wait instead of refusing.
    pub block_on_overflow: bool,
    /// The extension that keeps the queue on disk.
    pub storage: Option<ComponentId>,
    /// How many batches may be on their way at the same time.
    pub num_consumers: i64,
    /// Whether batches are merged and cut to size before they are sent.
    pub batch: Option<BatchConfig>,
}

/// The block `sending_queue::batch`.
#[derive(Clone, Debug)]
pub struct BatchConfig {
    /// What is smaller than `min_size` is sent after this time nevertheless.
    pub flush_timeout: GoDuration,
    /// What the sizes count: items or bytes; unset, what the queue counts.
    pub sizer: Option<Sizer>,
    /// Batches are merged until they have this size.
    pub min_size: i64,
    /// Larger batches are cut; zero cuts nothing.
    pub max_size: i64,
}

/// What a size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizer {
    /// Batches.
    Requests,
    /// Data points, log records, spans.
    Items,
    /// Bytes of the OTLP protobuf encoding.
    Bytes,
}

/// The block `retry_on_failure`.
#[derive(Clone, Debug)]
pub struct RetryConfig {
    /// Whether a failed batch is sent again.
    pub enabled: bool,
    /// Wait before the second attempt.
    pub initial_interval: GoDuration,
    /// How much of each wait is left to chance, from 0 to 1.
    pub randomization_factor: f64,
    /// Each wait is so many times the wait before.
    pub multiplier: f64,
    /// Longest wait, before chance.
    pub max_interval: GoDuration,
    /// A batch is given up after this time from its first attempt; zero never gives it up.
    pub max_elapsed_time: GoDuration,
    /// Whether the configuration says so. What is in a queue on disk is else never given up.
    pub max_elapsed_time_given: bool,
}

/// The key `timeout`, for exporters whose protocol has no limit of its own.
#[derive(Clone, Debug)]
pub struct TimeoutConfig {
    /// How long one attempt may take; zero is no limit.
    pub timeout: GoDuration,
}

const fn seconds(count: i64) -> GoDuration {
    GoDuration(count * 1_000_000_000)
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            wait_for_result: false,
            sizer: Sizer::Requests,
            queue_size: 1000,
            queue_size_given: false,
            block_on_overflow: false,
            storage: None,
            num_consumers: 10,
            batch: None,
        }
    }
}

impl DeliveryConfig {
    /// The settings as they are meant for a queue on disk: what is not said has no bound but the disk's.
    pub(crate) fn durable(mut self) -> Self {
        if !self.queue.queue_size_given {
            self.queue.queue_size = i64::MAX;
        }
        if !self.retry.max_elapsed_time_given {
            self.retry.max_elapsed_time = GoDuration(0);
        }
        self
    }
}

impl QueueConfig {
    /// The storage that the queue is kept in, if it is.
    pub fn stored_in(&self) -> Option<&ComponentId> {
        self.storage.as_ref().filter(|_| self.enabled)
    }

    /// What the queue may hold, and what of it may be encoded to be sent at the same time.
    pub fn memory(&self) -> Vec<MemoryBound> {
        if !self.enabled {
            return Vec::new();
        }
        let most = Capacity::of(self).memory() as u64;
        // A batch counts as in the queue until it is sent, so that all encodings together are not much more than the queue itself.
        vec![MemoryBound::new("queue", most).set_by("sending_queue"), MemoryBound::new("requests", most).set_by("sending_queue")]
    }

    /// No queue: the caller waits for the outcome.
    pub fn disabled() -> Self {
        Self { enabled: false, ..Self::default() }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { flush_timeout: GoDuration(200_000_000), sizer: None, min_size: 8192, max_size: 0 }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: seconds(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: seconds(30),
            max_elapsed_time: seconds(300),
            max_elapsed_time_given: false,
        }
    }
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self { timeout: seconds(5) }
    }
}

impl TimeoutConfig {
    /// The limit of an attempt; `None` when there is none.
    pub fn limit(&self) -> Option<Duration> {
        self.timeout.as_duration().filter(|limit| !limit.is_zero())
    }
}

impl Block for QueueConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("wait_for_result", &mut self.wait_for_result);
        f.scalar("sizer", &mut self.sizer);
        self.queue_size_given |= f.is_set("queue_size");
        f.scalar("queue_size", &mut self.queue_size);
        f.scalar("block_on_overflow", &mut self.block_on_overflow);
        f.optional_scalar("storage", &mut self.storage);
        f.scalar("num_consumers", &mut self.num_consumers);
        f.optional("batch", &mut self.batch);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.enabled {
            return;
        }
        if self.num_consumers <= 0 {
            fault(report, "num_consumers", "`num_consumers` must be positive");
        }
        if self.queue_size <= 0 {
            fault(report, "queue_size", "`queue_size` must be positive");
        }
        if let Some(storage) = &self.storage {
            report.reference("storage", ReferenceKind::Storage, storage);
            if self.wait_for_result {
                let text = "`wait_for_result` is not supported with a persistent queue configured with `storage`";
                fault(report, "wait_for_result", text);
            }
        }
        if let Some(batch) = &self.batch
            && batch.sizer.is_none_or(|sizer| sizer == self.sizer)
            && self.sizer != Sizer::Requests
            && batch.min_size > self.queue_size
        {
            fault(report, "batch", "`min_size` must be less than or equal to `queue_size`");
        }
    }
}

impl Block for BatchConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("flush_timeout", &mut self.flush_timeout);
        f.optional_scalar("sizer", &mut self.sizer);
        f.scalar("min_size", &mut self.min_size);
        f.scalar("max_size", &mut self.max_size);
    }

    /// v0.132.0 accepts what breaks these rules, so they are told as warnings; what then holds is said with them.
    fn validate(&self, report: &mut Report<'_>) {
        if self.sizer == Some(Sizer::Requests) {
            report.warning("sizer", "`batch` supports only `items` or `bytes` sizer; items are counted");
        }
        if self.flush_timeout.0 <= 0 {
            report.warning("flush_timeout", "`flush_timeout` must be positive; batches are sent at once");
        }
        if self.min_size < 0 {
            report.warning("min_size", "`min_size` must be non-negative; batches are sent at once");
        }
        if self.max_size < 0 {
            report.warning("max_size", "`max_size` must be non-negative; batches are not cut");
        }
        if self.max_size > 0 && self.max_size < self.min_size {
            report.warning("max_size", "`max_size` must be greater or equal to `min_size`; batches are cut to `max_size`");
        }
    }
}

impl Block for RetryConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("initial_interval", &mut self.initial_interval);
        f.scalar("randomization_factor", &mut self.randomization_factor);
        f.scalar("multiplier", &mut self.multiplier);
        f.scalar("max_interval", &mut self.max_interval);
        self.max_elapsed_time_given |= f.is_set("max_elapsed_time");
        f.scalar("max_elapsed_time", &mut self.max_elapsed_time);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.enabled {
            return;
        }
        let mut negative = |key: &str, negative: bool| {
            if negative {
                fault(report, key, &format!("'{key}' must be non-negative"));
            }
        };
        negative("initial_interval", self.initial_interval.0 < 0);
        negative("multiplier", self.multiplier.is_nan() || self.multiplier < 0.0);
        negative("max_interval", self.max_interval.0 < 0);
        negative("max_elapsed_time", self.max_elapsed_time.0 < 0);
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            fault(report, "randomization_factor", "'randomization_factor' must be within [0, 1]");
        }
        if self.max_elapsed_time.0 > 0 {
            if self.max_elapsed_time.0 < self.initial_interval.0 {
                fault(report, "max_elapsed_time", "'max_elapsed_time' must not be less than 'initial_interval'");
            } else if self.max_elapsed_time.0 < self.max_interval.0 {
                fault(report, "max_elapsed_time", "'max_elapsed_time' must not be less than 'max_interval'");
            }
        }
    }
}

impl Block for TimeoutConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("timeout", &mut self.timeout);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.timeout.0 < 0 {
            fault(report, "timeout", "'timeout' must be non-negative");
        }
    }
}

/// Tells an error about the block, as upstream's path has it, but shown at the key.
fn fault(report: &mut Report<'_>, key: &str, message: &str) {
    let entry = report.node().and_then(|node| node.as_map()).and_then(|map| map.entry(key));
    match entry.map(|entry| entry.key_place.clone()) {
        Some(place) => report.error_at("", &place, message),
        None => report.error("", message),
    }
}

impl Keyword for Sizer {
    const TYPE: &'static str = "request.SizerType";
    const WORDS: &'static [(&'static str, Self)] =
        &[("requests", Self::Requests), ("items", Self::Items), ("bytes", Self::Bytes)];

    fn unknown(word: &str) -> String {
        format!("invalid sizer: {word:?}")
    }
}

/// A duration as log lines show it.
pub(crate) fn shown(duration: Duration) -> String {
    format_go(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn told(settings: &mut dyn Block, text: &str) -> Vec<String> {
        let mut diagnostics = Diagnostics::new();
        decode_settings(&parse_yaml("t", text).unwrap(), settings, &mut diagnostics);
        diagnostics.iter().map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn faults_of_the_queue_are_told_in_upstreams_words() {
        for (text, expected) in [
            ("{}", None),
            ("{num_consumers: 0}", Some("`num_consumers` must be positive")),
            ("{queue_size: -1}", Some("`queue_size` must be positive")),
            ("{enabled: false, queue_size: -1}", None),
            ("{sizer: foo}", Some("'sizer' invalid sizer: \"foo\"")),
            (
                "{queue_size: 10, sizer: items, batch: {min_size: 11}}",
                Some("`min_size` must be less than or equal to `queue_size`"),
            ),
            ("{queue_size: 10, batch: {min_size: 11}}", None),
            (
                "{storage: file_storage, wait_for_result: true}",
                Some("`wait_for_result` is not supported with a persistent queue configured with `storage`"),
            ),
        ] {
            let told = told(&mut QueueConfig::default(), text);
            assert_eq!(told.first().map(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn faults_of_retry_are_told_in_upstreams_words() {
        for (text, expected) in [
            ("{}", None),
            ("{enabled: false, multiplier: -1}", None),
            ("{multiplier: -1}", Some("'multiplier' must be non-negative")),
            ("{initial_interval: -1s}", Some("'initial_interval' must be non-negative")),
            ("{max_interval: -1s}", Some("'max_interval' must be non-negative")),
            ("{max_elapsed_time: -1s}", Some("'max_elapsed_time' must be non-negative")),
            ("{randomization_factor: 1.5}", Some("'randomization_factor' must be within [0, 1]")),
            ("{max_elapsed_time: 1s}", Some("'max_elapsed_time' must not be less than 'initial_interval'")),
            ("{max_elapsed_time: 10s}", Some("'max_elapsed_time' must not be less than 'max_interval'")),
            ("{max_elapsed_time: 0}", None),
        ] {
            let told = told(&mut RetryConfig::default(), text);
            assert_eq!(told.first().map(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn a_batch_without_keys_has_the_later_defaults() {
        let mut queue = QueueConfig::default();
        assert_eq!(told(&mut queue, "{sizer: bytes, queue_size: 100000, batch: {}}"), Vec::<String>::new());
        let batch = queue.batch.unwrap();
        assert_eq!((batch.sizer, batch.min_size, batch.flush_timeout.0), (None, 8192, 200_000_000));
    }

    #[test]
    fn what_upstream_accepts_in_a_batch_is_told_as_a_warning() {
        let mut diagnostics = Diagnostics::new();
        let node = parse_yaml("t", "{batch: {flush_timeout: 0, min_size: 5, max_size: 3}}").unwrap();
        decode_settings(&node, &mut QueueConfig::default(), &mut diagnostics);
        assert!(!diagnostics.has_errors());
        assert_eq!(diagnostics.warnings().count(), 2);
    }

    #[test]
    fn on_disk_only_what_is_said_bounds_the_count_and_ends_retries() {
        let durable = |queue: &str, retry: &str| {
            let mut config = DeliveryConfig::default();
            assert_eq!(told(&mut config.queue, queue), Vec::<String>::new());
            assert_eq!(told(&mut config.retry, retry), Vec::<String>::new());
            let config = config.durable();
            (config.queue.queue_size, config.retry.max_elapsed_time.0)
        };
        assert_eq!(durable("{storage: file_storage}", "{}"), (i64::MAX, 0));
        let given = durable("{storage: file_storage, queue_size: 1000}", "{max_elapsed_time: 300s}");
        assert_eq!(given, (1000, 300_000_000_000));
    }

    #[test]
    fn the_path_of_a_fault_is_that_of_the_block() {
        #[derive(Default)]
        struct Exporter(RetryConfig);
        impl Block for Exporter {
            fn fields(&mut self, f: &mut Fields<'_>) {
                f.block("retry_on_failure", &mut self.0);
            }
        }
        let mut diagnostics = Diagnostics::new();
        let node = parse_yaml("t", "retry_on_failure:\n  multiplier: -1\n").unwrap();
        decode_settings(&node, &mut Exporter::default(), &mut diagnostics);
        let fault = diagnostics.errors().next().unwrap();
        assert_eq!((fault.path.as_str(), fault.place.line()), ("retry_on_failure", 2));
    }
}
