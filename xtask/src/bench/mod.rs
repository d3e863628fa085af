//! `cargo xtask bench`: what the collector weighs on the path broker page → remote write, and how fast it starts.
//!
//! ```text
//! load::Load: pages, compressed once ──GET──▶ warren-collector ──remote write──▶ counted, answered 204
//! ```
//!
//! `--pipeline` measures another path instead: OTLP through statements ([`pipeline`]); `--host` the machine's own figures and journal ([`host`]);
//! `--isolation` what ill receivers cost their neighbours ([`isolation`]); `--seed` the load of the fleet that the project was made for ([`seed`]); `--fleet` the
//! control plane with thousands of collectors ([`fleet`]).
//!
//! The collector is the release build. Memory is read every 100 ms; processor time is that of the collector's process alone. A run that lost a
//! sample is void whatever it cost.

mod fleet;
mod host;
mod instructions;
mod isolation;
mod load;
mod otlp;
mod pipeline;
mod seed;
mod start;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use serde_json::json;
use warren_e2e::process::Process;

use crate::interrupt::Interrupt;
use crate::{conformance, tool, workspace};
use load::Load;

/// Sizes measured: queues on the broker, seconds between scrapes.
const SIZES: [(usize, u32); 3] = [(10, 5), (1000, 5), (10_000, 10)];

const DEFAULT_SECONDS: u64 = 60;
const MEMORY_POLL_INTERVAL: Duration = Duration::from_millis(100);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// One measured run.
struct Run {
    queues: usize,
    series: usize,
    samples: u64,
    complete: bool,
    cpu_seconds: f64,
    resident_median: u64,
    resident_peak: u64,
    first_sample: Option<Duration>,
    wire_bytes: u64,
}

/// The command.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let (mut queues, mut seconds, mut binary) = (Vec::new(), DEFAULT_SECONDS, None);
    let (mut references, mut instructions, mut save, mut through_statements, mut of_host) =
        (Vec::new(), false, false, false, false);
    let (mut isolated, mut as_the_seed) = (false, false);
    let (mut of_fleet, mut clients, mut tls, mut store) = (false, 10_000, false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("queues") => queues.push(arguments.value()?.parse::<usize>()?),
            Long("seconds") => seconds = arguments.value()?.parse()?,
            Long("bin") => binary = Some(PathBuf::from(arguments.value()?)),
            Long("reference") => references.push(arguments.value()?.string()?),
            Long("instructions") => instructions = true,
            Long("save") => save = true,
            Long("pipeline") => through_statements = true,
            Long("host") => of_host = true,
            Long("isolation") => isolated = true,
            Long("seed") => as_the_seed = true,
            Long("fleet") => of_fleet = true,
            Long("clients") => clients = arguments.value()?.parse()?,
            Long("tls") => tls = true,
            Long("store") => store = Some(arguments.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let binary = match binary {
        Some(path) => std::fs::canonicalize(&path).with_context(|| format!("--bin {}", path.display()))?,
        None if of_fleet => workspace::build_programs("release")?.1,
        None => workspace::build_programs("release")?.0,
    };
    let interrupt = Interrupt::watch()?;
    if of_fleet {
        return fleet::run(&binary, fleet::Wanted { clients, tls, seconds, store }, &interrupt);
    }
    if instructions {
        return instructions::run(&binary, save, &interrupt);
    }
    if of_host {
        return host::run(&binary, &interrupt);
    }
    if isolated {
        return isolation::run(&binary, seconds, &interrupt);
    }
    if as_the_seed {
        return seed::run(&binary, seconds, &interrupt);
    }
    if through_statements && references.is_empty() {
        return pipeline::run(&binary, &interrupt);
    }
    if through_statements {
        let (rig, python) = rig()?;
        return pipeline::beside_references(&python, &rig, &own(&binary), &references);
    }
    let sizes: Vec<(usize, u32)> = match queues.as_slice() {
        [] => SIZES.to_vec(),
        chosen => chosen.iter().map(|&queues| (queues, interval(queues))).collect(),
    };
    if !references.is_empty() {
        return beside_references(&binary, &references, &sizes, seconds);
    }
    let started = start::measure(&binary, &interrupt)?;
    let mut runs = Vec::new();
    for (queues, interval) in sizes {
        tool::announce(&format!("{queues} queues, scraped every {interval} s, for {seconds} s"));
        runs.push(measure(&binary, queues, interval, Duration::from_secs(seconds), &interrupt)?);
    }
    table::print(&started, &runs);
    if runs.iter().any(|run| !run.complete) {
        bail!("a run lost samples; its figures say nothing");
    }
    Ok(())
}

/// Scrape interval of a broker of this size, as in [`SIZES`].
fn interval(queues: usize) -> u32 {
    SIZES.iter().find(|(size, _)| queues <= *size).map_or(SIZES[SIZES.len() - 1].1, |(_, interval)| *interval)
}

fn measure(binary: &Path, queues: usize, interval: u32, duration: Duration, interrupt: &Interrupt) -> Result<Run> {
    let load = Load::start(queues)?;
    let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
    let config = directory.path().join("config.json");
    std::fs::write(&config, scrape_config(&load, interval).to_string()).context("cannot write the configuration")?;
    let mut command = Command::new(binary);
    command.arg("--config").arg(&config);
    let started = Instant::now();
    let mut process = Process::spawn("warren-collector", &mut command, &directory.path().join("log"))?;
    let mut resident = Vec::new();
    let mut last = None;
    while started.elapsed() < duration {
        if interrupt.wait(MEMORY_POLL_INTERVAL) {
            bail!("stopped before it was done");
        }
        process.until("runs", Duration::ZERO, || Some(()))?;
        last = process.usage();
        resident.extend(last.map(|usage| usage.resident));
    }
    let usage = last.context("the process cannot be measured")?;
    process.stop(STOP_TIMEOUT)?;
    resident.sort_unstable();
    let counts = load.counts();
    let scrapes_due = counts.scrapes.saturating_sub(1);
    Ok(Run {
        queues,
        series: load.series(),
        samples: counts.samples,
        complete: counts.scrapes > 0 && counts.samples >= scrapes_due * load.series() as u64,
        cpu_seconds: usage.cpu.as_secs_f64(),
        resident_median: resident[resident.len() / 2],
        resident_peak: usage.resident_peak,
        first_sample: counts.first.map(|first| first.saturating_duration_since(started)),
        wire_bytes: counts.wire_bytes,
    })
}

/// The path that is measured: one scrape job, one processor, remote write.
fn scrape_config(load: &Load, interval: u32) -> serde_json::Value {
    let job = json!({"job_name": "rabbitmq", "scrape_interval": format!("{interval}s"), "static_configs": [{"targets": [load.target()]}]});
    json!({
        "receivers": {"prometheus/broker": {"config": {"scrape_configs": [job]}}},
        "processors": {"resource/instance": {"attributes": [
            {"key": "service.instance.id", "value": "server-name-01", "action": "upsert"},
        ]}},
        "exporters": {"prometheusremotewrite/mimir": {"endpoint": load.write_url()}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics/broker": {
                "receivers": ["prometheus/broker"], "processors": ["resource/instance"], "exporters": ["prometheusremotewrite/mimir"],
            }},
        },
    })
}

/// The shared rig, and a Python that has what it needs.
fn rig() -> Result<(PathBuf, PathBuf)> {
    let rig = workspace::shared("bench/rig.py").context("--reference needs ../shared/bench/rig.py next to this checkout")?;
    let requirements =
        workspace::shared("conformance/requirements.txt").context("the rig needs ../shared/conformance/requirements.txt")?;
    Ok((rig, conformance::python(&requirements)?))
}

/// The collector, as the rig takes its subjects.
fn own(binary: &Path) -> String {
    format!("warren=otelcol:{}", binary.display())
}

/// The shared rig, which knows other programs as well, on the same sizes.
fn beside_references(binary: &Path, references: &[String], sizes: &[(usize, u32)], seconds: u64) -> Result<()> {
    let (rig, python) = rig()?;
    let own = own(binary);
    for (queues, interval) in sizes {
        let mut command = Command::new(&python);
        command.arg(&rig).arg("scrape").args(["--queues", &queues.to_string(), "--interval", &interval.to_string()]);
        command.args(["--seconds", &seconds.to_string(), &own]).args(references);
        tool::run(&format!("{queues} queues beside {}", references.join(", ")), &mut command)?;
    }
    let collectors = references.iter().filter(|reference| reference.contains("=otelcol:"));
    let mut command = Command::new(&python);
    command.arg(&rig).arg("start").arg(&own).args(collectors);
    tool::run("start-up beside the references", &mut command)
}
