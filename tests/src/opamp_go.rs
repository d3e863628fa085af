//! The Go implementation of OpAMP, client and server: a small program (`tests/opamp-go`) that is built with Go where there is Go.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::process::{self, Process};

const BUILD_TIMEOUT: Duration = Duration::from_secs(600);

/// Whether Go is in the search path.
pub fn installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join("go").is_file())
}

/// The running program, stopped when dropped.
pub struct OpampGo {
    process: Process,
    _directory: TempDir,
}

impl OpampGo {
    /// Builds and starts it.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn start(arguments: &[&str]) -> Result<OpampGo> {
        let directory = tempfile::tempdir().map_err(Error::io(|| "create a directory for opamp-go"))?;
        let program = build(directory.path())?;
        let mut command = process::command(program);
        command.args(arguments);
        let process = Process::spawn("opamp-go", &mut command, &directory.path().join("log"))?;
        Ok(OpampGo { process, _directory: directory })
    }

    /// What it has told so far.
    pub fn told(&self) -> Vec<Value> {
        self.process.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until it has told something.
    ///
    /// # Errors
    /// When it does not in time, or ends.
    pub fn wait_for(&mut self, what: &str, within: Duration, found: impl Fn(&Value) -> bool) -> Result<Value> {
        let path = self.process.log_path().to_owned();
        self.process.until(what, within, || {
            let log = std::fs::read_to_string(&path).ok()?;
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).find(|told: &Value| found(told))
        })
    }
}

fn build(directory: &Path) -> Result<PathBuf> {
    let program = directory.join("opamp-go");
    let mut command = Command::new("go");
    command.args(["build", "-o"]).arg(&program).arg(".").current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/opamp-go"));
    let finished = process::run("go build", &mut command, BUILD_TIMEOUT)?;
    if finished.status.success() {
        return Ok(program);
    }
    Err(Error::Malformed { what: "tests/opamp-go".to_owned(), reason: finished.stderr })
}
