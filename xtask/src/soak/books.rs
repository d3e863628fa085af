//! The books: what went in, what came out, what waits, what was refused and dropped; counted at both ends, and told by the collector.

use std::fmt::Write as _;

use anyhow::Result;
use warren_e2e::collector::OwnPage;

use super::sinks::{SeenLogs, SeenMetrics};
use super::world::{LogsSent, World};

/// Both counts at one time.
pub(super) struct Books {
    own: OwnPage,
    metrics: Vec<(&'static str, SeenMetrics)>,
    logs: SeenLogs,
}

/// What the collector says of one exporter.
struct Told {
    queued: f64,
    sent: f64,
    refused: f64,
    dropped: f64,
}

impl Books {
    pub(super) fn of(world: &World) -> Result<Books> {
        let own = world.collector.own_page()?;
        let metrics = world.sinks.metrics.iter().map(|(name, sink)| (*name, sink.seen())).collect();
        Ok(Books { own, metrics, logs: world.sinks.logs.seen() })
    }

    /// One line about where things are.
    pub(super) fn line(&self) -> String {
        let mut line =
            format!("in {} samples, {} records", self.offered(), self.sum("otelcol_receiver_accepted_log_records", ""));
        for (name, seen) in &self.metrics {
            let told = self.exporter(&format!("prometheusremotewrite/{name}"), "metric_points");
            let _ = write!(
                line,
                "; {name}: {} out, {} batches queued, {} lost",
                seen.samples,
                told.queued,
                told.refused + told.dropped
            );
        }
        let told = self.exporter("otlphttp/stored", "log_records");
        let _ = write!(line, "; logs: {} out, {} batches queued", self.logs.records, told.queued);
        line
    }

    pub(super) fn table(&self, world: &World, sent: LogsSent) -> String {
        let pages: u64 = world.broker.pages().iter().map(|series| u64::from(*series)).sum();
        let mut table = String::new();
        let _ = writeln!(
            table,
            "Offered by the count of the two ends: {} pages with {pages} samples of the broker; {} log records ({} requests sent again). By the \
             collector's own figures: {} data points, {} log records.\n",
            world.broker.pages().len(),
            sent.taken,
            sent.again,
            self.offered(),
            self.sum("otelcol_receiver_accepted_log_records", ""),
        );
        let _ = writeln!(
            table,
            "| Receiver | arrived | of the broker's pages | scrapes told to have failed | markers | sent, as told | queued | refused | dropped |"
        );
        let _ = writeln!(table, "|---|---|---|---|---|---|---|---|---|");
        for (name, seen) in &self.metrics {
            let Told { queued, sent, refused, dropped } =
                self.exporter(&format!("prometheusremotewrite/{name}"), "metric_points");
            let SeenMetrics { samples, of_the_page, failed, stale, .. } = seen;
            let _ = writeln!(
                table,
                "| {name} | {samples} | {of_the_page} | {failed} | {stale} | {sent} | {queued} | {refused} | {dropped} |"
            );
        }
        let Told { queued, sent, refused, dropped } = self.exporter("otlphttp/stored", "log_records");
        let _ = writeln!(table, "| logs | {} | | | | {sent} | {queued} | {refused} | {dropped} |", self.logs.records);
        table
    }

    /// What does not add up.
    pub(super) fn check(&self, world: &World, logs: LogsSent) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, text: String| {
            if !holds {
                wrong.push(text);
            }
        };
        let pages = world.broker.pages();
        let offered = self.offered();
        for (name, seen) in &self.metrics {
            let told = self.exporter(&format!("prometheusremotewrite/{name}"), "metric_points");
            let arrived = seen.samples as f64;
            must(arrived == told.sent, format!("{name}: {arrived} samples arrived, {} are told to be sent", told.sent));
            let all = told.sent + told.refused + told.dropped;
            must(all == offered, format!("{name}: {offered} points were offered, {all} are accounted for"));
            let of_scrapes: u64 =
                seen.scrapes.iter().filter_map(|number| pages.get(*number as usize - 1)).map(|series| u64::from(*series)).sum();
            let whole = *name != "lossy";
            // Of what has losses, parts of a page may be missing.
            let adds_up = if whole { of_scrapes == seen.of_the_page } else { true };
            must(adds_up, format!("{name}: pages with {of_scrapes} samples arrived, {} samples of pages did", seen.of_the_page));
            must(seen.scrapes.is_sorted_by(|one, next| one < next), format!("{name}: scrapes came twice or out of order"));
            // The last page may have been asked for when its job was taken out; one that a busy machine does not read in time is told.
            let missing = pages.len().saturating_sub(seen.scrapes.len() + seen.failed);
            must(!whole || missing <= 1, format!("{name}: {missing} of {} scrapes are missing and not told", pages.len()));
            must(
                !whole || told.refused + told.dropped == 0.0,
                format!("{name}: {} refused, {} dropped", told.refused, told.dropped),
            );
            must(
                whole || told.refused + told.dropped > 0.0,
                format!("{name}: nothing was lost: the run proves less than it should"),
            );
        }
        let told = self.exporter("otlphttp/stored", "log_records");
        let (missing, twice) = (self.logs.missing(logs.taken), self.logs.twice());
        must(missing == 0 && twice == 0, format!("logs: of {} records {missing} are missing, {twice} came twice", logs.taken));
        let accepted = self.sum("otelcol_receiver_accepted_log_records", "");
        must(accepted == logs.taken as f64, format!("logs: {} records were taken, {accepted} are told to be", logs.taken));
        must(
            told.sent == self.logs.records as f64,
            format!("logs: {} records arrived, {} are told to be sent", self.logs.records, told.sent),
        );
        must(told.refused + told.dropped == 0.0, format!("logs: {} refused, {} dropped", told.refused, told.dropped));
        wrong
    }

    /// Points that went into the pipeline of metrics, also those that an exporter refused.
    fn offered(&self) -> f64 {
        self.sum("otelcol_receiver_accepted_metric_points", "") + self.sum("otelcol_receiver_refused_metric_points", "")
    }

    fn exporter(&self, id: &str, items: &str) -> Told {
        let label = format!("exporter=\"{id}\"");
        Told {
            queued: self.sum("otelcol_exporter_queue_size", &label),
            sent: self.sum(&format!("otelcol_exporter_sent_{items}"), &label),
            refused: self.sum(&format!("otelcol_exporter_enqueue_failed_{items}"), &label),
            dropped: self.sum("warren_dropped_items_total", &format!("component=\"{id}\"")),
        }
    }

    fn sum(&self, name: &str, label: &str) -> f64 {
        self.own.sum(name, label).unwrap_or_default()
    }
}
