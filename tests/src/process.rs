//! One started program: its output in a log file, its end when the guard goes away.
//!
//! A [`Process`] leads a process group of its own, so a Ctrl-C in the terminal reaches only the program that holds the guards; that one then
//! stops what it started, by process id.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::error::{Error, Result};
use crate::wait;

/// How long a guard that goes out of scope waits for an orderly end before it kills.
const PATIENCE_ON_DROP: Duration = Duration::from_secs(15);

/// Lines of output quoted when a program ends unexpectedly.
const TAIL_LINES: usize = 20;

/// A command that ends with the thread that starts it, even if that thread's process is killed and no guard gets to run.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// A running program, stopped when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// Largest resident memory so far, in bytes.
    pub resident_peak: u64,
    /// Processor time, user and system.
    pub cpu: Duration,
}

impl Process {
    /// Starts `command` with both outputs going to `log`.
    ///
    /// # Errors
    /// When the log cannot be created or the program cannot be started.
    pub fn spawn(name: impl Into<String>, command: &mut Command, log: &Path) -> Result<Process> {
        Process::spawn_apart(name, command, log, log)
    }

    /// Starts `command` with its outputs going to two files, or to one when both paths are the same.
    ///
    /// # Errors
    /// As [`Process::spawn`].
    pub fn spawn_apart(name: impl Into<String>, command: &mut Command, stdout: &Path, stderr: &Path) -> Result<Process> {
        let create = |path: &Path| File::create(path).map_err(Error::io(|| format!("create {}", path.display())));
        let output = create(stdout)?;
        let errors = if stdout == stderr {
            output.try_clone().map_err(Error::io(|| format!("share {}", stdout.display())))?
        } else {
            create(stderr)?
        };
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0).spawn();
        let child = child.map_err(Error::io(|| format!("start {}", command.get_program().display())))?;
        Ok(Process { name: name.into(), child, log: stderr.to_owned() })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// File that holds the program's standard output and error.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Everything the program has written so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Exit status, once the program has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until `ready` answers, or the program ends, or `within` has passed.
    ///
    /// # Errors
    /// [`Error::Ended`] with the end of the log, or [`Error::Late`].
    pub fn until<T>(&mut self, what: &str, within: Duration, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
        let waited = wait::until(format!("{}: {what}", self.name), within, || match self.ended() {
            Some(status) => Some(Err(self.early_end(status))),
            None => ready().map(Ok),
        });
        waited?
    }

    /// Waits for the program to end by itself or after a signal.
    ///
    /// # Errors
    /// [`Error::Late`] when it still runs after `within`.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let name = format!("{} ends", self.name);
        wait::until(name, within, || self.ended())
    }

    /// Sends a signal to the program alone.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Some(pid) = self.pid()
        {
            // It may end between the two lines; then there is nobody to tell.
            let _ = kill_process(pid, signal);
        }
    }

    /// SIGTERM, then SIGKILL for the whole group if it has not ended after `patience`.
    ///
    /// # Errors
    /// [`Error::Late`] when it had to be killed.
    pub fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        let ended = self.wait(patience);
        if ended.is_err() {
            if let Some(group) = self.pid() {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.child.wait();
        }
        ended
    }

    /// Memory and processor time used so far; `None` once it has ended.
    pub fn usage(&self) -> Option<Usage> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let kibibytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        };
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).ok()?;
        // Fields are counted after the parenthesised command name, which may hold spaces: proc(5), utime and stime are fields 14 and 15.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
        let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
        let cpu = Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
        Some(Usage { resident: kibibytes("VmRSS:")? * 1024, resident_peak: kibibytes("VmHWM:")? * 1024, cpu })
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id().try_into().ok()?)
    }

    fn early_end(&self, status: ExitStatus) -> Error {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        Error::Ended { name: self.name.clone(), status: status.to_string(), log: self.log.clone(), tail }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.stop(PATIENCE_ON_DROP);
    }
}

/// A program that was run to its end.
#[derive(Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs `command` to its end, with its outputs captured in files (so that it never waits for a reader), and kills it after `within`.
///
/// # Errors
/// When it cannot be started or does not end in time.
pub fn run(name: &str, command: &mut Command, within: Duration) -> Result<Finished> {
    let directory = tempfile::tempdir().map_err(Error::io(|| "create a temporary directory"))?;
    let (stdout, stderr) = (directory.path().join("stdout"), directory.path().join("stderr"));
    let mut process = Process::spawn_apart(name, command, &stdout, &stderr)?;
    let status = process.wait(within)?;
    let read = |path: &Path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let stdout = read(&stdout).map_err(Error::io(|| format!("read the output of {name}")))?;
    let stderr = read(&stderr).map_err(Error::io(|| format!("read the errors of {name}")))?;
    Ok(Finished { status, stdout, stderr })
}
