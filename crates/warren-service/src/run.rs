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
use crate::state::{OpenError, StateDirectory};
use crate::watch::Watched;
use running::{LEAVING_MAX, Running};
use service::Service;
use signals::{Signals, Word};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
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

/// How long after the start the first requests were there, and what only they run can go.
const SETTLED: Duration = Duration::from_millis(500);

/// How long a predecessor is waited for that still has the state directory, and between two looks.
const PREDECESSOR: (Duration, Duration) = (Duration::from_secs(40), Duration::from_millis(200));

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
    let Source { first, degraded, read, show } = source;
    let telemetry = &first.settings.telemetry;
    let state = match options.state_dir.as_deref() {
        Some(path) => {
            let patience = std::env::var_os(warren_slots::SLOT_VARIABLE).map_or(Duration::ZERO, |_| PREDECESSOR.0);
            let waits = |reason: &str| {
                // Which instance this is stands in that directory.
                let log = Logger::new(telemetry.log_settings(&telemetry.resource(&build, ""))?);
                log.warn("Waiting for the predecessor to end", &[("error", Field::Str(reason))]);
                Ok(())
            };
            match opened(path, patience, signals.end(), waits).await? {
                Some(state) => Some(Arc::new(state)),
                None => return Ok(Ended::Well),
            }
        }
        None => None,
    };
    let instance = state.as_ref().map_or_else(|| Ok(random_id()), |state| state.instance_id(random_id))?;
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

/// Takes the state directory; nothing if the end was asked for before. Whoever is watched over may have been started while a predecessor, whose
/// watchdog is gone, still ends: that it waits for it is told once.
async fn opened(
    path: &Path,
    patience: Duration,
    end: impl Future<Output = ()>,
    waits: impl FnOnce(&str) -> Result<(), String>,
) -> Result<Option<StateDirectory>, String> {
    let (began, mut end, mut waits) = (Instant::now(), pin!(end), Some(waits));
    loop {
        let reason = match StateDirectory::open(path) {
            Err(error @ OpenError::InUse(_)) if began.elapsed() < patience => error.to_string(),
            done => return done.map(Some).map_err(|error| error.to_string()),
        };
        waits.take().map_or(Ok(()), |waits| waits(&reason))?;
        tokio::select! {
            () = &mut end => return Ok(None),
            () = sleep(PREDECESSOR.1) => {}
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
    sleep(SETTLED).await;
    warren_sys::release_code();
    loop {
        sleep(TIDY_INTERVAL).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const PATIENCE: Duration = Duration::from_secs(40);

    #[tokio::test(start_paused = true)]
    async fn a_predecessor_is_waited_for_and_that_is_told_once() {
        let root = tempfile::tempdir().unwrap();
        let held = StateDirectory::open(root.path()).unwrap();
        let (mut told, began) = (Vec::new(), Instant::now());
        tokio::spawn(async move {
            sleep(PATIENCE / 2).await;
            drop(held);
        });
        let waits = |reason: &str| {
            told.push(reason.to_owned());
            Ok(())
        };
        assert!(opened(root.path(), PATIENCE, pending(), waits).await.unwrap().is_some());
        assert!(began.elapsed() >= PATIENCE / 2 && began.elapsed() < PATIENCE);
        assert!(matches!(&told[..], [reason] if reason.contains("in use")), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_predecessor_ends_when_it_is_asked_to_and_when_it_takes_too_long() {
        let root = tempfile::tempdir().unwrap();
        let _held = StateDirectory::open(root.path()).unwrap();
        let began = Instant::now();
        assert!(opened(root.path(), PATIENCE, sleep(PATIENCE / 4), |_| Ok(())).await.unwrap().is_none());
        assert!(began.elapsed() < PATIENCE / 2);
        assert!(opened(root.path(), PATIENCE, pending(), |_| Ok(())).await.err().unwrap().contains("in use"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_is_of_no_use_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let began = Instant::now();
        let never = |_: &str| Err("it waits".to_owned());
        let error = opened(&root.path().join("file"), PATIENCE, pending(), never).await.err().unwrap();
        assert!(error.contains("cannot be made"), "{error}");
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
