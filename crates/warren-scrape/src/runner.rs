//! Scraping all targets of all jobs, until told to stop.
//!
//! Each job has its discovery; each target it shows has a task that waits for the target's place within the interval and scrapes. A target that is not
//! shown any more gets its stale markers after two intervals, as in Prometheus, unless it comes back.

use crate::config::ScrapeConfig;
use crate::discovery::{Discovery, Tools};
use crate::http::HttpClient;
use crate::scrape::{Outcome, ScrapeError, Scraper, Settings};
use crate::target::{Target, Targets};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use warren_component::{BuildError, Consumer, Health, RunContext};
use warren_telemetry::{Counter, Field, Telemetry};

/// Scrapes whose samples were taken as of their ideal time when they began so near to it.
const ALIGN_MAX: Duration = Duration::from_millis(2);

/// Everything that scraping needs.
pub struct Runner {
    jobs: Vec<Job>,
    settings: Arc<Settings>,
    output: Arc<dyn Consumer>,
    telemetry: Telemetry,
    figures: Figures,
    /// Moves the places of all targets within their intervals.
    seed: u64,
    /// Whether targets are scraped as soon as they are found.
    at_once: bool,
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

struct Job {
    config: Arc<ScrapeConfig>,
    client: Arc<HttpClient>,
    discovery: Discovery,
}

/// What is counted, with the receiver's id as label.
#[derive(Clone)]
struct Figures {
    accepted: Counter,
    refused: Counter,
    failures: HashMap<&'static str, Counter>,
    skipped: Counter,
}

impl Runner {
    /// Prepares all jobs; connects nowhere yet.
    ///
    /// # Errors
    /// When a client cannot be made of a job's settings.
    pub fn new(plan: Plan, tools: &Tools, output: Arc<dyn Consumer>) -> Result<Self, BuildError> {
        let prepared = plan.jobs.into_iter().map(|config| {
            let failed = |error: crate::discovery::FetchError| BuildError::new(format!("job {:?}: {error}", config.job_name));
            let client = HttpClient::new(&config.http, &plan.user_agent, config.enable_compression).map_err(failed)?;
            let discovery = Discovery::new(&config.job_name, &config.discovery, tools).map_err(failed)?;
            Ok(Job { config, client: Arc::new(client), discovery })
        });
        Ok(Self {
            jobs: prepared.collect::<Result<_, BuildError>>()?,
            settings: Arc::new(plan.settings),
            output,
            telemetry: tools.telemetry.clone(),
            figures: Figures::new(&tools.telemetry, &plan.receiver),
            seed: plan.seed,
            at_once: plan.at_once,
        })
    }

    /// Scrapes until stop is requested.
    pub async fn run(self, cx: RunContext) {
        let mut tasks = JoinSet::new();
        for job in self.jobs {
            let shared = Shared {
                config: job.config,
                client: job.client,
                settings: Arc::clone(&self.settings),
                output: Arc::clone(&self.output),
                telemetry: self.telemetry.clone(),
                figures: self.figures.clone(),
                seed: self.seed,
                at_once: self.at_once,
            };
            tasks.spawn(run_job(shared, job.discovery));
        }
        cx.status.tell(Health::Ok);
        cx.stop.requested().await;
        tasks.shutdown().await;
    }
}

/// What the tasks of one job share.
#[derive(Clone)]
struct Shared {
    config: Arc<ScrapeConfig>,
    client: Arc<HttpClient>,
    settings: Arc<Settings>,
    output: Arc<dyn Consumer>,
    telemetry: Telemetry,
    figures: Figures,
    seed: u64,
    at_once: bool,
}

/// Follows a job's discovery and keeps one task per target.
async fn run_job(shared: Shared, discovery: Discovery) {
    let mut groups = discovery.groups();
    let mut tasks = JoinSet::new();
    tasks.spawn(discovery.run());
    let mut known: HashMap<u64, watch::Sender<Assignment>> = HashMap::new();
    let mut told_failures = 0;
    loop {
        let found = groups.borrow_and_update().clone();
        let targets = Targets::new(&shared.config, found.iter());
        tell_failures(&shared, &targets, &mut told_failures);
        let limit = targets.limit_error(&shared.config);
        let mut shown = std::collections::HashSet::new();
        for target in targets.active {
            shown.insert(target.hash());
            let assignment = Assignment { wanted: true, limit: limit.clone() };
            match known.get(&target.hash()).filter(|task| !task.is_closed()) {
                Some(task) => drop(task.send_if_modified(|current| std::mem::replace(current, assignment.clone()) != assignment)),
                None => {
                    let (sender, receiver) = watch::channel(assignment);
                    known.insert(target.hash(), sender);
                    tasks.spawn(run_target(shared.clone(), target, receiver));
                }
            }
        }
        known.retain(|hash, task| {
            if !shown.contains(hash) {
                task.send_if_modified(|current| std::mem::replace(&mut current.wanted, false));
            }
            !task.is_closed()
        });
        tokio::select! {
            changed = groups.changed() => {
                if changed.is_err() {
                    // Everything is static: the targets are those there are.
                    while tasks.join_next().await.is_some() {}
                    return;
                }
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Tells of addresses that are no targets, when their number changes.
fn tell_failures(shared: &Shared, targets: &Targets, told: &mut usize) {
    if *told == targets.failures.len() {
        return;
    }
    *told = targets.failures.len();
    if let Some((place, error)) = targets.failures.first() {
        let fields = [
            ("job", Field::Str(&shared.config.job_name)),
            ("where", Field::Str(place)),
            ("error", Field::Display(error)),
            ("failures", Field::Int(targets.failures.len() as i64)),
        ];
        shared.telemetry.log.error("Creating targets failed", &fields);
    }
}

/// What a target's task is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    wanted: bool,
    limit: Option<String>,
}

/// Scrapes one target until it is not wanted any more.
async fn run_target(shared: Shared, target: Target, mut assignment: watch::Receiver<Assignment>) {
    let (config, settings) = (Arc::clone(&shared.config), Arc::clone(&shared.settings));
    let mut scraper = Scraper::new(&target, config, settings, Arc::clone(&shared.client), Arc::clone(&shared.output));
    let mut teller = Teller { shared: &shared, target: &target, down: None, refused: false, skipped: false };
    if shared.at_once {
        let limit = assignment.borrow().limit.clone();
        let outcome = scraper.scrape(unix_now().as_millis() as i64, limit).await;
        teller.tell(&outcome).await;
    }
    let mut ideal = unix_now() + target.offset(unix_now(), shared.seed);
    loop {
        let due = Instant::now() + ideal.saturating_sub(unix_now());
        tokio::select! {
            () = sleep_until(due) => {}
            changed = assignment.changed() => {
                let wanted = changed.is_ok() && assignment.borrow_and_update().wanted;
                if wanted {
                    continue;
                }
                if !returns(&mut assignment, target.interval).await {
                    let _ = scraper.end(unix_now().as_millis() as i64).await;
                    return;
                }
                ideal = unix_now() + target.offset(unix_now(), shared.seed);
                continue;
            }
        }
        let limit = assignment.borrow().limit.clone();
        let outcome = scraper.scrape(aligned(ideal, target.interval).as_millis() as i64, limit).await;
        teller.tell(&outcome).await;
        ideal += target.interval;
        // What was missed (a suspended machine, a clock set forward) is not made up for.
        if ideal + target.interval < unix_now() || ideal > unix_now() + 2 * target.interval {
            ideal = unix_now() + target.offset(unix_now(), shared.seed);
        }
    }
}

/// Waits two intervals for a target that is not wanted to be wanted again.
async fn returns(assignment: &mut watch::Receiver<Assignment>, interval: Duration) -> bool {
    let wait = interval * 2 + interval / 10;
    matches!(tokio::time::timeout(wait, assignment.wait_for(|current| current.wanted)).await, Ok(Ok(_)))
}

/// The time that samples get: the ideal one when the scrape began near it.
fn aligned(ideal: Duration, interval: Duration) -> Duration {
    let now = unix_now();
    let off = now.abs_diff(ideal);
    if off <= ALIGN_MAX.min(interval / 100) { ideal } else { now }
}

fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Tells what scrapes come to: counts each, writes a line when something changes.
struct Teller<'a> {
    shared: &'a Shared,
    target: &'a Target,
    down: Option<&'static str>,
    refused: bool,
    skipped: bool,
}

impl Teller<'_> {
    async fn tell(&mut self, outcome: &Outcome) {
        let figures = &self.shared.figures;
        let log = &self.shared.telemetry.log;
        let labels = self.target.public_labels().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ");
        let labels = format!("{{{labels}}}");
        match &outcome.scraped {
            Ok(()) => {
                if self.down.take().is_some() {
                    log.info("Prometheus endpoint is scraped again", &[("target_labels", Field::Str(&labels))]);
                }
            }
            Err(error) => {
                figures.failures.get(error.reason()).inspect(|counter| counter.add(1));
                if self.down.replace(error.reason()) != Some(error.reason()) {
                    let fields = [
                        ("error", Field::Display(error)),
                        ("url", Field::Str(&without_query(&self.target.url))),
                        ("target_labels", Field::Str(&labels)),
                    ];
                    log.warn("Failed to scrape Prometheus endpoint", &fields);
                }
                self.write_failure(error).await;
            }
        }
        match &outcome.committed {
            Ok(()) => {
                figures.accepted.add(outcome.points as u64);
                self.refused = false;
            }
            Err(error) => {
                figures.refused.add(outcome.points as u64);
                if !std::mem::replace(&mut self.refused, true) {
                    log.warn("Scrape commit failed", &[("error", Field::Display(error)), ("target_labels", Field::Str(&labels))]);
                }
            }
        }
        figures.skipped.add(outcome.skipped.lines);
        if let Some(first) = outcome.skipped.first.as_ref().filter(|_| !self.skipped) {
            let fields = [
                ("lines", Field::Int(outcome.skipped.lines as i64)),
                ("first", Field::Str(first)),
                ("target_labels", Field::Str(&labels)),
            ];
            log.warn("Skipped lines that break the exposition format", &fields);
        }
        self.skipped = outcome.skipped.lines > 0;
    }

    /// Appends a failure to the job's `scrape_failure_log_file`.
    async fn write_failure(&self, error: &ScrapeError) {
        let path = self.shared.config.scrape_failure_log_file.clone();
        if path.as_os_str().is_empty() {
            return;
        }
        let line = serde_json::json!({
            "time": unix_now().as_secs_f64(), "level": "ERROR", "msg": error.to_string(), "job_name": self.shared.config.job_name,
            "target": without_query(&self.target.url),
        });
        let write = move || {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes())
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            self.shared.telemetry.log.warn("Writing the scrape failure log failed", &[("error", Field::Display(&error))]);
        }
    }
}

/// A URL as logs show it: parameters may be secrets.
fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

impl Figures {
    fn new(telemetry: &Telemetry, receiver: &str) -> Self {
        let labels = [("receiver", receiver), ("transport", "http")];
        let registry = &telemetry.registry;
        let accepted = registry.counter(
            "otelcol_receiver_accepted_metric_points",
            "Number of metric points successfully pushed into the pipeline.",
            &labels,
        );
        let refused = registry.counter(
            "otelcol_receiver_refused_metric_points",
            "Number of metric points that could not be pushed into the pipeline.",
            &labels,
        );
        let failures = ["connection", "status", "size", "format", "limit"].map(|reason| {
            let labels = [("receiver", receiver), ("reason", reason)];
            (reason, registry.counter("warren_scrape_failures_total", "Scrapes that failed.", &labels))
        });
        let skipped = registry.counter(
            "warren_scrape_skipped_lines_total",
            "Lines skipped because they break the format.",
            &[("receiver", receiver)],
        );
        Self { accepted, refused, failures: failures.into_iter().collect(), skipped }
    }
}
