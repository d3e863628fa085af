//! The project's own programs, as tests and commands start them: built here, or named by a variable.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::error::{Error, Result};

/// Packages of the programs that are tested. They are built at once, because what they share is then built once: built one after the other, each
/// would want the dependencies with features of its own.
pub const TESTED: [&str; 3] = ["warren-distribution-full", "warren", "warren-watchdog"];

/// Profile in which they are built for tests.
pub const TEST_PROFILE: &str = "fast";

/// Builds packages of this workspace, with the progress in view, and gives the paths of their programs.
///
/// # Errors
/// When cargo cannot be started or fails.
pub fn build(packages: &[&str], profile: &str) -> Result<Vec<PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--profile", profile, "--message-format=json-render-diagnostics"]);
    for package in packages {
        command.args(["--package", package]);
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(Error::io(|| "start cargo"))?;
    if !output.status.success() {
        let what = format!("`cargo build --profile {profile} --package {}`", packages.join(" --package "));
        return Err(Error::Malformed { what, reason: format!("it ended with {}", output.status) });
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from)).collect())
}

/// The program of a name among those that were built.
///
/// # Errors
/// When there is none.
pub fn named(built: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = built.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    let reason = || "cargo built no such program; see the manifests in distributions/ and control/cli".to_owned();
    found.cloned().ok_or_else(|| Error::Malformed { what: name.to_owned(), reason: reason() })
}

/// The program to test: the one that `variable` names, else the one of this workspace, built once per process.
pub(crate) fn to_test(variable: &str, name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<std::result::Result<Vec<PathBuf>, String>> = OnceLock::new();
    if let Some(path) = std::env::var_os(variable) {
        return std::fs::canonicalize(&path).map_err(Error::io(|| format!("find {variable}={}", Path::new(&path).display())));
    }
    let built = BUILT.get_or_init(|| build(&TESTED, TEST_PROFILE).map_err(|error| error.to_string()));
    let built = built.as_ref().map_err(|reason| Error::Malformed { what: name.to_owned(), reason: reason.clone() })?;
    named(built, name)
}
