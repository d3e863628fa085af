//! Start, run, stop.
//!
//! Extensions start first, then exporters and processors, receivers strictly last. The other way round they stop: receivers end when what
//! they acknowledged is handed on, then each processor from the beginning of its pipeline to the end, exporters when their queues are
//! empty or the drain deadline has come, extensions last.

mod group;
pub(crate) mod signals;

use crate::config::Settings;
use crate::graph::{Common, Graph};
use crate::own;
use crate::state::StateDirectory;
use group::Group;
use indexmap::IndexMap;
use signals::{Signals, Word};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{BoxFuture, BuildContext, BuildInfo, Extensions, Gates, Inherited, RunError};
use warren_config::ComponentId;
use warren_http::server::Server;
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
    /// Where state is kept.
    pub(crate) state_dir: Option<PathBuf>,
    /// Feature gates.
    pub(crate) gates: Gates,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked.
    Well,
    /// As asked, but data was dropped on the way.
    Dropped,
}

/// How often what is left lying is tidied up: free memory, untold repetitions of the log.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);

/// Memory held back that is worth giving to the system.
const HELD_BACK_BYTES: u64 = 2 << 20;

/// How long the pages of own metrics have to finish their answers.
const OWN_SERVERS_TIMEOUT: Duration = Duration::from_secs(1);

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
    let state = options.state_dir.as_deref().map(StateDirectory::open).transpose()?;
    let instance = state.as_ref().map_or_else(|| Ok(random_id()), |state| state.instance_id(random_id))?;
    let resource = settings.telemetry.resource(&build, &instance);
    let log = settings.telemetry.logger(&resource)?;
    tell_panics(&log);
    log.info("Setting up own telemetry...", &[]);
    for warning in warnings {
        log.warn(&warning, &[]);
    }
    if state.is_none() {
        log.info("No state directory: nothing is kept across restarts; give one with --state-dir", &[]);
    }
    let registry = Registry::new(settings.telemetry.detail());
    own::watch_process(&registry);
    let telemetry = Telemetry { registry: registry.clone(), log: log.clone() };
    let common = Common { telemetry, build: Arc::clone(&build), collect_now: options.collect_now, gates: options.gates };
    let servers = own_servers(&settings, &common, &resource)?;
    let graph = Graph::build(&settings, &common).map_err(|error| error.to_string())?;
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as i64;
    log.info(&format!("Starting {}...", build.command), &[("Version", Field::Str(&build.version)), ("NumCPU", Field::Int(cpus))]);
    let mut running = Running::start(graph, servers, &log);
    // Everything that was started gets to its first wait before it is called ready.
    tokio::task::yield_now().await;
    let tidying = tokio::spawn(tidy(log.clone()));
    log.info("Everything is ready. Begin running and processing data.", &[]);
    let ended = running.until_ended(&mut signals, &log).await;
    tidying.abort();
    log.info("Starting shutdown...", &[]);
    let dropped_before = dropped(&registry);
    running.stop(options.drain_timeout, &mut signals, &log).await;
    log.flush();
    log.info("Shutdown complete.", &[]);
    ended?;
    let lost = dropped(&registry) > dropped_before;
    Ok(if lost && options.strict_exit { Ended::Dropped } else { Ended::Well })
}

/// Gives memory back that a burst, such as the first scrape of a large page, left behind, and tells what the log left out.
async fn tidy(log: Logger) {
    loop {
        tokio::time::sleep(TIDY_INTERVAL).await;
        log.tell_suppressed();
        let resident = warren_sys::memory::resident_bytes().unwrap_or_default();
        if resident.saturating_sub(warren_sys::live_bytes() as u64) > HELD_BACK_BYTES {
            warren_sys::release_unused();
        }
    }
}

/// Has a panic told in the log, where somebody looks, instead of between its lines.
fn tell_panics(log: &Logger) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let fields = [("error", Field::Str(text.unwrap_or("unknown"))), ("at", Field::Str(&place))];
        log.error("Panic: this is a fault of the program", &fields);
    }));
}

/// Items dropped so far, for whatever reason.
fn dropped(registry: &Registry) -> f64 {
    registry.total("warren_dropped_items_total", &[])
}

fn own_servers(settings: &Settings, common: &Common, resource: &IndexMap<String, String>) -> Result<Vec<Server>, String> {
    let cx = BuildContext {
        id: ComponentId::of_type("telemetry"),
        telemetry: common.telemetry.clone(),
        build: Arc::clone(&common.build),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: common.gates.clone(),
    };
    let endpoints = settings.telemetry.endpoints();
    let servers: Result<Vec<Server>, _> = endpoints.map(|reader| own::server(reader, &cx, resource)).collect();
    let servers = servers.map_err(|error| error.to_string())?;
    if servers.is_empty() {
        common.telemetry.log.info("Skipped telemetry setup.", &[]);
    }
    Ok(servers)
}

/// Everything that runs.
pub(crate) struct Running {
    telemetry: Group,
    /// One group each, in the order of their start.
    extensions: Vec<Group>,
    exporters: Group,
    /// One group per pipeline and place, from the beginning of pipelines to their end.
    processors: Vec<Group>,
    receivers: Group,
}

impl Running {
    pub(crate) fn start(graph: Graph, servers: Vec<Server>, log: &Logger) -> Self {
        let mut telemetry = Group::new();
        for server in servers {
            telemetry.spawn("own telemetry".to_owned(), move |cx| {
                Box::pin(async move { server.serve(cx.stop).await.map_err(|error| RunError(error.to_string())) })
            });
        }
        log.info("Starting extensions...", &[]);
        let mut extensions = Vec::new();
        for (id, extension) in graph.extensions {
            let name = id.to_string();
            let log = log.with(&[("otelcol.component.id", &name), ("otelcol.component.kind", "extension")]);
            log.info("Extension is starting...", &[]);
            extensions.push(Group::of(name, |cx| extension.run(cx)));
            log.info("Extension started.", &[]);
        }
        let mut exporters = Group::new();
        for (signal, id, exporter) in graph.exporters {
            exporters.spawn(format!("exporter {id} ({signal})"), |cx| exporter.run(cx));
        }
        let processors = graph.processors.into_iter();
        let mut processors: Vec<Group> = processors
            .map(|(pipeline, id, processor)| Group::of(format!("processor {id} ({pipeline})"), |cx| processor.run(cx)))
            .collect();
        // They were built from the end of each pipeline.
        processors.reverse();
        let mut receivers = Group::new();
        for (id, receiver) in graph.receivers {
            receivers.spawn(format!("receiver {id}"), |cx| receiver.run(cx));
        }
        Self { telemetry, extensions, exporters, processors, receivers }
    }

    /// Waits for a signal to end, or for something that cannot go on.
    pub(crate) async fn until_ended(&mut self, signals: &mut Signals, log: &Logger) -> Result<(), String> {
        loop {
            tokio::select! {
                word = signals.next() => {
                    log.info("Received signal from OS", &[("signal", Field::Str(word.name()))]);
                    match word {
                        Word::Reload => {
                            log.warn("The configuration is not read again while running; restart to apply a change", &[]);
                        }
                        Word::End(_) => return Ok(()),
                    }
                }
                failure = self.failure() => {
                    log.error("Asynchronous error received, terminating process", &[("error", Field::Str(&failure))]);
                    return Err(failure);
                }
            }
        }
    }

    /// Resolves when something ends that should go on.
    async fn failure(&mut self) -> String {
        let groups = [&mut self.telemetry, &mut self.exporters, &mut self.receivers];
        let groups = groups.into_iter().chain(&mut self.processors).chain(&mut self.extensions);
        let waits = groups.map(|group| Box::pin(group.failure()) as BoxFuture<'_, String>);
        futures_util::future::select_all(waits).await.0
    }

    pub(crate) async fn stop(self, drain_timeout: Duration, signals: &mut Signals, log: &Logger) {
        let now = Instant::now();
        let deadline = now + drain_timeout;
        // Clients that dawdle must not use up the time in which queues are emptied.
        let receivers_deadline = now + drain_timeout / 2;
        let groups = [&self.receivers, &self.exporters].into_iter().chain(&self.processors);
        let handles: Vec<_> = groups.map(Group::handle).collect();
        let in_order = async {
            self.receivers.stop(receivers_deadline, log).await;
            for group in self.processors {
                group.stop(deadline, log).await;
            }
            self.exporters.stop(deadline, log).await;
        };
        tokio::pin!(in_order);
        loop {
            tokio::select! {
                () = &mut in_order => break,
                word = signals.next() => if let Word::End(name) = word {
                    log.warn("Received a second signal: stopping now", &[("signal", Field::Str(name))]);
                    handles.iter().for_each(|handle| handle.request(Instant::now()));
                }
            }
        }
        log.info("Stopping extensions...", &[]);
        for group in self.extensions.into_iter().rev() {
            group.stop(Instant::now() + drain_timeout, log).await;
        }
        self.telemetry.stop(Instant::now() + OWN_SERVERS_TIMEOUT, log).await;
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
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
