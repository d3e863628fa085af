//! `print-config` alone: reads, merges and expands configurations and prints the result. For trying out the crate.
//!
//! `resolve print-config --config FILE... [--set key=value]... [--mode unredacted|redacted] [--format yaml|json]`

use std::process::ExitCode;

use warren_config::{Fetch, load, redact, render, to_json, to_yaml};

struct NoFetch;

impl Fetch for NoFetch {
    fn fetch(&self, uri: &str, _limit: usize) -> Result<Vec<u8>, String> {
        Err(format!("{uri}: this example has no HTTP client"))
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let (mut sources, mut sets, mut json, mut redacted) = (Vec::new(), Vec::new(), false, false);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "print-config");
    while let Some(arg) = args.next() {
        let (flag, value) = match arg.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        let mut value = || value.clone().or_else(|| args.next()).unwrap_or_default();
        match flag.as_str() {
            "--config" => sources.push(value()),
            "--set" => sets.push(value()),
            "--format" => json = value() == "json",
            "--mode" => redacted = value() == "redacted",
            _ => {
                value();
            }
        }
    }
    match load(&sources, &sets, &|name| std::env::var(name).ok(), &NoFetch) {
        Ok(mut loaded) => {
            loaded.diagnostics.warning_lines().for_each(|line| eprintln!("warning: {line}"));
            if redacted {
                redact(&mut loaded.root, &|_, _| None);
            }
            print!("{}", if json { to_json(&loaded.root) } else { to_yaml(&loaded.root) });
            ExitCode::SUCCESS
        }
        Err(diagnostics) => {
            eprint!("Error: {}", render(&diagnostics));
            ExitCode::FAILURE
        }
    }
}
