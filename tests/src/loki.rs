//! A private Grafana Loki that takes logs by OTLP and answers LogQL. It is built from Go modules, once, by `cargo xtask loki`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::process::{self, Process};
use crate::{cache, http, port};

/// The modules it is built from.
const MODULES: &str = include_str!("../backends/loki/go.mod");

/// The module whose program is Loki.
const MODULE: &str = "github.com/grafana/loki/v3";

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Most lines that one query may answer with.
const LINES_MAX: u64 = 500_000;

/// A running Loki, stopped and removed when dropped.
pub struct Loki {
    server: Process,
    _directory: TempDir,
    port: u16,
}

/// Where the modules stand that Loki is built from.
pub fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("backends/loki")
}

/// Where the program is once it is built: in the cache, under its version.
pub fn program() -> Option<PathBuf> {
    let line = MODULES.lines().find_map(|line| line.strip_prefix("require ")?.strip_prefix(MODULE));
    Some(cache::directory()?.join(format!("loki-{}", line?.trim())))
}

/// The package of the program.
pub fn package() -> String {
    format!("{MODULE}/cmd/loki")
}

impl Loki {
    /// Whether it has been built.
    pub fn installed() -> bool {
        program().is_some_and(|program| program.exists())
    }

    /// Starts a server and waits until it takes logs.
    ///
    /// # Errors
    /// When it has not been built or does not come up.
    pub fn start() -> Result<Loki> {
        let program = program().filter(|program| program.exists());
        let program = program.ok_or(Error::Missing { program: "Loki", remedy: "run `cargo xtask loki`, which needs Go" })?;
        let directory = tempfile::Builder::new().prefix("warren-loki-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for Loki"))?;
        let root = directory.path();
        let (port, grpc) = (port::free()?, port::free()?);
        let config = root.join("config.json");
        std::fs::write(&config, configuration(root, port, grpc).to_string())
            .map_err(Error::io(|| "write the configuration of Loki"))?;
        let mut command = process::command(program);
        command.arg(format!("-config.file={}", config.display())).current_dir(root);
        let mut server = Process::spawn("loki", &mut command, &root.join("loki.log"))?;
        let ready = format!("http://127.0.0.1:{port}/ready");
        server.until("is ready", START_TIMEOUT, || http::get(&ready, None).ok())?;
        Ok(Loki { server, _directory: directory, port })
    }

    /// Base address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the endpoint of an OTLP exporter is set to.
    pub fn otlp_url(&self) -> String {
        format!("{}/otlp", self.url())
    }

    /// The server's log.
    pub fn log_path(&self) -> &Path {
        self.server.log_path()
    }

    /// Sum over all series that an instant query of a metric answers with; `None` when there is none.
    ///
    /// # Errors
    /// When the server does not answer or refuses the query.
    pub fn number(&self, logql: &str) -> Result<Option<f64>> {
        let result = self.api(&format!("query?query={}", http::percent_encode(logql)), logql)?;
        let values = result.as_array().into_iter().flatten();
        let values = values.filter_map(|series| series.pointer("/value/1")?.as_str()?.parse::<f64>().ok());
        Ok(values.reduce(|sum, value| sum + value))
    }

    /// The lines of all streams that a query selects between two times (in nanoseconds since 1970), oldest first: nanoseconds, line and the
    /// labels, structured metadata among them.
    ///
    /// # Errors
    /// As [`Loki::number`].
    pub fn lines(&self, logql: &str, from: u64, to: u64) -> Result<Vec<Line>> {
        let query = http::percent_encode(logql);
        let call = format!("query_range?query={query}&start={from}&end={to}&limit={LINES_MAX}&direction=forward");
        let mut result = self.api(&call, logql)?;
        let mut lines = Vec::new();
        for stream in result.as_array_mut().into_iter().flatten() {
            let labels = stream["stream"].take();
            for value in stream["values"].as_array_mut().into_iter().flatten() {
                let nanoseconds = value[0].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
                let text = value[1].as_str().unwrap_or_default().to_owned();
                lines.push(Line { nanoseconds, text, labels: labels.clone() });
            }
        }
        lines.sort_by_key(|line| line.nanoseconds);
        Ok(lines)
    }

    /// Sum of one of the server's own counters.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn counter(&self, name: &str) -> Result<f64> {
        let page = http::get(&format!("{}/metrics", self.url()), None)?.text();
        let values = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
            rest.rsplit_once(' ')?.1.parse::<f64>().ok()
        });
        Ok(values.sum())
    }

    fn api(&self, call: &str, logql: &str) -> Result<Value> {
        let answer = http::get(&format!("{}/loki/api/v1/{call}", self.url()), None)?;
        let malformed = |reason: String| Error::Malformed { what: format!("the answer of Loki to {logql}"), reason };
        let mut answer: Value = serde_json::from_slice(&answer.body).map_err(|error| malformed(error.to_string()))?;
        let result = answer.pointer_mut("/data/result").map(Value::take);
        result.ok_or_else(|| malformed("it has no result".to_owned()))
    }
}

/// A line of a log, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, since 1970.
    pub nanoseconds: u64,
    /// The line itself.
    pub text: String,
    /// Labels of the stream, and the line's structured metadata.
    pub labels: Value,
}

/// One process on loopback with everything below one directory. It tells nobody that it runs, takes old lines, and has no limit that a
/// test could reach by its speed.
fn configuration(root: &Path, port: u16, grpc: u16) -> Value {
    json!({
        "auth_enabled": false,
        "analytics": {"reporting_enabled": false},
        "server": {
            "http_listen_address": "127.0.0.1", "http_listen_port": port,
            "grpc_listen_address": "127.0.0.1", "grpc_listen_port": grpc,
            "log_level": "warn",
            // The answer to a query of many lines passes through gRPC within the process.
            "grpc_server_max_recv_msg_size": 256 << 20, "grpc_server_max_send_msg_size": 256 << 20,
        },
        "common": {
            "instance_addr": "127.0.0.1",
            "path_prefix": root,
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": root.join("chunks"), "rules_directory": root.join("rules")}},
        },
        // The ring is known at once: nobody else will join it.
        "ingester": {"lifecycler": {"min_ready_duration": "0s", "final_sleep": "0s"}},
        "schema_config": {"configs": [{
            "from": "2020-01-01", "store": "tsdb", "object_store": "filesystem", "schema": "v13",
            "index": {"prefix": "index_", "period": "24h"},
        }]},
        "limits_config": {
            "reject_old_samples": false,
            "ingestion_rate_mb": 1000, "ingestion_burst_size_mb": 1000,
            "per_stream_rate_limit": "1GB", "per_stream_rate_limit_burst": "1GB",
            "max_entries_limit_per_query": LINES_MAX, "max_query_length": "0s", "max_query_lookback": "0s",
            "discover_log_levels": false,
            // A stream that is spread over shards has equal lines in several of them.
            "shard_streams": {"enabled": false},
        },
        "ingester_client": {"grpc_client_config": {"max_recv_msg_size": 256 << 20, "max_send_msg_size": 256 << 20}},
        // The parts of it find each other by looking now and then; until they have, it is not ready.
        "frontend": {"scheduler_dns_lookup_period": "200ms"},
        "frontend_worker": {"dns_lookup_duration": "200ms"},
    })
}
