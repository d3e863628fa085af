//! `warren-watchdog`: runs a collector, and another version of it when it is asked to, which stays if it is well.
//!
//! ```text
//! begin ─▶ start the current version ─▶ it ends: another one is asked for ──▶ start that ─▶ well for a while ─▶ commit, go on with it
//!   ▲                                   it ends by itself: wait, longer        └─ it ends, or is not well in time ─▶ fail
//!   └──────────────────────────────────────────┴──────────────────────────────────────────────┘
//! ```
//!
//! Which version that is, links in a directory say (`warren_slots`). Signals go to the collector; what it writes to standard error comes out
//! here, and the last lines of it tell why a version failed. Nothing here knows what a collector does: whether it is well, its control socket
//! says.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod child;
mod options;
mod outside;

use child::{Child, Event};
use options::Options;
use outside::{notify, probe, tell};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};
use warren_slots::{Crashed, Run, Slots};

/// Time between two looks at a version that is tried.
const LOOK: Duration = Duration::from_millis(250);

/// How long a collector may take to end that is to make room.
const ENDING: Duration = Duration::from_secs(30);

/// Waits after a collector ended by itself: the first, doubled each time, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// How long a collector has to run for the next wait to be the first again.
const STEADY: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let done = options::parse(std::env::args_os()).and_then(|options| match options {
        Some(options) => watch(&options),
        None => Ok(0),
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

/// How a collector's run ended.
enum End {
    /// As this program was asked to.
    Stopped(ExitStatus),
    /// By itself.
    Ended(ExitStatus),
    /// It could not be run, or was not well.
    Failed(String),
}

/// What follows a collector's run.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    /// The end of this program, with an exit code.
    Leave(u8),
    /// The next run, at once.
    Start,
    /// The next run, after a wait.
    Wait,
}

/// Runs collectors until a signal ends this program; gives the last one's exit code.
fn watch(options: &Options) -> Result<u8, String> {
    let slots = Slots::at(&options.directory);
    let mut signals = child::signals().map_err(|error| format!("cannot listen for signals: {error}"))?;
    told(&slots, slots.prepare(options.initial.as_deref()));
    let mut wait = WAITS.0;
    loop {
        let begun = slots.begin();
        let written = begun.is_ok();
        let run = begun.or_else(|error| {
            told(&slots, Err(error));
            // What cannot be written down is no reason not to collect.
            slots.standing().map(|name| Run { name, trial: false })
        });
        let place = slots.path().display();
        let run = run.map_err(|error| format!("{place}: {error}; say with --initial which program there is"))?;
        tell(&format!("{} {}", if run.trial { "trying version" } else { "starting version" }, run.name));
        let began = Instant::now();
        let (mut tail, mut stop) = (String::new(), false);
        let end = match Child::start(options, &slots, &run.name, &mut signals) {
            Ok(mut child) => {
                notify(&format!("READY=1\nSTATUS=version {}", run.name));
                let end = attended(options, &slots, &run, &mut child);
                (tail, stop) = (child.tail(), child.is_to_stop());
                end
            }
            Err(error) => End::Failed(format!("it cannot be started: {error}")),
        };
        match concluded(&slots, &run, written, end, &tail) {
            Then::Leave(code) => return Ok(code),
            Then::Start if stop => return Ok(1),
            Then::Start => continue,
            Then::Wait => {}
        }
        if began.elapsed() >= STEADY {
            wait = WAITS.0;
        }
        if child::rest(&mut signals, wait) {
            return Ok(1);
        }
        wait = (wait * 2).min(WAITS.1);
    }
}

/// Writes down how a run ended, and gives what follows. `written` is whether its begin could be written down.
fn concluded(slots: &Slots, run: &Run, written: bool, end: End, tail: &str) -> Then {
    let tried = run.trial && slots.current().as_ref() != Some(&run.name);
    let why = match end {
        End::Stopped(status) => {
            if tried {
                told(slots, slots.postpone());
            }
            return Then::Leave(code(status));
        }
        // It makes room. What cannot be written down cannot be tried either, and is asked for again and again.
        End::Ended(_) if written && slots.next().is_some() => {
            if tried {
                told(slots, slots.postpone());
            }
            return Then::Start;
        }
        End::Ended(status) if status.success() => None,
        End::Ended(status) => Some(format!("it ended with {status}")),
        End::Failed(why) => Some(why),
    };
    let reason = format!("{}\n{tail}", why.as_deref().unwrap_or_default());
    if tried {
        tell(&format!("version {} is not kept: {}", run.name, why.as_deref().unwrap_or("it ended")));
        told(slots, slots.fail(&run.name, reason.trim_end()));
        return Then::Start;
    }
    if let Some(why) = &why {
        tell(&format!("version {}: {why}", run.name));
        if let Ok(Crashed::Reverted) = slots.crashed(reason.trim_end()) {
            tell("the version before is run again");
            return Then::Start;
        }
    }
    Then::Wait
}

/// The exit code for that of a collector that was asked to end; the signal that asks does so as well as the collector's own end.
fn code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(1),
        None => u8::from(status.signal() != Some(signal_hook::consts::SIGTERM)),
    }
}

/// Watches a collector to its end; one that is tried has to be well first.
fn attended(options: &Options, slots: &Slots, run: &Run, child: &mut Child<'_>) -> End {
    if run.trial
        && let Err(end) = tried(options, slots, run, child)
    {
        return end;
    }
    let mut proof = Some(Instant::now() + options.probation);
    loop {
        match child.wait(proof) {
            Event::Ended(status) if child.is_to_stop() => return End::Stopped(status),
            Event::Ended(status) => return End::Ended(status),
            Event::Time => {
                told(slots, slots.proven());
                proof = None;
            }
        }
    }
}

/// Waits until a version that is tried is well, and then puts it in its place.
fn tried(options: &Options, slots: &Slots, run: &Run, child: &mut Child<'_>) -> Result<(), End> {
    let (began, mut well, mut last) = (Instant::now(), None, "it does not answer".to_owned());
    loop {
        match child.wait(Some(Instant::now() + LOOK)) {
            Event::Ended(status) if child.is_to_stop() => return Err(End::Stopped(status)),
            // It makes room for another one itself.
            Event::Ended(status) if slots.next().is_some_and(|next| next != run.name) => return Err(End::Ended(status)),
            Event::Ended(status) => return Err(End::Failed(format!("it ended with {status} while it was tried"))),
            Event::Time if child.is_to_stop() => continue,
            Event::Time => {}
        }
        match probe(&options.state) {
            Ok(()) => {
                if well.get_or_insert_with(Instant::now).elapsed() >= options.steady {
                    return match slots.commit(&run.name) {
                        Ok(()) => {
                            tell(&format!("version {} is well, and stays", run.name));
                            Ok(())
                        }
                        Err(error) => {
                            child.end(ENDING);
                            Err(End::Failed(format!("it cannot be put in its place: {error}")))
                        }
                    };
                }
            }
            Err(why) => (well, last) = (None, why),
        }
        // While it is well, all that is left is to stay so.
        if well.is_none() && began.elapsed() >= options.patience {
            child.end(ENDING);
            return Err(End::Failed(format!("it was not well within {} s: {last}", options.patience.as_secs())));
        }
    }
}

/// What cannot be written down is told, and no reason to end.
fn told(slots: &Slots, done: std::io::Result<()>) {
    if let Err(error) = done {
        tell(&format!("{}: {error}", slots.path().display()));
    }
}

#[cfg(test)]
mod tests;
