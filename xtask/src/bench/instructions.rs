//! Instructions the collector spends on each sample, counted by valgrind: a figure that other work on the machine does not disturb, so a
//! change of a few per cent means something.
//!
//! Two runs differ only in how many scrapes they deliver before SIGTERM; the difference leaves start-up, first sight of every series and
//! shutdown out. A further figure is what that costs once. The same is done for items of OTLP that pass through statements.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use warren_e2e::process::Process;

use super::load::Load;
use super::otlp::Signal;
use super::pipeline::{REQUEST_ITEMS, Setup};
use crate::interrupt::Interrupt;
use crate::{tool, workspace};

/// Broker measured, and seconds between scrapes. Valgrind makes the program some fifty times slower, which must fit in.
const QUEUES: usize = 1000;
const INTERVAL: u32 = 5;

/// Scrapes delivered by the short and by the long run.
const SCRAPES: [u64; 2] = [2, 6];

/// Above this growth over the baseline, in per cent, the check fails.
const TOLERANCE_PERCENT: f64 = 3.0;

const BASELINE: &str = "benches/instructions.txt";

const RUN_TIMEOUT: Duration = Duration::from_secs(300);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Requests posted by the short and by the long run through statements.
const REQUESTS: [u64; 2] = [2, 6];

/// Figures of items that pass through so many statements.
const PASSING: [(&str, Signal, usize); 4] = [
    ("per_point_no_statement", Signal::Metrics, 0),
    ("per_point_16_statements", Signal::Metrics, 16),
    ("per_log_record_no_statement", Signal::Logs, 0),
    ("per_log_record_16_statements", Signal::Logs, 16),
];

/// Measures, then compares with the baseline or replaces it.
pub(super) fn run(binary: &Path, save: bool, interrupt: &Interrupt) -> Result<()> {
    if !tool::exists("valgrind") {
        bail!("valgrind is not installed: apt-get install valgrind");
    }
    let [few, many] = [count(binary, SCRAPES[0], interrupt)?, count(binary, SCRAPES[1], interrupt)?];
    let further = (many.samples - few.samples).max(1) as f64;
    let per_sample = (many.instructions as f64 - few.instructions as f64) / further;
    let first = (few.instructions as f64 - per_sample * few.samples as f64) / few.series as f64;
    let mut measured = vec![("per_sample_known_series", per_sample), ("per_series_first_scrapes_and_start", first)];
    for (name, signal, statements) in PASSING {
        measured.push((name, per_item(binary, signal, statements, interrupt)?));
    }
    let path = workspace::root().join(BASELINE);
    if save {
        let lines: String = measured.iter().map(|(name, value)| format!("{name} {value:.1}\n")).collect();
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        std::fs::write(&path, lines).with_context(|| format!("cannot write {BASELINE}"))?;
        println!("wrote {BASELINE}");
        return Ok(());
    }
    let baseline = std::fs::read_to_string(&path).with_context(|| format!("{BASELINE} is missing; make it with --save"))?;
    compare(&baseline, &measured)
}

/// Instructions for each item that passes through statements.
fn per_item(binary: &Path, signal: Signal, statements: usize, interrupt: &Interrupt) -> Result<f64> {
    let mut totals = Vec::new();
    for requests in REQUESTS {
        tool::announce(&format!(
            "counting instructions over {requests} requests of {} and {statements} statements",
            signal.name()
        ));
        let setup = Setup::new(signal, statements)?;
        let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
        let out = directory.path().join("callgrind.out");
        let mut process = setup.start(callgrind(binary, &out))?;
        setup.post(requests * REQUEST_ITEMS as u64, interrupt, || {})?;
        process.stop(STOP_TIMEOUT)?;
        totals.push(total(&std::fs::read_to_string(&out).context("callgrind left no figures")?)?);
    }
    let further = ((REQUESTS[1] - REQUESTS[0]) * REQUEST_ITEMS as u64) as f64;
    Ok((totals[1] as f64 - totals[0] as f64) / further)
}

/// The collector under valgrind; its arguments are still to be added.
fn callgrind(binary: &Path, out: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display())).arg(binary);
    command
}

fn compare(baseline: &str, measured: &[(&'static str, f64)]) -> Result<()> {
    let mut worse = Vec::new();
    for &(name, value) in measured {
        let known = baseline.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let known = known.with_context(|| format!("{BASELINE} has no line {name}"))?;
        let growth = 100.0 * (value / known - 1.0);
        println!("{name:<36} {value:>10.1} instructions, baseline {known:.1} ({growth:+.1} %)");
        if growth > TOLERANCE_PERCENT {
            worse.push(name);
        }
    }
    if !worse.is_empty() {
        bail!("{} grew by more than {TOLERANCE_PERCENT} %; mend it, or accept it with --save and say why", worse.join(", "));
    }
    Ok(())
}

struct Count {
    instructions: u64,
    samples: u64,
    series: usize,
}

/// Instructions of a whole run that delivers this many scrapes.
fn count(binary: &Path, scrapes: u64, interrupt: &Interrupt) -> Result<Count> {
    tool::announce(&format!("counting instructions over {scrapes} scrapes"));
    let load = Load::start(QUEUES)?;
    let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
    let (config, out) = (directory.path().join("config.json"), directory.path().join("callgrind.out"));
    std::fs::write(&config, super::scrape_config(&load, INTERVAL).to_string()).context("cannot write the configuration")?;
    let mut command = callgrind(binary, &out);
    command.arg("--config").arg(&config).arg("--scrape-now");
    let mut process = Process::spawn("valgrind", &mut command, &directory.path().join("log"))?;
    let wanted = scrapes * load.series() as u64;
    process
        .until("delivers its scrapes", RUN_TIMEOUT, || (interrupt.asked() || load.counts().samples >= wanted).then_some(()))?;
    interrupt.check()?;
    process.stop(STOP_TIMEOUT)?;
    let instructions = total(&std::fs::read_to_string(&out).context("callgrind left no figures")?)?;
    Ok(Count { instructions, samples: load.counts().samples, series: load.series() })
}

/// The total of a callgrind file.
fn total(callgrind: &str) -> Result<u64> {
    let mut lines = callgrind.lines();
    let total = lines.find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    total.and_then(|total| total.trim().parse().ok()).context("callgrind wrote no total")
}

#[cfg(test)]
mod tests {
    use super::{compare, total};

    #[test]
    fn growth_beyond_the_tolerance_is_refused_and_less_is_not() {
        let baseline = "known 100.0\nfirst 5000.0\n";
        compare(baseline, &[("known", 102.9), ("first", 4000.0)]).unwrap();
        assert!(compare(baseline, &[("known", 103.1), ("first", 5000.0)]).is_err());
        assert!(compare("", &[("known", 1.0)]).is_err());
    }

    #[test]
    fn the_total_is_found_in_what_callgrind_writes() {
        assert_eq!(total("version: 1\nevents: Ir\n\nfn=(1) main\n16 400\ntotals: 123456\n").unwrap(), 123_456);
        assert!(total("events: Ir\n").is_err());
    }
}
