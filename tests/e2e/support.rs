//! What several promises need: configurations of the path page → remote write, pages with one gauge, a collector that is reloaded, patience.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{self, Collector, Setup};
use warren_e2e::http::{Answer, Server};
use warren_e2e::loki::Loki;
use warren_e2e::{Result, port};

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

/// A collector with a state directory, and the configuration that its file holds.
pub(crate) struct Editable {
    pub(crate) collector: Collector,
    pub(crate) config: Value,
    pub(crate) state: TempDir,
}

impl Editable {
    pub(crate) fn start(config: Value) -> Result<Editable> {
        let port = port::free()?;
        let mut config = config;
        config["service"]["telemetry"] = json!({"metrics": collector::own_metrics_on(port)});
        let state = tempfile::tempdir().unwrap();
        let setup = Setup::new(config.clone())?.telemetry(port).args(["--state-dir", state.path().to_str().unwrap()]);
        Ok(Editable { collector: setup.start()?, config, state })
    }

    /// Writes the configuration and has it read; what it says if it is refused.
    pub(crate) fn reload(&self) -> Result<std::result::Result<String, String>> {
        self.write(&self.config.to_string());
        self.ask(&["reload"])
    }

    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.collector.config_path(), text).unwrap();
    }

    pub(crate) fn ask(&self, command: &[&str]) -> Result<std::result::Result<String, String>> {
        let state = ["--state-dir", self.state.path().to_str().unwrap()];
        let finished = collector::command(command.iter().copied().chain(state), &[])?;
        Ok(if finished.status.success() { Ok(finished.stdout) } else { Err(finished.stderr) })
    }

    pub(crate) fn descriptors(&mut self) -> usize {
        let id = self.collector.process().id();
        std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
    }

    pub(crate) fn own(&self, name: &str) -> f64 {
        self.collector.metric(name, "").unwrap().unwrap_or_default()
    }
}

/// Fails when the collector has taken more memory than `most`, or than `validate --memory` says of its configuration.
#[allow(clippy::print_stdout, reason = "how much it was is what one wants to know of a run")]
pub(crate) fn expect_peak_within(collector: &Collector, most: u64) -> Result<()> {
    let (peak, bound) = (collector.usage().expect("the collector runs").resident_peak, collector.memory_bound()?);
    let figures = format!("{} MiB resident at the peak; {} MiB by validate --memory", peak >> 20, bound >> 20);
    println!("{figures}");
    assert!(peak < most.min(bound), "{figures}");
    Ok(())
}
