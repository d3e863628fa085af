//! `cargo xtask loki`: Grafana Loki from Go modules, into the cache. Minutes, once for each version.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use warren_e2e::loki;

use crate::{tool, workspace};

/// The command that is named where Loki is missing.
pub(crate) const COMMAND: &str = "cargo xtask loki";

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    crate::switch(arguments, None)?;
    match build()? {
        Built::At(path) => println!("{}", path.display()),
        Built::Not(why) => bail!("{why}"),
    }
    Ok(())
}

/// What came of building it.
pub(crate) enum Built {
    /// Where the program is.
    At(PathBuf),
    /// Why it cannot be built on this machine.
    Not(String),
}

/// Builds Loki unless that was done before.
///
/// # Errors
/// When there is a Go that should be able to, and it fails.
pub(crate) fn build() -> Result<Built> {
    workspace::cache()?;
    let program = loki::program().context("tests/backends/loki/go.mod requires no Loki")?;
    if program.exists() {
        return Ok(Built::At(program));
    }
    if let Some(why) = go_is_missing()? {
        return Ok(Built::Not(why));
    }
    // Another checkout may build the same: whoever is done first puts its program in the place.
    let unfinished = program.with_extension(std::process::id().to_string());
    let mut command = go();
    command.args(["build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&unfinished).arg(loki::package());
    command.env("CGO_ENABLED", "0");
    let what = "building Grafana Loki from Go modules (minutes, once)";
    // Hundreds of modules are fetched; what has come stays when one of them does not.
    tool::run(what, &mut command).or_else(|_| tool::run(what, &mut command)).context("Loki cannot be built")?;
    std::fs::rename(&unfinished, &program).with_context(|| format!("cannot write {}", program.display()))?;
    Ok(Built::At(program))
}

/// `go` where the modules stand, without fetching another Go.
fn go() -> Command {
    let mut command = Command::new("go");
    command.current_dir(loki::modules()).env("GOTOOLCHAIN", "local");
    command
}

/// Why the Go of this machine cannot build it.
fn go_is_missing() -> Result<Option<String>> {
    if !tool::exists("go") {
        return Ok(Some("Go is not installed".to_owned()));
    }
    // Refuses when it is older than the modules ask for.
    Ok(tool::capture(go().args(["list", "-m"])).err().map(|error| format!("this Go cannot build Loki: {error:#}")))
}
