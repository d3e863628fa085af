//! The running receiver: a clock that asks for scrapes and hands their metrics on.

use crate::config::{Compat, Config};
use crate::entity;
use crate::faults::Faults;
use crate::recorder::Recorder;
use crate::scraper::ScraperContext;
use crate::work::{Figures, Unit, Work, Worker};
use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use warren_component::{
    BoxFuture, BuildContext, BuildError, Consumer, Health, MemoryBound, Outputs, Pulse, Receiver, ReceiverConfig, RunContext,
    RunError, Status,
};
use warren_host::{Host, Paths, boot};
use warren_pdata::{Batch, Metrics, Signal};
use warren_telemetry::{Counter, Field, Logger};

/// After this a scrape counts as hung, when the configuration does not say it and the interval is not longer.
const HUNG_AFTER_MIN: Duration = Duration::from_secs(10);

/// The figures of the machine and of some tens of thousands of processes.
const KERNEL_BYTES: u64 = 16 << 20;

/// When the machine booted, as the receiver's predecessor found: reckoned anew it could come out a second off, and everything would count from
/// another start.
#[derive(Clone)]
struct Booted {
    root: PathBuf,
    seconds: u64,
}

struct HostMetrics {
    metrics: Option<Scraping>,
    logs: Option<Entities>,
    booted: Option<(PathBuf, u64)>,
}

/// What a pipeline of metrics gets.
struct Scraping {
    work: Work,
    pace: Pace,
    output: Output,
}

/// What a pipeline of logs gets.
struct Entities {
    every: Duration,
    output: Arc<dyn Consumer>,
    accepted: Counter,
    refused: Counter,
    log: Logger,
}

/// When to scrape.
struct Pace {
    delay: Duration,
    interval: Duration,
    hung_after: Duration,
}

/// Where metrics go.
struct Output {
    consumer: Arc<dyn Consumer>,
    accepted: Counter,
    refused: Counter,
    log: Logger,
    /// Whether the last batch was refused.
    was_refused: bool,
    /// When a batch was last taken.
    taken: Arc<Mutex<Instant>>,
}

impl ReceiverConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        vec![MemoryBound::new("what the kernel tells", KERNEL_BYTES)]
    }

    fn build(&self, cx: BuildContext, outputs: Outputs) -> Result<Box<dyn Receiver>, BuildError> {
        let counters = |signal: Signal| {
            let (registry, id) = (&cx.telemetry.registry, cx.id.to_string());
            let labels = [("receiver", id.as_str()), ("transport", "")];
            let counter =
                |outcome, help| registry.counter(&format!("otelcol_receiver_{outcome}_{}", signal.items()), help, &labels);
            (
                counter("accepted", "Number of items successfully pushed into the pipeline."),
                counter("refused", "Number of items that could not be pushed into the pipeline."),
            )
        };
        let log = cx.telemetry.log.clone();
        let logs = outputs.get(Signal::Logs).map(|output| {
            let (accepted, refused) = counters(Signal::Logs);
            let (every, output) = (self.metadata_collection_interval, Arc::clone(output));
            Entities { every, output, accepted, refused, log: log.clone() }
        });
        let Some(consumer) = outputs.get(Signal::Metrics) else {
            return Ok(Box::new(HostMetrics { metrics: None, logs, booted: None }));
        };
        let root = Path::new(&self.root_path);
        let (work, booted) = self.work(&cx, Paths::from_environment(root))?;
        let (accepted, refused) = counters(Signal::Metrics);
        let output = Output {
            consumer: Arc::clone(consumer),
            accepted,
            refused,
            log,
            was_refused: false,
            taken: Arc::new(Mutex::new(Instant::now())),
        };
        let pace = Pace {
            delay: if cx.collect_now { Duration::ZERO } else { self.delay() },
            interval: self.interval(),
            hung_after: self.limit().unwrap_or_else(|| self.interval().max(HUNG_AFTER_MIN)),
        };
        let metrics = Some(Scraping { work, pace, output });
        Ok(Box::new(HostMetrics { metrics, logs, booted: booted.map(|seconds| (root.to_owned(), seconds)) }))
    }
}

impl Config {
    /// Prepares the scrapers. Gives the boot time, where it is known.
    pub(crate) fn work(&self, cx: &BuildContext, paths: Paths) -> Result<(Work, Option<u64>), BuildError> {
        let mut host = Host::new(paths.clone());
        if self.warren.compat == Compat::Corrected && paths.elsewhere() {
            host = host.with_network_of_first_process();
        }
        let inherited = cx.inherited.take::<Booted>().filter(|booted| booted.root == paths.root);
        let booted = match inherited {
            Some(booted) => Ok(booted.seconds),
            None => boot::time(&mut host, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        };
        let mut units = Vec::new();
        for (name, config) in self.scrapers.wanted() {
            let seconds = match &booted {
                Ok(seconds) => *seconds,
                // As upstream, which starts without it when only processes are looked at.
                Err(_) if name == "process" => 0,
                Err(error) => return Err(BuildError::new(error.to_string())),
            };
            let context = ScraperContext {
                compat: self.warren.compat,
                paths: &paths,
                booted: seconds,
                boot_time_may_change: !cx.gates.is_on("hostmetrics.process.bootTimeCache"),
                timeout: self.limit(),
            };
            if name == "filesystem" && !paths.elsewhere() && in_container() {
                cx.telemetry
                    .log
                    .warn("No root_path is set and this looks like a container: file systems are those of the container", &[]);
            }
            let start = seconds.saturating_mul(1_000_000_000);
            units.push(Unit {
                name,
                scraper: config.build(&context).map_err(BuildError::new)?,
                recorder: Recorder::new(name, config.metrics(), &cx.build.version, start),
                faults: Faults::default(),
                figures: Figures::new(&cx.telemetry.registry, &cx.id.to_string(), name),
            });
        }
        Ok((Work::new(host, units, cx.telemetry.log.clone()), booted.ok()))
    }
}

/// Whether this process looks like one in a container.
fn in_container() -> bool {
    std::process::id() == 1 || ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
}

impl Receiver for HostMetrics {
    fn run(self: Box<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let Self { metrics, logs, .. } = *self;
            cx.status.tell(Health::Ok);
            let metrics = async {
                match metrics {
                    Some(scraping) => scraping.run(&cx).await,
                    None => Ok(()),
                }
            };
            let logs = async {
                let Some(Entities { every, output, accepted, refused, log }) = logs else { return Ok(()) };
                tokio::select! {
                    () = cx.stop.requested() => {}
                    () = entity::send(every, output, accepted, refused, log) => {}
                }
                Ok(())
            };
            tokio::try_join!(metrics, logs).map(|_| ())
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        let (root, seconds) = self.booted.clone()?;
        Some(Box::new(Booted { root, seconds }))
    }
}

impl Scraping {
    /// Scrapes until told to stop. What was scraped before that is handed on.
    async fn run(mut self, cx: &RunContext) -> Result<(), RunError> {
        let worker = self.work.start().map_err(|error| RunError(format!("cannot start the thread that scrapes: {error}")))?;
        let begin = Instant::now() + self.pace.delay;
        let (interval, taken) = (self.pace.interval, Arc::clone(&self.output.taken));
        *taken.lock().unwrap_or_else(PoisonError::into_inner) = begin;
        cx.status.answer(move || {
            let ago = taken.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            Some(Pulse::Collects { interval, ago })
        });
        let mut clock = interval_at(begin, self.pace.interval);
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let next = async {
                clock.tick().await;
                scrape(&worker, self.pace.hung_after, &self.output.log, &cx.status).await
            };
            let metrics = tokio::select! {
                () = cx.stop.requested() => return Ok(()),
                metrics = next => metrics?,
            };
            self.output.take(metrics).await;
        }
    }
}

/// Has the worker scrape. Waits for as long as that takes, and tells if it takes too long.
async fn scrape(worker: &Worker, hung_after: Duration, log: &Logger, status: &Status) -> Result<Metrics, RunError> {
    let mut answer = worker.ask();
    let answered = match timeout(hung_after, &mut answer).await {
        Ok(answered) => answered,
        Err(_) => {
            let at = worker.at();
            log.error(
                "Scraping hangs; nothing is scraped until the kernel answers",
                &[("scraper", Field::Str(at)), ("after", Field::Duration(hung_after))],
            );
            status.tell(Health::Recoverable(format!("the scraper {at} hangs")));
            let answered = answer.await;
            log.info("Scraping does not hang any more", &[("scraper", Field::Str(at))]);
            status.tell(Health::Ok);
            answered
        }
    };
    answered.map_err(|_| RunError("the thread that scrapes has ended".to_owned()))
}

impl Output {
    /// Hands metrics on. What is refused is lost: the next scrape tells more.
    async fn take(&mut self, metrics: Metrics) {
        let points = metrics.count() as u64;
        if points == 0 {
            return self.beat();
        }
        match self.consumer.consume(Arc::new(Batch::Metrics(metrics))).await {
            Ok(()) => {
                self.accepted.add(points);
                self.was_refused = false;
                self.beat();
            }
            Err(error) => {
                self.refused.add(points);
                if !std::mem::replace(&mut self.was_refused, true) {
                    self.log.error("Metrics of the host were refused", &[("error", Field::Display(&error))]);
                }
            }
        }
    }

    fn beat(&self) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}
