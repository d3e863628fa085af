//! What several promises need: configurations of the path page → remote write, pages with one gauge, patience.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use warren_e2e::Result;
use warren_e2e::http::{Answer, Server};
use warren_e2e::loki::Loki;

/// How long anything that must happen may take. Generous: it is only waited for in full when the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One second between scrapes, the shortest interval with which a silent target still leaves its neighbours time.
pub(crate) fn job(name: &str, target: &str) -> Value {
    json!({"job_name": name, "scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": [{"targets": [target]}]})
}

/// Scrape jobs on one receiver, remote-written to one address.
pub(crate) fn scrape_to(jobs: &[Value], endpoint: &str) -> Value {
    scrape_through(jobs, json!({"prometheusremotewrite": {"endpoint": endpoint}}))
}

/// Scrape jobs on one receiver, sent to all the given exporters.
pub(crate) fn scrape_through(jobs: &[Value], exporters: Value) -> Value {
    let ids: Vec<&String> = exporters.as_object().unwrap().keys().collect();
    json!({
        "receivers": {"prometheus": {"config": {"scrape_configs": jobs}}},
        "service": {"pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ids}}},
        "exporters": exporters,
    })
}

/// A target whose only series, the gauge `healthy`, says how often it has been scraped.
pub(crate) fn healthy_target() -> Result<Server> {
    let scrapes = Arc::new(AtomicUsize::new(0));
    Server::start(move |_| {
        let count = scrapes.fetch_add(1, Ordering::Relaxed) + 1;
        text_page(format!("# TYPE healthy gauge\nhealthy {count}\n"))
    })
}

/// A page in the text format.
pub(crate) fn text_page(text: impl Into<Vec<u8>>) -> Answer {
    Answer::ok("text/plain; version=0.0.4", text.into())
}

/// A Loki, or nothing where none was built; that a test of this name is skipped is then said where it is seen.
pub(crate) fn loki(test: &str) -> Result<Option<Loki>> {
    if Loki::installed() {
        return Loki::start().map(Some);
    }
    // Not by a macro, whose output the test runner keeps to itself.
    let mut told = std::io::stdout().lock();
    let _ =
        writeln!(told, "SKIPPED {test}: it needs Grafana Loki; `cargo xtask loki && cargo test -p warren-e2e {test}` runs it");
    Ok(None)
}
