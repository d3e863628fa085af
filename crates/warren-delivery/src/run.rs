//! Emptying the queue: attempts side by side, retries when they are due, and the end.

use crate::counters::Loss;
use crate::delivery::{Delivery, described};
use crate::entry::{Entry, Retrying};
use crate::queue::{Next, Owner};
use crate::{Backoff, Outcome};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use warren_component::{BoxFuture, ConsumeError, Health, RunContext, Stop};
use warren_telemetry::Field;

/// Failures in a row after which the exporter says that it is ill.
const FAILURES_TOLD: u32 = 3;

/// How an attempt ended.
enum Ended {
    With(Outcome),
    /// The time to drain was over before.
    Overdue,
}

type Attempt<'a> = BoxFuture<'a, (Entry, Ended)>;

/// What the loop is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Business as usual.
    Running,
    /// Told to end: one attempt for each batch.
    Draining,
    /// A successor has the queue: what is on its way ends here, what fails goes back.
    Superseded,
}

impl Delivery {
    /// Sends what is in the queue until told to stop, and then what is left in it, until the drain deadline.
    pub(crate) async fn empty_queue(&self, cx: &RunContext) {
        let owner = self.queue.adopt(&self.config.retry, &self.work, &self.capacity);
        if let Some((disk, policy)) = self.queue.disk().zip(self.policy) {
            disk.keep(policy);
        }
        self.send_all(owner, cx).await;
        if let Some(disk) = self.queue.disk() {
            // Nothing that was settled is to come again after an orderly end.
            disk.flush().await;
            self.tell_notices(&disk);
        }
    }

    async fn send_all(&self, owner: Owner, cx: &RunContext) {
        let mut attempts: FuturesUnordered<Attempt<'_>> = FuturesUnordered::new();
        loop {
            if let Some(disk) = self.queue.disk() {
                self.tell_notices(&disk);
            }
            let phase = self.phase(owner, &cx.stop);
            let wake = self.start_attempts(owner, phase, &cx.stop, &mut attempts);
            let stopping = cx.stop.is_requested();
            if stopping && attempts.is_empty() && (phase == Phase::Superseded || self.queue.is_empty()) {
                return self.leave_rest(owner);
            }
            tokio::select! {
                biased;
                Some((entry, ended)) = attempts.next(), if !attempts.is_empty() => self.settle(entry, ended, self.phase(owner, &cx.stop)),
                () = cx.stop.requested(), if !stopping => {}
                () = self.queue.work.notified(), if phase != Phase::Superseded => {}
                () = sleep_until(wake), if wake.is_some() => {}
                () = cx.stop.overdue(), if stopping && attempts.is_empty() => {
                    return self.leave_rest(owner);
                }
            }
        }
    }

    fn phase(&self, owner: Owner, stop: &Stop) -> Phase {
        if !self.queue.is_owned_by(owner) {
            Phase::Superseded
        } else if stop.is_requested() {
            Phase::Draining
        } else {
            Phase::Running
        }
    }

    /// Starts what may start now; says when there may be more to start.
    fn start_attempts<'a>(
        &'a self,
        owner: Owner,
        phase: Phase,
        stop: &Stop,
        attempts: &mut FuturesUnordered<Attempt<'a>>,
    ) -> Option<Instant> {
        let draining = phase == Phase::Draining;
        if draining && stop.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            return None;
        }
        loop {
            match self.queue.next(owner, &self.work, Instant::now(), draining) {
                Next::Start(entry) => attempts.push(self.attempt_until(entry, stop.clone())),
                Next::At(instant) => return Some(instant),
                Next::Idle => return None,
            }
        }
    }

    /// One attempt that ends at the drain deadline at the latest.
    fn attempt_until(&self, mut entry: Entry, stop: Stop) -> Attempt<'_> {
        Box::pin(async move {
            entry.attempted.get_or_insert_with(Instant::now);
            let ended = tokio::select! {
                biased;
                outcome = self.attempt(&mut entry) => Ended::With(outcome),
                () = stop.overdue() => Ended::Overdue,
            };
            (entry, ended)
        })
    }

    fn settle(&self, mut entry: Entry, ended: Ended, phase: Phase) {
        let outcome = match ended {
            Ended::With(outcome) => outcome,
            Ended::Overdue => {
                // What was settled counts; the rest goes the way of what is still in the queue.
                let cut = Outcome::Failed(ConsumeError::retryable("the time to drain is over"));
                let _ = self.account(&mut entry, cut);
                self.queue.failed(Instant::now(), None);
                return self.queue.park(entry);
            }
        };
        match self.account(&mut entry, outcome) {
            Ok(()) => self.answered(entry),
            Err(error) if error.permanent => {
                self.queue.answered();
                let text = if self.config.retry.enabled { format!("not retryable error: {error}") } else { error.to_string() };
                self.drop_entry(entry, Loss::Permanent, &error, &text);
            }
            Err(error) => self.failed(entry, error, phase),
        }
    }

    fn answered(&self, entry: Entry) {
        self.queue.answered();
        entry.finish();
        if let Some(status) = self.status()
            && matches!(status.health(), Health::Recoverable(_))
        {
            status.tell(Health::Ok);
        }
    }

    /// An attempt that may succeed later.
    fn failed(&self, mut entry: Entry, error: ConsumeError, phase: Phase) {
        let now = Instant::now();
        let in_a_row = self.queue.failed(now, error.retry_after);
        if in_a_row >= FAILURES_TOLD
            && let Some(status) = self.status()
        {
            status.tell(Health::Recoverable(described(&error)));
        }
        match phase {
            Phase::Superseded => return self.queue.park(entry),
            // It is safe where it is, and so is what waits behind it.
            Phase::Draining if entry.is_stored() => {
                self.queue.rest();
                return self.queue.park(entry);
            }
            Phase::Draining => {
                let text = format!("interrupted due to shutdown: {}", described(&error));
                return self.drop_entry(entry, Loss::Shutdown, &error, &text);
            }
            Phase::Running => {}
        }
        if !self.config.retry.enabled {
            return self.drop_entry(entry, Loss::RetryDisabled, &error, &described(&error));
        }
        let retrying = entry.retrying.get_or_insert_with(|| Retrying { backoff: Backoff::new(&self.config.retry), due: now });
        let wait = retrying.backoff.next_wait().max(error.retry_after.unwrap_or_default());
        retrying.due = now + wait;
        let longest = self.config.retry.max_elapsed_time.as_duration().filter(|longest| !longest.is_zero());
        let since = entry.attempted.unwrap_or(now);
        if longest.is_some_and(|longest| since + longest < now + wait) {
            let text = format!("no more retries left: {}", described(&error));
            return self.drop_entry(entry, Loss::RetriesExhausted, &error, &text);
        }
        self.tell_retry(&error, wait);
        self.queue.park(entry);
    }

    /// What is left at the end stays on disk; what is not there is given up.
    fn leave_rest(&self, owner: Owner) {
        if !self.queue.is_owned_by(owner) {
            return;
        }
        let unread = self.queue.unread();
        let (stored, entries): (Vec<Entry>, Vec<Entry>) = self.queue.clear().into_iter().partition(Entry::is_stored);
        let left = unread.records + stored.len() as u64;
        if left > 0 {
            let items = unread.items + stored.iter().map(|entry| entry.open_items).sum::<u64>();
            let count = |count: u64| Field::Int(i64::try_from(count).unwrap_or(i64::MAX));
            self.log
                .info("What is left in the sending queue stays on disk", &[("batches", count(left)), ("items", count(items))]);
        }
        let items = entries.iter().map(|entry| entry.open_items).sum();
        let error = ConsumeError::retryable("the time to drain is over");
        entries.iter().for_each(|entry| entry.fail(&error));
        if !entries.is_empty() {
            let text = format!("interrupted due to shutdown: {error}; batches left: {}", entries.len());
            self.drop_items(items, Loss::Shutdown, &text);
        }
    }
}

/// Resolves at a time; never without one.
async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
