//! What the processor tells of itself.

use warren_component::BuildContext;
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Counter, Detail, Gauge, Histogram};

/// Upper bounds of the histogram of items in a batch.
const ITEM_BOUNDS: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 7000.0, 8000.0, 9000.0,
    10000.0, 20000.0, 30000.0, 50000.0, 100_000.0,
];

/// Upper bounds of the histogram of a batch's bytes.
const BYTE_BOUNDS: &[f64] = &[
    10.0,
    25.0,
    50.0,
    75.0,
    100.0,
    250.0,
    500.0,
    750.0,
    1000.0,
    2000.0,
    3000.0,
    4000.0,
    5000.0,
    6000.0,
    7000.0,
    8000.0,
    9000.0,
    10_000.0,
    20_000.0,
    30_000.0,
    50_000.0,
    100_000.0,
    200_000.0,
    300_000.0,
    400_000.0,
    500_000.0,
    600_000.0,
    700_000.0,
    800_000.0,
    900_000.0,
    1_000_000.0,
    2_000_000.0,
    3_000_000.0,
    4_000_000.0,
    5_000_000.0,
    6_000_000.0,
    7_000_000.0,
    8_000_000.0,
    9_000_000.0,
];

/// Why a batch goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// There is enough of it.
    Size,
    /// It has waited long enough, or the processor ends.
    Time,
}

/// Why a batch is lost: label `reason` of `warren_dropped_items_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// What follows refused it for good.
    Permanent,
    /// Some of those that follow refused it, and others took it.
    Partial,
    /// What follows refused it, and the processor ended before it could be tried again.
    Shutdown,
}

/// Counters of one processor and signal.
pub(crate) struct Figures {
    items: Histogram,
    /// Present if asked for: it takes a walk through the batch.
    bytes: Option<Histogram>,
    by_size: Counter,
    by_time: Counter,
    /// Shards.
    pub(crate) combinations: Gauge,
    permanent: Counter,
    partial: Counter,
    shutdown: Counter,
}

impl Figures {
    pub(crate) fn new(cx: &BuildContext, signal: Signal) -> Self {
        let registry = &cx.telemetry.registry;
        let id = cx.id.to_string();
        let labels = [("processor", id.as_str())];
        let name = |what: &str| format!("otelcol_processor_batch_{what}");
        let lost = |reason: &str| {
            let labels = [("component", id.as_str()), ("signal", signal.name()), ("reason", reason)];
            registry.counter("warren_dropped_items_total", "Items lost, by reason.", &labels)
        };
        let bytes = || {
            let help = "Number of bytes in batch that was sent. Only available on detailed level.";
            registry.histogram(&name("batch_send_size_bytes"), help, &labels, BYTE_BOUNDS)
        };
        Self {
            items: registry.histogram(&name("batch_send_size"), "Number of units in the batch", &labels, ITEM_BOUNDS),
            bytes: (registry.detail() == Detail::Detailed).then(bytes),
            by_size: registry.counter(
                &name("batch_size_trigger_send"),
                "Number of times the batch was sent due to a size trigger",
                &labels,
            ),
            by_time: registry.counter(
                &name("timeout_trigger_send"),
                "Number of times the batch was sent due to a timeout trigger",
                &labels,
            ),
            combinations: registry.gauge(
                &name("metadata_cardinality"),
                "Number of distinct metadata value combinations being processed",
                &labels,
            ),
            permanent: lost("permanent"),
            partial: lost("partial"),
            shutdown: lost("shutdown"),
        }
    }

    /// Bytes of a batch, if they are counted.
    pub(crate) fn weigh(&self, batch: &Batch) -> Option<usize> {
        self.bytes.as_ref().map(|_| warren_otlp::encoded_len(batch))
    }

    /// Counts a batch that went on.
    pub(crate) fn sent(&self, trigger: Trigger, items: usize, bytes: Option<usize>) {
        match trigger {
            Trigger::Size => self.by_size.add(1),
            Trigger::Time => self.by_time.add(1),
        }
        self.items.observe(items as f64);
        if let (Some(histogram), Some(bytes)) = (&self.bytes, bytes) {
            histogram.observe(bytes as f64);
        }
    }

    /// Counts items that nobody has any more.
    pub(crate) fn lost(&self, items: usize, loss: Loss) {
        match loss {
            Loss::Permanent => self.permanent.add(items as u64),
            Loss::Partial => self.partial.add(items as u64),
            Loss::Shutdown => self.shutdown.add(items as u64),
        }
    }
}
