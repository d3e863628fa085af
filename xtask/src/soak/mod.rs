//! `cargo xtask soak --minutes N`: everything that may happen to a collector, at once and for long, and books that must balance at the end.
//!
//! ```text
//! broker's page, queues come and go ─▶ ┐               ┌─▶ prometheusremotewrite/steady  ─▶ sink: always well
//! hostile targets, in turn ──────────▶ ├─▶ collector ─▶ ├─▶ prometheusremotewrite/stored  ─▶ sink with outages, queue on disk
//! numbered log records, in bursts ───▶ ┘   ▲            ├─▶ prometheusremotewrite/lossy   ─▶ sink with outages, small queue, short retries
//!                                          edits        └─▶ otlphttp/stored (logs)        ─▶ sink with outages, queue on disk
//! ```
//!
//! At the end the outages are over and the jobs are taken out of the configuration. When all queues are empty, what was offered, what arrived, what
//! was refused and what was dropped are compared: by the count of the two ends, which know nothing of the collector, and by the collector's own
//! figures.

mod books;
mod edits;
mod memory;
mod outage;
mod sinks;
mod world;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::interrupt::Interrupt;
use crate::{tool, workspace};
use books::Books;
use edits::Editor;
use memory::Memory;
use outage::Outages;
use world::World;

const DEFAULT_MINUTES: u64 = 5;

/// Between two looks at the collector.
const STEP: Duration = Duration::from_secs(1);

/// Between two edits of the configuration.
const EDIT_INTERVAL: Duration = Duration::from_secs(15);

/// Between two lines about the progress.
const TOLD_INTERVAL: Duration = Duration::from_secs(60);

/// How long the queues may take to empty once everybody is well.
const DRAIN_PATIENCE: Duration = Duration::from_secs(600);

/// The command.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let (mut minutes, mut binary, mut report, mut seed) = (DEFAULT_MINUTES, None, None, 1);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("minutes") => minutes = arguments.value()?.parse()?,
            Long("bin") => binary = Some(PathBuf::from(arguments.value()?)),
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            Long("seed") => seed = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let binary = match binary {
        Some(path) => std::fs::canonicalize(&path).with_context(|| format!("--bin {}", path.display()))?,
        None => workspace::build_programs("release")?.0,
    };
    let interrupt = Interrupt::watch()?;
    tool::announce(&format!("soaking {} for {minutes} minutes, seed {seed}", binary.display()));
    let text = soak(&binary, Duration::from_secs(60 * minutes), seed, &interrupt)?;
    println!("\n{}", text.0);
    if let Some(path) = report {
        std::fs::write(&path, &text.0).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !text.1.is_empty() {
        bail!("the soak found:\n  {}", text.1.join("\n  "));
    }
    Ok(())
}

/// The report, and what is wrong.
fn soak(binary: &std::path::Path, duration: Duration, seed: u64, interrupt: &Interrupt) -> Result<(String, Vec<String>)> {
    let mut world = World::start(binary)?;
    let (mut outages, mut editor, mut memory) = (Outages::new(seed, duration), Editor::new(seed), Memory::default());
    let sender = world.send_logs(seed);
    let (begin, mut edited, mut told) = (Instant::now(), Instant::now(), Instant::now());
    while begin.elapsed() < duration {
        if interrupt.wait(STEP) {
            bail!("stopped before it was done");
        }
        memory.look(begin.elapsed(), &mut world.collector)?;
        outages.turn(begin.elapsed(), &world.sinks);
        if edited.elapsed() >= EDIT_INTERVAL {
            edited = Instant::now();
            editor.edit(&mut world)?;
        }
        if told.elapsed() >= TOLD_INTERVAL {
            told = Instant::now();
            println!("  {:>4} min: {}", begin.elapsed().as_secs() / 60, Books::of(&world)?.line());
        }
    }
    tool::announce("everybody is well, and nothing more is offered");
    outages.end(&world.sinks);
    let logs = sender.end();
    editor.take_jobs_out(&mut world)?;
    world.wait_until_empty(DRAIN_PATIENCE)?;
    memory.end(&mut world.collector)?;
    let books = Books::of(&world)?;
    let mut wrong = books.check(&world, logs);
    wrong.extend(memory.check());
    let text = format!(
        "{}\n{}\n{}\n{}",
        world.describe(duration, seed, editor.count, outages.count),
        books.table(&world, logs),
        memory.table(),
        if wrong.is_empty() { "Everything adds up.\n".to_owned() } else { format!("Wrong:\n\n* {}\n", wrong.join("\n* ")) },
    );
    if !wrong.is_empty() {
        println!("{}", world.collector.log().lines().rev().take(40).collect::<Vec<_>>().join("\n"));
    }
    Ok((text, wrong))
}
