use super::*;
use crate::config::Config;
use crate::discovery::Resolver;
use crate::http::HttpFetch;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{ConsumeError, Status, Stop, StopHandle};
use warren_config::{Custom, Diagnostics, Report};
use warren_pdata::Batch;

struct End;

impl Consumer for End {
    fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn jobs(text: &str) -> Vec<Arc<ScrapeConfig>> {
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    let node = warren_config::parse_yaml("test", text).unwrap();
    config.decode(&node, &mut Report::root(&mut diagnostics, Some(&node)));
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    config.jobs().unwrap()
}

fn prints(text: &str) -> Vec<JobPrint> {
    jobs(text).iter().map(|job| job.print()).collect()
}

/// A runner of these jobs that runs, beside what a predecessor ran.
struct Scene {
    running: Jobs,
    stop: StopHandle,
    task: tokio::task::JoinHandle<()>,
}

impl Scene {
    fn start(text: &str, settings: Settings, inherited: Option<Jobs>) -> Self {
        let tools = Tools {
            telemetry: Telemetry::discarded(),
            fetch: Arc::new(HttpFetch { user_agent: String::new() }),
            resolver: Resolver::default(),
        };
        let (user_agent, receiver) = (String::new(), "prometheus".to_owned());
        let plan = Plan { jobs: jobs(text), settings, user_agent, receiver, seed: 0, at_once: false };
        let runner = Runner::new(plan, &tools, Arc::new(End), inherited).unwrap();
        let (running, (stop, stopped)) = (runner.running(), Stop::new());
        let task = tokio::spawn(runner.run(RunContext { stop: stopped, status: Status::default() }));
        Self { running, stop, task }
    }

    fn then(&self, text: &str) -> Self {
        Self::start(text, Settings::default(), Some(self.running.clone()))
    }

    /// What runs each job.
    fn tasks(&self) -> BTreeMap<String, tokio::task::Id> {
        let running = self.running.0.lock().unwrap();
        running.jobs.iter().map(|(name, job)| (name.clone(), job.task.0.id())).collect()
    }

    fn ending(&self) -> usize {
        self.running.0.lock().unwrap().ending.iter().filter(|task| !task.0.is_finished()).count()
    }
}

const BEFORE: &str = "
global: {scrape_interval: 1h, scrape_timeout: 5s}
scrape_configs:
- {job_name: a, static_configs: [{targets: ['localhost:1']}]}
- {job_name: b, scrape_interval: 2h, static_configs: [{targets: ['localhost:1', 'localhost:2']}], basic_auth: {username: u, password: p}}
";

#[test]
fn a_job_is_what_it_means_however_it_is_written() {
    let other = "
scrape_configs:
- {static_configs: [{targets: [localhost:1]}], metrics_path: /metrics, scrape_timeout: 5s, scrape_interval: 60m, job_name: a}
- {job_name: b, scrape_interval: 2h, scrape_timeout: 5s, basic_auth: {password: p, username: u}, static_configs: [{targets: ['localhost:1', 'localhost:2']}]}
";
    assert_eq!(prints(BEFORE), prints(other));
}

#[test]
fn a_change_is_seen_where_it_is_and_secrets_are_no_exception() {
    let before = prints(BEFORE);
    let changed = |from: &str, to: &str| {
        assert!(BEFORE.contains(from));
        let after = prints(&BEFORE.replace(from, to));
        let pairs = before.iter().zip(&after);
        pairs.map(|(old, new)| (old.settings != new.settings, old.discovery != new.discovery)).collect::<Vec<_>>()
    };
    assert_eq!(changed("scrape_interval: 1h", "scrape_interval: 30m"), [(true, false), (false, false)]);
    assert_eq!(changed("password: p", "password: q"), [(false, false), (true, false)]);
    assert_eq!(changed(", 'localhost:2'", ""), [(false, false), (false, true)]);
}

#[tokio::test]
async fn jobs_that_are_the_same_go_on_also_with_other_targets() {
    let first = Scene::start(BEFORE, Settings::default(), None);
    let tasks = first.tasks();
    let second =
        first.then(&BEFORE.replace(", 'localhost:2'", "").replace("basic_auth", "track_timestamps_staleness: false, basic_auth"));
    assert_eq!(second.tasks(), tasks);
    first.stop.request(Instant::now());
    first.task.await.unwrap();
    tokio::task::yield_now().await;
    assert!(second.running.0.lock().unwrap().jobs.values().all(|job| !job.task.0.is_finished()));
    second.stop.request(Instant::now());
    second.task.await.unwrap();
    assert!(second.running.0.lock().unwrap().jobs.is_empty());
}

#[tokio::test]
async fn a_job_that_changed_begins_anew_and_one_that_is_gone_ends_as_its_targets_do() {
    let first = Scene::start(BEFORE, Settings::default(), None);
    let tasks = first.tasks();
    let second = first.then(
        "
global: {scrape_interval: 1h, scrape_timeout: 5s}
scrape_configs:
- {job_name: a, honor_labels: true, static_configs: [{targets: ['localhost:1']}]}
- {job_name: c, static_configs: [{targets: ['localhost:1']}]}
",
    );
    let now = second.tasks();
    assert_eq!(now.keys().collect::<Vec<_>>(), ["a", "c"]);
    assert_ne!(now["a"], tasks["a"]);
    tokio::time::sleep(Duration::from_millis(1)).await;
    // Its targets may come back for two intervals.
    assert_eq!(second.ending(), 1);
    let third = second.then(BEFORE);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(third.ending(), 2);
}

#[tokio::test]
async fn what_applies_to_all_jobs_makes_all_of_them_begin_anew() {
    let first = Scene::start(BEFORE, Settings::default(), None);
    let (tasks, settings) = (first.tasks(), Settings { lenient_lines: true, ..Settings::default() });
    let second = Scene::start(BEFORE, settings, Some(first.running.clone()));
    assert!(second.tasks().iter().all(|(name, task)| tasks[name] != *task));
}
