//! The receivers: what they have taken, and what ails them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use warren_e2e::http::{Answer, Message, Server};
use warren_e2e::otlp;
use warren_e2e::remote_write::{self, STALE, TimeSeries};

/// Series that tell about a scrape and are not on the page.
const OF_THE_SCRAPE: [&str; 5] =
    ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"];

/// How a receiver fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Health {
    Well,
    /// Answers 503.
    Refuses,
    /// Hangs up on every request.
    HangsUp,
    /// Answers 429 and asks for a pause.
    Throttles,
    /// Never answers.
    Silent,
}

impl Health {
    pub(super) const ILL: [Health; 4] = [Health::Refuses, Health::HangsUp, Health::Throttles, Health::Silent];
}

/// A receiver's health, which its outages change.
#[derive(Clone)]
pub(super) struct Fate(Arc<AtomicU8>);

impl Fate {
    fn new() -> Fate {
        Fate(Arc::new(AtomicU8::new(Health::Well as u8)))
    }

    pub(super) fn set(&self, health: Health) {
        self.0.store(health as u8, Ordering::Relaxed);
    }

    /// What to answer instead of taking a request; none if all is well.
    fn trouble(&self) -> Option<Answer> {
        let ill = self.0.load(Ordering::Relaxed);
        Some(match Health::ILL.into_iter().find(|health| *health as u8 == ill)? {
            Health::Well => return None,
            Health::Refuses => Answer::status(503),
            Health::Throttles => Answer::status(429).header("Retry-After", "1"),
            Health::HangsUp => Answer::raw(|_| Ok(())),
            Health::Silent => Answer::raw(|stream| std::io::copy(stream, &mut std::io::sink()).map(drop)),
        })
    }
}

/// A receiver of remote write.
pub(super) struct Metrics {
    server: Server,
    pub(super) fate: Fate,
    seen: Arc<Mutex<SeenMetrics>>,
}

/// What a receiver of remote write has taken.
#[derive(Clone, Default)]
pub(super) struct SeenMetrics {
    /// All samples, but for those that the exporter makes of resources.
    pub(super) samples: u64,
    /// Samples of the broker's page itself.
    pub(super) of_the_page: u64,
    /// Which scrapes of the broker came, in order.
    pub(super) scrapes: Vec<u64>,
    /// Scrapes of the broker of which nothing came but that they failed.
    pub(super) failed: usize,
    /// Markers for series that are gone.
    pub(super) stale: u64,
}

impl Metrics {
    pub(super) fn start() -> Result<Metrics> {
        let (fate, seen) = (Fate::new(), Arc::new(Mutex::new(SeenMetrics::default())));
        let (ill, kept) = (fate.clone(), Arc::clone(&seen));
        let server = Server::start(move |message| {
            if let Some(answer) = ill.trouble() {
                return answer;
            }
            let Ok(request) = remote_write::decode(&message) else { return Answer::status(400) };
            let mut seen = lock(&kept);
            request.timeseries.iter().for_each(|series| seen.take(series));
            Answer::status(204)
        })?;
        Ok(Metrics { server, fate, seen })
    }

    pub(super) fn url(&self) -> String {
        self.server.url("/api/v1/write")
    }

    pub(super) fn seen(&self) -> SeenMetrics {
        lock(&self.seen).clone()
    }
}

impl SeenMetrics {
    fn take(&mut self, series: &TimeSeries) {
        let name = series.name();
        if name == "target_info" {
            return;
        }
        let of_the_page = series.label("job") == "broker" && !OF_THE_SCRAPE.contains(&name);
        for sample in &series.samples {
            self.samples += 1;
            if sample.value.to_bits() == STALE {
                self.stale += 1;
                continue;
            }
            self.failed += usize::from(name == "up" && series.label("job") == "broker" && sample.value == 0.0);
            self.of_the_page += u64::from(of_the_page);
            if of_the_page && name == "page_number" {
                self.scrapes.push(sample.value as u64);
            }
        }
    }
}

/// A receiver of numbered log records.
pub(super) struct Logs {
    server: Server,
    pub(super) fate: Fate,
    seen: Arc<Mutex<SeenLogs>>,
}

/// What a receiver of logs has taken.
#[derive(Clone, Default)]
pub(super) struct SeenLogs {
    /// How often each number came.
    times: Vec<u8>,
    /// All records.
    pub(super) records: u64,
}

impl Logs {
    pub(super) fn start() -> Result<Logs> {
        let (fate, seen) = (Fate::new(), Arc::new(Mutex::new(SeenLogs::default())));
        let (ill, kept) = (fate.clone(), Arc::clone(&seen));
        let server = Server::start(move |message: Message| {
            if let Some(answer) = ill.trouble() {
                return answer;
            }
            lock(&kept).take(&otlp::numbers(&message.body));
            Answer::ok("application/json", *b"{}")
        })?;
        Ok(Logs { server, fate, seen })
    }

    pub(super) fn url(&self) -> String {
        self.server.url("")
    }

    pub(super) fn seen(&self) -> SeenLogs {
        lock(&self.seen).clone()
    }
}

impl SeenLogs {
    fn take(&mut self, numbers: &[u64]) {
        self.records += numbers.len() as u64;
        for number in numbers {
            let index = usize::try_from(*number).unwrap_or(usize::MAX);
            if self.times.len() <= index {
                self.times.resize(index + 1, 0);
            }
            self.times[index] = self.times[index].saturating_add(1);
        }
    }

    /// Of the numbers below `taken`, how many never came.
    pub(super) fn missing(&self, taken: u64) -> u64 {
        let came = self.times.iter().take(usize::try_from(taken).unwrap_or(usize::MAX)).filter(|times| **times > 0).count();
        taken - came as u64
    }

    /// How many arrivals were not the first of their number.
    pub(super) fn twice(&self) -> u64 {
        self.times.iter().map(|times| u64::from(times.saturating_sub(1))).sum()
    }
}

/// All receivers.
pub(super) struct Sinks {
    pub(super) metrics: BTreeMap<&'static str, Metrics>,
    pub(super) logs: Logs,
}

impl Sinks {
    pub(super) fn start() -> Result<Sinks> {
        let metrics = ["lossy", "steady", "stored"].into_iter().map(|name| Ok((name, Metrics::start()?)));
        Ok(Sinks { metrics: metrics.collect::<Result<_>>()?, logs: Logs::start()? })
    }

    /// Those that have outages.
    pub(super) fn fates(&self) -> Vec<&Fate> {
        let unsteady = self.metrics.iter().filter(|(name, _)| **name != "steady").map(|(_, sink)| &sink.fate);
        unsteady.chain([&self.logs.fate]).collect()
    }
}

fn lock<T>(seen: &Mutex<T>) -> MutexGuard<'_, T> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
