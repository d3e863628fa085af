//! Prometheus's node exporter: what another program says of this machine.

use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::http;
use crate::port;
use crate::process::{self, Process};

const PROGRAM: &str = "prometheus-node-exporter";
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running node exporter, stopped when dropped.
pub struct NodeExporter {
    _server: Process,
    _directory: TempDir,
    url: String,
}

/// What a page said, by series.
pub struct Page(String);

impl NodeExporter {
    /// Whether the program is in the search path.
    pub fn installed() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(PROGRAM).is_file())
    }

    /// Starts one on a free port of loopback and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start() -> Result<NodeExporter> {
        if !NodeExporter::installed() {
            let remedy = "run `cargo xtask test`, or `apt-get install prometheus-node-exporter`";
            return Err(Error::Missing { program: PROGRAM, remedy });
        }
        let directory = tempfile::Builder::new().prefix("warren-node-exporter-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for the node exporter"))?;
        let port = port::free()?;
        let mut command = process::command(PROGRAM);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).current_dir(directory.path());
        let mut server = Process::spawn(PROGRAM, &mut command, &directory.path().join("log"))?;
        let url = format!("http://127.0.0.1:{port}/metrics");
        server.until("answers", START_TIMEOUT, || http::get(&url, None).ok())?;
        Ok(NodeExporter { _server: server, _directory: directory, url })
    }

    /// What it says now.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn page(&self) -> Result<Page> {
        Ok(Page(http::get(&self.url, None)?.text()))
    }
}

impl Page {
    /// The values of all series of a metric, each with its labels as they stand in the braces.
    pub fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once("} ")?,
                None => ("", rest.strip_prefix(' ')?),
            };
            Some((labels, value.trim().parse().ok()?))
        })
    }

    /// The value of the series with these labels, written as on the page.
    pub fn value(&self, name: &str, labels: &str) -> Option<f64> {
        self.series(name).find(|(found, _)| *found == labels).map(|(_, value)| value)
    }
}

/// The value of a label within the braces of a series; empty when it has none.
pub fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let mut parts = labels.split(',').filter_map(|part| part.split_once('='));
    parts.find(|(found, _)| *found == name).map_or("", |(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_name_and_labels() {
        let page = Page("# TYPE a gauge\na 1\na_b{cpu=\"0\",mode=\"idle\"} 2.5e+06\n".to_owned());
        assert_eq!(page.value("a", ""), Some(1.0));
        assert_eq!(page.value("a_b", "cpu=\"0\",mode=\"idle\""), Some(2.5e6));
        assert_eq!(label("cpu=\"0\",mode=\"idle\"", "mode"), "idle");
    }
}
