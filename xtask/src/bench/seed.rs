//! `cargo xtask bench --seed`: the load of the fleet that the project was made for, beside what its collector is reported to weigh there.
//!
//! ```text
//! 15,000 series each 60 s ─▶ ┐                          ┌─▶ remote write, counted
//! host metrics each 10 s ──▶ ├─▶ batch, attributes ─────┼─▶ AMQP, to a real RabbitMQ
//! journald, 20 lines/s ────▶ ┘                          └─▶ OTLP over HTTP (logs)
//! ```
//!
//! Needs root (journald gets a mount namespace) and Debian's `rabbitmq-server`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use warren_e2e::collector::Setup;
use warren_e2e::journald::Journald;
use warren_e2e::otlp::LineReceiver;
use warren_e2e::process::Usage;
use warren_e2e::rabbitmq::RabbitMq;

use super::load::Load;
use super::table::{beside, mebibytes};
use crate::interrupt::Interrupt;
use crate::tool;

/// Queues whose page has 15,000 series.
const QUEUES: usize = 652;

/// Time between lines of the journal.
const PACE: Duration = Duration::from_millis(50);

/// Until everything has been scraped for the first time.
const FIRST: Duration = Duration::from_secs(75);

/// Over which the share of a core is told at its highest.
const WINDOW: Duration = Duration::from_secs(10);

/// What the collector of the seed is reported to weigh, and what this one may.
const REPORTED: &str = "reported of the seed's own: 90 MiB on average, 166 MiB at the peak, about 1 % of a core at the peak";
const AVERAGE_MIB_BUDGET: f64 = 16.0;
const PEAK_MIB_BUDGET: f64 = 28.0;
const CORE_PERCENT_BUDGET: f64 = 0.5;

/// The command.
pub(super) fn run(binary: &Path, seconds: u64, interrupt: &Interrupt) -> Result<()> {
    let (load, journald, broker) = (Load::start(QUEUES)?, Journald::start()?, RabbitMq::start()?);
    broker.declare_queue("otlp_metrics")?;
    let logs = LineReceiver::start()?;
    let state = tempfile::tempdir().context("cannot create a temporary directory")?;
    let config = config(&load, &journald.root(), &broker.amqp_url(), &logs.url());
    let setup = Setup::new(config)?.binary(binary).args(["--state-dir", &state.path().display().to_string()]);
    tool::announce(&format!("{} series each 60 s, host metrics each 10 s, 20 lines a second, for {seconds} s", load.series()));
    let mut collector = setup.start()?;
    let ended = AtomicBool::new(false);
    let (looks, lines) = std::thread::scope(|threads| {
        let writing = threads.spawn(|| write_lines(&journald, &ended));
        let looks = look(&mut collector, Duration::from_secs(seconds), interrupt);
        ended.store(true, Ordering::Relaxed);
        (looks, writing.join().unwrap_or(Ok(0)))
    });
    let (looks, lines) = (looks?, lines?);
    std::thread::sleep(Duration::from_secs(2));
    let (counts, arrived) = (load.counts(), logs.count());
    let published = collector.metric("otelcol_exporter_sent_metric_points", "rabbitmq")?.unwrap_or_default();
    collector.stop()?;
    let average =
        looks.iter().map(|(_, usage)| usage.resident as f64).sum::<f64>() / looks.len().max(1) as f64 / f64::from(1 << 20);
    let peak = looks.last().map_or(0.0, |(_, usage)| mebibytes(usage.resident_peak));
    let (with_start, share) = shares(&looks);
    let (busiest, _) = shares(looks.iter().position(|look| look.0 > FIRST).map_or(&[], |first| &looks[first..]));
    println!("resident memory, average     {:>18} MiB", beside(average, Some(AVERAGE_MIB_BUDGET)));
    println!("resident memory, peak        {:>18} MiB", beside(peak, Some(PEAK_MIB_BUDGET)));
    println!("busiest 10 s                 {:>18} % of a core", beside(with_start, Some(CORE_PERCENT_BUDGET)));
    println!("the same, without the start  {busiest:>18.2} % of a core");
    println!("processor time on average    {share:>18.2} % of a core");
    println!("{REPORTED}");
    println!(
        "{} scrapes, {} samples by remote write, {published} points by AMQP, {arrived} of {lines} lines arrived",
        counts.scrapes, counts.samples
    );
    if counts.scrapes == 0 || counts.samples < (counts.scrapes - 1) * load.series() as u64 || published == 0.0 || arrived < lines
    {
        bail!("something was lost; the figures say nothing");
    }
    if average > AVERAGE_MIB_BUDGET || peak > PEAK_MIB_BUDGET || with_start > CORE_PERCENT_BUDGET {
        bail!("a budget is broken");
    }
    Ok(())
}

fn write_lines(journald: &Journald, ended: &AtomicBool) -> Result<u64> {
    let (begin, mut lines) = (Instant::now(), 0);
    while !ended.load(Ordering::Relaxed) {
        lines += 1;
        let line = format!(
            "2025-08-12 12:00:00.000 [info] <0.{lines}.0> connection <0.{lines}.0>: user 'app' authenticated and granted access to vhost 'prod'"
        );
        journald.send("rabbitmq-server", [line])?;
        std::thread::sleep((begin + PACE * lines).saturating_duration_since(Instant::now()));
    }
    Ok(u64::from(lines))
}

/// Processor time that a process has used, to the nanosecond, where the usual figure counts in hundredths of a second: a tenth of a percent of the window.
#[derive(Default)]
struct Clock {
    /// What each thread had used when it was looked at last.
    threads: HashMap<String, u64>,
    total: u64,
}

impl Clock {
    /// What the process has used until now. Of a thread that has ended the last half second is missing.
    fn read(&mut self, process: u32) -> Result<Duration> {
        let tasks = format!("/proc/{process}/task");
        for task in std::fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))?.flatten() {
            let name = task.file_name().to_string_lossy().into_owned();
            let Ok(figures) = std::fs::read_to_string(task.path().join("schedstat")) else { continue };
            let Some(used) = figures.split(' ').next().and_then(|used| used.parse::<u64>().ok()) else { continue };
            self.total += used.saturating_sub(self.threads.insert(name, used).unwrap_or_default());
        }
        Ok(Duration::from_nanos(self.total))
    }
}

/// What the process uses, twice a second.
fn look(
    collector: &mut warren_e2e::collector::Collector,
    duration: Duration,
    interrupt: &Interrupt,
) -> Result<Vec<(Duration, Usage)>> {
    let (begin, mut looks, mut clock) = (Instant::now(), Vec::new(), Clock::default());
    while begin.elapsed() < duration {
        if interrupt.wait(Duration::from_millis(500)) {
            bail!("stopped before it was done");
        }
        let usage = collector.usage().context("the collector has ended")?;
        let cpu = clock.read(collector.process().id())?;
        looks.push((begin.elapsed(), Usage { cpu, ..usage }));
    }
    Ok(looks)
}

/// Processor time as a share of a core: in the busiest window, and over everything.
fn shares(looks: &[(Duration, Usage)]) -> (f64, f64) {
    let percent = |from: &(Duration, Usage), to: &(Duration, Usage)| {
        100.0 * to.1.cpu.saturating_sub(from.1.cpu).as_secs_f64() / (to.0 - from.0).as_secs_f64().max(1e-3)
    };
    let mut busiest: f64 = 0.0;
    for (index, from) in looks.iter().enumerate() {
        if let Some(to) = looks.get(index..).unwrap_or_default().iter().find(|to| to.0 >= from.0 + WINDOW) {
            busiest = busiest.max(percent(from, to));
        }
    }
    (busiest, looks.first().zip(looks.last()).map_or(0.0, |(first, last)| percent(first, last)))
}

fn config(load: &Load, journal: &Path, broker: &str, logs: &str) -> Value {
    let job = json!({"job_name": "rabbitmq", "scrape_interval": "60s", "static_configs": [{"targets": [load.target()]}]});
    let scrapers = json!({
        "cpu": null, "load": null, "memory": null, "disk": null, "filesystem": null, "network": null, "paging": null, "processes": null,
    });
    json!({
        "receivers": {
            "prometheus/broker": {"config": {"scrape_configs": [job]}},
            "hostmetrics": {"collection_interval": "10s", "scrapers": scrapers},
            "journald": {"root_path": journal, "identifiers": ["rabbitmq-server"], "start_at": "beginning"},
        },
        "processors": {
            "batch": {},
            "attributes/instance": {"actions": [{"key": "instance", "value": "server-name-01", "action": "insert"}]},
        },
        "exporters": {
            "prometheusremotewrite/mimir": {"endpoint": load.write_url()},
            "rabbitmq": {"connection": {"endpoint": broker, "auth": {"plain": {"username": "guest", "password": "guest"}}}},
            "otlphttp/loki": {"endpoint": logs, "encoding": "json", "compression": "none"},
        },
        "service": {"pipelines": {
            "metrics": {
                "receivers": ["prometheus/broker", "hostmetrics"], "processors": ["attributes/instance", "batch"],
                "exporters": ["prometheusremotewrite/mimir", "rabbitmq"],
            },
            "logs": {"receivers": ["journald"], "processors": ["batch"], "exporters": ["otlphttp/loki"]},
        }},
    })
}
