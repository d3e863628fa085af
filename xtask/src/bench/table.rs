//! The figures as a table, each beside its budget.

use std::time::Duration;

use super::Run;
use super::start::Start;

/// Budgets of the measured sizes: queues; median and peak resident MiB; processor seconds for each million samples, where one is set.
const BUDGETS: [(usize, f64, f64, Option<f64>); 3] =
    [(10, 10.0, 12.0, None), (1000, 16.0, 24.0, Some(1.0)), (10_000, 56.0, 90.0, Some(0.7))];
const LISTENING_BUDGET: Duration = Duration::from_millis(10);
const IDLE_MIB_BUDGET: f64 = 10.0;
const BINARY_MIB_BUDGET: f64 = 20.0;

/// Prints everything.
pub(super) fn print(start: &Start, runs: &[Run]) {
    println!();
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    row("exec → listening", milliseconds(start.listening), "ms", milliseconds(LISTENING_BUDGET));
    row("idle memory", mebibytes(start.idle_resident), "MiB", IDLE_MIB_BUDGET);
    row("binary", mebibytes(start.binary_bytes), "MiB", BINARY_MIB_BUDGET);
    println!();
    println!(
        "{:>7} {:>8} {:>10} {:>16} {:>16} {:>16} {:>9} {:>9}  complete",
        "queues", "series", "samples", "RSS median MiB", "RSS peak MiB", "CPU s/M", "first s", "B/sample"
    );
    for run in runs {
        let budget = BUDGETS.iter().find(|(queues, ..)| *queues == run.queues);
        let millions = run.samples.max(1) as f64 / 1e6;
        println!(
            "{:>7} {:>8} {:>10} {:>16} {:>16} {:>16} {:>9} {:>9.2}  {}",
            run.queues,
            run.series,
            run.samples,
            beside(mebibytes(run.resident_median), budget.map(|budget| budget.1)),
            beside(mebibytes(run.resident_peak), budget.map(|budget| budget.2)),
            beside(run.cpu_seconds / millions, budget.and_then(|budget| budget.3)),
            run.first_sample.map_or_else(|| "never".to_owned(), |first| format!("{:.2}", first.as_secs_f64())),
            run.wire_bytes as f64 / run.samples.max(1) as f64,
            if run.complete { "yes" } else { "NO" },
        );
    }
    println!("\nEach figure stands beside its budget. Compare only what was measured on one machine in one run.");
}

fn row(name: &str, value: f64, unit: &str, budget: f64) {
    println!("{name:<18} {:>16} {unit}", beside(value, Some(budget)));
}

/// `value ≤ budget`, or `value > budget` when it is broken.
pub(super) fn beside(value: f64, budget: Option<f64>) -> String {
    match budget {
        None => format!("{value:.2}"),
        Some(budget) if value <= budget => format!("{value:.2} ≤ {budget}"),
        Some(budget) => format!("{value:.2} > {budget}"),
    }
}

pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
