//! The broker's own log on its way. The private broker stands beside a private journald, set up as Debian's is; doctor has it write to the journal,
//! the collector reads that, and what arrived is asked of Loki where it was built, else shown from a receiver of our own.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use warren_e2e::journald::Journald;
use warren_e2e::loki::Loki;
use warren_e2e::otlp::LineReceiver;
use warren_e2e::rabbitmq;

use super::fleet::CLUSTER;
use crate::{loki, tool};

/// What RabbitMQ calls itself in the journal.
const IDENTIFIER: &str = "rabbitmq-server";

/// The journal, and where what it holds arrives.
pub(super) struct Logs {
    store: Store,
    journald: Journald,
    /// When, in nanoseconds since 1970.
    started: u64,
}

enum Store {
    Loki(Loki),
    Here(LineReceiver),
}

impl Logs {
    /// Starts the journal and the store, and lets doctor set the broker up. None where this user may not have a journal of their own.
    pub(super) fn start(binary: &Path) -> Result<Option<Logs>> {
        tool::announce("starting a journald for the broker");
        let journald = match Journald::start() {
            Ok(journald) => journald,
            Err(error) => {
                println!(
                    "  the broker's log will not be collected: a journal of its own needs root and mount namespaces ({error})"
                );
                return Ok(None);
            }
        };
        rabbitmq::settle(&journald)?;
        let store = if Loki::installed() {
            tool::announce("starting Loki (OTLP in, LogQL out)");
            Store::Loki(Loki::start()?)
        } else {
            println!("  Loki is not built (`{}` does, once), so logs are shown here", loki::COMMAND);
            Store::Here(LineReceiver::start()?)
        };
        let logs = Logs { store, journald, started: nanoseconds() };
        tool::announce("warren-collector doctor --fix, where the broker will be");
        let mended = doctor(logs.journald.enter(binary), &["--fix"])?;
        mended.stderr.lines().for_each(|line| println!("  {line}"));
        Ok(Some(logs))
    }

    /// The journal beside which the broker is to run.
    pub(super) fn journald(&self) -> &Journald {
        &self.journald
    }

    /// Has doctor look at the running broker.
    pub(super) fn examine(&self, binary: &Path, metrics_page: &str) -> Result<()> {
        tool::announce("warren-collector doctor, where the broker is");
        show(&doctor(self.journald.enter(binary), &["--endpoint", metrics_page])?);
        Ok(())
    }

    /// Where the collector sends logs.
    pub(super) fn endpoint(&self) -> String {
        match &self.store {
            Store::Loki(loki) => loki.otlp_url(),
            Store::Here(receiver) => receiver.url(),
        }
    }

    /// What is other than on a server: the journal is a private one, read from its beginning, and has no units.
    pub(super) fn patch(&self) -> Value {
        let receiver = json!({
            "root_path": self.journald.root(), "units": null, "identifiers": [IDENTIFIER], "start_at": "beginning",
        });
        let mut exporter = json!({"tls": {"insecure": true}});
        if let Store::Here(_) = &self.store {
            exporter["encoding"] = json!("json");
            exporter["compression"] = json!("none");
        }
        json!({"receivers": {"journald/logs": receiver}, "exporters": {"otlphttp/loki": exporter}})
    }

    /// How many lines of the broker have arrived, if that can be told now.
    pub(super) fn count(&self) -> Option<u64> {
        match &self.store {
            Store::Loki(loki) => {
                let query = format!("sum(count_over_time({{service_name=\"{CLUSTER}\"}}[24h]))");
                loki.number(&query).ok().map(|count| count.unwrap_or_default() as u64)
            }
            Store::Here(receiver) => Some(receiver.count()),
        }
    }

    /// The last lines that contain a text, ready to be shown.
    pub(super) fn last(&self, containing: &str, most: usize) -> Result<Vec<String>> {
        let mut lines: Vec<String> = match &self.store {
            Store::Loki(loki) => {
                let query = format!("{{service_name=\"{CLUSTER}\"}} |= `{containing}`");
                let found = loki.lines(&query, self.started, nanoseconds())?;
                found.iter().map(|line| message(&line.text)).collect()
            }
            Store::Here(receiver) => receiver.last().into_iter().filter(|line| line.contains(containing)).collect(),
        };
        // An entry may have several lines.
        let last = lines.split_off(lines.len().saturating_sub(most));
        Ok(last.iter().map(|line| format!("    {}", line.trim_end().replace('\n', "\n    "))).collect())
    }

    /// How to ask for more.
    pub(super) fn describe(&self) -> String {
        match &self.store {
            Store::Loki(loki) => {
                let query = format!("--data-urlencode 'query={{service_name=\"{CLUSTER}\"}}'");
                format!("curl -Gs {}/loki/api/v1/query_range {query}", loki.url())
            }
            Store::Here(_) => format!("no log is kept without Loki (`{}`)", loki::COMMAND),
        }
    }
}

fn nanoseconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// What doctor says of this machine as it is. It changes nothing.
pub(super) fn examine_machine(binary: &Path) -> Result<()> {
    tool::announce("warren-collector doctor, on this machine as it is");
    show(&doctor(Command::new(binary), &[])?);
    Ok(())
}

/// What a run of doctor wrote. That something is wrong is no failure here.
struct Told {
    stdout: String,
    stderr: String,
}

fn doctor(mut command: Command, arguments: &[&str]) -> Result<Told> {
    command.arg("doctor").args(arguments);
    let output = command.output().context("cannot run doctor")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Told { stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

fn show(told: &Told) {
    told.stdout.lines().for_each(|line| println!("  {line}"));
}

/// The message of an entry that arrived as a map of its fields.
fn message(line: &str) -> String {
    let fields: Value = serde_json::from_str(line).unwrap_or_default();
    fields["MESSAGE"].as_str().unwrap_or(line).to_owned()
}
