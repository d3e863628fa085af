//! Start-up: exec until a connection is accepted, memory when idle, size of the program.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use warren_e2e::{port, process::Process};

use crate::interrupt::Interrupt;
use crate::tool;

/// Starts measured; their median is told.
const STARTS: usize = 9;

/// How long the last one idles before its memory is read.
const IDLE: Duration = Duration::from_secs(10);

const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// What was measured.
pub(super) struct Start {
    /// Median of exec → the `otlp` receiver accepts.
    pub(super) listening: Duration,
    /// Resident bytes when idle.
    pub(super) idle_resident: u64,
    /// Bytes of the program.
    pub(super) binary_bytes: u64,
}

/// Measures the `otlp` receiver in front of a `debug` exporter.
pub(super) fn measure(binary: &Path, interrupt: &Interrupt) -> Result<Start> {
    tool::announce(&format!("start-up, {STARTS} times"));
    let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
    let (mut took, mut idle_resident) = (Vec::new(), 0);
    for turn in 1..=STARTS {
        let port = port::free()?;
        let config = directory.path().join("config.json");
        std::fs::write(&config, config_on(port).to_string()).context("cannot write the configuration")?;
        let mut command = Command::new(binary);
        command.arg("--config").arg(&config);
        let started = Instant::now();
        let mut process = Process::spawn("warren-collector", &mut command, &directory.path().join("log"))?;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            process.until("runs", Duration::ZERO, || Some(()))?;
            if started.elapsed() > LISTEN_TIMEOUT {
                bail!("the collector does not listen on port {port} after {} s:\n{}", LISTEN_TIMEOUT.as_secs(), process.log());
            }
            // Short enough not to be seen in the figure, long enough to leave the processor to the program.
            std::thread::sleep(Duration::from_micros(200));
        }
        took.push(started.elapsed());
        if turn == STARTS {
            if interrupt.wait(IDLE) {
                bail!("stopped before it was done");
            }
            idle_resident = process.usage().context("the process cannot be measured")?.resident;
        }
        process.stop(STOP_TIMEOUT)?;
    }
    took.sort_unstable();
    let binary_bytes = std::fs::metadata(binary).with_context(|| format!("cannot read {}", binary.display()))?.len();
    Ok(Start { listening: took[STARTS / 2], idle_resident, binary_bytes })
}

/// The configuration of an idle collector that listens on a port.
pub(super) fn config_on(port: u16) -> serde_json::Value {
    json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "exporters": {"debug": {}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["debug"]}},
        },
    })
}
