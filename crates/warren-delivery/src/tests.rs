//! Delivery against a sender that does as the test says, on a clock that the test moves.

mod disk;
mod handover;
mod order;
mod queue;
mod retry;
mod shutdown;
mod without_queue;

use crate::{DeliveryConfig, Outcome, Progress, QueueConfig, RetryConfig, Sender, deliver};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, ConsumeError, Exporter, Extensions, Inherited, RunContext, RunError, Status, Stop,
    StopHandle,
};
use warren_config::GoDuration;
use warren_pdata::{Batch, LogRecord, Logs, Resource, Scope, Signal};
use warren_telemetry::{LogSettings, Logger, Registry, Telemetry};

/// A batch of so many log records.
pub(crate) fn logs(items: usize) -> Arc<Batch> {
    Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); items])))
}

/// What the other side does with one attempt.
#[derive(Clone, Debug)]
enum Step {
    Answer(Outcome),
    After(Duration, Outcome),
    Never,
    /// Takes so many positions of one item each, then fails.
    Partly(u64, ConsumeError),
}

/// The other side: does the steps in order, then takes everything.
#[derive(Clone, Default)]
struct Destination(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    steps: VecDeque<Step>,
    otherwise: Option<Step>,
    /// When attempts began, with how many items that were open.
    attempts: Vec<(Instant, u64)>,
    /// Items taken, in order.
    taken: Vec<u64>,
    most_at_once: usize,
    at_once: usize,
}

impl Destination {
    fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        let destination = Self::default();
        destination.0.lock().unwrap().steps = steps.into_iter().collect();
        destination
    }

    fn always(step: Step) -> Self {
        let destination = Self::default();
        destination.otherwise(step);
        destination
    }

    fn otherwise(&self, step: Step) {
        self.0.lock().unwrap().otherwise = Some(step);
    }

    fn taken(&self) -> Vec<u64> {
        self.0.lock().unwrap().taken.clone()
    }

    fn attempts(&self) -> Vec<u64> {
        self.0.lock().unwrap().attempts.iter().map(|(_, items)| *items).collect()
    }

    /// Milliseconds from the first attempt to each.
    fn times(&self) -> Vec<u128> {
        let script = self.0.lock().unwrap();
        let first = script.attempts[0].0;
        script.attempts.iter().map(|(at, _)| (*at - first).as_millis()).collect()
    }

    fn most_at_once(&self) -> usize {
        self.0.lock().unwrap().most_at_once
    }
}

/// Counts an attempt as under way while it lives.
struct UnderWay(Destination);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().at_once -= 1;
    }
}

impl Sender for Destination {
    fn send<'a>(&'a self, batch: &'a Batch, progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let all = batch.items() as u64;
            let open = all.saturating_sub(progress.open(0).start);
            let step = {
                let mut script = self.0.lock().unwrap();
                script.attempts.push((Instant::now(), open));
                script.at_once += 1;
                script.most_at_once = script.most_at_once.max(script.at_once);
                let step = script.steps.pop_front().or_else(|| script.otherwise.clone());
                step.unwrap_or(Step::Answer(Outcome::Sent))
            };
            let _under_way = UnderWay(self.clone());
            let outcome = match step {
                Step::Answer(outcome) => outcome,
                Step::After(wait, outcome) => {
                    tokio::time::sleep(wait).await;
                    outcome
                }
                Step::Never => std::future::pending().await,
                Step::Partly(positions, error) => {
                    let start = progress.open(0).start;
                    progress.sent(start..start + positions, positions);
                    self.0.lock().unwrap().taken.push(positions);
                    Outcome::Failed(error)
                }
            };
            if matches!(outcome, Outcome::Sent | Outcome::Partial { .. }) {
                self.0.lock().unwrap().taken.push(open);
            }
            outcome
        })
    }
}

fn unavailable() -> Outcome {
    Outcome::Failed(ConsumeError::retryable("unavailable"))
}

fn refused() -> Outcome {
    Outcome::Failed(ConsumeError::permanent("bad data"))
}

/// Retries without chance: 5 s, 7.5 s, 11.25 s, …
fn steady() -> RetryConfig {
    RetryConfig { randomization_factor: 0.0, ..RetryConfig::default() }
}

fn config() -> DeliveryConfig {
    DeliveryConfig { retry: steady(), ..DeliveryConfig::default() }
}

fn without_queue() -> DeliveryConfig {
    DeliveryConfig { queue: QueueConfig::disabled(), ..config() }
}

fn one_consumer() -> DeliveryConfig {
    DeliveryConfig { queue: QueueConfig { num_consumers: 1, ..QueueConfig::default() }, ..config() }
}

fn seconds(count: i64) -> GoDuration {
    GoDuration(count * 1_000_000_000)
}

/// An exporter at work.
struct Scene {
    exporter: Arc<dyn Exporter>,
    registry: Registry,
    log: Lines,
    status: Status,
    stop: StopHandle,
    running: Option<JoinHandle<Result<(), RunError>>>,
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Scene {
    fn start(config: DeliveryConfig, destination: &Destination) -> Self {
        Self::inheriting(config, destination, Inherited::default(), Registry::default())
    }

    fn inheriting(config: DeliveryConfig, destination: &Destination, inherited: Inherited, registry: Registry) -> Self {
        Self::with(config, destination, inherited, registry, Extensions::default())
    }

    fn with(
        config: DeliveryConfig,
        destination: &Destination,
        inherited: Inherited,
        registry: Registry,
        extensions: Extensions,
    ) -> Self {
        let log = Lines::default();
        let settings = LogSettings { output: Box::new(log.clone()), sampling: None, ..LogSettings::default() };
        let cx = BuildContext {
            id: "otlphttp/x".parse().unwrap(),
            telemetry: Telemetry { registry: registry.clone(), log: Logger::new(settings) },
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions,
            inherited,
            collect_now: false,
            gates: Default::default(),
        };
        let exporter = deliver(&cx, Signal::Logs, config, destination.clone()).unwrap();
        let (stop, stopped) = Stop::new();
        let status = Status::default();
        let running = tokio::spawn(exporter.clone().run(RunContext { stop: stopped, status: status.clone() }));
        Self { exporter, registry, log, status, stop, running: Some(running) }
    }

    async fn consume(&self, items: usize) -> Result<(), ConsumeError> {
        self.exporter.consume(logs(items)).await
    }

    /// Lets so much time pass, and everything happen in it.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends the exporter within the time given, and waits for that.
    async fn end(&mut self, drain: Duration) {
        self.stop.request(Instant::now() + drain);
        self.running.take().unwrap().await.unwrap().unwrap();
    }

    fn total(&self, name: &str) -> f64 {
        self.registry.total(name, &[])
    }

    fn lost(&self, reason: &str) -> f64 {
        self.registry.total("warren_dropped_items_total", &[("reason", reason)])
    }

    fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }
}

const SENT: &str = "otelcol_exporter_sent_log_records";
const FAILED: &str = "otelcol_exporter_send_failed_log_records";
const REFUSED: &str = "otelcol_exporter_enqueue_failed_log_records";
