//! What is told of scrapes: figures, and lines of the log.

use super::job::{Shared, unix_now};
use crate::scrape::{Outcome, ScrapeError};
use crate::target::{Target, Targets};
use std::collections::HashMap;
use warren_component::ConsumeError;
use warren_telemetry::{Counter, Field, Telemetry};

/// What is counted, with the receiver's id as label.
#[derive(Clone)]
pub(super) struct Figures {
    accepted: Counter,
    refused: Counter,
    failures: HashMap<&'static str, Counter>,
    skipped: Counter,
}

impl Figures {
    pub(super) fn new(telemetry: &Telemetry, receiver: &str) -> Self {
        let labels = [("receiver", receiver), ("transport", "http")];
        let registry = &telemetry.registry;
        let accepted = registry.counter(
            "otelcol_receiver_accepted_metric_points",
            "Number of metric points successfully pushed into the pipeline.",
            &labels,
        );
        let refused = registry.counter(
            "otelcol_receiver_refused_metric_points",
            "Number of metric points that could not be pushed into the pipeline.",
            &labels,
        );
        let failures = ["connection", "status", "size", "format", "limit"].map(|reason| {
            let labels = [("receiver", receiver), ("reason", reason)];
            (reason, registry.counter("warren_scrape_failures_total", "Scrapes that failed.", &labels))
        });
        let skipped = registry.counter(
            "warren_scrape_skipped_lines_total",
            "Lines skipped because they break the format.",
            &[("receiver", receiver)],
        );
        Self { accepted, refused, failures: failures.into_iter().collect(), skipped }
    }
}

/// Tells of addresses that are no targets, when their number changes.
pub(super) fn tell_failures(shared: &Shared, targets: &Targets, told: &mut usize) {
    if *told == targets.failures.len() {
        return;
    }
    *told = targets.failures.len();
    if let Some((place, error)) = targets.failures.first() {
        let fields = [
            ("job", Field::Str(&shared.config.job_name)),
            ("where", Field::Str(place)),
            ("error", Field::Display(error)),
            ("failures", Field::Int(targets.failures.len() as i64)),
        ];
        shared.telemetry.log.error("Creating targets failed", &fields);
    }
}

/// Tells what scrapes come to: counts each, writes a line when something changes.
pub(super) struct Teller<'a> {
    shared: &'a Shared,
    target: &'a Target,
    down: Option<&'static str>,
    refused: bool,
    skipped: bool,
}

impl<'a> Teller<'a> {
    /// Tells of one target.
    pub(super) fn new(shared: &'a Shared, target: &'a Target) -> Self {
        Self { shared, target, down: None, refused: false, skipped: false }
    }
}

impl Teller<'_> {
    /// Tells one.
    pub(super) async fn tell(&mut self, outcome: &Outcome) {
        let figures = &self.shared.figures;
        let log = &self.shared.telemetry.log;
        let labels = self.labels();
        match &outcome.scraped {
            Ok(()) => {
                if self.down.take().is_some() {
                    log.info("Prometheus endpoint is scraped again", &[("target_labels", Field::Str(&labels))]);
                }
            }
            Err(error) => {
                figures.failures.get(error.reason()).inspect(|counter| counter.add(1));
                if self.down.replace(error.reason()) != Some(error.reason()) {
                    let fields = [
                        ("error", Field::Display(error)),
                        ("url", Field::Str(&without_query(&self.target.url))),
                        ("target_labels", Field::Str(&labels)),
                    ];
                    log.warn("Failed to scrape Prometheus endpoint", &fields);
                }
                self.write_failure(error).await;
            }
        }
        self.tell_committed(&outcome.committed, outcome.points);
        figures.skipped.add(outcome.skipped.lines);
        if let Some(first) = outcome.skipped.first.as_ref().filter(|_| !self.skipped) {
            let fields = [
                ("lines", Field::Int(outcome.skipped.lines as i64)),
                ("first", Field::Str(first)),
                ("target_labels", Field::Str(&labels)),
            ];
            log.warn("Skipped lines that break the exposition format", &fields);
        }
        self.skipped = outcome.skipped.lines > 0;
    }

    /// Tells what the pipeline said to so many points.
    pub(super) fn tell_committed(&mut self, committed: &Result<(), ConsumeError>, points: usize) {
        let figures = &self.shared.figures;
        match committed {
            Ok(()) => {
                figures.accepted.add(points as u64);
                self.refused = false;
            }
            Err(error) => {
                figures.refused.add(points as u64);
                if !std::mem::replace(&mut self.refused, true) {
                    let fields = [("error", Field::Display(error)), ("target_labels", Field::Str(&self.labels()))];
                    self.shared.telemetry.log.warn("Scrape commit failed", &fields);
                }
            }
        }
    }

    /// The target's labels as lines of the log show them.
    fn labels(&self) -> String {
        let labels = self.target.public_labels().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ");
        format!("{{{labels}}}")
    }

    /// Appends a failure to the job's `scrape_failure_log_file`.
    async fn write_failure(&self, error: &ScrapeError) {
        let path = self.shared.config.scrape_failure_log_file.clone();
        if path.as_os_str().is_empty() {
            return;
        }
        let line = serde_json::json!({
            "time": unix_now().as_secs_f64(), "level": "ERROR", "msg": error.to_string(), "job_name": self.shared.config.job_name,
            "target": without_query(&self.target.url),
        });
        let write = move || {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes())
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            self.shared.telemetry.log.warn("Writing the scrape failure log failed", &[("error", Field::Display(&error))]);
        }
    }
}

/// A URL as logs show it: parameters may be secrets.
fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}
