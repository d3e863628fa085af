//! `cargo xtask bench --host`: what a machine's own figures and its journal cost.
//!
//! Processor time is that of all threads of the collector, as `schedstat` tells it in nanoseconds; what the collector uses without the receiver is
//! taken off. Scrapes are made each second; a collector that makes them every ten seconds pays a tenth.
//!
//! Memory is told in two parts: what was allocated, and the whole, of which the rest is code of the program that is mapped in because it runs. The
//! collector that scrapes nothing runs none of what stands between a receiver and an exporter, so that the whole grows by that too.

mod journal;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use warren_e2e::collector::{Collector, Setup};

use super::table::{beside, mebibytes};
use crate::interrupt::Interrupt;
use crate::tool;

/// The scrapers that look at the machine as a whole.
const OVERALL: [&str; 9] = ["cpu", "load", "memory", "disk", "filesystem", "network", "paging", "processes", "system"];

/// Processes there are at least when each is looked at.
const PROCESSES: usize = 1000;

/// How long each collector is measured, after it has settled: opened its files and made its sets.
const MEASURED: Duration = Duration::from_secs(60);
const SETTLED: Duration = Duration::from_secs(4);

/// Percent of a core at one scrape in ten seconds, and MiB, for each row.
const OVERALL_BUDGET: (f64, Option<f64>) = (0.05, Some(1.0));
const PROCESS_BUDGET: (f64, Option<f64>) = (1.0, None);

/// Measures and prints everything.
pub(super) fn run(binary: &Path, interrupt: &Interrupt) -> Result<()> {
    tool::announce(&format!("a collector that scrapes nothing, for {} s", MEASURED.as_secs()));
    let nothing = cost(binary, None, interrupt)?;
    let mut rows = Vec::new();
    for (name, scrapers, processes, budget) in
        [("all but process", &OVERALL[..], 0, OVERALL_BUDGET), ("process", &["process"], PROCESSES, PROCESS_BUDGET)]
    {
        let more = Crowd::gather(processes)?;
        tool::announce(&format!("{name}, for {} s", MEASURED.as_secs()));
        let scrapers: serde_json::Map<String, Value> = scrapers.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        let cost = cost(binary, Some(scrapers.into()), interrupt)?;
        rows.push((name, cost, processes_now(), sockets_now(), budget));
        drop(more);
    }
    println!(
        "\n{:<16} {:>9} {:>8} {:>12} {:>20} {:>18} {:>13}",
        "scrapers", "processes", "sockets", "ms a scrape", "% of a core at 10 s", "MiB allocated", "MiB resident"
    );
    for (name, cost, processes, sockets, (percent_budget, memory_budget)) in rows {
        let seconds = (cost.busy.saturating_sub(nothing.busy)).as_secs_f64() / MEASURED.as_secs_f64();
        let allocated = mebibytes(cost.allocated.saturating_sub(nothing.allocated));
        let resident = mebibytes(cost.resident.saturating_sub(nothing.resident));
        println!(
            "{name:<16} {processes:>9} {sockets:>8} {:>12.3} {:>20} {:>18} {resident:>13.2}",
            seconds * 1e3,
            beside(seconds * 10.0, Some(percent_budget)),
            beside(allocated, memory_budget)
        );
    }
    journal::run(binary, interrupt)
}

/// What a collector used while it was measured.
struct Cost {
    busy: Duration,
    /// Bytes at the end: all, and what no file is behind.
    resident: u64,
    allocated: u64,
}

/// Runs a collector with these scrapers each second, or with none.
fn cost(binary: &Path, scrapers: Option<Value>, interrupt: &Interrupt) -> Result<Cost> {
    let mut config = super::start::config_on(warren_e2e::port::free()?);
    if let Some(scrapers) = scrapers {
        config["receivers"]["hostmetrics"] = json!({"collection_interval": "1s", "scrapers": scrapers});
        config["service"]["pipelines"]["metrics"]["receivers"] = json!(["otlp", "hostmetrics"]);
    }
    let mut collector = Setup::new(config)?.binary(binary).args(["--scrape-now"]).start()?;
    pause(SETTLED, interrupt)?;
    let before = busy(&mut collector)?;
    pause(MEASURED, interrupt)?;
    let after = busy(&mut collector)?;
    let resident = collector.usage().context("the process cannot be measured")?.resident;
    let allocated = allocated(&mut collector)?;
    collector.stop()?;
    Ok(Cost { busy: after.saturating_sub(before), resident, allocated })
}

fn pause(time: Duration, interrupt: &Interrupt) -> Result<()> {
    if interrupt.wait(time) {
        bail!("stopped before it was done");
    }
    Ok(())
}

/// Processor time of all threads so far.
fn busy(collector: &mut Collector) -> Result<Duration> {
    let nanoseconds = threads(collector, "schedstat", |text| text.split(' ').next()?.parse::<u64>().ok())?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Bytes in memory that no file is behind.
fn allocated(collector: &mut Collector) -> Result<u64> {
    let path = format!("/proc/{}/status", collector.process().id());
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kibibytes = text.lines().find_map(|line| line.strip_prefix("RssAnon:")?.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kibibytes.with_context(|| format!("{path} has no RssAnon"))? << 10)
}

/// How often any thread was woken so far.
fn wakes(collector: &mut Collector) -> Result<u64> {
    threads(collector, "status", |text| {
        text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
    })
}

/// Sum over the threads of what a file of each says.
fn threads(collector: &mut Collector, file: &str, read: impl Fn(&str) -> Option<u64>) -> Result<u64> {
    let tasks = format!("/proc/{}/task", collector.process().id());
    let entries = std::fs::read_dir(&tasks).with_context(|| format!("cannot list {tasks}"))?.flatten();
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join(file)).ok());
    Ok(texts.filter_map(|text| read(&text)).sum())
}

/// Processes that do nothing, ended when dropped.
struct Crowd(Vec<Child>);

impl Crowd {
    /// As many as there lack.
    fn gather(wanted: usize) -> Result<Crowd> {
        let mut crowd = Crowd(Vec::new());
        for _ in processes_now()..wanted {
            let child = Command::new("sleep").arg("infinity").stdin(Stdio::null()).spawn();
            crowd.0.push(child.context("cannot start `sleep`")?);
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn processes_now() -> usize {
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())).count()
}

/// TCP sockets of this machine.
fn sockets_now() -> usize {
    let files = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter();
    files.filter_map(|path| std::fs::read_to_string(path).ok()).map(|text| text.lines().count().saturating_sub(1)).sum()
}
