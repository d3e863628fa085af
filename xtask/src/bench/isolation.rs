//! `cargo xtask bench --isolation`: what ill receivers cost their neighbours. One run in which all six receivers are well, then one with four and one
//! with five ill ones; each stands beside the run with the same exporters and nobody ill.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use warren_e2e::isolation::{Illness, Load, Scene, own_figures};

use super::table::{beside, mebibytes};
use crate::interrupt::Interrupt;
use crate::tool;

/// By how much the 99th percentile of latency may exceed that of the undisturbed run.
const LATENCY_BUDGET: Duration = Duration::from_millis(20);

/// Resident memory at its peak with five ill receivers of six.
const PEAK_MIB_BUDGET: f64 = 60.0;

/// 200 queues each second: in a minute more batches than a queue holds.
fn load(seconds: u64) -> Load {
    Load { queues: 200, interval: 1, pace: Duration::from_millis(20), duration: Duration::from_secs(seconds), queue_size: None }
}

/// What one run gave.
struct Run {
    median: Duration,
    percentile: Duration,
    peak: u64,
    samples: u64,
}

/// The command.
pub(super) fn run(binary: &Path, seconds: u64, interrupt: &Interrupt) -> Result<()> {
    let mut broken = false;
    for patients in [&Illness::ALL[..4], &Illness::ALL[..]] {
        let well = measure(binary, patients, false, seconds)?;
        interrupt.check()?;
        let ill = measure(binary, patients, true, seconds)?;
        interrupt.check()?;
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        let allowed = milliseconds(well.percentile + LATENCY_BUDGET);
        println!("{:<24} {:>10} {:>20} {:>20} {:>12}", "", "p50 ms", "p99 ms", "RSS peak MiB", "samples");
        let row = |name: &str, run: &Run, percentile: String, peak: String| {
            println!("{name:<24} {:>10.2} {percentile:>20} {peak:>20} {:>12}", milliseconds(run.median), run.samples);
        };
        row("nobody ill", &well, beside(milliseconds(well.percentile), None), beside(mebibytes(well.peak), None));
        let (percentile, peak) =
            (beside(milliseconds(ill.percentile), Some(allowed)), beside(mebibytes(ill.peak), Some(PEAK_MIB_BUDGET)));
        broken |= milliseconds(ill.percentile) > allowed || mebibytes(ill.peak) > PEAK_MIB_BUDGET;
        row(&format!("{} of 6 ill", patients.len()), &ill, percentile, peak);
    }
    if broken {
        bail!("a budget is broken");
    }
    Ok(())
}

fn measure(binary: &Path, patients: &[Illness], ill: bool, seconds: u64) -> Result<Run> {
    let state = if ill { "ill" } else { "well" };
    tool::announce(&format!("{} receivers {state}, {} beside them, for {seconds} s", patients.len(), 6 - patients.len()));
    let load = load(seconds);
    let mut scene = Scene::start(&load, patients, ill, Some(binary))?;
    let latencies = scene.offer(&load)?;
    for id in patients.iter().map(|illness| illness.exporter()) {
        let figures = own_figures(&scene.collector, &id)?;
        let of = |name: &str| figures.get(name).copied().unwrap_or_default();
        println!(
            "  {id:<36} queued {:>6} ({:>5.1} MiB), oldest {:>5.1} s, sent {:>9}, refused {:>9}, dropped {:>9}",
            of("otelcol_exporter_queue_size"),
            of("warren_exporter_queue_bytes") / f64::from(1 << 20),
            of("warren_exporter_oldest_item_age_seconds"),
            of("otelcol_exporter_sent_metric_points"),
            of("otelcol_exporter_enqueue_failed_metric_points"),
            of("warren_dropped_items_total"),
        );
    }
    let peak = scene.collector.usage().context("the collector cannot be measured")?.resident_peak;
    scene.collector.stop()?;
    let seen: Vec<_> = scene.well.values().map(|sink| sink.seen()).collect();
    let first = seen.first().context("nobody is well")?;
    for one in &seen {
        if (one.samples, one.digest) != (first.samples, first.digest) {
            bail!("receivers that are well got different samples");
        }
        if one.scrapes != (1..=one.scrapes.len() as u64).collect::<Vec<_>>() || one.scrapes.len() as u64 + 1 < scene.scrapes() {
            bail!("scrapes are missing: {} of {} arrived", one.scrapes.len(), scene.scrapes());
        }
    }
    Ok(Run { median: latencies.percentile(50), percentile: latencies.percentile(99), peak, samples: first.samples })
}
