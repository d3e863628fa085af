//! The receiver's own metrics, and what operators could not do.

use crate::stages::Troubles;
use hashbrown::HashMap;
use std::time::{Duration, Instant};
use warren_journal::Counts;
use warren_telemetry::{Counter, Field, Logger, Telemetry};

/// How often it is told that an operator fails.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// The receiver's own metrics.
pub(crate) struct Figures {
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    pub(crate) dropped: Counter,
    /// For some of several exporters.
    pub(crate) partial: Counter,
    entries: Counter,
    copies: Counter,
    damaged: [Counter; 3],
    lost: Counter,
    suppressed: Counter,
    failed: Counter,
    dropped_by_operators: Counter,
    unrouted: Counter,
    told: HashMap<String, Instant>,
    before: Counts,
}

impl Figures {
    pub(crate) fn new(telemetry: &Telemetry, id: &str) -> Self {
        let counter = |name: &str, help, labels: &[(&'static str, &str)]| {
            let labels: Vec<_> = [("receiver", id)].iter().chain(labels).copied().collect();
            telemetry.registry.counter(name, help, &labels)
        };
        let transport = [("transport", "")];
        let damaged = |what| {
            let help = "Journal entries, fields and files that are damaged or cannot be read.";
            counter("warren_journal_damaged_total", help, &[("what", what)])
        };
        let dropped = |reason| counter("warren_dropped_items_total", "Items lost, by reason.", &[("reason", reason)]);
        Self {
            accepted: counter(
                "otelcol_receiver_accepted_log_records",
                "Number of log records successfully pushed into the pipeline. [alpha]",
                &transport,
            ),
            refused: counter(
                "otelcol_receiver_refused_log_records",
                "Number of log records that could not be pushed into the pipeline. [alpha]",
                &transport,
            ),
            dropped: dropped("permanent"),
            partial: dropped("partial"),
            entries: counter("warren_journal_entries_total", "Journal entries looked at, wanted or not.", &[]),
            copies: counter("warren_journal_copies_total", "Journal entries passed over because a copy of them was read.", &[]),
            damaged: ["entry", "field", "file"].map(damaged),
            lost: counter("warren_journal_lost_total", "Journal entries that were deleted before they were read.", &[]),
            suppressed: counter(
                "warren_journal_suppressed_total",
                "Messages that journald did not take because there were too many at once, as entries say that were read.",
                &[],
            ),
            failed: counter(
                "warren_operator_failures_total",
                "Records that an operator, or an expression in an attribute, failed on, dropped or not.",
                &[],
            ),
            dropped_by_operators: dropped("operator"),
            unrouted: dropped("unrouted"),
            told: HashMap::new(),
            before: Counts::default(),
        }
    }

    pub(crate) fn count(&mut self, now: &Counts) {
        let before = std::mem::replace(&mut self.before, *now);
        let [entry, field, file] = &self.damaged;
        for (counter, now, before) in [
            (&self.entries, now.entries, before.entries),
            (&self.copies, now.copies, before.copies),
            (entry, now.damaged_entries, before.damaged_entries),
            (field, now.damaged_fields, before.damaged_fields),
            (file, now.unreadable_files, before.unreadable_files),
            (&self.lost, now.lost_entries, before.lost_entries),
        ] {
            counter.add(now.saturating_sub(before));
        }
    }

    /// Counts what operators could not do, and tells it: of each operator at once, and then now and then.
    pub(crate) fn tell(&mut self, troubles: &Troubles, log: &Logger) {
        self.dropped_by_operators.add(troubles.dropped);
        self.unrouted.add(troubles.unrouted);
        self.suppressed.add(troubles.suppressed);
        for (operator, trouble) in &troubles.failures {
            self.failed.add(trouble.count);
            if trouble.quiet || self.told.get(operator).is_some_and(|told| told.elapsed() < TELL_INTERVAL) {
                continue;
            }
            self.told.insert(operator.clone(), Instant::now());
            let fields = [
                ("operator_id", Field::Str(operator)),
                ("error", Field::Str(&trouble.message)),
                ("records", Field::Int(i64::try_from(trouble.count).unwrap_or(i64::MAX))),
            ];
            log.error("Failed to process entry", &fields);
        }
    }
}
