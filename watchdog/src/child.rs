//! A collector that runs: its signals, its end, and what it wrote last.

use crate::options::Options;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use warren_slots::{DIRECTORY_VARIABLE, SLOT_VARIABLE, Slots};

/// Lines that are remembered, and bytes of each.
const LINES: usize = 50;
const LINE_BYTES_MAX: usize = 1000;

/// Bytes of them that are told. Whoever takes them further cuts off what is behind 4000.
const TOLD_BYTES_MAX: usize = 3 << 10;

/// Signals as they arrive.
pub(crate) type Signals = SignalDelivery<UnixStream, SignalOnly>;

/// What happens to a collector.
pub(crate) enum Event {
    /// It ended.
    Ended(ExitStatus),
    /// It is the time that was waited for.
    Time,
}

/// A collector that runs.
pub(crate) struct Child<'a> {
    process: std::process::Child,
    errors: Option<ChildStderr>,
    signals: &'a mut Signals,
    lines: Lines,
    stop: bool,
}

/// What was written last.
#[derive(Default)]
struct Lines(VecDeque<Vec<u8>>);

/// Listens for the signals that matter.
pub(crate) fn signals() -> Result<Signals> {
    let (read, write) = UnixStream::pair()?;
    SignalDelivery::with_pipe(read, write, SignalOnly, [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD])
}

/// Waits while nothing runs; tells whether this program is to end.
pub(crate) fn rest(signals: &mut Signals, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        if signals.pending().any(|signal| signal == SIGTERM || signal == SIGINT) {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let _ = poll(&mut [PollFd::new(signals.get_read(), PollFlags::IN)], timespec(Some(left)).as_ref());
    }
}

impl<'a> Child<'a> {
    pub(crate) fn start(options: &Options, slots: &Slots, name: &str, signals: &'a mut Signals) -> Result<Self> {
        let mut process = Command::new(slots.program(name))
            .arg("--state-dir")
            .arg(&options.state)
            .args(&options.arguments)
            .env(DIRECTORY_VARIABLE, slots.path())
            .env(SLOT_VARIABLE, name)
            // What it says to systemd would be taken for what this program says.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let errors = process.stderr.take();
        if let Some(errors) = &errors {
            rustix::io::ioctl_fionbio(errors, true)?;
        }
        Ok(Self { process, errors, signals, lines: Lines::default(), stop: false })
    }

    /// Whether this program was asked to end, and the collector with it.
    pub(crate) fn is_to_stop(&self) -> bool {
        self.stop
    }

    /// Waits for its end, or for a time.
    pub(crate) fn wait(&mut self, until: Option<Instant>) -> Event {
        loop {
            self.pass_signals();
            if let Ok(Some(status)) = self.process.try_wait() {
                while self.pass_errors() {}
                return Event::Ended(status);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Event::Time;
            }
            let mut watched = vec![PollFd::new(self.signals.get_read(), PollFlags::IN)];
            watched.extend(self.errors.as_ref().map(|errors| PollFd::new(errors, PollFlags::IN)));
            let _ = poll(&mut watched, timespec(left).as_ref());
            let written = watched.get(1).is_some_and(|errors| !errors.revents().is_empty());
            drop(watched);
            if written {
                self.pass_errors();
            }
        }
    }

    /// Ends it, by force if it takes longer than this.
    pub(crate) fn end(&mut self, patience: Duration) {
        self.send(Signal::TERM);
        let until = Instant::now() + patience;
        while let Event::Time = self.wait(Some(until)) {
            self.send(Signal::KILL);
            let _ = self.process.wait();
        }
    }

    /// The last lines that it wrote to standard error.
    pub(crate) fn tail(&self) -> String {
        self.lines.told()
    }

    fn pass_signals(&mut self) {
        let arrived: Vec<i32> = self.signals.pending().collect();
        for signal in arrived {
            match signal {
                SIGTERM | SIGINT => {
                    if !self.stop {
                        crate::outside::notify("STOPPING=1");
                    }
                    self.stop = true;
                    self.send(Signal::TERM);
                }
                SIGHUP => self.send(Signal::HUP),
                SIGUSR1 => self.send(Signal::USR1),
                SIGUSR2 => self.send(Signal::USR2),
                _ => {}
            }
        }
    }

    fn send(&self, signal: Signal) {
        // It is not waited for yet: the number is still its own.
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Passes on some of what it wrote to standard error; whether there may be more.
    fn pass_errors(&mut self) -> bool {
        let Some(errors) = &mut self.errors else { return false };
        let mut buffer = [0; 8192];
        match errors.read(&mut buffer) {
            Ok(0) => {
                self.errors = None;
                false
            }
            Ok(read) => {
                let piece = buffer.get(..read).unwrap_or_default();
                let _ = std::io::stderr().lock().write_all(piece);
                self.lines.remember(piece);
                true
            }
            Err(_) => false,
        }
    }
}

impl Lines {
    fn remember(&mut self, piece: &[u8]) {
        for (number, part) in piece.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 || self.0.is_empty() {
                self.0.push_back(Vec::new());
                // The last one is not a whole line yet.
                if self.0.len() > LINES + 1 {
                    self.0.pop_front();
                }
            }
            if let Some(line) = self.0.back_mut() {
                let room = LINE_BYTES_MAX.saturating_sub(line.len()).min(part.len());
                line.extend_from_slice(part.get(..room).unwrap_or_default());
            }
        }
    }

    /// The newest of them, as many as fit.
    fn told(&self) -> String {
        let mut room = TOLD_BYTES_MAX;
        let lines = self.0.iter().rev().map(|line| String::from_utf8_lossy(line));
        let fits = |line: &Cow<'_, str>| {
            let left = room.checked_sub(line.len() + 1);
            room = left.unwrap_or_default();
            left.is_some()
        };
        let mut told: Vec<_> = lines.take_while(fits).collect();
        told.reverse();
        told.join("\n").trim_end().to_owned()
    }
}

fn timespec(time: Option<Duration>) -> Option<Timespec> {
    let time = time?;
    let tv_sec = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Some(Timespec { tv_sec, tv_nsec: i64::from(time.subsec_nanos()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_are_the_newest_lines_that_fit() {
        let mut lines = Lines::default();
        lines.remember(b"one\ntw");
        lines.remember(b"o\n");
        assert_eq!(lines.told(), "one\ntwo");
        for number in 0..200 {
            lines.remember(format!("{number} {}\n", "x".repeat(100)).as_bytes());
        }
        lines.remember(b"the reason\n");
        let told = lines.told();
        assert!(told.len() <= TOLD_BYTES_MAX && told.len() > TOLD_BYTES_MAX - 200, "{}", told.len());
        assert!(told.ends_with("x\nthe reason") && told.contains("\n199 x") && !told.contains("one"), "{told}");
        // What is no text takes three times as much of it.
        lines.remember(&[b'\xff'; 2 * LINE_BYTES_MAX]);
        assert!(!lines.told().is_empty());
    }
}
