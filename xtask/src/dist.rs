//! `cargo xtask dist`: what is shipped. Each distribution is built as a release, packed with its licence, notices and README, and measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{tool, workspace};

const PROGRAM: &str = "warren-collector";

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    crate::switch(arguments, None)?;
    let output = workspace::target()?.join("dist");
    std::fs::create_dir_all(&output).with_context(|| format!("cannot create {}", output.display()))?;
    let version = version()?;
    let watchdog = workspace::build_watchdog("release")?;
    let mut rows = Vec::new();
    for distribution in workspace::distributions()? {
        let binary = workspace::build_collector(&distribution, "release")?;
        let name = format!("{PROGRAM}-{distribution}-{version}-{}-linux", std::env::consts::ARCH);
        let archive = pack(&[&binary, &watchdog], &name, &output)?;
        let size = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len() as f64 / f64::from(1 << 20));
        rows.push((archive.clone(), size(&binary)?, size(&output.join(&archive))?));
    }
    checksum(&output, rows.iter().map(|(archive, ..)| archive.as_str()))?;
    println!("\n{:<52} {:>12} {:>12}", "archive", "binary MiB", "packed MiB");
    for (archive, binary, packed) in rows {
        println!("{archive:<52} {binary:>12.2} {packed:>12.2}");
    }
    println!("\nin {}, with SHA256SUMS", output.display());
    Ok(())
}

/// Packs programs; entries carry no time and no owner, so the same programs give the same archive.
fn pack(programs: &[&Path], name: &str, output: &Path) -> Result<String> {
    let folder = tempfile::tempdir().context("cannot create a temporary directory")?;
    let content = folder.path().join(name);
    std::fs::create_dir(&content)?;
    let files = ["LICENSE", "NOTICE", "README.md", "watchdog/warren-collector.service"].map(|file| workspace::root().join(file));
    for file in programs.iter().copied().chain(files.iter().map(PathBuf::as_path)) {
        let name = file.file_name().with_context(|| format!("{} has no name", file.display()))?;
        std::fs::copy(file, content.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--create", "--gzip", "--file"])
        .arg(output.join(&archive))
        .arg("--directory")
        .arg(folder.path())
        .arg(name);
    tool::run(&format!("packing {archive}"), &mut tar)?;
    Ok(archive)
}

fn checksum<'a>(output: &Path, archives: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut command = Command::new("sha256sum");
    let sums = tool::capture(command.args(archives).current_dir(output))?;
    std::fs::write(output.join("SHA256SUMS"), sums).context("cannot write SHA256SUMS")
}

fn version() -> Result<String> {
    let metadata = workspace::metadata(false)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let own = packages.iter().find(|package| package.get("name").and_then(Value::as_str) == Some("xtask"));
    let version = own.and_then(|package| package.get("version")?.as_str()).context("cargo metadata gives no version")?;
    Ok(version.to_owned())
}
