//! `cargo xtask conformance`: the black-box cases of `../shared/conformance` against the collector, where that folder exists. Only cases whose
//! components are built are asked for; the table below says which group needs what.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::{debian, tool, workspace};

/// Groups of cases, and the components without which they cannot pass. A name is a folder under `components/`.
const GROUPS: [(&str, &[&str]); 16] = [
    ("resolve/*", &[]),
    ("validate/*", &["receivers/otlp", "exporters/debug"]),
    ("scrape/*", &["receivers/prometheus", "exporters/prometheusremotewrite"]),
    ("prometheusremotewrite/*", &["receivers/otlp", "exporters/prometheusremotewrite"]),
    ("prometheusremotewrite-names/*", &["receivers/otlp", "exporters/prometheusremotewrite"]),
    ("debug/*", &["receivers/otlp", "exporters/debug"]),
    ("otlphttp/*", &["receivers/otlp", "exporters/otlphttp"]),
    ("attributes-resource/*", &["receivers/otlp", "exporters/otlphttp", "processors/attributes", "processors/resource"]),
    ("batch/*", &["receivers/otlp", "exporters/otlphttp", "processors/batch"]),
    ("filter/*", &["receivers/otlp", "exporters/otlphttp", "processors/filter"]),
    ("cumulativetodelta/*", &["receivers/otlp", "exporters/otlphttp", "processors/cumulativetodelta"]),
    ("ottl-logs/*", &["receivers/otlp", "exporters/otlphttp", "processors/transform"]),
    ("ottl-metrics/*", &["receivers/otlp", "exporters/otlphttp", "processors/transform"]),
    ("ottl-traces/*", &["receivers/otlp", "exporters/otlphttp", "processors/transform"]),
    ("splunk_hec/*", &["receivers/otlp", "exporters/splunk_hec"]),
    ("googlecloud/*", &["receivers/otlp", "exporters/googlecloud"]),
];

/// Single cases of the groups above that need one component more.
const EXCEPTIONS: [(&str, &str); 5] = [
    ("prometheusremotewrite-names/names-after-filter", "processors/filter"),
    ("scrape/cumulative-to-delta-then-prw", "processors/cumulativetodelta"),
    ("validate/ottl-bad-regex", "processors/filter"),
    ("validate/ottl-unknown-function", "processors/transform"),
    ("validate/ottl-unknown-path", "processors/transform"),
];

/// The command.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let (mut binary, mut only, mut verbose) = (None, Vec::new(), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("bin") => binary = Some(PathBuf::from(arguments.value()?)),
            Long("only") => only.push(arguments.value()?.string()?),
            Long("verbose") => verbose = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(harness) = harness() else {
        bail!("there is no ../shared/conformance/harness.py next to this checkout, so there is nothing to check against");
    };
    let binary = match binary {
        Some(path) => std::fs::canonicalize(&path).with_context(|| format!("--bin {}", path.display()))?,
        None => workspace::build_programs("fast")?.0,
    };
    check(&harness, &binary, &only, verbose)
}

/// The harness, on machines that have it.
pub(crate) fn harness() -> Option<PathBuf> {
    workspace::shared("conformance/harness.py")
}

/// Runs the harness; without `only`, on every case whose components are built. Its last line is its summary.
pub(crate) fn check(harness: &Path, binary: &Path, only: &[String], verbose: bool) -> Result<()> {
    let python = python(&harness.with_file_name("requirements.txt"))?;
    let mut command = Command::new(python);
    command.arg(harness).arg("check").arg("--bin").arg(binary);
    if only.is_empty() {
        select(&mut command);
    } else {
        command.args(only.iter().flat_map(|glob| ["--only", glob]));
    }
    if verbose {
        command.arg("-v");
    }
    tool::run_last("conformance", &mut command)
}

/// The interpreter of a virtual environment with the harness's requirements, made once and made anew when they change.
pub(crate) fn python(requirements: &Path) -> Result<PathBuf> {
    let environment = workspace::cache()?.join("conformance-venv");
    let (python, stamp) = (environment.join("bin/python"), environment.join("requirements.txt"));
    let wanted = std::fs::read(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    if python.exists() && std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    debian::ensure(&debian::PYTHON)?;
    let mut make = Command::new("python3");
    tool::run("making a Python environment", make.args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    tool::run("installing what the harness needs", &mut install)?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

fn select(command: &mut Command) {
    let exists = |component: &str| workspace::root().join("components").join(component).exists();
    let mut left_out = Vec::new();
    for (group, needs) in GROUPS {
        match needs.iter().find(|component| !exists(component)) {
            None => drop(command.args(["--only", group])),
            Some(missing) => left_out.push(format!("{group} ({missing})")),
        }
    }
    for (case, needs) in EXCEPTIONS {
        if !exists(needs) {
            command.args(["--skip", case]);
            left_out.push(format!("{case} ({needs})"));
        }
    }
    if !left_out.is_empty() {
        println!("  left out, for want of a component: {}", left_out.join(", "));
    }
}
