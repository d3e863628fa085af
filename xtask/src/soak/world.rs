//! What surrounds the collector: targets, receivers, whoever sends logs; and its configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{self, Collector, Setup};
use warren_e2e::hostile::Hostile;
use warren_e2e::http::{Answer, Server};
use warren_e2e::process::{self, Finished};
use warren_e2e::{otlp, page, port, wait};

use super::edits::Random;
use super::sinks::Sinks;

/// Queues on the broker's page at any time, those of them that the next page does not have any more, and series of each.
const QUEUES: u64 = 100;
const GONE: u64 = 2;
const SERIES: [&str; 4] = ["messages_ready", "messages_unacked", "consumers", "memory_bytes"];

/// Between two log records, between two bursts, and what a burst is.
const PACE: Duration = Duration::from_millis(50);
const BURST_SECONDS: u64 = 30;
const BURST: (u64, u64) = (20, 250);

/// For how long nothing must happen for everything to be over.
const QUIET: Duration = Duration::from_secs(10);

const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The collector and what surrounds it.
pub(super) struct World {
    pub(super) collector: Collector,
    pub(super) sinks: Sinks,
    pub(super) broker: Broker,
    /// What the collector runs with.
    pub(super) config: Value,
    /// A target that comes and goes.
    pub(super) spare: Server,
    binary: PathBuf,
    otlp: u16,
    state: TempDir,
    _storage: TempDir,
    _hostile: Vec<Server>,
}

impl World {
    pub(super) fn start(binary: &Path) -> Result<World> {
        let (sinks, broker, otlp, own) = (Sinks::start()?, Broker::start()?, port::free()?, port::free()?);
        let spare = Server::start(|_| Answer::ok("text/plain; version=0.0.4", *b"spare 1\n"))?;
        let hostile = Hostile::ALL.into_iter().map(Hostile::serve).collect::<warren_e2e::Result<Vec<_>>>()?;
        let directory = || tempfile::tempdir().context("cannot create a temporary directory");
        let (state, storage) = (directory()?, directory()?);
        let mut config = config(&sinks, &broker, otlp, storage.path());
        let targets: Vec<String> = hostile.iter().map(Server::address).collect();
        config["receivers"]["prometheus"]["config"]["scrape_configs"][1]["static_configs"][0]["targets"] = json!(targets);
        config["service"]["telemetry"] = json!({"metrics": collector::own_metrics_on(own)});
        let setup = Setup::new(config.clone())?.binary(binary).telemetry(own);
        let collector = setup.args(["--state-dir", &state.path().display().to_string()]).start()?;
        let binary = binary.to_owned();
        Ok(World { collector, sinks, broker, config, spare, binary, otlp, state, _storage: storage, _hostile: hostile })
    }

    /// Has the collector run with this text.
    pub(super) fn reload(&self, text: &str) -> Result<Finished> {
        std::fs::write(self.collector.config_path(), text).context("cannot write the configuration")?;
        let mut command = Command::new(&self.binary);
        command.args(["reload", "--state-dir"]).arg(self.state.path());
        Ok(process::run("warren-collector reload", &mut command, COMMAND_TIMEOUT)?)
    }

    /// Has the collector run with the configuration.
    pub(super) fn apply(&self) -> Result<()> {
        let finished = self.reload(&self.config.to_string())?;
        if !finished.status.success() {
            bail!("a configuration is refused that should not be: {}", finished.stderr);
        }
        Ok(())
    }

    /// Sends numbered log records until told to end: at a steady pace, and now and then a burst.
    pub(super) fn send_logs(&self, seed: u64) -> Sender {
        let (port, ended) = (self.otlp, Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let (mut taken, mut again, mut random, mut burst) = (0, 0, Random(seed), Instant::now());
            let mut send = |many: u64| {
                while otlp::send_numbers(port, taken..taken + many).ok() != Some(200) {
                    again += 1;
                    std::thread::sleep(PACE);
                }
                taken += many;
            };
            while !stop.load(Ordering::Relaxed) {
                if burst.elapsed().as_secs() >= BURST_SECONDS {
                    burst = Instant::now();
                    (0..BURST.0).for_each(|_| send(BURST.1 + random.below(BURST.1)));
                }
                send(1);
                std::thread::sleep(PACE);
            }
            LogsSent { taken, again }
        });
        Sender { ended, thread }
    }

    /// Waits until nothing is in a queue or on its way any more, and nothing happens.
    pub(super) fn wait_until_empty(&self, patience: Duration) -> Result<()> {
        // Markers for what is gone are due after two intervals of what was scraped; the longest is 30 seconds.
        std::thread::sleep(Duration::from_secs(70));
        let (mut before, mut since) = (0.0, Instant::now());
        wait::until("all queues are empty and stay so", patience, || {
            let page = self.collector.own_page().ok()?;
            let sum = |name| page.sum(name, "").unwrap_or_default();
            let points = sum("otelcol_exporter_sent_metric_points") + sum("otelcol_receiver_accepted_metric_points");
            let waits = sum("otelcol_exporter_queue_size") + sum("warren_exporter_in_flight");
            if waits > 0.0 || points != before {
                (before, since) = (points, Instant::now());
            }
            (since.elapsed() > QUIET).then_some(())
        })?;
        Ok(())
    }

    pub(super) fn describe(&self, duration: Duration, seed: u64, edits: usize, outages: usize) -> String {
        let scrapes = self.broker.pages().len();
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} minutes, seed {seed}: {scrapes} scrapes of a broker of {QUEUES} queues, {GONE} of which go and come with each; {} hostile targets; log \
             records, one each {} ms and {} to {} each {BURST_SECONDS} s; {edits} edits of the configuration; {outages} outages, a fifth of the time \
             an outage of every receiver that has any.",
            duration.as_secs() / 60,
            Hostile::ALL.len(),
            PACE.as_millis(),
            BURST.0 * BURST.1,
            2 * BURST.0 * BURST.1,
        );
        text
    }
}

fn config(sinks: &Sinks, broker: &Broker, otlp: u16, storage: &Path) -> Value {
    let quick = json!({"initial_interval": "200ms", "max_interval": "2s"});
    let job = |name: &str, interval: &str, timeout: &str, target: &str| json!({"job_name": name, "scrape_interval": interval, "scrape_timeout": timeout, "static_configs": [{"targets": [target]}]});
    let url = |name: &str| sinks.metrics.get(name).map(super::sinks::Metrics::url).unwrap_or_default();
    json!({
        "extensions": {"file_storage": {"directory": storage}},
        "receivers": {
            "otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{otlp}")}}},
            "prometheus": {"config": {"scrape_configs": [
                job("broker", "1s", "1s", &broker.server.address()), job("hostile", "30s", "2s", ""), job("spare", "1s", "1s", ""),
            ]}},
        },
        "processors": {
            "batch": {"timeout": "100ms"},
            "attributes": {"actions": [{"key": "soak", "value": "yes", "action": "upsert"}]},
        },
        "exporters": {
            "prometheusremotewrite/steady": {"endpoint": url("steady")},
            "prometheusremotewrite/stored": {
                "endpoint": url("stored"), "retry_on_failure": quick, "remote_write_queue": {"storage": "file_storage"},
            },
            "prometheusremotewrite/lossy": {
                "endpoint": url("lossy"), "remote_write_queue": {"queue_size": 20},
                "retry_on_failure": {"initial_interval": "200ms", "max_interval": "1s", "max_elapsed_time": "5s"},
            },
            "otlphttp/stored": {
                "endpoint": sinks.logs.url(), "encoding": "json", "compression": "none", "timeout": "5s", "retry_on_failure": quick,
                "sending_queue": {"storage": "file_storage"},
            },
        },
        "service": {"extensions": ["file_storage"], "pipelines": {
            "metrics": {"receivers": ["prometheus"], "processors": ["attributes"], "exporters": [
                "prometheusremotewrite/steady", "prometheusremotewrite/stored", "prometheusremotewrite/lossy",
            ]},
            "logs": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlphttp/stored"]},
        }},
    })
}

/// Whoever sends logs.
pub(super) struct Sender {
    ended: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<LogsSent>,
}

/// What was sent.
#[derive(Clone, Copy, Default)]
pub(super) struct LogsSent {
    /// Numbers that were taken, from zero on.
    pub(super) taken: u64,
    /// Requests that were refused or cut off, and sent again.
    pub(super) again: u64,
}

impl Sender {
    pub(super) fn end(self) -> LogsSent {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// A broker whose queues come and go.
pub(super) struct Broker {
    server: Server,
    pages: Arc<Mutex<Vec<u32>>>,
}

impl Broker {
    fn start() -> Result<Broker> {
        let pages = Arc::new(Mutex::new(Vec::new()));
        let sizes = Arc::clone(&pages);
        let server = Server::start(move |_| {
            let mut sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner);
            let (text, series) = churning(sizes.len() as u64 + 1);
            sizes.push(series);
            Answer::ok("text/plain; version=0.0.4", text.into_bytes())
        })?;
        Ok(Broker { server, pages })
    }

    /// The series of each page that was asked for.
    pub(super) fn pages(&self) -> Vec<u32> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The page of a number, and its series. Of the queues on it the oldest are not on the next one, which has as many new ones.
fn churning(number: u64) -> (String, u32) {
    let page::Page { mut text, mut series } = page::broker(0, number);
    for name in SERIES {
        let _ = writeln!(text, "# TYPE rabbitmq_churning_queue_{name} gauge");
        for queue in number * GONE..number * GONE + QUEUES {
            let _ =
                writeln!(text, "rabbitmq_churning_queue_{name}{{vhost=\"/\",queue=\"amq.gen-{queue:08x}\"}} {}", number + queue);
        }
    }
    let _ = writeln!(text, "# TYPE page_number gauge\npage_number {number}");
    series += SERIES.len() * QUEUES as usize + 1;
    (text, u32::try_from(series).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_as_many_series_as_it_says_and_some_that_the_one_before_had_not() {
        let rows = |number| {
            let (text, series) = churning(number);
            let rows: Vec<String> = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
                .collect();
            assert_eq!(rows.len(), series as usize);
            rows
        };
        let (one, other) = (rows(1), rows(2));
        let new = other.iter().filter(|row| !one.contains(row)).count();
        assert_eq!(new, SERIES.len() * GONE as usize);
    }
}
