//! What a host lacks before a collector can do its work, and the command that mends it.
//!
//! [`examine`] looks at one matter after the other (a file each: [`broker`], [`endpoint`], [`journal`], [`state`], [`clock`]) and yields
//! [`Finding`]s. A finding that is wrong names its [`Remedy`]: a command for a shell, run by [`mend`] where it is safe: where it interrupts nothing
//! and can be taken back.
//!
//! Files are read below a root directory, so that a host can be told from a tree of files. Nothing is written by looking.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod broker;
mod clock;
mod endpoint;
mod finding;
mod host;
mod journal;
mod lavinmq;
mod rabbitmq;
mod report;
mod state;

pub use finding::{Finding, Remedy, State};
pub use host::Host;
pub use report::{json, text};

use std::path::PathBuf;

/// What to look at beside the host itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Metrics pages that must answer; where none are given, those that the broker found serves by default.
    pub endpoints: Vec<String>,
    /// The collector's state directory.
    pub state_dir: Option<PathBuf>,
}

/// Looks at everything.
pub fn examine(host: &Host, options: &Options) -> Vec<Finding> {
    let brokers = broker::found(host);
    let mut findings = broker::examine(host, &brokers);
    findings.extend(endpoint::examine(&options.endpoints, &brokers));
    findings.extend(journal::examine(host));
    findings.extend(state::examine(options.state_dir.as_deref()));
    findings.extend(clock::examine(host));
    findings
}

/// Runs the safe remedies, and says of each how it went.
pub fn mend(findings: &[Finding]) -> Vec<(String, Result<(), String>)> {
    let safe = findings.iter().filter_map(|finding| finding.remedy.as_ref()).filter(|remedy| remedy.safe);
    safe.map(|remedy| (remedy.command.clone(), run(&remedy.command))).collect()
}

fn run(command: &str) -> Result<(), String> {
    let output = std::process::Command::new("sh").args(["-c", command]).stdin(std::process::Stdio::null()).output();
    match output {
        Err(error) => Err(format!("cannot run a shell: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())),
    }
}
