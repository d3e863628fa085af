//! Running other programs: announced, with their own output in view, and a failure that names the command.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Says what happens next.
pub(crate) fn announce(what: &str) {
    println!("▸ {what}");
    // Programs started next write to the same terminal.
    let _ = std::io::stdout().flush();
}

/// Runs a command to its end in view of the user.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    run_last(what, command)?;
    println!("  done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// As [`run`], but the command's own last line stays the last.
pub(crate) fn run_last(what: &str, command: &mut Command) -> Result<()> {
    announce(what);
    let status = command.status().with_context(|| not_started(command))?;
    if !status.success() {
        bail!("{what}: `{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a command and answers its standard output; its errors are shown only when it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| not_started(command))?;
    if !output.status.success() {
        bail!("`{}` ended with {}:\n{}", line(command), output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    text(output)
}

/// Whether a program can be found in the search path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn text(output: Output) -> Result<String> {
    String::from_utf8(output.stdout).context("its output is not text")
}

fn not_started(command: &Command) -> String {
    format!("cannot start `{}`", line(command))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
