//! Tasks that start and stop together.

use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use warren_component::{BoxFuture, Health, Pulse, RunContext, RunError, Status, Stop, StopHandle};
use warren_telemetry::{Field, Logger};

/// Time that a task has to end after its deadline, before it is given up.
const GRACE: Duration = Duration::from_secs(1);

/// What one component runs.
struct Task {
    name: String,
    status: Status,
    running: JoinHandle<Result<(), RunError>>,
}

/// Tasks that start and stop together.
pub(crate) struct Group {
    stop: StopHandle,
    /// There will be no such component any more.
    for_good: bool,
    tasks: Vec<Task>,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self { stop: Stop::new().0, for_good: false, tasks: Vec::new() }
    }

    /// A group of one task.
    pub(crate) fn of(name: String, run: impl FnOnce(RunContext) -> BoxFuture<'static, Result<(), RunError>>) -> Self {
        let mut group = Self::new();
        group.spawn(name, run);
        group
    }

    pub(crate) fn spawn(&mut self, name: String, run: impl FnOnce(RunContext) -> BoxFuture<'static, Result<(), RunError>>) {
        let status = Status::default();
        let future = run(RunContext { stop: self.stop.subscribe(), status: status.clone() });
        let running = tokio::spawn(future);
        status.tell(Health::Ok);
        self.tasks.push(Task { name, status, running });
    }

    /// How the tasks fare: the worst of them. A task that ended well had nothing more to do.
    pub(crate) fn health(&self) -> Health {
        let all = self.tasks.iter().map(|task| task.status.health());
        all.filter(|health| *health != Health::Stopped).max_by_key(badness).unwrap_or(Health::Ok)
    }

    /// The group, to be told when it stops that it is not wanted any more.
    pub(crate) fn unwanted(self) -> Self {
        Self { for_good: true, ..self }
    }

    /// How data moves through the tasks that can tell.
    pub(crate) fn pulses(&self) -> impl Iterator<Item = Pulse> + '_ {
        self.tasks.iter().filter_map(|task| task.status.pulse())
    }

    /// Where the group is told to stop.
    pub(crate) fn handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Resolves when a task failed. One that ended well has nothing more to do.
    pub(crate) async fn failure(&mut self) -> String {
        loop {
            if self.tasks.is_empty() {
                return std::future::pending().await;
            }
            let running = self.tasks.iter_mut().map(|task| &mut task.running);
            let (ended, index, _) = futures_util::future::select_all(running).await;
            let task = self.tasks.swap_remove(index);
            if let Some(failure) = task.failure(ended) {
                return failure;
            }
        }
    }

    /// Asks all tasks to end by a deadline, and waits for them.
    pub(crate) async fn stop(self, deadline: Instant, log: &Logger) {
        self.tasks.iter().for_each(|task| task.status.tell(Health::Stopping));
        if self.for_good {
            self.stop.request_for_good(deadline);
        } else {
            self.stop.request(deadline);
        }
        let stop = self.stop.subscribe();
        for mut task in self.tasks {
            // The deadline may be brought forward in the meantime.
            let given_up = async {
                stop.overdue().await;
                tokio::time::sleep(GRACE).await;
            };
            let ended = tokio::select! {
                biased;
                ended = &mut task.running => Some(ended),
                () = given_up => None,
            };
            let failure = match ended {
                Some(ended) => task.failure(ended),
                None => {
                    task.running.abort();
                    Some(format!("{}: did not stop in time", task.name))
                }
            };
            if let Some(failure) = failure {
                log.error("Component failed while stopping", &[("error", Field::Str(&failure))]);
            }
        }
    }
}

fn badness(health: &Health) -> u8 {
    match health {
        Health::Ok | Health::Stopped => 0,
        Health::Starting | Health::Stopping => 1,
        Health::Recoverable(_) => 2,
        Health::Permanent(_) => 3,
    }
}

impl Task {
    /// What is wrong with how the task ended, if anything.
    fn failure(&self, ended: Result<Result<(), RunError>, JoinError>) -> Option<String> {
        let name = &self.name;
        let failure = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{name}: {error}")),
            Err(error) if error.is_panic() => Some(format!("{name}: the component panicked; this is a fault of the program")),
            Err(error) => Some(format!("{name}: {error}")),
        };
        self.status.tell(failure.clone().map_or(Health::Stopped, Health::Permanent));
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(error: &'static str) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(std::future::ready(Err(RunError(error.to_owned()))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_or_panics_is_named_and_one_that_ends_well_is_not() {
        let mut group = Group::of("quiet".into(), |_| Box::pin(std::future::ready(Ok(()))));
        group.spawn("lasting".into(), |cx| {
            Box::pin(async move {
                cx.stop.requested().await;
                Ok(())
            })
        });
        group.spawn("ill".into(), |_| failing("disk full"));
        assert_eq!(group.failure().await, "ill: disk full");
        group.spawn("broken".into(), |_| Box::pin(async { panic!("oh") }));
        assert!(group.failure().await.starts_with("broken: the component panicked"));
        group.stop(Instant::now(), &Logger::discarded()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_given_up_soon_after_its_deadline() {
        let group = Group::of("stubborn".into(), |_| Box::pin(std::future::pending()));
        let (before, handle) = (Instant::now(), group.handle());
        let hurry = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            handle.request(Instant::now());
        };
        let log = Logger::discarded();
        tokio::join!(group.stop(before + Duration::from_secs(60), &log), hurry);
        assert_eq!(before.elapsed(), Duration::from_secs(2) + GRACE);
    }
}
