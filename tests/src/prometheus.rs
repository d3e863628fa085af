//! A private Prometheus that receives remote write behind basic authentication and answers PromQL: it stands for Grafana Mimir.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::http;
use crate::port;
use crate::process::{self, Process};

/// Account for remote write and for queries.
pub const USER: &str = "warren";

/// Password of [`USER`]. The server listens on loopback only and lives as long as its guard, so it need not be secret.
pub const PASSWORD: &str = "loopback-only";

/// bcrypt of [`PASSWORD`] at cost 5; Prometheus accepts no other form.
const PASSWORD_HASH: &str = "$2b$05$WarrenWarrenWarrenWare/NBs9g7jHjUPJgAwuHIn/.JR38g5W/u";

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running Prometheus, stopped and removed when dropped.
pub struct Prometheus {
    server: Process,
    _directory: TempDir,
    port: u16,
}

impl Prometheus {
    /// Whether the program is in the search path.
    pub fn installed() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join("prometheus").is_file())
    }

    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start() -> Result<Prometheus> {
        if !Prometheus::installed() {
            return Err(Error::Missing {
                program: "prometheus",
                remedy: "run `cargo xtask test`, or `apt-get install prometheus`",
            });
        }
        let directory = tempfile::Builder::new().prefix("warren-prometheus-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for Prometheus"))?;
        let root = directory.path();
        let write = |name: &str, text: &str| {
            std::fs::write(root.join(name), text).map_err(Error::io(|| format!("write {name} for Prometheus")))
        };
        write("prometheus.yml", "global: {}\n")?;
        write("web.yml", &format!("basic_auth_users:\n  {USER}: {PASSWORD_HASH}\n"))?;
        let port = port::free()?;
        let mut command = process::command("prometheus");
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--config.file=prometheus.yml", "--web.config.file=web.yml", "--storage.tsdb.path=data"])
            .args(["--web.enable-remote-write-receiver", "--log.level=warn"])
            .current_dir(root);
        let mut server = Process::spawn("prometheus", &mut command, &root.join("prometheus.log"))?;
        let ready = format!("http://127.0.0.1:{port}/-/ready");
        server.until("is ready", START_TIMEOUT, || http::get(&ready, Some((USER, PASSWORD))).ok())?;
        Ok(Prometheus { server, _directory: directory, port })
    }

    /// Base address; the account is [`USER`], [`PASSWORD`].
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Address that takes remote write.
    pub fn write_url(&self) -> String {
        format!("{}/api/v1/write", self.url())
    }

    /// The server's log.
    pub fn log_path(&self) -> &Path {
        self.server.log_path()
    }

    /// Result vector of an instant query: objects with `metric` (labels) and `value` (time, text).
    ///
    /// # Errors
    /// When the server does not answer or refuses the query.
    pub fn query(&self, promql: &str) -> Result<Vec<Value>> {
        self.api(&format!("query?query={}", http::percent_encode(promql)))?
            .pointer_mut("/data/result")
            .and_then(Value::as_array_mut)
            .map(std::mem::take)
            .ok_or_else(|| Error::Malformed { what: format!("the answer to {promql}"), reason: "it has no result".to_owned() })
    }

    /// Value of the first series an instant query answers with.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub fn number(&self, promql: &str) -> Result<Option<f64>> {
        let series = self.query(promql)?;
        Ok(series.first().and_then(|first| first.pointer("/value/1")).and_then(Value::as_str).and_then(|text| text.parse().ok()))
    }

    fn api(&self, call: &str) -> Result<Value> {
        let answer = http::get(&format!("{}/api/v1/{call}", self.url()), Some((USER, PASSWORD)))?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| Error::Malformed { what: format!("the answer of Prometheus to {call}"), reason: error.to_string() })
    }
}
