//! The service: what runs, and how it becomes something else.

use super::running::Running;
use super::signals::Signals;
use crate::graph::{Built, Common};
use crate::outline::Key;
use crate::own::NewPages;
use crate::plan::Plan;
use crate::reload::{Decoded, Finished};
use crate::state::StateDirectory;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{Applied, Refused, ServiceStatus};
use warren_telemetry::{Field, Histogram, LogSettings, Registry};

/// Bounds of `warren_reload_duration_seconds`.
const DURATION_BOUNDS: &[f64] = &[0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// How long what a reload started has to go on until the configuration before is forgotten.
const PROBATION: Duration = Duration::from_secs(30);

/// What runs, and what is needed to run something else.
pub(crate) struct Service {
    common: Common,
    /// The process's identity.
    instance: String,
    state: Option<Arc<StateDirectory>>,
    pub(crate) running: Running,
    hash: String,
    /// Why what runs is not what was asked for last.
    degraded: Option<String>,
    /// What runs, to be put back if what comes next does not hold.
    canonical: Arc<str>,
    probation: Option<Probation>,
    durations: Histogram,
}

/// The time after a reload in which what was started has to show that it can go on.
struct Probation {
    until: Instant,
    started: Vec<Key>,
    /// What ran before.
    before: Arc<str>,
}

/// Everything that can fail, done.
struct Prepared {
    decoded: Decoded,
    log: LogSettings,
    pages: NewPages,
    built: Built,
}

impl Service {
    pub(crate) fn new(
        common: Common,
        instance: String,
        state: Option<Arc<StateDirectory>>,
        running: Running,
        degraded: Option<String>,
    ) -> Self {
        let help = "How long reloads took, from the request to the switch.";
        let durations = common.telemetry.registry.histogram("warren_reload_duration_seconds", help, &[], DURATION_BOUNDS);
        let (hash, canonical) = (String::new(), Arc::from(""));
        Self { common, instance, state, running, hash, degraded, canonical, probation: None, durations }
    }

    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// Runs a first configuration. `built` is called between building and starting.
    ///
    /// # Errors
    /// What could not be built.
    pub(crate) fn start(&mut self, decoded: Decoded, built: impl FnOnce()) -> Result<(), String> {
        let prepared = self.prepare(decoded)?;
        if prepared.pages.is_empty() {
            self.common.telemetry.log.info("Skipped telemetry setup.", &[]);
        }
        built();
        self.common.telemetry.log.info("Starting extensions...", &[]);
        self.commit(prepared);
        Ok(())
    }

    /// Applies what was read, or says what it would change, and answers whoever asked. Gives the files that the configuration that runs
    /// from now on came from.
    pub(crate) fn reload(&mut self, mut finished: Box<Finished>) -> Option<Vec<PathBuf>> {
        let decoded = finished.take();
        if !finished.apply {
            finished.answer(&decoded.map(|decoded| self.described(&decoded)));
            return None;
        }
        let took = finished.since.elapsed();
        let outcome = decoded.and_then(|decoded| {
            let (described, files) = (self.described(&decoded), decoded.files.clone());
            if !is_empty(&described) {
                let started = Plan::between(self.running.present().0, &decoded.outline).started();
                let prepared = self.prepare(decoded).map_err(Refused::because)?;
                let before = Arc::clone(&self.canonical);
                self.commit(prepared);
                // What is put back has held before; if it does not now, there is nothing to go back to.
                let probation = Probation { until: Instant::now() + PROBATION, started, before };
                self.probation = (!finished.put_back).then_some(probation);
            }
            Ok((described, files))
        });
        self.durations.observe(finished.since.elapsed().as_secs_f64());
        if !finished.put_back {
            self.tell(outcome.as_ref().map(|(applied, _)| applied), took);
        }
        let (applied, files) = outcome.map_or_else(|refused| (Err(refused), None), |(applied, files)| (Ok(applied), Some(files)));
        let files = files.filter(|_| !finished.put_back);
        finished.answer(&applied);
        files
    }

    /// What to put back now that a node has ended which should go on: what ran before, if the node was started by the last reload and that
    /// was not long ago.
    pub(crate) fn put_back(&mut self, key: Option<&Key>, failure: &str) -> Option<Arc<str>> {
        let probation = self.probation.take_if(|probation| key.is_some_and(|key| probation.started.contains(key)))?;
        if Instant::now() > probation.until {
            return None;
        }
        let error = [("error", Field::Str(failure))];
        self.common.telemetry.log.error("The new configuration cannot go on; the one before is put back", &error);
        self.degraded = Some(failure.to_owned());
        count(&self.common.telemetry.registry, "rolled_back");
        Some(probation.before)
    }

    /// What a configuration would change.
    fn described(&self, decoded: &Decoded) -> Applied {
        let plan = Plan::between(self.running.present().0, &decoded.outline);
        Applied {
            hash: shown(decoded.outline.hash()),
            steps: plan.steps(),
            kept: plan.kept,
            telemetry: plan.telemetry,
            summary: plan.to_string(),
            warnings: decoded.warnings.clone(),
        }
    }

    /// Does everything that can fail, beside what runs.
    fn prepare(&self, decoded: Decoded) -> Result<Prepared, String> {
        let telemetry = &decoded.settings.telemetry;
        let resource = telemetry.resource(&self.common.build, &self.instance);
        let log = telemetry.log_settings(&resource)?;
        let pages = self.running.pages.prepare(telemetry, &self.common, &resource).map_err(|error| error.to_string())?;
        let built = Built::new(&decoded.settings, &decoded.outline, self.running.present(), &self.common);
        let built = built.map_err(|error| error.to_string())?;
        Ok(Prepared { decoded, log, pages, built })
    }

    /// Switches to what is prepared. Cannot fail.
    fn commit(&mut self, prepared: Prepared) {
        let Prepared { decoded, log, pages, built } = prepared;
        let registry = &self.common.telemetry.registry;
        registry.set_detail(decoded.settings.telemetry.detail());
        self.common.telemetry.log.configure(log);
        registry.remove("hash", &self.hash);
        self.hash = shown(decoded.outline.hash());
        let help = "The configuration that runs, by the hash of what it means.";
        registry.gauge("warren_config_info", help, &[("hash", &self.hash)]).set(1.0);
        self.running.show(pages);
        self.running.switch(built, decoded.outline);
        self.keep(Arc::clone(&decoded.canonical));
        self.canonical = decoded.canonical;
    }

    /// Stores what runs as the last configuration that was good.
    fn keep(&self, text: Arc<str>) {
        let Some(state) = self.state.clone() else { return };
        let log = self.common.telemetry.log.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = state.keep_last_good(&text) {
                log.warn("The configuration cannot be kept for a later start", &[("error", Field::Str(&error))]);
            }
        });
    }

    /// Counts and logs how a reload ended.
    fn tell(&mut self, outcome: Result<&Applied, &Refused>, took: Duration) {
        let log = &self.common.telemetry.log;
        let result = match outcome {
            Ok(applied) if is_empty(applied) => {
                log.info("Configuration read again: nothing changes", &[("hash", Field::Str(&applied.hash))]);
                "unchanged"
            }
            Ok(applied) => {
                applied.warnings.iter().for_each(|warning| log.warn(warning, &[]));
                let count = |actions: &[&str]| {
                    Field::Int(applied.steps.iter().filter(|step| actions.contains(&step.action)).count() as i64)
                };
                let fields = [
                    ("hash", Field::Str(&applied.hash)),
                    ("added", count(&["add"])),
                    ("replaced", count(&["replace"])),
                    ("removed", count(&["remove"])),
                    ("kept", Field::Int(applied.kept as i64)),
                    ("read_in", Field::Duration(took)),
                ];
                log.info("Config updated", &fields);
                "applied"
            }
            Err(refused) => {
                let fields = [("error", Field::Str(refused.summary.trim_end()))];
                // The same again, such as a watched file that was asked about as well, is no news.
                if self.degraded.as_ref() != Some(&refused.summary) {
                    log.error("The new configuration is refused; what ran before goes on", &fields);
                }
                "refused"
            }
        };
        self.degraded = outcome.err().map(|refused| refused.summary.clone());
        count(&self.common.telemetry.registry, result);
    }

    /// The configuration that runs, with its secrets.
    pub(crate) fn canonical(&self) -> Arc<str> {
        Arc::clone(&self.canonical)
    }

    /// How everything fares.
    pub(crate) fn status(&self) -> ServiceStatus {
        ServiceStatus {
            hash: self.hash.clone(),
            degraded: self.degraded.clone(),
            components: self.running.components(),
            pulses: self.running.pulses(),
            leaving: self.running.leaving(),
        }
    }

    /// Ends everything.
    pub(crate) async fn stop(self, signals: &mut Signals) {
        self.running.stop(signals).await;
    }
}

fn is_empty(applied: &Applied) -> bool {
    applied.steps.is_empty() && !applied.telemetry
}

/// A hash as people and programs see it.
fn shown(hash: u64) -> String {
    format!("{hash:016x}")
}

fn count(registry: &Registry, result: &str) {
    registry.counter("warren_reload_total", "Reloads, by what came of them.", &[("result", result)]).add(1);
}
