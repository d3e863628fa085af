//! `cargo xtask bench --pipeline`: what statements cost on the path OTLP in → `transform` → OTLP out.
//!
//! Requests of 5,000 items are posted one after the other, each as soon as the one before is answered; without a sending queue the answer comes
//! when the items have arrived at the other end.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use warren_e2e::http::{self, Answer, Server};
use warren_e2e::port;
use warren_e2e::process::Process;

use super::otlp::Signal;
use crate::interrupt::Interrupt;
use crate::tool;

/// Statements measured.
const STATEMENTS: [usize; 4] = [0, 1, 4, 16];

const ITEMS: u64 = 1_000_000;
pub(super) const REQUEST_ITEMS: usize = 5000;

/// Different requests that take turns.
const VARIANTS: u64 = 4;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Processor seconds for each million items: signal, statements, budget.
const BUDGETS: [(Signal, usize, f64); 4] =
    [(Signal::Metrics, 0, 0.46), (Signal::Metrics, 16, 1.33), (Signal::Logs, 0, 0.45), (Signal::Logs, 16, 1.78)];

const METRIC_STATEMENTS: [&str; 8] = [
    r#"set(attributes["instance"], resource.attributes["host.name"])"#,
    r#"delete_key(attributes, "node")"#,
    r#"set(attributes["hot"], true) where value_double > 500.0 and IsMatch(metric.name, "^rabbitmq_queue.*")"#,
    r#"replace_pattern(attributes["queue"], "^tenant-(\\d+)\\.", "t$$1/")"#,
    r#"set(attributes["kind"], Concat([metric.name, attributes["vhost"]], ":"))"#,
    r#"set(value_double, value_double * 2.0) where metric.unit == "By""#,
    r#"keep_keys(attributes, ["vhost", "queue", "instance", "hot", "kind"])"#,
    r#"set(attributes["q"], ConvertCase(attributes["queue"], "upper")) where attributes["vhost"] == "prod""#,
];

const LOG_STATEMENTS: [&str; 8] = [
    r#"set(attributes["host"], resource.attributes["host.name"])"#,
    r#"delete_key(attributes, "node")"#,
    r#"set(severity_number, SEVERITY_NUMBER_ERROR) where IsMatch(body, "\\[error\\]")"#,
    r#"replace_pattern(body, "password=[^ ]*", "password=***")"#,
    r#"merge_maps(attributes, ExtractPatterns(body, "vhost '(?P<vh>[^']+)'"), "upsert")"#,
    r#"set(attributes["len"], Len(body))"#,
    r#"set(attributes["x"], Concat([severity_text, attributes["unit"]], "-"))"#,
    r#"limit(attributes, 8, ["host"])"#,
];

/// Measures every signal with every number of statements and prints a table.
pub(super) fn run(binary: &Path, interrupt: &Interrupt) -> Result<()> {
    println!("\n{:>8} {:>10} {:>16} {:>14} {:>14}", "signal", "statements", "CPU s/M items", "RSS median MiB", "RSS peak MiB");
    for signal in Signal::ALL {
        for statements in STATEMENTS {
            let setup = Setup::new(signal, statements)?;
            let mut process = setup.start(Command::new(binary))?;
            let before = process.usage().context("the process cannot be measured")?.cpu;
            let mut resident = Vec::new();
            setup.post(ITEMS, interrupt, || resident.extend(process.usage().map(|usage| usage.resident)))?;
            let usage = process.usage().context("the process cannot be measured")?;
            process.stop(STOP_TIMEOUT)?;
            resident.sort_unstable();
            let seconds = (usage.cpu - before).as_secs_f64() / (ITEMS as f64 / 1e6);
            let budget = BUDGETS.iter().find(|(of, count, _)| (*of, *count) == (signal, statements)).map(|budget| budget.2);
            let median = resident.get(resident.len() / 2).copied().unwrap_or_default();
            println!(
                "{:>8} {statements:>10} {:>16} {:>14.1} {:>14.1}",
                signal.name(),
                super::table::beside(seconds, budget),
                super::table::mebibytes(median),
                super::table::mebibytes(usage.resident_peak)
            );
        }
    }
    println!(
        "\nThe budgets are fractions of the reference's figures on another machine; compare ratios within one run (--reference)."
    );
    Ok(())
}

/// Both ends of the path, and the configuration between them.
pub(super) struct Setup {
    signal: Signal,
    requests: Vec<Vec<u8>>,
    directory: tempfile::TempDir,
    port: u16,
    arrived: Arc<AtomicU64>,
    _sink: Server,
}

impl Setup {
    pub(super) fn new(signal: Signal, statements: usize) -> Result<Setup> {
        let arrived = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&arrived);
        let mark = signal.mark().as_bytes();
        let key: Vec<u8> = [&[0x0a, mark.len() as u8], mark].concat();
        let sink = Server::start(move |request| {
            let items = request.body.windows(key.len()).filter(|window| *window == key.as_slice()).count();
            counted.fetch_add(items as u64, Ordering::Relaxed);
            Answer::ok("application/x-protobuf", Vec::new())
        })?;
        let port = port::free()?;
        let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
        let config = config(signal, statements, port, &sink.url(""));
        std::fs::write(directory.path().join("config.json"), config.to_string()).context("cannot write the configuration")?;
        let requests = (0..VARIANTS).map(|seed| signal.request(REQUEST_ITEMS, seed)).collect();
        Ok(Setup { signal, requests, directory, port, arrived, _sink: sink })
    }

    /// Starts a collector and waits until it listens.
    pub(super) fn start(&self, mut command: Command) -> Result<Process> {
        command.arg("--config").arg(self.directory.path().join("config.json"));
        let mut process = Process::spawn("warren-collector", &mut command, &self.directory.path().join("log"))?;
        process.until("listens", START_TIMEOUT, || std::net::TcpStream::connect(("127.0.0.1", self.port)).ok())?;
        Ok(process)
    }

    /// Posts so many items and checks that all of them arrived. `between` is called after each request.
    pub(super) fn post(&self, items: u64, interrupt: &Interrupt, mut between: impl FnMut()) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/v1/{}", self.port, self.signal.name());
        for request in self.requests.iter().cycle().take((items / REQUEST_ITEMS as u64) as usize) {
            interrupt.check()?;
            http::post(&url, "application/x-protobuf", request)?;
            between();
        }
        let arrived = self.arrived.load(Ordering::Relaxed);
        if arrived != items {
            bail!("{arrived} of {items} items arrived; the figures say nothing");
        }
        Ok(())
    }
}

fn config(signal: Signal, statements: usize, port: u16, sink: &str) -> Value {
    let (key, context, known) = match signal {
        Signal::Metrics => ("metric_statements", "datapoint", &METRIC_STATEMENTS),
        Signal::Logs => ("log_statements", "log", &LOG_STATEMENTS),
    };
    let chosen: Vec<&str> = known.iter().cycle().take(statements).copied().collect();
    let (mut processors, mut names) = (json!({}), Vec::new());
    if !chosen.is_empty() {
        processors = json!({"transform": {"error_mode": "ignore", key: [{"context": context, "statements": chosen}]}});
        names.push("transform");
    }
    let mut pipelines = json!({});
    pipelines[signal.name()] = json!({"receivers": ["otlp"], "processors": names, "exporters": ["otlphttp"]});
    json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "processors": processors,
        "exporters": {"otlphttp": {"endpoint": sink, "compression": "none", "sending_queue": {"enabled": false}}},
        "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": pipelines},
    })
}

/// The shared rig beside other programs.
pub(super) fn beside_references(python: &Path, rig: &Path, own: &str, references: &[String]) -> Result<()> {
    for signal in Signal::ALL {
        for statements in STATEMENTS {
            let mut command = Command::new(python);
            command.arg(rig).args(["pipeline", "--signal", signal.name(), "--statements", &statements.to_string(), own]);
            command.args(references);
            tool::run(
                &format!("{} through {statements} statements beside {}", signal.name(), references.join(", ")),
                &mut command,
            )?;
        }
    }
    Ok(())
}
