//! Start, run, stop.
//!
//! Extensions start first, then exporters and processors, receivers strictly last; the other way round they stop: receivers end when what they
//! acknowledged is handed on, then each processor from the beginning of its pipeline to the end, exporters when their queues are empty or the drain
//! deadline has come, extensions last.

use crate::config::Settings;
use crate::graph::{Common, Graph};
use crate::own;
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal as Unix, SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, Extensions, Health, Inherited, RunContext, RunError, Status, Stop, StopHandle,
};
use warren_config::ComponentId;
use warren_telemetry::{Field, Logger, Registry, Telemetry};

/// How the process is to behave.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Pull receivers collect once at start.
    pub(crate) collect_now: bool,
    /// How long draining may take.
    pub(crate) drain_timeout: Duration,
    /// Whether dropped data shows in the exit code.
    pub(crate) strict_exit: bool,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked.
    Well,
    /// As asked, but data was dropped on the way.
    Dropped,
}

/// A group of tasks that start and stop together.
struct Group {
    stop: StopHandle,
    tasks: Vec<(String, JoinHandle<Result<(), RunError>>)>,
}

/// Runs a collector until a signal or a fatal error ends it.
///
/// # Errors
/// What kept it from starting, or ended it.
pub(crate) async fn run(
    settings: Settings,
    build: Arc<BuildInfo>,
    options: Options,
    warnings: Vec<String>,
) -> Result<Ended, String> {
    let mut signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let resource = settings.telemetry.resource(&build, &random_id());
    let log = settings.telemetry.logger(&resource)?;
    log.info("Setting up own telemetry...", &[]);
    for warning in warnings {
        log.warn(&warning, &[]);
    }
    let telemetry = Telemetry { registry: Registry::default(), log: log.clone() };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as i64;
    log.info(&format!("Starting {}...", build.command), &[("Version", Field::Str(&build.version)), ("NumCPU", Field::Int(cpus))]);
    let common = Common { telemetry: telemetry.clone(), build: Arc::clone(&build), collect_now: options.collect_now };
    let own_server = own_server(&settings, &common, &resource)?;
    let graph = Graph::build(&settings, &common).map_err(|error| error.to_string())?;
    let mut running = Running::start(graph, &log);
    if let Some(server) = own_server {
        running.telemetry.spawn("own telemetry".to_owned(), move |cx| {
            Box::pin(async move { server.serve(cx.stop).await.map_err(|error| RunError(error.to_string())) })
        });
    }
    let tidying = tokio::spawn(give_memory_back());
    log.info("Everything is ready. Begin running and processing data.", &[]);
    let ended = running.until_ended(&mut signals, &log).await;
    tidying.abort();
    log.info("Starting shutdown...", &[]);
    let dropped_before = dropped(&telemetry.registry);
    running.stop(options.drain_timeout, &mut signals, &log).await;
    log.info("Shutdown complete.", &[]);
    ended?;
    let lost = dropped(&telemetry.registry) > dropped_before;
    Ok(if lost && options.strict_exit { Ended::Dropped } else { Ended::Well })
}

/// How often memory that is free but held back is looked for.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);

/// Memory held back that is worth giving to the system.
const HELD_BACK_BYTES: u64 = 2 << 20;

/// Gives memory back that a burst, such as the first scrape of a large page, left behind.
async fn give_memory_back() {
    loop {
        tokio::time::sleep(TIDY_INTERVAL).await;
        let resident = warren_sys::memory::resident_bytes().unwrap_or_default();
        if resident.saturating_sub(warren_sys::live_bytes() as u64) > HELD_BACK_BYTES {
            warren_sys::release_unused();
        }
    }
}

/// Items dropped so far, for whatever reason.
fn dropped(registry: &Registry) -> f64 {
    registry.total("warren_dropped_items_total", &[])
}

fn own_server(
    settings: &Settings,
    common: &Common,
    resource: &IndexMap<String, String>,
) -> Result<Option<warren_http::server::Server>, String> {
    let Some(endpoint) = settings.telemetry.endpoint() else {
        common.telemetry.log.info("Skipped telemetry setup.", &[]);
        return Ok(None);
    };
    let cx = BuildContext {
        id: ComponentId::of_type("telemetry"),
        telemetry: common.telemetry.clone(),
        build: Arc::clone(&common.build),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
    };
    own::server(endpoint, &cx, resource).map(Some).map_err(|error| error.to_string())
}

/// Everything that runs.
struct Running {
    telemetry: Group,
    extensions: Group,
    exporters: Group,
    /// One group per pipeline and place, from the beginning of pipelines to their end.
    processors: Vec<Group>,
    receivers: Group,
}

impl Running {
    fn start(graph: Graph, log: &Logger) -> Self {
        let mut extensions = Group::new();
        if !graph.extensions.is_empty() {
            log.info("Starting extensions...", &[]);
        }
        for (id, extension) in graph.extensions {
            let name = id.to_string();
            log.info(
                "Extension is starting...",
                &[("otelcol.component.id", Field::Str(&name)), ("otelcol.component.kind", Field::Str("extension"))],
            );
            extensions.spawn(name.clone(), |cx| extension.run(cx));
            log.info(
                "Extension started.",
                &[("otelcol.component.id", Field::Str(&name)), ("otelcol.component.kind", Field::Str("extension"))],
            );
        }
        let mut exporters = Group::new();
        for (signal, id, exporter) in graph.exporters {
            exporters.spawn(format!("{id} ({signal})"), |cx| exporter.run(cx));
        }
        let mut processors = Vec::new();
        for (pipeline, id, processor) in graph.processors {
            let mut group = Group::new();
            group.spawn(format!("{id} ({pipeline})"), |cx| processor.run(cx));
            processors.push(group);
        }
        // They were built from the end of each pipeline.
        processors.reverse();
        let mut receivers = Group::new();
        for (id, receiver) in graph.receivers {
            receivers.spawn(id.to_string(), |cx| receiver.run(cx));
        }
        Self { telemetry: Group::new(), extensions, exporters, processors, receivers }
    }

    /// Waits for a signal to end, or for something that cannot go on.
    async fn until_ended(&mut self, signals: &mut Signals, log: &Logger) -> Result<(), String> {
        loop {
            tokio::select! {
                name = signals.next() => {
                    log.info("Received signal from OS", &[("signal", Field::Str(name))]);
                    if name != "hangup" {
                        return Ok(());
                    }
                    log.warn("The configuration is not read again while running; restart to apply a change", &[]);
                }
                failure = self.failure() => return Err(failure),
            }
        }
    }

    /// Resolves when something ends that should go on.
    async fn failure(&mut self) -> String {
        let groups = [&mut self.telemetry, &mut self.extensions, &mut self.exporters, &mut self.receivers]
            .into_iter()
            .chain(&mut self.processors);
        let mut waits: Vec<BoxFuture<'_, String>> =
            groups.map(|group| Box::pin(group.failure()) as BoxFuture<'_, String>).collect();
        if waits.is_empty() {
            return std::future::pending().await;
        }
        futures_util::future::select_all(waits.iter_mut()).await.0
    }

    async fn stop(self, drain_timeout: Duration, signals: &mut Signals, log: &Logger) {
        let deadline = Instant::now() + drain_timeout;
        let all: Vec<StopHandle> =
            [&self.receivers, &self.exporters].into_iter().chain(&self.processors).map(|group| group.stop.clone()).collect();
        let in_order = async {
            self.receivers.stop(deadline, log).await;
            for group in self.processors {
                group.stop(deadline, log).await;
            }
            self.exporters.stop(deadline, log).await;
        };
        tokio::pin!(in_order);
        loop {
            tokio::select! {
                () = &mut in_order => break,
                name = signals.next() => {
                    if name != "hangup" {
                        log.warn("Received a second signal: stopping now", &[("signal", Field::Str(name))]);
                        all.iter().for_each(|stop| stop.request(Instant::now()));
                    }
                }
            }
        }
        log.info("Stopping extensions...", &[]);
        self.extensions.stop(Instant::now() + drain_timeout, log).await;
        self.telemetry.stop(Instant::now() + Duration::from_secs(1), log).await;
    }
}

/// Time that a task has to end after the drain deadline, before it is given up.
const GRACE: Duration = Duration::from_secs(1);

impl Group {
    fn new() -> Self {
        Self { stop: Stop::new().0, tasks: Vec::new() }
    }

    fn spawn(&mut self, name: String, run: impl FnOnce(RunContext) -> BoxFuture<'static, Result<(), RunError>>) {
        let status = Status::default();
        let cx = RunContext { stop: self.stop.subscribe(), status: status.clone() };
        let future = run(cx);
        let task = async move {
            let ended = future.await;
            status.tell(Health::Stopped);
            ended
        };
        self.tasks.push((name, tokio::spawn(task)));
    }

    /// Resolves when a task failed. One that ended well has nothing more to do.
    async fn failure(&mut self) -> String {
        loop {
            if self.tasks.is_empty() {
                return std::future::pending().await;
            }
            let (ended, index, _) = futures_util::future::select_all(self.tasks.iter_mut().map(|(_, task)| task)).await;
            let (name, _) = self.tasks.swap_remove(index);
            if let Some(failure) = failure_of(&name, ended) {
                return failure;
            }
        }
    }

    async fn stop(self, deadline: Instant, log: &Logger) {
        self.stop.request(deadline);
        for (name, mut task) in self.tasks {
            match tokio::time::timeout_at(deadline + GRACE, &mut task).await {
                Ok(ended) => {
                    if let Some(failure) = failure_of(&name, ended) {
                        log.error("Component failed while stopping", &[("error", Field::Str(&failure))]);
                    }
                }
                Err(_) => {
                    task.abort();
                    log.error("Component did not stop in time", &[("otelcol.component.id", Field::Str(&name))]);
                }
            }
        }
    }
}

fn failure_of(name: &str, ended: Result<Result<(), RunError>, JoinError>) -> Option<String> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{name}: {error}")),
        Err(error) if error.is_panic() => Some(format!("{name}: the component panicked; this is a fault of the program")),
        Err(error) => Some(format!("{name}: {error}")),
    }
}

/// The signals that matter.
struct Signals {
    terminate: Unix,
    interrupt: Unix,
    hangup: Unix,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal, by its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "terminated",
            _ = self.interrupt.recv() => "interrupt",
            _ = self.hangup.recv() => "hangup",
        }
    }
}

/// A random UUID.
fn random_id() -> String {
    let mut bytes = [0u8; 16];
    // Without randomness the id is the nil UUID; nothing depends on it.
    let _ = getrandom::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
