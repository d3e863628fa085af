//! `cargo xtask up`: the main path, running. A private RabbitMQ, a private Prometheus in Mimir's place and the release build of the collector
//! with the seed's configuration between them, until Ctrl-C; and beside it the broker's log, from a private journal to a private Loki.
//!
//! ```text
//! RabbitMQ ──/metrics──▶ warren-collector ──remote write, basic auth──▶ Prometheus ◀──PromQL── this command
//!     └──▶ journald ──files──▶   "        ──OTLP──▶ Loki ◀──LogQL── this command
//! ```

mod config;
mod logs;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::port;
use warren_e2e::prometheus::{self, Prometheus};
use warren_e2e::rabbitmq::{RabbitMq, Wishes};

use self::logs::Logs;
use crate::interrupt::Interrupt;
use crate::{debian, tool, workspace};

/// Queues declared so that there is something to see, each with this many more messages than the one before.
const QUEUES: [&str; 4] = ["orders", "invoices", "shipments", "audit"];
const MESSAGES_STEP: usize = 5;

/// How long the broker's series may take to arrive. The first scrape is made at once, so this is patience for slow machines.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// A log line for those who read this in a file instead of on a terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Everything that runs.
struct Scene {
    // Dropped in this order: the data's path is taken down from its beginning.
    collector: Collector,
    broker: RabbitMq,
    logs: Option<Logs>,
    store: Prometheus,
    places: config::Places,
    started: Instant,
}

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let check = crate::switch(arguments, Some("check"))?;
    debian::ensure(&debian::SERVERS)?;
    let binary = match std::env::var_os(warren_e2e::collector::BINARY_VARIABLE) {
        Some(path) => path.into(),
        None => workspace::build_collector("full", "release")?,
    };
    let interrupt = Interrupt::watch()?;
    logs::examine_machine(&binary)?;
    interrupt.check()?;
    let mut scene = Scene::start(&binary, &interrupt)?;
    let series = scene.wait_for_series(&interrupt)?;
    println!(
        "✓ {series} series of the broker answer a PromQL query, {:.1} s after the collector was started",
        scene.started.elapsed().as_secs_f64()
    );
    scene.wait_for_logs(&interrupt)?;
    scene.describe();
    if !check {
        scene.watch(&interrupt)?;
    }
    println!("▸ stopping everything");
    scene.stop()
}

impl Scene {
    fn start(binary: &std::path::Path, interrupt: &Interrupt) -> Result<Scene> {
        tool::announce("starting Prometheus (remote write in, PromQL out, basic authentication)");
        let store = Prometheus::start()?;
        interrupt.check()?;
        let logs = Logs::start(binary)?;
        interrupt.check()?;
        tool::announce("starting RabbitMQ with its metrics page");
        let broker_port = port::prefer(config::BROKER_PORT)?;
        let beside = logs.as_ref().map(Logs::journald);
        let broker = RabbitMq::start_with(&Wishes { metrics: Some(broker_port), beside, ..Wishes::default() })?;
        interrupt.check()?;
        if let Some(logs) = &logs {
            logs.examine(binary, &format!("http://{}/metrics", broker.metrics_address()))?;
        }
        tool::announce(&format!("declaring queues ({}) and publishing messages", QUEUES.join(", ")));
        for (index, queue) in QUEUES.iter().enumerate() {
            broker.declare_queue(queue)?;
            for message in 0..(index + 1) * MESSAGES_STEP {
                broker.publish(queue, &format!("message {message}"))?;
            }
        }
        interrupt.check()?;
        let telemetry_port = port::prefer(config::TELEMETRY_PORT)?;
        let places = config::Places { write_url: store.write_url(), broker_port, telemetry_port };
        let text = serde_json::to_string_pretty(&config::seed(&places)?).context("the seed's configuration")?;
        let mut setup = Setup::text(text)
            .binary(binary)
            .telemetry(telemetry_port)
            .env(config::PASSWORD_VARIABLE, prometheus::PASSWORD)
            .args(["--scrape-now"]);
        let mut with_logs = "";
        if let Some(logs) = &logs {
            setup = setup.args(["--config".to_owned(), logs.config()?.display().to_string()]);
            with_logs = "--config logs.json ";
        }
        tool::announce(&format!("starting warren-collector {with_logs}--config config.json --scrape-now"));
        let started = Instant::now();
        let collector = setup.start()?;
        Ok(Scene { collector, broker, logs, store, places, started })
    }

    /// Waits until the store answers with the broker's series; how many there are.
    fn wait_for_series(&mut self, interrupt: &Interrupt) -> Result<u64> {
        tool::announce("waiting for the broker's series to arrive");
        let (store, log) = (&self.store, self.collector.log_path().to_owned());
        let arrived = self.collector.process().until("brings the broker's series", ARRIVAL_TIMEOUT, || {
            if interrupt.asked() {
                return Some(None);
            }
            // The queues were declared here, so their number proves that it is this broker which is seen.
            let queues = store.number("max(rabbitmq_queues)").ok()??;
            (queues == QUEUES.len() as f64).then(|| store.number(SERIES).ok().flatten())
        });
        interrupt.check()?;
        let count = arrived.with_context(|| format!("see {}", log.display()))?;
        Ok(count.unwrap_or_default() as u64)
    }

    /// Waits until the broker's own log has arrived up to its last line of the start, and shows some of it.
    fn wait_for_logs(&mut self, interrupt: &Interrupt) -> Result<()> {
        let Some(logs) = &self.logs else { return Ok(()) };
        tool::announce("waiting for the broker's log to arrive");
        let arrived = self.collector.process().until("brings the broker's log", ARRIVAL_TIMEOUT, || {
            let found = || logs.last(STARTED, 1).ok().filter(|lines| !lines.is_empty());
            interrupt.asked().then(Vec::new).or_else(found)
        });
        interrupt.check()?;
        arrived.with_context(|| format!("see {}", self.collector.log_path().display()))?;
        println!("✓ {} lines of the broker's log have arrived, the last of them:", logs.count().unwrap_or_default());
        logs.last("", LINES_SHOWN)?.iter().for_each(|line| println!("{line}"));
        Ok(())
    }

    fn describe(&self) {
        let (user, password) = (prometheus::USER, prometheus::PASSWORD);
        let store = self.store.url();
        println!();
        println!("  ask        {store}/graph?g0.expr=rabbitmq_queue_messages&g0.tab=0   (user {user}, password {password})");
        if let Some(logs) = &self.logs {
            println!("             {}", logs.describe());
        }
        println!("  broker     {}   (guest, guest)", self.broker.management_url());
        println!("             http://{}/metrics", self.broker.metrics_address());
        println!("  collector  {}", self.collector.telemetry_url());
        println!("             {}", self.collector.config_path().display());
        println!("  logs       {}", self.collector.log_path().display());
        println!("             {}", self.broker.log_path().display());
        println!("             {}", self.store.log_path().display());
        if self.places.broker_port != config::BROKER_PORT {
            println!("  note       port {} is taken here, so the target's port differs from the seed's", config::BROKER_PORT);
        }
        if self.places.telemetry_port != config::TELEMETRY_PORT {
            println!("  note       port {} is taken here, so the collector's own metrics moved", config::TELEMETRY_PORT);
        }
        println!();
    }

    /// Shows what flows until the user has seen enough.
    fn watch(&mut self, interrupt: &Interrupt) -> Result<()> {
        println!("Running. The seed scrapes every 60 s; new messages are published all the time. Ctrl-C stops all of it.");
        let terminal = std::io::stdout().is_terminal();
        let mut logged = Instant::now();
        let mut lines = self.logs.as_ref().and_then(Logs::count);
        for turn in 0.. {
            if interrupt.wait(REFRESH_INTERVAL) {
                break;
            }
            self.collector.process().until("runs", Duration::ZERO, || Some(()))?;
            self.broker.publish(QUEUES[turn % QUEUES.len()], &json!({"turn": turn}).to_string())?;
            lines = self.show_new(lines)?;
            if terminal {
                // Back to the line's beginning, and what the last one left behind is wiped.
                print!("\r{}\x1b[K", self.line());
                std::io::stdout().flush().context("the terminal is gone")?;
            } else if logged.elapsed() >= LOG_INTERVAL {
                logged = Instant::now();
                println!("{}", self.line());
            }
        }
        println!();
        Ok(())
    }

    /// Shows the last lines that the broker has logged since there were so many; how many there are now.
    fn show_new(&self, before: Option<u64>) -> Result<Option<u64>> {
        let Some(logs) = &self.logs else { return Ok(None) };
        let now = logs.count().or(before);
        let new = now.unwrap_or_default().saturating_sub(before.unwrap_or_default()) as usize;
        if new > 0 {
            logs.last("", new.min(LINES_SHOWN))?.iter().for_each(|line| println!("\r\x1b[K{line}"));
        }
        Ok(now)
    }

    fn line(&self) -> String {
        let number = |promql: &str| self.store.number(promql).ok().flatten();
        let elapsed = self.started.elapsed().as_secs_f64();
        let sent = self.collector.metric("otelcol_exporter_sent_metric_points", "").ok().flatten().unwrap_or_default();
        let mut line = format!("  {:.0} series", number(SERIES).unwrap_or_default());
        line += &format!(" · {sent:.0} samples sent, {:.1}/s", sent / elapsed);
        if let Some(age) = number("time() - max(timestamp(up))") {
            line += &format!(" · newest {age:.0} s old");
        }
        if let Some(lines) = self.logs.as_ref().and_then(Logs::count) {
            line += &format!(" · {lines} log lines");
        }
        if let Some(usage) = self.collector.usage() {
            let (mebibytes, percent) = (usage.resident as f64 / f64::from(1 << 20), 100.0 * usage.cpu.as_secs_f64() / elapsed);
            line += &format!(" · collector {mebibytes:.1} MiB, {percent:.2} % of a core");
        }
        line
    }

    fn stop(mut self) -> Result<()> {
        let status = self.collector.stop().context("the collector does not stop")?;
        anyhow::ensure!(status.success(), "the collector ended with {status}; its log:\n{}", self.collector.log());
        self.broker.stop().context("RabbitMQ does not stop")?;
        Ok(())
    }
}

/// What RabbitMQ logs when it has started.
const STARTED: &str = "Server startup complete";

/// How many lines of its log are shown then.
const LINES_SHOWN: usize = 3;

/// Counts the broker's series that have a value now.
const SERIES: &str = r#"count({__name__=~"rabbitmq_.+|erlang_.+"})"#;
