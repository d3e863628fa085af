//! The watchdog under test, which runs a collector that a control plane manages: both the real programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::process::{self, Process};
use crate::{collector, program};

/// Variable that names the program to test; without it the one of this workspace is built.
pub const BINARY_VARIABLE: &str = "WARREN_WATCHDOG_PROGRAM";

const STOP_TIMEOUT: Duration = Duration::from_secs(40);

/// A host whose collector is run by the watchdog, stopped when dropped.
pub struct Watchdog {
    process: Process,
    directory: TempDir,
}

impl Watchdog {
    /// Starts one whose host file is this. What is tried has ten seconds to be well, and has to stay so for one.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(host: &Value) -> Result<Watchdog> {
        let directory = tempfile::Builder::new().prefix("warren-watchdog-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for the watchdog"))?;
        let path = directory.path().join("host.json");
        std::fs::write(&path, host.to_string()).map_err(Error::io(|| format!("write {}", path.display())))?;
        let process = launch(&directory)?;
        Ok(Watchdog { process, directory })
    }

    /// Starts it again, after it was stopped or killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn restart(&mut self) -> Result<()> {
        self.process = launch(&self.directory)?;
        Ok(())
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The name of the version that is run.
    pub fn current(&self) -> Option<String> {
        let link = std::fs::read_link(self.directory.path().join("state/packages/current")).ok()?;
        Some(link.file_name()?.to_str()?.to_owned())
    }

    /// A directory of its own, which ends with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it, and the collector with it.
    ///
    /// # Errors
    /// When it has to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.process.stop(STOP_TIMEOUT).map(drop)
    }
}

fn launch(directory: &TempDir) -> Result<Process> {
    let path = |name: &str| directory.path().join(name);
    let mut command = process::command(binary()?);
    command.arg("--state-dir").arg(path("state")).arg("--initial").arg(collector::binary()?);
    command.args(["--patience", "10", "--steady", "1", "--", "--drain-timeout", "5s", "--host-config"]).arg(path("host.json"));
    command.current_dir(directory.path());
    // Each run has a log of its own: the guard reads it when a program ends too early.
    let runs = std::fs::read_dir(directory.path()).map(Iterator::count).unwrap_or_default();
    Process::spawn("warren-watchdog", &mut command, &path(&format!("watchdog-{runs}.log")))
}

/// Path of the program to test: [`BINARY_VARIABLE`], else built from this workspace, once per process.
///
/// # Errors
/// When the variable names no file, or the build fails.
pub fn binary() -> Result<PathBuf> {
    program::to_test(BINARY_VARIABLE, "warren-watchdog")
}
