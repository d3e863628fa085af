//! Where things are: the repository, the build output, the cache outside the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;
use warren_e2e::program;

use crate::tool;

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// `cargo`, run at the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// What `cargo metadata` says about the workspace; with the packages it depends on when `dependencies` is set.
pub(crate) fn metadata(dependencies: bool) -> Result<Value> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1"]);
    if !dependencies {
        command.arg("--no-deps");
    }
    serde_json::from_str(&tool::capture(&mut command)?).context("cargo metadata did not print JSON")
}

/// Directory of build output.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata(false)?;
    let directory =
        metadata.get("target_directory").and_then(Value::as_str).context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(directory))
}

/// Directory for what is kept between runs and between checkouts.
pub(crate) fn cache() -> Result<PathBuf> {
    warren_e2e::cache::directory().context("neither WARREN_CACHE nor HOME is set")
}

/// A file or directory next to the repository that only some machines have.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared").join(path);
    path.exists().then_some(path)
}

/// Names of the distributions, from their folders.
pub(crate) fn distributions() -> Result<Vec<String>> {
    let directory = root().join("distributions");
    let entries = std::fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let manifests = entries.flatten().filter(|entry| entry.path().join("manifest.yaml").exists());
    let mut names: Vec<String> = manifests.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Builds the collector of a distribution (`full`, `seed`) and answers where it is.
pub(crate) fn build_collector(distribution: &str, profile: &str) -> Result<PathBuf> {
    tool::announce(&format!("building the collector ({distribution}, profile {profile})"));
    let built = program::build(&[&format!("warren-distribution-{distribution}")], profile)?;
    Ok(program::named(&built, "warren-collector")?)
}

/// Builds the watchdog and answers where it is.
pub(crate) fn build_watchdog(profile: &str) -> Result<PathBuf> {
    tool::announce(&format!("building the watchdog (profile {profile})"));
    Ok(program::named(&program::build(&["warren-watchdog"], profile)?, "warren-watchdog")?)
}

/// Builds collector and control plane and answers where they are.
pub(crate) fn build_programs(profile: &str) -> Result<(PathBuf, PathBuf)> {
    tool::announce(&format!("building the collector and the control plane (profile {profile})"));
    let built = program::build(&program::TESTED, profile)?;
    Ok((program::named(&built, "warren-collector")?, program::named(&built, "warren")?))
}
