//! Resident memory over time, descriptors and tasks.

use std::time::Duration;

use anyhow::{Context, Result};
use warren_e2e::collector::Collector;

/// Parts of the run of which each gives its lowest reading: what is held for good, without what comes and goes.
const PARTS: usize = 30;

/// By how much the last third of the run may hold more than the second.
const GROWTH_MAX: f64 = 1.5 * 1024.0 * 1024.0;

/// By how much descriptors and tasks may differ at the end, when nothing is scraped any more.
const MORE_MAX: f64 = 4.0;

#[derive(Default)]
pub(super) struct Memory {
    looks: Vec<(Duration, u64)>,
    peak: u64,
    cpu: Duration,
    /// Descriptors and tasks at the first look, and at the end.
    first: Option<(f64, f64)>,
    last: Option<(f64, f64)>,
}

impl Memory {
    pub(super) fn look(&mut self, now: Duration, collector: &mut Collector) -> Result<()> {
        let usage = collector.usage().context("the collector has ended")?;
        self.looks.push((now, usage.resident));
        (self.peak, self.cpu) = (usage.resident_peak, usage.cpu);
        if self.first.is_none() && now > Duration::from_secs(20) {
            self.first = Some(holdings(collector)?);
        }
        Ok(())
    }

    pub(super) fn end(&mut self, collector: &mut Collector) -> Result<()> {
        self.last = Some(holdings(collector)?);
        Ok(())
    }

    /// What is wrong.
    pub(super) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let growth = self.growth();
        if growth > GROWTH_MAX {
            wrong.push(format!(
                "resident memory grew by {:.2} MiB from the second third of the run to the last",
                mebibytes(growth)
            ));
        }
        if let (Some(first), Some(last)) = (self.first, self.last)
            && (last.0 > first.0 + MORE_MAX || last.1 > first.1 + MORE_MAX)
        {
            wrong.push(format!("descriptors {} → {}, tasks {} → {}", first.0, last.0, first.1, last.1));
        }
        wrong
    }

    pub(super) fn table(&self) -> String {
        let all: Vec<f64> = self.looks.iter().map(|look| look.1 as f64).collect();
        let minima = self.minima();
        let (from, to) = (minima.get(PARTS / 3).copied().unwrap_or_default(), minima.last().copied().unwrap_or_default());
        let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
        let (first, last) = (self.first.unwrap_or_default(), self.last.unwrap_or_default());
        let seconds = self.looks.last().map_or(1.0, |look| look.0.as_secs_f64());
        format!(
            "| Resident memory | MiB |\n|---|---|\n| average | {:.2} |\n| peak | {:.2} |\n| lowest after a third of the run, and at its end | {:.2}, \
             {:.2} |\n| growth of the lowest readings from the second third to the last | {:.2} |\n| slope over both, for an hour | {:.2} ± {:.2} |\n\n\
             Processor time: {:.2} % of a core. Descriptors {} → {}, tasks {} → {}.\n",
            mebibytes(mean),
            mebibytes(self.peak as f64),
            mebibytes(from),
            mebibytes(to),
            mebibytes(self.growth()),
            mebibytes(self.slope().0),
            mebibytes(self.slope().1),
            100.0 * self.cpu.as_secs_f64() / seconds,
            first.0,
            last.0,
            first.1,
            last.1,
        )
    }

    /// The lowest reading of each part of the run.
    fn minima(&self) -> Vec<f64> {
        let size = self.looks.len().div_ceil(PARTS).max(1);
        self.looks.chunks(size).filter_map(|part| part.iter().map(|look| look.1).min()).map(|lowest| lowest as f64).collect()
    }

    fn growth(&self) -> f64 {
        let minima = self.minima();
        let third = minima.len() / 3;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
        mean(&minima[2 * third..]) - mean(&minima[third..2 * third])
    }

    /// Bytes an hour through the lowest readings of the last two thirds, and its standard error.
    fn slope(&self) -> (f64, f64) {
        let minima = self.minima();
        let rest = &minima[minima.len() / 3..];
        let part = self.looks.last().map_or(0.0, |look| look.0.as_secs_f64()) / minima.len().max(1) as f64 / 3600.0;
        let count = rest.len() as f64;
        let (middle, mean) = ((count - 1.0) / 2.0, rest.iter().sum::<f64>() / count);
        let spread: f64 = (0..rest.len()).map(|index| (index as f64 - middle).powi(2)).sum();
        let slope = rest.iter().enumerate().map(|(index, value)| (index as f64 - middle) * (value - mean)).sum::<f64>() / spread;
        let left = |(index, value): (usize, &f64)| (value - mean - slope * (index as f64 - middle)).powi(2);
        let error = (rest.iter().enumerate().map(left).sum::<f64>() / (count - 2.0) / spread).sqrt();
        (slope / part, error / part)
    }
}

/// Open descriptors, and tasks of the runtime.
fn holdings(collector: &mut Collector) -> Result<(f64, f64)> {
    let id = collector.process().id();
    let descriptors = std::fs::read_dir(format!("/proc/{id}/fd")).context("the descriptors cannot be counted")?.count();
    Ok((descriptors as f64, collector.metric("warren_runtime_tasks", "")?.unwrap_or_default()))
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_no_growth_and_what_stays_is() {
        let memory = |bytes: fn(u64) -> u64| Memory {
            looks: (0..3600).map(|second| (Duration::from_secs(second), bytes(second))).collect(),
            ..Memory::default()
        };
        let flat = memory(|second| (20 << 20) + (second % 30) * 100_000);
        assert!(flat.check().is_empty() && flat.slope().0.abs() < 1.0, "{:?}", flat.slope());
        let leaking = memory(|second| (20 << 20) + second * 2048);
        assert_eq!(leaking.check().len(), 1);
        assert!((mebibytes(leaking.slope().0) - 7.0).abs() < 0.2, "{:?}", leaking.slope());
    }
}
