//! One job: its discovery, and a task for each target it shows.

use super::beat::Beats;
use super::tell::{Figures, Teller, tell_failures};
use crate::config::ScrapeConfig;
use crate::discovery::{Discovery, Groups};
use crate::http::HttpClient;
use crate::scrape::{Scraper, Settings};
use crate::target::{Target, Targets};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use warren_component::Consumer;
use warren_telemetry::Telemetry;

/// Scrapes whose samples were taken as of their ideal time when they began so near to it.
const ALIGN_MAX: Duration = Duration::from_millis(2);

/// What the tasks of one job share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) config: Arc<ScrapeConfig>,
    pub(super) client: Arc<HttpClient>,
    pub(super) settings: Arc<Settings>,
    pub(super) output: Arc<dyn Consumer>,
    pub(super) telemetry: Telemetry,
    pub(super) figures: Figures,
    pub(super) seed: u64,
    pub(super) at_once: bool,
    pub(super) beats: Beats,
}

/// What a job is told while it runs.
pub(super) enum Order {
    /// To find its targets in another way.
    Discover(Discovery),
    /// To end, with stale markers for everything that does not come back within two intervals.
    End,
    /// The same at once.
    EndNow,
}

/// How long a new way to find targets may take until those of the old one are given up.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Follows a job's discovery and keeps one task per target.
pub(super) async fn run_job(shared: Shared, discovery: Discovery, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut groups = discovery.groups();
    let mut targets = TargetTasks { shared, known: HashMap::new(), tasks: JoinSet::new(), told_failures: 0 };
    let mut discovering = AbortOnDrop(tokio::spawn(discovery.run()));
    let mut is_static = false;
    targets.show(&groups.borrow_and_update().clone());
    loop {
        tokio::select! {
            changed = groups.changed(), if !is_static => match changed {
                Ok(()) => targets.show(&groups.borrow_and_update().clone()),
                // The targets are those there are.
                Err(_) => is_static = true,
            },
            Some(_) = targets.tasks.join_next() => targets.forget_ended(),
            order = orders.recv() => match order {
                Some(Order::Discover(other)) => {
                    let at_hand = other.is_static();
                    groups = other.groups();
                    discovering = AbortOnDrop(tokio::spawn(other.run()));
                    if !at_hand {
                        let _ = tokio::time::timeout(FIRST_LOOK, groups.changed()).await;
                    }
                    is_static = false;
                    targets.show(&groups.borrow_and_update().clone());
                }
                Some(Order::End) => {
                    drop(discovering);
                    return targets.end(Wanted::Perhaps).await;
                }
                Some(Order::EndNow) => {
                    drop(discovering);
                    return targets.end(Wanted::Never).await;
                }
                // There is another job instead.
                None => {
                    drop(discovering);
                    return targets.end(Wanted::Elsewhere).await;
                }
            }
        }
    }
}

/// The tasks of a job's targets.
struct TargetTasks {
    shared: Shared,
    known: HashMap<u64, watch::Sender<Assignment>>,
    tasks: JoinSet<()>,
    told_failures: usize,
}

impl TargetTasks {
    /// Scrapes the targets that are found in these groups, and no others.
    fn show(&mut self, found: &Groups) {
        let targets = Targets::new(&self.shared.config, found.iter());
        tell_failures(&self.shared, &targets, &mut self.told_failures);
        let limit = targets.limit_error(&self.shared.config);
        let mut shown = HashSet::new();
        for target in targets.active {
            shown.insert(target.hash());
            let assignment = Assignment { wanted: Wanted::Yes, limit: limit.clone() };
            match self.known.get(&target.hash()).filter(|task| !task.is_closed()) {
                Some(task) => drop(task.send_if_modified(|current| std::mem::replace(current, assignment.clone()) != assignment)),
                None => {
                    let (sender, receiver) = watch::channel(assignment);
                    self.known.insert(target.hash(), sender);
                    self.tasks.spawn(run_target(self.shared.clone(), target, receiver));
                }
            }
        }
        for task in self.known.iter().filter(|(hash, _)| !shown.contains(hash)).map(|(_, task)| task) {
            task.send_if_modified(|current| std::mem::replace(&mut current.wanted, Wanted::Perhaps) == Wanted::Yes);
        }
        self.forget_ended();
    }

    fn forget_ended(&mut self) {
        self.known.retain(|_, task| !task.is_closed());
    }

    /// Ends all of them as if none was found any more.
    async fn end(mut self, wanted: Wanted) {
        self.show(&Groups::default());
        self.known.values().for_each(|task| task.send_modify(|current| current.wanted = wanted));
        while self.tasks.join_next().await.is_some() {}
    }
}

/// A task that ends with its owner.
pub(super) struct AbortOnDrop(pub(super) JoinHandle<()>);

impl AbortOnDrop {
    /// Resolves when the task has ended.
    pub(super) async fn over(mut self) {
        // How it ended is its own matter.
        let _ = (&mut self.0).await;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether a target is to be scraped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Yes,
    /// Not now; it may be again.
    Perhaps,
    /// By nobody any more.
    Never,
    /// By somebody else: what is being read is left to him.
    Elsewhere,
}

/// What a target's task is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    wanted: Wanted,
    limit: Option<String>,
}

/// Scrapes one target until it is not wanted any more.
async fn run_target(shared: Shared, target: Target, mut assignment: watch::Receiver<Assignment>) {
    let (config, settings) = (Arc::clone(&shared.config), Arc::clone(&shared.settings));
    let mut scraper = Scraper::new(&target, config, settings, Arc::clone(&shared.client), Arc::clone(&shared.output));
    let mut teller = Teller::new(&shared, &target);
    let beat = shared.beats.begin(target.interval);
    if shared.at_once {
        let limit = assignment.borrow().limit.clone();
        let Some(outcome) = scraper.scrape(unix_now().as_millis() as i64, limit, elsewhere(&assignment)).await else { return };
        teller.tell(&outcome).await;
        if outcome.committed.is_ok() {
            beat.now();
        }
    }
    let mut ideal = unix_now() + target.offset(unix_now(), shared.seed);
    loop {
        let due = Instant::now() + ideal.saturating_sub(unix_now());
        tokio::select! {
            () = sleep_until(due) => {}
            changed = assignment.changed() => {
                if changed.is_ok() && assignment.borrow_and_update().wanted == Wanted::Yes {
                    continue;
                }
                match decided(&mut assignment, target.interval).await {
                    Wanted::Yes => ideal = unix_now() + target.offset(unix_now(), shared.seed),
                    Wanted::Elsewhere => return,
                    Wanted::Perhaps | Wanted::Never => {
                        let (committed, points) = scraper.end(unix_now().as_millis() as i64).await;
                        return teller.tell_committed(&committed, points);
                    }
                }
                continue;
            }
        }
        let limit = assignment.borrow().limit.clone();
        let time_ms = aligned(ideal, target.interval).as_millis() as i64;
        let Some(outcome) = scraper.scrape(time_ms, limit, elsewhere(&assignment)).await else { return };
        teller.tell(&outcome).await;
        if outcome.committed.is_ok() {
            beat.now();
        }
        ideal += target.interval;
        // What was missed (a suspended machine, a clock set forward) is not made up for.
        if ideal + target.interval < unix_now() || ideal > unix_now() + 2 * target.interval {
            ideal = unix_now() + target.offset(unix_now(), shared.seed);
        }
    }
}

/// Resolves when somebody else scrapes the target.
fn elsewhere(assignment: &watch::Receiver<Assignment>) -> impl Future<Output = ()> + use<> {
    let mut assignment = assignment.clone();
    async move {
        let _ = assignment.wait_for(|current| current.wanted == Wanted::Elsewhere).await;
    }
}

/// Waits two intervals for what becomes of a target that is not wanted now.
async fn decided(assignment: &mut watch::Receiver<Assignment>, interval: Duration) -> Wanted {
    let wait = interval * 2 + interval / 10;
    let decided = assignment.wait_for(|current| current.wanted != Wanted::Perhaps);
    match tokio::time::timeout(wait, decided).await {
        Ok(Ok(assignment)) => assignment.wanted,
        _ => Wanted::Perhaps,
    }
}

/// The time that samples get: the ideal one when the scrape began near it.
fn aligned(ideal: Duration, interval: Duration) -> Duration {
    let now = unix_now();
    let off = now.abs_diff(ideal);
    if off <= ALIGN_MAX.min(interval / 100) { ideal } else { now }
}

pub(super) fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
