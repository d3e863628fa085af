//! The journal: catching up on a gigabyte of it, and following it while nothing happens.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use warren_e2e::collector::Setup;
use warren_e2e::journald;
use warren_e2e::process::Process;

use super::{busy, pause, wakes};
use crate::bench::table::{beside, mebibytes};
use crate::interrupt::Interrupt;
use crate::{tool, workspace};

/// Entries of the journal: a gigabyte as systemd 252 writes them.
const ENTRIES: u64 = 2_000_000;

/// Entries that are imported at a time.
const PART: u64 = 100_000;

/// Entries that `journalctl` shows, which would take minutes for all of them.
const SHOWN: u64 = 200_000;

/// Entries of each second of processor time at least; MiB resident at most.
const SPEED_BUDGET: f64 = 150_000.0;
const MEMORY_BUDGET: f64 = 12.0;

/// How long nothing happens, after the threads that had read have ended and what was read is on the medium.
const IDLE: Duration = Duration::from_secs(20);
const SETTLED: Duration = Duration::from_secs(15);

const PATIENCE: Duration = Duration::from_secs(600);

pub(super) fn run(binary: &Path, interrupt: &Interrupt) -> Result<()> {
    let directory = made(interrupt)?;
    tool::announce(&format!("reading {ENTRIES} entries of {}", directory.display()));
    let state = tempfile::tempdir().context("cannot create a temporary directory")?;
    let config = json!({
        "receivers": {"journald": {"directory": directory, "start_at": "beginning"}},
        "exporters": {"debug": {"verbosity": "basic", "use_internal_logger": false}},
        "service": {"pipelines": {"logs": {"receivers": ["journald"], "exporters": ["debug"]}}},
    });
    let setup = Setup::new(config)?.binary(binary).args(["--state-dir".to_owned(), state.path().display().to_string()]);
    let mut collector = setup.start()?;
    collector.wait_for_metric("otelcol_receiver_accepted_log_records", "", PATIENCE, |records| records >= ENTRIES as f64)?;
    let seconds = busy(&mut collector)?.as_secs_f64();
    let peak = mebibytes(collector.usage().context("the process cannot be measured")?.resident_peak);
    pause(SETTLED, interrupt)?;
    let before = wakes(&mut collector)?;
    pause(IDLE, interrupt)?;
    let woken = wakes(&mut collector)?.saturating_sub(before);
    collector.stop()?;
    tool::announce(&format!("journalctl -o json --all, {SHOWN} entries"));
    let theirs = SHOWN as f64 / journalctl(&directory)?;
    let ours = ENTRIES as f64 / seconds;
    let speed = if ours >= SPEED_BUDGET { "≥" } else { "<" };
    println!("\njournal of {ENTRIES} entries, {:.0} MiB", mebibytes(size(&directory)?));
    println!("  entries a second of processor time   {ours:>10.0} {speed} {SPEED_BUDGET:.0}");
    println!("  journalctl -o json --all             {theirs:>10.0}");
    println!("  resident at most, MiB                {:>16}", beside(peak, Some(MEMORY_BUDGET)));
    println!("  woken in {} s in which nothing came  {woken:>10}", IDLE.as_secs());
    Ok(())
}

/// Processor seconds that `journalctl` takes for the last entries.
fn journalctl(directory: &Path) -> Result<f64> {
    let mut command = Command::new("journalctl");
    command.arg("--directory").arg(directory).args(["--output=json", "--all", "--no-pager", "--quiet", "--lines"]);
    command.arg(SHOWN.to_string());
    let mut process = Process::spawn_apart("journalctl", &mut command, Path::new("/dev/null"), Path::new("/dev/null"))?;
    let begun = Instant::now();
    let mut used = Duration::ZERO;
    while process.ended().is_none() {
        ensure!(begun.elapsed() < PATIENCE, "journalctl does not end");
        // What is missed of the end is a hundredth of the whole.
        used = process.usage().map_or(used, |usage| usage.cpu);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(used.as_secs_f64())
}

/// The journal, made once and kept in the cache.
fn made(interrupt: &Interrupt) -> Result<PathBuf> {
    let directory = workspace::cache()?.join(format!("journal-{ENTRIES}"));
    if directory.exists() {
        return Ok(directory);
    }
    tool::announce(&format!("making a journal of {ENTRIES} entries (minutes, once)"));
    let parent = workspace::cache()?;
    std::fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let unfinished = tempfile::tempdir_in(&parent).context("cannot create a directory in the cache")?;
    let export = unfinished.path().join("export");
    let journal = unfinished.path().join("journal");
    std::fs::create_dir(&journal).context("cannot create a directory in the cache")?;
    for part in 0..ENTRIES / PART {
        std::fs::write(&export, entries(part * PART..(part + 1) * PART)).context("cannot write the entries")?;
        journald::import(&export, &journal.join("remote.journal"), &[])?;
        interrupt.check()?;
    }
    std::fs::rename(&journal, &directory).with_context(|| format!("cannot write {}", directory.display()))?;
    Ok(directory)
}

/// Entries in the export format, as the journal of a broker's node has them.
fn entries(numbers: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for number in numbers {
        let (realtime, monotonic) = (1_700_000_000_000_000 + number * 700, 1_000_000 + number * 700);
        let _ = write!(
            text,
            "__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
             _TRANSPORT=stdout\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=rabbitmq-server\n_UID=107\n_GID=112\n_COMM=beam.smp\n\
             _EXE=/usr/lib/erlang/erts-13.1.5/bin/beam.smp\n_CMDLINE=/usr/lib/erlang/erts-13.1.5/bin/beam.smp -W w -MBas ageffcbf\n\
             _CAP_EFFECTIVE=0\n_SELINUX_CONTEXT=unconfined\n_SYSTEMD_CGROUP=/system.slice/rabbitmq-server.service\n\
             _SYSTEMD_UNIT=rabbitmq-server.service\n_SYSTEMD_SLICE=system.slice\n_SYSTEMD_INVOCATION_ID=fedcba9876543210fedcba9876543210\n\
             _STREAM_ID=00112233445566778899aabbccddeeff\n_PID=4711\n_MACHINE_ID=aaaabbbbccccddddeeeeffff00001111\n\
             _HOSTNAME=server-name-01\nMESSAGE=2025-08-12 12:00:00.{:06}+00:00 [info] <0.{}.0> closing AMQP connection <0.{number}.0> \
             (10.0.0.1:{} -> 10.0.0.2:5672, vhost: 'production', user: 'application')",
            number % 1_000_000,
            number % 30_000,
            1024 + number % 60_000,
        );
        if number % 50 == 0 {
            text.push_str(&" state of the queue".repeat(60));
        }
        text.push_str("\n\n");
    }
    text
}

fn size(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
