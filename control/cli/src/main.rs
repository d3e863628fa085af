//! `warren`: serves the control plane, and asks it things.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod adopt;
mod api;
mod arguments;
mod commands;
mod emergency;
mod import;
mod packages;
mod rollouts;
mod table;

use arguments::{Arguments, Command, Copied};
use clap::{CommandFactory, Parser};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve(options) => runtime(true).and_then(|runtime| runtime.block_on(warren_control::serve((*options).into()))),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "warren", &mut std::io::stdout());
            Ok(())
        }
        Command::Openapi => warren_control::document().to_pretty_json().map_err(|error| error.to_string()).map(print),
        Command::Backup(Copied { directory, store, key_file }) => {
            runtime(false).and_then(|runtime| runtime.block_on(warren_control::backup(&store, key_file.as_deref(), &directory)))
        }
        Command::Restore(Copied { directory, store, key_file }) => {
            runtime(false).and_then(|runtime| runtime.block_on(warren_control::restore(&store, key_file.as_deref(), &directory)))
        }
        Command::Packages(command) if packages::is_local(&command) => packages::local(&command).map(print),
        asked => runtime(false).and_then(|runtime| runtime.block_on(commands::run(&arguments.access, asked))).map(print),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "Error: {}", error.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; a reader that went away is no error.
fn print(text: String) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

fn runtime(serving: bool) -> Result<tokio::runtime::Runtime, String> {
    let mut builder =
        if serving { tokio::runtime::Builder::new_multi_thread() } else { tokio::runtime::Builder::new_current_thread() };
    builder.enable_all().build().map_err(|error| format!("cannot start: {error}"))
}
