//! `processes`: how many processes there are, by what they do.

use super::{each, plain_config};
use crate::config::Compat;
use crate::faults::Faults;
use crate::metric::{counter, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use warren_host::process::Processes;
use warren_host::{Host, Source, cpu};
use warren_pdata::Attrs;

metrics! {
    COUNT = up_down("system.processes.count", "{processes}", &["status"], "Processes by what they do.");
    CREATED = counter("system.processes.created", "{processes}", &[], "Processes and threads made since boot.");
}

/// What processes do, by the letters that the kernel gives it.
const STATUSES: [(&str, &[u8]); 9] = [
    (BLOCKED.0, b"D"),
    ("idle", b"I"),
    ("locked", b"L"),
    ("paging", b"W"),
    (RUNNING.0, b"R"),
    ("sleeping", b"S"),
    ("stopped", b"Tt"),
    (UNKNOWN.0, b""),
    ("zombies", b"Z"),
];

/// Names of those that are reckoned otherwise, and their places above.
const BLOCKED: (&str, usize) = ("blocked", 0);
const RUNNING: (&str, usize) = ("running", 4);
const UNKNOWN: (&str, usize) = ("unknown", 7);

plain_config!(|cx| Box::new(Counting {
    corrected: cx.compat == Compat::Corrected,
    statuses: each(&Attrs::EMPTY, "status", STATUSES.map(|(name, _)| name)),
}));

struct Counting {
    /// Report a status that no process has as zero, instead of not at all, and count all that have none known.
    corrected: bool,
    statuses: [Attrs; STATUSES.len()],
}

impl Scraper for Counting {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        let counted = host.processes().map(|(processes, _)| count(processes)).map_err(|error| error.to_string());
        let tasks = host.text(Source::Stat).map(cpu::tasks).map_err(|error| error.to_string());
        let ((mut counts, total), tasks) = match (counted, tasks) {
            (Ok(counted), Ok(tasks)) => (counted, tasks),
            (Err(error), _) | (_, Err(error)) => return faults.add("processes", "", METRICS.len(), || error),
        };
        // These two count threads, which is what upstream reports.
        let present = |index: usize, counts: &[u64]| counts.get(index).is_some_and(|count| *count > 0);
        counts[BLOCKED.1] = tasks.blocked;
        counts[RUNNING.1] = tasks.running;
        let known: u64 = counts.iter().sum();
        if total > known {
            let without = if self.corrected { counts[UNKNOWN.1] } else { 0 };
            counts[UNKNOWN.1] = without + (total - known);
        }
        for (index, (attrs, value)) in self.statuses.iter().zip(counts).enumerate() {
            if self.corrected || index == BLOCKED.1 || index == RUNNING.1 || present(index, &counts) {
                out.count(COUNT, attrs, value);
            }
        }
        out.count(CREATED, &Attrs::EMPTY, tasks.created);
    }
}

/// How many processes have each status, and how many there are.
fn count(processes: &Processes) -> ([u64; STATUSES.len()], u64) {
    let mut counts = [0; STATUSES.len()];
    for process in &processes.list {
        let index = STATUSES.iter().position(|(_, letters)| letters.contains(&process.state)).unwrap_or(UNKNOWN.1);
        counts[index] += 1;
    }
    (counts, processes.directories as u64)
}
