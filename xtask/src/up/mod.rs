//! `cargo xtask up`: the main path, running. A private RabbitMQ, a private Prometheus in Mimir's place and the release build of the collector
//! between them, with the configuration that the control plane made for it, until Ctrl-C; and beside it the broker's log, from a private journal
//! to a private Loki.
//!
//! ```text
//!                           warren serve ──PromQL: does data arrive?──▶┐
//!                                │ OpAMP: the configuration             │
//! RabbitMQ ──/metrics──▶ warren-collector ──remote write, basic auth──▶ Prometheus ◀──PromQL── this command
//!     └──▶ journald ──files──▶   "        ──OTLP──▶ Loki ◀──LogQL── this command
//! ```

mod fleet;
mod logs;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use warren_e2e::collector::{self, Collector};
use warren_e2e::prometheus::{self, Prometheus};
use warren_e2e::rabbitmq::{RabbitMq, Wishes};
use warren_e2e::{control_plane, port, seed};

use self::fleet::{Fleet, SERVER};
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

/// What is started: those of this workspace, unless variables name others.
struct Programs {
    collector: PathBuf,
    control_plane: PathBuf,
}

/// Everything that runs.
struct Scene {
    // Dropped in this order: the data's path is taken down from its beginning.
    collector: Collector,
    broker: RabbitMq,
    logs: Option<Logs>,
    fleet: Fleet,
    store: Prometheus,
    programs: Programs,
    broker_port: u16,
    telemetry_port: u16,
    started: Instant,
}

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let check = crate::switch(arguments, Some("check"))?;
    debian::ensure(&debian::SCENE)?;
    let programs = Programs::find()?;
    let interrupt = Interrupt::watch()?;
    logs::examine_machine(&programs.collector)?;
    interrupt.check()?;
    let mut scene = Scene::start(programs, &interrupt)?;
    fleet::wait_for_applied(&scene.fleet, &mut scene.collector, || interrupt.asked())?;
    interrupt.check()?;
    println!("✓ the collector runs what the control plane made for {SERVER}");
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

impl Programs {
    fn find() -> Result<Programs> {
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        match (named(collector::BINARY_VARIABLE), named(control_plane::BINARY_VARIABLE)) {
            (Some(collector), Some(control_plane)) => Ok(Programs { collector, control_plane }),
            (collector, control_plane) => {
                let (built_collector, built_control_plane) = workspace::build_programs("release")?;
                let collector = collector.unwrap_or(built_collector);
                Ok(Programs { collector, control_plane: control_plane.unwrap_or(built_control_plane) })
            }
        }
    }
}

impl Scene {
    fn start(programs: Programs, interrupt: &Interrupt) -> Result<Scene> {
        let binary = &programs.collector;
        tool::announce("starting Prometheus (remote write in, PromQL out, basic authentication)");
        let store = Prometheus::start()?;
        interrupt.check()?;
        let logs = Logs::start(binary)?;
        interrupt.check()?;
        tool::announce("starting RabbitMQ with its metrics page");
        let broker_port = port::prefer(seed::BROKER_PORT)?;
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
        let telemetry_port = port::prefer(seed::TELEMETRY_PORT)?;
        let fleet = Fleet::start(&programs.control_plane, &store)?;
        fleet.register(&store, broker_port, telemetry_port, logs.as_ref())?;
        interrupt.check()?;
        tool::announce("starting warren-collector --host-config host.json --scrape-now: no configuration, but where it gets one");
        let started = Instant::now();
        let collector = fleet.collector()?.binary(binary).telemetry(telemetry_port).args(["--scrape-now"]).start()?;
        Ok(Scene { collector, broker, logs, fleet, store, programs, broker_port, telemetry_port, started })
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
            let queues = store.number(&format!("max(rabbitmq_queues{{instance=\"{SERVER}\"}})")).ok()??;
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
        self.fleet.describe(&self.programs.control_plane);
        println!("  logs       {}", self.collector.log_path().display());
        println!("             {}", self.broker.log_path().display());
        println!("             {}", self.store.log_path().display());
        if self.broker_port != seed::BROKER_PORT {
            println!("  note       port {} is taken here, so the broker's metrics moved", seed::BROKER_PORT);
        }
        if self.telemetry_port != seed::TELEMETRY_PORT {
            println!("  note       port {} is taken here, so the collector's own metrics moved", seed::TELEMETRY_PORT);
        }
        println!();
    }

    /// Shows what flows until the user has seen enough.
    fn watch(&mut self, interrupt: &Interrupt) -> Result<()> {
        println!("Running. The broker is scraped every 60 s; new messages are published all the time. Ctrl-C stops all of it.");
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
            if let Some(news) = self.fleet.news() {
                println!("\r\x1b[K{news}");
            }
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
        if let Some(state) = self.fleet.state() {
            line += &format!(" · {state}");
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
        self.fleet.stop()?;
        Ok(())
    }
}

/// What RabbitMQ logs when it has started.
const STARTED: &str = "Server startup complete";

/// How many lines of its log are shown then.
const LINES_SHOWN: usize = 3;

/// Counts the broker's series that have a value now.
const SERIES: &str = r#"count({__name__=~"rabbitmq_.+|erlang_.+"})"#;
