//! Start, run, reload, stop.
//!
//! Extensions start first, then exporters and processors, receivers strictly last. The other way round they stop: receivers end when what
//! they acknowledged is handed on, then each processor from the beginning of its pipeline to the end, exporters when their queues are
//! empty or the drain deadline has come, extensions last.
//!
//! Starting is the reload of a process that runs nothing yet: the same plan, the same building, the same switch.

pub(crate) mod group;
mod leaving;
pub(crate) mod running;
pub(crate) mod service;
pub(crate) mod signals;

use crate::control;
use crate::graph::Common;
use crate::own;
use crate::reload::{Decoded, Event, Read, Reloads, Show};
use crate::state::StateDirectory;
use crate::watch::Watched;
use running::{LEAVING_MAX, Running};
use service::Service;
use signals::{Signals, Word};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use warren_component::{BuildInfo, Control, Gates};
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
    /// Whether changed files of the configuration are read again at once.
    pub(crate) watch: bool,
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

/// How long a predecessor is waited for that still has the state directory.
const PREDECESSOR: Duration = Duration::from_secs(40);

/// Memory held back that is worth giving to the system.
const HELD_BACK_BYTES: u64 = 2 << 20;

/// Where a configuration comes from.
pub(crate) struct Source {
    /// The one to begin with.
    pub(crate) first: Decoded,
    /// Why it is not the one that was asked for.
    pub(crate) degraded: Option<String>,
    /// Reads another one.
    pub(crate) read: Read,
    /// Shows one.
    pub(crate) show: Show,
}

/// Runs a collector until a signal or a fatal error ends it.
///
/// # Errors
/// What kept it from starting, or ended it.
pub(crate) async fn run(source: Source, build: Arc<BuildInfo>, options: Options) -> Result<Ended, String> {
    let mut signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let state = match options.state_dir.as_deref() {
        Some(path) => Some(Arc::new(opened(path).await?)),
        None => None,
    };
    let instance = state.as_ref().map_or_else(|| Ok(random_id()), |state| state.instance_id(random_id))?;
    let Source { first, degraded, read, show } = source;
    let telemetry = &first.settings.telemetry;
    let log = Logger::new(telemetry.log_settings(&telemetry.resource(&build, &instance))?);
    tell_panics(&log);
    log.info("Setting up own telemetry...", &[]);
    for warning in &first.warnings {
        log.warn(warning, &[]);
    }
    if let Some(reason) = &degraded {
        let error = [("error", Field::Str(reason))];
        log.error("The configuration is refused; starting with the last one that was good", &error);
    }
    if state.is_none() {
        log.info("No state directory: nothing is kept across restarts; give one with --state-dir", &[]);
    }
    let registry = Registry::new(telemetry.detail());
    own::watch_process(&registry);
    let common = Common {
        telemetry: Telemetry { registry: registry.clone(), log: log.clone() },
        build: Arc::clone(&build),
        collect_now: options.collect_now,
        gates: options.gates,
        state_directory: options.state_dir.map(Arc::from),
    };
    let (control, inbox) = Control::new();
    let running = Running::new(&common, control.clone(), options.drain_timeout);
    let mut service = Service::new(common, instance, state.clone(), running, degraded);
    let mut background = JoinSet::new();
    if let Some(state) = &state {
        match control::server(state, control.clone(), service.common()) {
            Ok(server) => drop(background.spawn(server)),
            Err(error) => log.warn("There is no control socket", &[("error", Field::Str(&error))]),
        }
    }
    let watched = Watched::default();
    watched.set(first.files.clone());
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as i64;
    service.start(first, || {
        log.info(
            &format!("Starting {}...", build.command),
            &[("Version", Field::Str(&build.version)), ("NumCPU", Field::Int(cpus))],
        );
    })?;
    // Everything that was started gets to its first wait before it is called ready.
    tokio::task::yield_now().await;
    background.spawn(tidy(log.clone()));
    if options.watch {
        background.spawn(watched.clone().run(control.clone()));
    }
    // What was only needed for getting here.
    warren_sys::release_code();
    log.info("Everything is ready. Begin running and processing data.", &[]);
    let ended = until_ended(&mut service, Reloads::new(read, inbox), &show, &control, &watched, &mut signals).await;
    background.abort_all();
    log.info("Starting shutdown...", &[]);
    let dropped_before = dropped(&registry);
    service.stop(&mut signals).await;
    log.flush();
    log.info("Shutdown complete.", &[]);
    ended?;
    let lost = dropped(&registry) > dropped_before;
    Ok(if lost && options.strict_exit { Ended::Dropped } else { Ended::Well })
}

/// Takes the state directory. Whoever is watched over may have been started while a predecessor, whose watchdog is gone, still ends.
async fn opened(path: &Path) -> Result<StateDirectory, String> {
    let patience = std::env::var_os(warren_slots::SLOT_VARIABLE).map_or(Duration::ZERO, |_| PREDECESSOR);
    let began = tokio::time::Instant::now();
    loop {
        match StateDirectory::open(path) {
            Err(_) if began.elapsed() < patience => tokio::time::sleep(Duration::from_millis(200)).await,
            done => return done,
        }
    }
}

/// Reloads as asked, until a signal ends it, or something that cannot go on.
pub(crate) async fn until_ended(
    service: &mut Service,
    mut reloads: Reloads,
    show: &Show,
    control: &Control,
    watched: &Watched,
    signals: &mut Signals,
) -> Result<(), String> {
    let log = service.common().telemetry.log.clone();
    loop {
        let rest = service.running.leaving() >= LEAVING_MAX;
        tokio::select! {
            word = signals.next() => {
                log.info("Received signal from OS", &[("signal", Field::Str(word.name()))]);
                match word {
                    Word::Reload => control.reload(),
                    Word::End(_) => return Ok(()),
                }
            }
            outcome = service.running.event() => if let Some((key, failure)) = outcome {
                if let Some(before) = service.put_back(key.as_ref(), &failure) {
                    reloads.put_back(before);
                    continue;
                }
                log.error("Asynchronous error received, terminating process", &[("error", Field::Str(&failure))]);
                return Err(failure);
            },
            event = reloads.next(rest) => match event {
                Event::Status(reply) => drop(reply.send(service.status())),
                Event::Effective(reply) => {
                    let (show, canonical) = (Arc::clone(show), service.canonical());
                    tokio::task::spawn_blocking(move || drop(reply.send(show(&canonical))));
                }
                Event::Read(finished) => {
                    if let Some(files) = service.reload(finished) {
                        watched.set(files);
                    }
                }
            }
        }
    }
}

/// Gives memory back that a burst, such as the first scrape of a large page, left behind, and tells what the log left out.
async fn tidy(log: Logger) {
    loop {
        tokio::time::sleep(TIDY_INTERVAL).await;
        log.tell_suppressed();
        // Without the program itself, which is no memory that could be given back to anybody.
        let anonymous = warren_sys::memory::anonymous_bytes().unwrap_or_default();
        if anonymous.saturating_sub(warren_sys::live_bytes() as u64) > HELD_BACK_BYTES {
            warren_sys::release_unused();
        }
        warren_sys::release_code();
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
