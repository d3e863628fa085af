//! The collector under test: the real program with a configuration of the test's own, in a directory of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::process::{self, Finished, Process, Usage};
use crate::{http, port, program};

/// Variable that names the program to test; without it the default distribution is built.
pub const BINARY_VARIABLE: &str = "WARREN_COLLECTOR";

/// Line of the log with which the collector says that every component runs.
const READY: &str = "Everything is ready. Begin running and processing data.";

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Variables that would send the collector's requests through a proxy of the machine.
const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Path of the collector to test: [`BINARY_VARIABLE`], else built from this workspace, once per process.
///
/// # Errors
/// When the variable names no file, or the build fails.
pub fn binary() -> Result<PathBuf> {
    program::to_test(BINARY_VARIABLE, "warren-collector")
}

/// A section `service::telemetry::metrics` that serves the collector's own metrics on a port of loopback, under the names of the default
/// reader (naming any reader drops the three settings that shorten them).
pub fn own_metrics_on(port: u16) -> Value {
    json!({"readers": [{"pull": {"exporter": {"prometheus": {
        "host": "127.0.0.1", "port": port, "without_scope_info": true, "without_units": true, "without_type_suffix": true,
        "with_resource_constant_labels": {"included": []},
    }}}}]})
}

/// A command line and a configuration, ready to start.
#[derive(Clone, Debug)]
pub struct Setup {
    config: String,
    /// What the file is given as.
    flag: &'static str,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    telemetry: Option<u16>,
    binary: Option<PathBuf>,
}

impl Setup {
    /// A configuration given as JSON. Unless it says otherwise, the collector's own metrics are served on a free port instead of 8888, under
    /// the names of the default reader.
    ///
    /// # Errors
    /// When no port is free.
    pub fn new(mut config: Value) -> Result<Setup> {
        let mut telemetry = None;
        if config.pointer("/service/telemetry/metrics").is_none()
            && let Some(service) = config.get_mut("service").and_then(Value::as_object_mut)
        {
            let port = port::free()?;
            service.entry("telemetry").or_insert_with(|| json!({}))["metrics"] = own_metrics_on(port);
            telemetry = Some(port);
        }
        Ok(Setup { telemetry, ..Setup::text(config.to_string()) })
    }

    /// A configuration given as the text of its file.
    pub fn text(config: impl Into<String>) -> Setup {
        Setup {
            config: config.into(),
            flag: "--config",
            arguments: Vec::new(),
            environment: Vec::new(),
            telemetry: None,
            binary: None,
        }
    }

    /// What is run beside every configuration (`--host-config`), as JSON; there is no other configuration.
    pub fn host(config: &Value) -> Setup {
        Setup { flag: "--host-config", ..Setup::text(config.to_string()) }
    }

    /// Adds command-line arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Setup {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs this program instead of [`binary`].
    #[must_use]
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Setup {
        self.binary = Some(path.into());
        self
    }

    /// Says where the configuration serves the collector's own metrics.
    #[must_use]
    pub fn telemetry(mut self, port: u16) -> Setup {
        self.telemetry = Some(port);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the collector and waits until it says that it is ready.
    ///
    /// # Errors
    /// [`Error::Ended`] with the end of its log when it refuses the configuration.
    pub fn start(self) -> Result<Collector> {
        let (directory, path) = self.write()?;
        let mut process = self.launch(&directory, &path)?;
        let log = process.log_path().to_owned();
        process.until("is ready", START_TIMEOUT, || std::fs::read_to_string(&log).ok()?.contains(READY).then_some(()))?;
        Ok(Collector { process, config: path, _directory: directory, telemetry: self.telemetry })
    }

    /// Runs the collector to its end, for configurations that must be refused.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn run(self) -> Result<Finished> {
        let (_directory, path) = self.write()?;
        let mut command = self.command()?;
        command.arg(self.flag).arg(&path);
        process::run("warren-collector", &mut command, COMMAND_TIMEOUT)
    }

    fn write(&self) -> Result<(TempDir, PathBuf)> {
        let directory = tempfile::Builder::new().prefix("warren-collector-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for the collector"))?;
        let path = directory.path().join("config.json");
        std::fs::write(&path, &self.config).map_err(Error::io(|| format!("write {}", path.display())))?;
        Ok((directory, path))
    }

    fn launch(&self, directory: &TempDir, config: &Path) -> Result<Process> {
        let mut command = self.command()?;
        command.arg(self.flag).arg(config).current_dir(directory.path());
        Process::spawn("warren-collector", &mut command, &directory.path().join("collector.log"))
    }

    fn command(&self) -> Result<Command> {
        let mut command = process::command(self.binary.clone().map_or_else(binary, Ok)?);
        for name in PROXY_VARIABLES {
            command.env_remove(name);
        }
        command.env("TZ", "UTC").envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(&self.arguments);
        Ok(command)
    }
}

/// A running collector, stopped when dropped.
pub struct Collector {
    process: Process,
    config: PathBuf,
    telemetry: Option<u16>,
    _directory: TempDir,
}

impl Collector {
    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Everything it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// File the log goes to.
    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// File the configuration came from.
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// Address of its own metrics.
    pub fn telemetry_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.telemetry.unwrap_or(8888))
    }

    /// Sum of its own metric `name` over all series whose labels contain `label` (a fragment such as `exporter="otlphttp"`; empty for all).
    ///
    /// # Errors
    /// When the page is not served.
    pub fn metric(&self, name: &str, label: &str) -> Result<Option<f64>> {
        Ok(self.own_page()?.sum(name, label))
    }

    /// Everything that it tells of itself now.
    ///
    /// # Errors
    /// When the page is not served.
    pub fn own_page(&self) -> Result<OwnPage> {
        Ok(OwnPage(http::get(&self.telemetry_url(), None)?.text()))
    }

    /// Waits until a line of the log contains `text`.
    ///
    /// # Errors
    /// When it does not come in time, or the collector ends.
    pub fn wait_for_log(&mut self, text: &str, within: Duration) -> Result<String> {
        let path = self.process.log_path().to_owned();
        self.process.until(&format!("logs {text:?}"), within, || {
            let log = std::fs::read(&path).ok()?;
            String::from_utf8_lossy(&log).lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// Waits until `condition` holds for the sum of its own metric `name` (see [`Collector::metric`]).
    ///
    /// # Errors
    /// When it does not come to hold in time, or the collector ends.
    pub fn wait_for_metric(&mut self, name: &str, label: &str, within: Duration, condition: impl Fn(f64) -> bool) -> Result<f64> {
        let url = self.telemetry_url();
        let what = format!("{name}{{{label}}} reaches what is expected");
        self.process.until(&what, within, || {
            let page = http::get(&url, None).ok()?.text();
            sum(&page, name, label).filter(|value| condition(*value))
        })
    }

    /// Memory and processor time used so far.
    pub fn usage(&self) -> Option<Usage> {
        self.process.usage()
    }

    /// What `validate --memory` says that its configuration may take, in bytes.
    ///
    /// # Errors
    /// When the command says nothing.
    pub fn memory_bound(&self) -> Result<u64> {
        let config = self.config.display().to_string();
        let told = command(["validate", "--memory", "--format", "json", "--config", &config], &[])?;
        let bound = serde_json::from_str(&told.stdout).ok().and_then(|told: Value| told["sum"].as_u64());
        bound.ok_or_else(|| Error::Malformed { what: "validate --memory".to_owned(), reason: told.stdout + &told.stderr })
    }

    /// SIGTERM, and the exit status it ends with.
    ///
    /// # Errors
    /// When it has to be killed.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop(STOP_TIMEOUT)
    }
}

/// A page of the collector's own metrics.
pub struct OwnPage(String);

impl OwnPage {
    /// Sum of metric `name`, as [`Collector::metric`] gives it.
    pub fn sum(&self, name: &str, label: &str) -> Option<f64> {
        sum(&self.0, name, label)
    }

    /// The sums of all metrics over the series whose labels contain one of these.
    pub fn sums(&self, labels: &[&str]) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for line in self.0.lines().filter(|line| labels.iter().any(|label| line.contains(label))) {
            if let Some((series, value)) = line.rsplit_once(' ')
                && let Ok(value) = value.parse::<f64>()
            {
                *sums.entry(series.split('{').next().unwrap_or(series).to_owned()).or_default() += value;
            }
        }
        sums
    }
}

/// Runs one of the collector's commands (`validate`, `components`, …) to its end.
///
/// # Errors
/// When it cannot be started or does not end in time.
pub fn command<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    environment: &[(&str, &str)],
) -> Result<Finished> {
    let mut command = process::command(binary()?);
    command.args(arguments).envs(environment.iter().copied()).env("TZ", "UTC");
    process::run("warren-collector", &mut command, COMMAND_TIMEOUT)
}

/// Sum of the samples of metric `name` on a text page, over the series whose labels contain `label`; `None` when there is none.
fn sum(page: &str, name: &str, label: &str) -> Option<f64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once('}')?,
            None => ("", rest.strip_prefix(' ')?),
        };
        labels.contains(label).then(|| value.trim().parse::<f64>().ok())?
    });
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn own_metrics_are_summed_over_the_series_asked_for() {
        let page =
            "# TYPE sent counter\nsent{exporter=\"a\"} 2\nsent{exporter=\"b\"} 3\nsent_total{exporter=\"a\"} 50\nplain 7\n";
        for (name, label, expected) in
            [("sent", "", Some(5.0)), ("sent", "exporter=\"a\"", Some(2.0)), ("plain", "", Some(7.0)), ("absent", "", None)]
        {
            assert_eq!(sum(page, name, label), expected, "{name} {label}");
        }
    }
}
