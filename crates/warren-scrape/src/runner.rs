//! Scraping all targets of all jobs, until told to stop.
//!
//! Each job has its discovery; each target it shows has a task that waits for the target's place within the interval and scrapes. A target that is not
//! shown any more gets its stale markers after two intervals, as in Prometheus, unless it comes back.
//!
//! When the settings change, the successor takes over the jobs that are the same, with everything they hold: caches, places within the
//! interval, scrapes under way. A job of which only the way to find targets is another keeps the targets that are found again. A job that
//! is not wanted any more ends as its targets do; one that changed begins anew.

mod beat;
mod job;
mod tell;
#[cfg(test)]
mod tests;

use crate::config::{JobPrint, ScrapeConfig};
use crate::discovery::{Discovery, Tools};
use crate::http::HttpClient;
use crate::scrape::Settings;
use beat::{Beats, missed};
use job::{AbortOnDrop, Order, Shared, run_job};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tell::Figures;
use tokio::sync::mpsc;
use warren_component::{BoxFuture, BuildError, Consumer, Health, Pulse, RunContext};
use warren_config::{Value, fingerprint};
use warren_telemetry::Telemetry;

/// Everything that scraping needs.
pub struct Runner {
    jobs: Vec<Job>,
    shared: Common,
    /// What a predecessor runs.
    inherited: Jobs,
    /// What this one runs.
    running: Jobs,
}

/// What is to be scraped, and how.
pub struct Plan {
    /// The jobs.
    pub jobs: Vec<Arc<ScrapeConfig>>,
    /// What applies to all of them.
    pub settings: Settings,
    /// `User-Agent` of every request.
    pub user_agent: String,
    /// Id of the receiver, for its metrics.
    pub receiver: String,
    /// Moves the places of all targets within their intervals.
    pub seed: u64,
    /// Whether targets are scraped as soon as they are found.
    pub at_once: bool,
}

/// The jobs that run, for a successor to take over.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    jobs: HashMap<String, RunningJob>,
    /// Those that are on their way out.
    ending: Vec<AbortOnDrop>,
}

struct RunningJob {
    /// What applies to all jobs, and what the job itself is.
    print: (u64, JobPrint),
    orders: mpsc::UnboundedSender<Order>,
    beats: Beats,
    task: AbortOnDrop,
}

struct Job {
    config: Arc<ScrapeConfig>,
    client: Arc<HttpClient>,
    discovery: Discovery,
}

/// What all jobs share.
struct Common {
    settings: Arc<Settings>,
    output: Arc<dyn Consumer>,
    telemetry: Telemetry,
    figures: Figures,
    seed: u64,
    at_once: bool,
    print: u64,
}

impl Runner {
    /// Prepares all jobs; connects nowhere yet. `inherited` are those of a predecessor that sends to the same output.
    ///
    /// # Errors
    /// When a client cannot be made of a job's settings.
    pub fn new(plan: Plan, tools: &Tools, output: Arc<dyn Consumer>, inherited: Option<Jobs>) -> Result<Self, BuildError> {
        let prepared = plan.jobs.into_iter().map(|config| {
            let failed = |error: crate::discovery::FetchError| BuildError::new(format!("job {:?}: {error}", config.job_name));
            let client = HttpClient::new(&config.http, &plan.user_agent, config.enable_compression).map_err(failed)?;
            let discovery = Discovery::new(&config.job_name, &config.discovery, tools).map_err(failed)?;
            Ok(Job { config, client: Arc::new(client), discovery })
        });
        let jobs = prepared.collect::<Result<_, BuildError>>()?;
        let print = fingerprint(&Value::String(format!("{:?} {} {}", plan.settings, plan.user_agent, plan.seed)));
        let shared = Common {
            settings: Arc::new(plan.settings),
            output,
            telemetry: tools.telemetry.clone(),
            figures: Figures::new(&tools.telemetry, &plan.receiver),
            seed: plan.seed,
            at_once: plan.at_once,
            print,
        };
        Ok(Self { jobs, shared, inherited: inherited.unwrap_or_default(), running: Jobs::default() })
    }

    /// What a successor may take over.
    pub fn running(&self) -> Jobs {
        self.running.clone()
    }

    /// Scrapes until stop is requested. Takes the predecessor's jobs over before it returns the future.
    pub fn run(self, cx: RunContext) -> BoxFuture<'static, ()> {
        let Self { jobs, shared, inherited, running } = self;
        running.begin(jobs, &shared, inherited.take());
        Box::pin(async move {
            cx.status.tell(Health::Ok);
            let jobs = Arc::downgrade(&running.0);
            cx.status.answer(move || Jobs(jobs.upgrade()?).pulse());
            cx.stop.requested().await;
            // Nothing is left when there is a successor.
            let Running { jobs, ending } = running.take();
            drop(ending);
            let for_good = cx.stop.is_for_good();
            let ends = jobs.into_values().map(|RunningJob { orders, task, .. }| {
                // If nobody will scrape these targets any more, their series end now.
                if for_good {
                    let _ = orders.send(Order::EndNow);
                }
                task.over()
            });
            futures_util::future::join_all(ends.collect::<Vec<_>>()).await;
        })
    }
}

impl Jobs {
    /// Runs jobs: those of a predecessor that are the same go on, others begin.
    fn begin(&self, jobs: Vec<Job>, shared: &Common, mut before: Running) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Job { config, client, discovery } in jobs {
            let (name, print) = (config.job_name.clone(), (shared.print, config.print()));
            let same = |old: &RunningJob| (old.print.0, old.print.1.settings) == (print.0, print.1.settings);
            let job = match before.jobs.remove(&name) {
                Some(old) if old.print == print => old,
                Some(old) if same(&old) => {
                    let _ = old.orders.send(Order::Discover(discovery));
                    RunningJob { print, ..old }
                }
                old => {
                    // A job of the same name that is another one ends without a word, but for pages that it has read: its targets are scraped
                    // by the new one.
                    running.ending.extend(old.map(|old| old.task));

                    let (orders, receiver) = mpsc::unbounded_channel();
                    let shared = shared.with(config, client);
                    let beats = shared.beats.clone();
                    let task = tokio::spawn(run_job(shared, discovery, receiver));
                    RunningJob { print, orders, beats, task: AbortOnDrop(task) }
                }
            };
            running.jobs.insert(name, job);
        }
        running.ending.append(&mut before.ending);
        running.ending.retain(|task| !task.0.is_finished());
        for job in before.jobs.into_values() {
            let _ = job.orders.send(Order::End);
            running.ending.push(job.task);
        }
    }

    /// How the target fares that missed most.
    fn pulse(&self) -> Option<Pulse> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let worst = running.jobs.values().filter_map(|job| job.beats.worst());
        let (interval, ago) = worst.max_by(|a, b| missed(*a).total_cmp(&missed(*b)))?;
        Some(Pulse::Collects { interval, ago })
    }

    fn take(&self) -> Running {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Common {
    /// The same with what is one job's own.
    fn with(&self, config: Arc<ScrapeConfig>, client: Arc<HttpClient>) -> Shared {
        Shared {
            config,
            client,
            settings: Arc::clone(&self.settings),
            output: Arc::clone(&self.output),
            telemetry: self.telemetry.clone(),
            figures: self.figures.clone(),
            seed: self.seed,
            at_once: self.at_once,
            beats: Beats::default(),
        }
    }
}
