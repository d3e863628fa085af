//! What delivery tells of itself: `otelcol_exporter_*` as upstream has them, and `warren_*`.

use crate::queue::{Capacity, Queue};
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;
use tokio::time::Instant;
use warren_component::BuildContext;
use warren_pdata::Signal;
use warren_telemetry::{Counter, Gauge, Kind, Registry};

/// Why something was lost: label `reason` of `warren_dropped_items_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The destination refused it for good.
    Permanent,
    /// It failed for longer than `max_elapsed_time`.
    RetriesExhausted,
    /// It failed, and `retry_on_failure` is off.
    RetryDisabled,
    /// The program ended before it could be delivered.
    Shutdown,
    /// The destination took the batch and rejected these items.
    Rejected,
    /// The disk gave back something else than what was written.
    Corrupt,
    /// It was read from the disk, and is no batch.
    Undecodable,
}

impl Loss {
    fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::RetryDisabled => "retry_disabled",
            Self::Shutdown => "shutdown",
            Self::Rejected => "rejected",
            Self::Corrupt => "corrupt",
            Self::Undecodable => "undecodable",
        }
    }
}

/// The metrics of one exporter and signal.
pub(crate) struct Counters {
    registry: Registry,
    exporter: String,
    signal: Signal,
    /// Sent and failed appear together, with the first outcome.
    outcomes: OnceLock<(Counter, Counter)>,
    last_success: OnceLock<Gauge>,
}

impl Counters {
    pub(crate) fn new(cx: &BuildContext, signal: Signal) -> Self {
        Self {
            registry: cx.telemetry.registry.clone(),
            exporter: cx.id.to_string(),
            signal,
            outcomes: OnceLock::new(),
            last_success: OnceLock::new(),
        }
    }

    /// Counts the items of an attempt: those the destination took, and those that are given up.
    pub(crate) fn outcome(&self, sent: u64, failed: u64) {
        let (sent_total, failed_total) = self.outcomes.get_or_init(|| {
            let (sent, failed) = match self.signal {
                Signal::Traces => (
                    "Number of spans successfully sent to destination. [alpha]",
                    "Number of spans in failed attempts to send to destination. [alpha]",
                ),
                Signal::Metrics => (
                    "Number of metric points successfully sent to destination. [alpha]",
                    "Number of metric points in failed attempts to send to destination. [alpha]",
                ),
                Signal::Logs => (
                    "Number of log record successfully sent to destination. [alpha]",
                    "Number of log records in failed attempts to send to destination. [alpha]",
                ),
            };
            (self.counter("sent", sent), self.counter("send_failed", failed))
        });
        sent_total.add(sent);
        failed_total.add(failed);
        if sent > 0 {
            self.succeeded();
        }
    }

    /// Counts items that did not get into the queue.
    pub(crate) fn refused(&self, items: u64) {
        let help = match self.signal {
            Signal::Traces => "Number of spans failed to be added to the sending queue. [alpha]",
            Signal::Metrics => "Number of metric points failed to be added to the sending queue. [alpha]",
            Signal::Logs => "Number of log records failed to be added to the sending queue. [alpha]",
        };
        self.counter("enqueue_failed", help).add(items);
    }

    /// Counts items that nobody has any more.
    pub(crate) fn lost(&self, items: u64, loss: Loss) {
        let labels = [("component", self.exporter.as_str()), ("signal", self.signal.name()), ("reason", loss.name())];
        self.registry.counter("warren_dropped_items_total", "Items lost, by reason.", &labels).add(items);
    }

    /// Shows the state of the queue whenever the page is asked for.
    pub(crate) fn watch(&self, queue: &Arc<Queue>, capacity: &Capacity) {
        type Question = fn(&Queue) -> f64;
        let questions: [(&str, &'static str, Question); 4] = [
            ("otelcol_exporter_queue_size", "Current size of the retry queue (in batches) [alpha]", |queue| queue.size() as f64),
            (
                "warren_exporter_queue_bytes",
                "Bytes of the batches in the queue: on the heap, the one that found it empty left out; encoded, if the queue is on disk.",
                |queue| queue.bytes() as f64,
            ),
            ("warren_exporter_in_flight", "Batches on their way to the destination.", |queue| queue.in_flight() as f64),
            ("warren_exporter_oldest_item_age_seconds", "How long the oldest batch in the queue has been waiting.", |queue| {
                queue.oldest_age(Instant::now()).as_secs_f64()
            }),
        ];
        let labels = [("exporter", self.exporter.as_str()), ("data_type", self.signal.name())];
        for (name, help, question) in questions {
            let queue: Weak<Queue> = Arc::downgrade(queue);
            self.registry.computed(Kind::Gauge, name, help, &labels, move || queue.upgrade().map(|queue| question(&queue)));
        }
        if capacity.is_durable() {
            let queue: Weak<Queue> = Arc::downgrade(queue);
            let help = "Bytes of the files that the queue is kept in.";
            self.registry.computed(Kind::Gauge, "warren_storage_bytes", help, &labels, move || {
                Some(queue.upgrade()?.disk()?.bytes() as f64)
            });
            self.corrupt_segments().add(0);
        }
        if let Some(size) = capacity.size() {
            let help = "Fixed capacity of the retry queue (in batches) [alpha]";
            self.registry.gauge("otelcol_exporter_queue_capacity", help, &labels).set(size as f64);
        }
    }

    /// Counts the files of the queue that were found damaged.
    pub(crate) fn corrupt_segments(&self) -> Counter {
        let labels = [("exporter", self.exporter.as_str()), ("data_type", self.signal.name())];
        let help = "Files of the queue in which damage was found.";
        self.registry.counter("warren_storage_corrupt_segments_total", help, &labels)
    }

    fn succeeded(&self) {
        let gauge = self.last_success.get_or_init(|| {
            let labels = [("exporter", self.exporter.as_str()), ("data_type", self.signal.name())];
            let help = "When the destination last took something.";
            self.registry.gauge("warren_exporter_last_success_timestamp_seconds", help, &labels)
        });
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        gauge.set(now.as_secs() as f64);
    }

    fn counter(&self, what: &str, help: &'static str) -> Counter {
        let name = format!("otelcol_exporter_{what}_{}", self.signal.items());
        self.registry.counter(&name, help, &[("exporter", &self.exporter)])
    }
}
