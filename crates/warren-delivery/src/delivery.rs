//! The exporter as the pipeline sees it.

use crate::config::shown;
use crate::counters::{Counters, Loss};
use crate::disk::Disk;
use crate::entry::Entry;
use crate::queue::{Capacity, Queue, Refusal, Work};
use crate::{Backoff, DeliveryConfig, Outcome, Sender};
use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use warren_component::{
    BoxFuture, BuildContext, BuildError, Code, ConsumeError, Consumer, Exporter, Pulse, RunContext, RunError, Status, Stop,
};
use warren_pdata::{Batch, Signal};
use warren_storage::Policy;
use warren_telemetry::{Field, Logger};

/// Longest time for which a caller is held for further attempts when there is no queue. Receivers' clients rarely wait longer.
pub const HOLD_MAX: Duration = Duration::from_secs(10);

/// How often a caller that waits for room looks whether a disk has some again.
const DISK_RETRY: Duration = Duration::from_secs(1);

/// Text that upstream appends when retries are off.
const TRY_RETRY: &str = " Try enabling retry_on_failure config option to retry on retryable errors.";

/// Text that upstream appends when there is no queue.
const TRY_QUEUE: &str = " Try enabling sending_queue to survive temporary failures.";

/// Puts a queue, retries and a timeout around a sender.
///
/// # Errors
/// When the queue is to be kept on disk and no extension offers that.
pub fn deliver(
    cx: &BuildContext,
    signal: Signal,
    config: DeliveryConfig,
    sender: impl Sender,
) -> Result<Arc<dyn Exporter>, BuildError> {
    let config = if config.queue.stored_in().is_some() { config.durable() } else { config };
    let counters = Counters::new(cx, signal);
    let (queue, policy) = queue(cx, signal, &config)?;
    let capacity = Capacity::of(&config.queue);
    if config.queue.enabled {
        counters.watch(&queue, &capacity);
    }
    Ok(Arc::new(Delivery {
        queue,
        policy,
        capacity,
        work: Work::of(&config),
        sender: Box::new(sender),
        advice: advice(&config),
        log: cx.telemetry.log.clone(),
        counters,
        running: OnceLock::new(),
        config,
    }))
}

/// The predecessor's queue, unless it is on disk elsewhere than this one shall be, or a new one; on disk if the settings say so, and how it is to
/// be kept there.
fn queue(cx: &BuildContext, signal: Signal, config: &DeliveryConfig) -> Result<(Arc<Queue>, Option<Policy>), BuildError> {
    let inherited = cx.inherited.take::<Arc<Queue>>();
    let Some(storage) = config.queue.stored_in() else {
        return Ok((inherited.unwrap_or_else(|| Arc::new(Queue::new(&config.retry))), None));
    };
    let place = cx.storage_place(storage, "exporter", Some(signal))?;
    let inherited = inherited.map(|queue| (queue.disk(), queue));
    let queue = match inherited {
        Some((Some(disk), queue)) if disk.path() == place.path => return Ok((queue, Some(place.policy))),
        // What is in memory goes on over the new storage; what is on another disk is sent by the predecessor, or stays there.
        Some((None, queue)) => queue,
        _ => Arc::new(Queue::new(&config.retry)),
    };
    let directory = cx.storage(storage, "exporter", Some(signal))?;
    let disk = Disk::start(directory, signal, Arc::downgrade(&queue))
        .map_err(|error| BuildError::with_source(format!("no thread for the queue on disk: {error}"), error))?;
    queue.attach(disk);
    Ok((queue, Some(place.policy)))
}

/// An exporter with its queue.
pub(crate) struct Delivery {
    pub(crate) config: DeliveryConfig,
    pub(crate) queue: Arc<Queue>,
    /// How what is on disk is kept.
    pub(crate) policy: Option<Policy>,
    pub(crate) capacity: Capacity,
    pub(crate) work: Work,
    pub(crate) sender: Box<dyn Sender>,
    /// What upstream appends to the message of a failure.
    advice: String,
    pub(crate) log: Logger,
    pub(crate) counters: Counters,
    running: OnceLock<RunContext>,
}

impl Consumer for Delivery {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        Box::pin(async move {
            let items = batch.items() as u64;
            if self.config.queue.enabled { self.enqueue(batch, items).await } else { self.send_now(batch, items).await }
        })
    }
}

impl Exporter for Delivery {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        // `run` is called once; were it called again, the first context would stand.
        let _ = self.running.set(cx.clone());
        if self.config.queue.enabled {
            let queue = Arc::downgrade(&self.queue);
            cx.status.answer(move || {
                let (waiting, silent) = queue.upgrade()?.silence();
                Some(Pulse::Sends { waiting, silent })
            });
        }
        Box::pin(async move {
            self.empty_queue(&cx).await;
            Ok(())
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.queue.clone()))
    }
}

impl Delivery {
    /// Puts a batch into the queue, and waits for the outcome if the settings say so.
    async fn enqueue(&self, batch: Arc<Batch>, items: u64) -> Result<(), ConsumeError> {
        let (reply, answer) = self.config.queue.wait_for_result.then(oneshot::channel).unzip();
        let mut reply = reply;
        loop {
            // Registered before the attempt, so that room made in between is not missed.
            let mut space = std::pin::pin!(self.queue.occupancy.space.notified());
            space.as_mut().enable();
            let taken = match self.capacity.is_durable() {
                true => self.queue.store(&batch, &self.capacity).await,
                false => self.queue.offer(&batch, &self.capacity, &mut reply),
            };
            match taken {
                Ok(()) => break,
                Err(Refusal::Full | Refusal::Failed(_)) if self.config.queue.block_on_overflow && !self.is_stopping() => {
                    tokio::select! {
                        () = space => {}
                        () = self.stopping() => {}
                        () = tokio::time::sleep(DISK_RETRY), if self.capacity.is_durable() => {}
                    }
                }
                Err(refusal) => {
                    let error = match refusal {
                        Refusal::Full => ConsumeError::retryable("sending queue is full").with_code(Code::Unavailable),
                        Refusal::TooLarge => ConsumeError::permanent("element size too large"),
                        Refusal::Failed(text) => ConsumeError::retryable(text).with_code(Code::Unavailable),
                    };
                    self.counters.refused(items);
                    self.tell_rejected(items, &error.message);
                    return Err(error);
                }
            }
        }
        // The queue shares the batch; the caller's share would make a merge copy it.
        drop(batch);
        drop(reply);
        match answer {
            // The sender of the answer is gone without a word when the batch held nothing.
            Some(answer) => answer.await.unwrap_or(Ok(())),
            None => Ok(()),
        }
    }

    /// Sends a batch while the caller waits.
    async fn send_now(&self, batch: Arc<Batch>, items: u64) -> Result<(), ConsumeError> {
        let mut entry = Entry::new(batch, Instant::now(), Vec::new());
        let mut backoff = Backoff::new(&self.config.retry);
        let give_up = Instant::now() + self.patience();
        let (error, why) = loop {
            let outcome = self.attempt(&mut entry).await;
            let error = match self.account(&mut entry, outcome) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !self.config.retry.enabled {
                break (error, "");
            }
            if error.permanent {
                break (error, "not retryable error: ");
            }
            let wait = backoff.next_wait().max(error.retry_after.unwrap_or_default());
            if Instant::now() + wait > give_up {
                break (error.after(wait), "request will be cancelled before next retry: ");
            }
            self.tell_retry(&error, wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stopping() => break (error, "interrupted due to shutdown: "),
            }
        };
        self.counters.outcome(0, entry.open_items);
        self.tell_rejected(items, &format!("{why}{error}"));
        Err(error)
    }

    /// How long a caller without a queue is held.
    fn patience(&self) -> Duration {
        let elapsed_max = self.config.retry.max_elapsed_time.as_duration().filter(|longest| !longest.is_zero());
        elapsed_max.map_or(HOLD_MAX, |longest| longest.min(HOLD_MAX))
    }

    /// One attempt, cut when it takes too long.
    pub(crate) async fn attempt(&self, entry: &mut Entry) -> Outcome {
        let Entry { batch, progress, .. } = entry;
        let sending = self.sender.send(batch, progress);
        match self.config.timeout {
            None => sending.await,
            Some(limit) => tokio::time::timeout(limit, sending).await.unwrap_or_else(|_| {
                let text = format!("context deadline exceeded: no answer within {}", shown(limit));
                Outcome::Failed(ConsumeError::retryable(text).with_code(Code::DeadlineExceeded))
            }),
        }
    }

    /// Counts what an attempt settled, and gives the error that leaves the rest open.
    pub(crate) fn account(&self, entry: &mut Entry, outcome: Outcome) -> Result<(), ConsumeError> {
        let Entry { progress, open_items, .. } = entry;
        let sent = settle(open_items, progress.take_sent());
        let mut refused = Vec::new();
        for (items, error) in progress.take_dropped() {
            refused.push((settle(open_items, items), error));
        }
        let rest = match &outcome {
            Outcome::Sent | Outcome::Partial { .. } => std::mem::take(open_items),
            Outcome::Failed(_) => 0,
        };
        if sent + rest > 0 {
            self.counters.outcome(sent + rest, 0);
            self.queue.took();
        }
        for (items, error) in refused {
            entry.fail(&error);
            self.drop_items(items, Loss::Permanent, &format!("not retryable error: {error}"));
        }
        match outcome {
            Outcome::Sent => Ok(()),
            Outcome::Partial { rejected, message } => {
                self.tell_partial(entry.batch.signal(), rejected, &message);
                Ok(())
            }
            Outcome::Failed(error) => Err(error),
        }
    }

    /// Gives up a whole entry.
    pub(crate) fn drop_entry(&self, entry: Entry, loss: Loss, error: &ConsumeError, text: &str) {
        entry.fail(error);
        self.drop_items(entry.open_items, loss, text);
        entry.finish();
    }

    /// Counts and tells a loss.
    pub(crate) fn drop_items(&self, items: u64, loss: Loss, text: &str) {
        self.counters.outcome(0, items);
        self.counters.lost(items, loss);
        let message = format!("Exporting failed. Dropping data.{}", self.advice);
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        self.log.error(&message, &[("error", Field::Str(text)), ("dropped_items", Field::Int(items))]);
    }

    pub(crate) fn tell_retry(&self, error: &ConsumeError, wait: Duration) {
        let (text, interval) = (described(error), shown(wait));
        let fields = [("error", Field::Str(text.as_str())), ("interval", Field::Str(interval.as_str()))];
        self.log.info("Exporting failed. Will retry the request after interval.", &fields);
    }

    fn tell_rejected(&self, items: u64, text: &str) {
        let message = format!("Exporting failed. Rejecting data.{}", self.advice);
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        self.log.error(&message, &[("error", Field::Str(text)), ("rejected_items", Field::Int(items))]);
    }

    fn tell_partial(&self, signal: Signal, rejected: u64, message: &str) {
        let field = match signal {
            Signal::Traces => "dropped_spans",
            Signal::Metrics => "dropped_data_points",
            Signal::Logs => "dropped_log_records",
        };
        let count = i64::try_from(rejected).unwrap_or(i64::MAX);
        self.log.warn("Partial success response", &[("message", Field::Str(message)), (field, Field::Int(count))]);
        if rejected > 0 {
            self.counters.lost(rejected, Loss::Rejected);
        }
    }

    /// Where the exporter tells how it fares, once it runs.
    pub(crate) fn status(&self) -> Option<&Status> {
        self.running.get().map(|cx| &cx.status)
    }

    fn is_stopping(&self) -> bool {
        self.stop().is_some_and(Stop::is_requested)
    }

    /// Resolves when the exporter is told to end; never, if it does not run.
    async fn stopping(&self) {
        match self.stop() {
            Some(stop) => stop.requested().await,
            None => std::future::pending().await,
        }
    }

    fn stop(&self) -> Option<&Stop> {
        self.running.get().map(|cx| &cx.stop)
    }
}

/// Takes settled items off the open ones, never more than there are.
fn settle(open: &mut u64, items: u64) -> u64 {
    let settled = items.min(*open);
    *open -= settled;
    settled
}

/// An error as upstream shows it in its log.
pub(crate) fn described(error: &ConsumeError) -> String {
    match error.retry_after {
        Some(pause) => format!("Throttle ({}), error: {error}", shown(pause)),
        None => error.to_string(),
    }
}

fn advice(config: &DeliveryConfig) -> String {
    let retry = if config.retry.enabled { "" } else { TRY_RETRY };
    let queue = if config.queue.enabled { "" } else { TRY_QUEUE };
    format!("{retry}{queue}")
}
