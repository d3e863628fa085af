//! The control plane of a fleet of one: this machine's collector enrols, and runs what was made for it.
//!
//! The profile says what the example from which this project grew says, for a machine on which ports may be taken, and where the broker's log is.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::prometheus::{self, Prometheus};
use warren_e2e::{port, seed};

use super::logs::Logs;
use crate::tool;

/// The one server, by its id and by the name that its data carries.
pub(super) const SERVER: &str = "server-name-01";

/// The cluster it belongs to, by which its logs are known.
pub(super) const CLUSTER: &str = "hare";

/// Port of the control plane, unless it is taken: the one that `warren` asks by itself.
const PORT: u16 = 4320;

/// The password of the store, as the profile refers to it.
const SECRET: &str = "fleet/mimir";

/// The control plane, and what its collector keeps.
pub(super) struct Fleet {
    plane: ControlPlane,
    state: TempDir,
    /// What runs, as it was shown last.
    shown: Value,
}

impl Fleet {
    /// Starts a control plane that asks the store whether data arrives.
    pub(super) fn start(binary: &Path, store: &Prometheus) -> Result<Fleet> {
        tool::announce("starting warren serve (the control plane, on SQLite)");
        let query = (store.url(), prometheus::USER.to_owned(), prometheus::PASSWORD.to_owned());
        let setup = control_plane::Setup {
            binary: Some(binary.to_owned()),
            port: Some(port::prefer(PORT)?),
            query: Some(query),
            ..control_plane::Setup::default()
        };
        let state = tempfile::tempdir().context("cannot create a temporary directory")?;
        Ok(Fleet { plane: ControlPlane::start_with(setup)?, state, shown: Value::Null })
    }

    /// Tells it of the server and of how it is run.
    pub(super) fn register(&self, store: &Prometheus, broker_port: u16, telemetry_port: u16, logs: Option<&Logs>) -> Result<()> {
        tool::announce(&format!("registering {SERVER}, with a profile that says where its data goes"));
        self.plane.ask("PUT", &format!("/secrets/{SECRET}"), Some(&json!({"value": prometheus::PASSWORD})), None)?;
        let mimir = json!({"endpoint": store.write_url(), "username": prometheus::USER, "password": format!("{SECRET}@1")});
        let mut overlay = json!({"name": "base", "settings": {"destinations": {"mimir": mimir}}});
        let settings = &mut overlay["settings"];
        if broker_port != seed::BROKER_PORT {
            settings["scrape"] = json!({"endpoint": format!("localhost:{broker_port}")});
        }
        if telemetry_port != seed::TELEMETRY_PORT {
            settings["telemetry_port"] = json!(telemetry_port);
        }
        if let Some(logs) = logs {
            settings["logs"] = json!({"enabled": true});
            settings["destinations"]["loki"] = json!({"endpoint": logs.endpoint()});
            overlay["config"] = logs.patch();
        }
        self.plane.post("/profile", &json!({"overlays": [overlay]}))?;
        self.plane.post("/servers", &json!({"id": SERVER, "tenant": "acme", "cluster": CLUSTER, "name": SERVER}))?;
        Ok(())
    }

    /// How the server's collector is started: it is told where the control plane is, and given an enrolment token.
    pub(super) fn collector(&self) -> Result<Setup> {
        let state = self.state.path().display().to_string();
        Ok(Setup::host(&self.plane.host_config(SERVER)?).args(["--state-dir".to_owned(), state]))
    }

    /// Whether the collector runs what was made for it.
    pub(super) fn applied(&self) -> bool {
        self.plane.get(&format!("/servers/{SERVER}")).is_ok_and(|server| server["state"]["config"] == "applied")
    }

    /// A sentence for each configuration that the collector took or refused since this was asked before.
    pub(super) fn news(&mut self) -> Option<String> {
        let mut config = self.plane.get(&format!("/servers/{SERVER}/config")).ok()?;
        let reported = config["reported"].take();
        let now = json!([reported["hash"], reported["status"]]);
        let before = std::mem::replace(&mut self.shown, now);
        if before.is_null() || before == self.shown {
            return None;
        }
        match reported["status"].as_str()? {
            "applied" => Some("✓ the collector runs a new configuration, and what did not change ran on".to_owned()),
            "failed" => Some(format!("✗ the collector refused a configuration and runs on: {}", reported["error"])),
            _ => None,
        }
    }

    /// What can be done with it.
    pub(super) fn describe(&self, binary: &Path) {
        let warren = binary.display();
        println!("  control    {}/metrics   its log: {}", self.plane.url(), self.plane.log_path().display());
        println!("  change     export WARREN_URL={} WARREN_TOKEN=@{}", self.plane.url(), self.plane.token_path().display());
        println!("             {warren} servers list");
        println!("             {warren} config show {SERVER}");
        println!(
            "             {warren} settings set --server {SERVER} '{{\"scrape\": {{\"interval\": \"5s\"}}}}'   (applied at once, and told here)"
        );
        println!("             {warren} config diff {SERVER}");
    }

    /// Says whether the control plane holds the server operational.
    pub(super) fn state(&self) -> Option<String> {
        let server = self.plane.get(&format!("/servers/{SERVER}")).ok()?;
        let word = |key: &str| server["state"][key].as_str().unwrap_or("unknown").to_owned();
        Some(format!("{}, configuration {}, data {}", word("link"), word("config"), word("data")))
    }

    /// Ends the control plane.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.plane.stop().context("the control plane does not stop")
    }
}

/// Waits until the collector of a fleet has enrolled and runs what it was given.
pub(super) fn wait_for_applied(fleet: &Fleet, collector: &mut Collector, mut ended: impl FnMut() -> bool) -> Result<()> {
    tool::announce("waiting until the collector has enrolled and runs the configuration that was made for it");
    let log = collector.log_path().to_owned();
    let applied = collector
        .process()
        .until("runs its configuration", super::ARRIVAL_TIMEOUT, || (ended() || fleet.applied()).then_some(()));
    applied.with_context(|| format!("see {}", log.display()))
}
