//! The thread that scrapes: it owns the machine's files and the scrapers, and works when it is asked.
//!
//! Reading a file of a process, or asking a file system, may hang. Then this thread hangs and nothing else: whoever asked sees where, by the place of
//! the scraper that is at work, and asks again when there is an answer.

use crate::faults::Faults;
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use warren_host::Host;
use warren_pdata::{Metric, Metrics, ResourceGroup};
use warren_telemetry::{Counter, Logger, Registry};

/// Stack of the thread.
const STACK_BYTES: usize = 256 << 10;

/// Everything that scraping needs.
pub(crate) struct Work {
    host: Host,
    scrapers: Vec<Unit>,
    log: Logger,
    /// Place of the scraper that is at work, for whoever waits.
    at: Arc<AtomicUsize>,
}

/// A scraper with what goes around it.
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) scraper: Box<dyn Scraper>,
    pub(crate) recorder: Recorder,
    pub(crate) faults: Faults,
    pub(crate) figures: Figures,
}

/// What is counted of a scraper.
pub(crate) struct Figures {
    scraped: Counter,
    errored: Counter,
}

/// The thread, seen from outside.
pub(crate) struct Worker {
    questions: Sender<oneshot::Sender<Metrics>>,
    names: Vec<&'static str>,
    at: Arc<AtomicUsize>,
}

impl Figures {
    /// Those of a scraper of this receiver.
    pub(crate) fn new(registry: &Registry, receiver: &str, scraper: &str) -> Self {
        let labels = [("receiver", receiver), ("scraper", scraper)];
        Self {
            scraped: registry.counter(
                "otelcol_scraper_scraped_metric_points",
                "Number of metric points successfully scraped. [alpha]",
                &labels,
            ),
            errored: registry.counter(
                "otelcol_scraper_errored_metric_points",
                "Number of metric points that were unable to be scraped. [alpha]",
                &labels,
            ),
        }
    }
}

impl Work {
    /// These scrapers of this machine.
    pub(crate) fn new(host: Host, scrapers: Vec<Unit>, log: Logger) -> Self {
        Self { host, scrapers, log, at: Arc::default() }
    }

    /// One scrape by all scrapers, one after the other.
    pub(crate) fn scrape(&mut self) -> Metrics {
        self.host.tick();
        let mut resources: Vec<ResourceGroup<Metric>> = Vec::with_capacity(self.scrapers.len());
        for (place, unit) in self.scrapers.iter_mut().enumerate() {
            self.at.store(place, Relaxed);
            unit.recorder.now();
            unit.scraper.scrape(&mut self.host, &mut unit.recorder, &mut unit.faults);
            unit.recorder.emit(warren_pdata::Resource::default());
            // Upstream counts metrics under the name of points.
            let metrics = unit.recorder.drain_into(&mut resources);
            unit.figures.scraped.add(metrics as u64);
            unit.figures.errored.add(unit.faults.end_tick(unit.name, &self.log) as u64);
        }
        Metrics { resources }
    }

    /// Starts the thread. It ends when the worker is dropped and no scrape hangs.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn start(mut self) -> std::io::Result<Worker> {
        let (questions, asked): (_, Receiver<oneshot::Sender<Metrics>>) = channel();
        let worker = Worker { questions, names: self.scrapers.iter().map(|unit| unit.name).collect(), at: Arc::clone(&self.at) };
        let work = move || {
            while let Ok(answer) = asked.recv() {
                // Nobody may wait any more: the receiver was told to stop.
                let _ = answer.send(self.scrape());
            }
        };
        std::thread::Builder::new().name("warren-host".to_owned()).stack_size(STACK_BYTES).spawn(work)?;
        Ok(worker)
    }
}

impl Worker {
    /// Asks for a scrape. The answer never comes when the thread is gone.
    pub(crate) fn ask(&self) -> oneshot::Receiver<Metrics> {
        let (answer, answered) = oneshot::channel();
        let _ = self.questions.send(answer);
        answered
    }

    /// The scraper that is at work, or was last.
    pub(crate) fn at(&self) -> &'static str {
        self.names.get(self.at.load(Relaxed)).copied().unwrap_or_default()
    }
}
