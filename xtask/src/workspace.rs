//! Where things are: the repository, the build output, the cache outside the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

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
    let built = build(&[&format!("warren-distribution-{distribution}")], profile)?;
    program(&built, "warren-collector")
}

/// Builds the collector and the control plane, and answers where they are. At once, because what they share is then built once: built one
/// after the other, each would want the dependencies with features of its own.
pub(crate) fn build_programs(profile: &str) -> Result<(PathBuf, PathBuf)> {
    let built = build(&["warren-distribution-full", "warren"], profile)?;
    Ok((program(&built, "warren-collector")?, program(&built, "warren")?))
}

/// Builds packages and answers the paths of all their programs.
fn build(packages: &[&str], profile: &str) -> Result<Vec<PathBuf>> {
    let mut command = cargo();
    command.args(["build", "--profile", profile, "--message-format=json-render-diagnostics"]);
    for package in packages {
        command.args(["--package", package]);
    }
    let messages = tool::capture_loud(&format!("building {} (profile {profile})", packages.join(" and ")), &mut command)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from)).collect())
}

fn program(built: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = built.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found.cloned().with_context(|| format!("no program {name} was built; see the manifests in distributions/ and control/cli"))
}
