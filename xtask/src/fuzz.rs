//! `cargo xtask fuzz`: runs the targets under `fuzz/` with the installed toolchain. Stable rustc has no sanitizers but instruments for
//! coverage well enough; own unsafe code exists in one crate only, so what is looked for are panics, hangs and memory.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::{tool, workspace};

/// Coverage instrumentation libFuzzer needs, with overflow checks and debug assertions on top of optimised code.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// Largest input tried, and most memory one input may make the target hold.
const INPUT_BYTES_MAX: u32 = 64 << 10;
const MEMORY_MIB_MAX: u32 = 1024;

/// Longest time one input may take. The targets are compiled without link-time optimisation and share the machine.
const SECONDS_PER_INPUT_MAX: u32 = 20;

/// The command.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let (mut wanted, mut minutes) = (None, 5);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("minutes") => minutes = arguments.value()?.parse()?,
            Value(name) if wanted.is_none() => wanted = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let known = targets()?;
    let chosen = match wanted {
        None => known,
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => bail!("no fuzz target {name:?}; there are: {}", known.join(", ")),
    };
    for target in &chosen {
        fuzz(target, Duration::from_secs(60 * minutes))?;
    }
    println!("{} targets, {minutes} minutes each: nothing found", chosen.len());
    Ok(())
}

/// Names of the targets, from their files.
fn targets() -> Result<Vec<String>> {
    let directory = workspace::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn fuzz(target: &str, duration: Duration) -> Result<()> {
    let output = workspace::target()?.join("fuzz");
    let (corpus, findings) = (output.join("corpus").join(target), output.join("findings").join(target));
    for directory in [&corpus, &findings] {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    }
    // A target triple keeps the instrumentation away from build scripts and macros.
    let host = host()?;
    let mut build = workspace::cargo();
    build.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--bin", target, "--target", &host]);
    build.arg("--target-dir").arg(&output).env("RUSTFLAGS", RUSTFLAGS);
    tool::run(&format!("building the fuzz target {target}"), &mut build)?;
    let mut command = std::process::Command::new(output.join(&host).join("release").join(target));
    command.arg(&corpus);
    let seeds = workspace::root().join("fuzz/seeds").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    command.args([
        format!("-max_total_time={}", duration.as_secs()),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-timeout={SECONDS_PER_INPUT_MAX}"),
        format!("-artifact_prefix={}/", findings.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    tool::run(&format!("fuzzing {target} for {} s", duration.as_secs()), &mut command).with_context(|| again(target, &findings))
}

fn again(target: &str, findings: &Path) -> String {
    format!(
        "{target} found something: the input lies in {}; make it a unit test of the parser, then mend the parser",
        findings.display()
    )
}

fn host() -> Result<String> {
    let version = tool::capture(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    Ok(host.to_owned())
}
