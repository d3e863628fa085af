//! A shard: what waits to go on together.

use crate::Config;
use crate::figures::{Figures, Loss, Trigger};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use warren_component::{ClientInfo, Code, ConsumeError, Consumer, Stop};
use warren_delivery::{Backoff, RetryConfig, persist};
use warren_pdata::Batch;
use warren_telemetry::{Field, Logger};

/// Heap bytes that wait in all shards of a processor together; the shard that brings more goes on, whatever its size.
pub(crate) const PENDING_BYTES_MAX: usize = 32 << 20;

/// Batches that wait to be put together, in each shard.
const HAND_OFF: usize = 2;

/// What the shards of a processor share.
pub(crate) struct Common {
    pub(crate) config: Config,
    pub(crate) next: Arc<dyn Consumer>,
    pub(crate) log: Logger,
    pub(crate) figures: Figures,
    /// Heap bytes that wait.
    pub(crate) pending_bytes: AtomicUsize,
}

/// Where a shard is given batches.
#[derive(Clone)]
pub(crate) struct Entrance {
    sender: mpsc::Sender<Arc<Batch>>,
    is_refused: watch::Receiver<bool>,
}

/// What waits to go on together.
pub(crate) struct Shard {
    common: Arc<Common>,
    arrivals: mpsc::Receiver<Arc<Batch>>,
    /// Whether what follows refuses what waits.
    refused: watch::Sender<bool>,
    /// The metadata that all batches here have in common, for what follows.
    client: Option<Arc<ClientInfo>>,
    pending: Option<Arc<Batch>>,
    items: usize,
    bytes: usize,
    /// The time runs from here: from the last sending, or from the last time at which there was nothing to send.
    since: Instant,
}

impl Entrance {
    /// Gives the shard a batch. While it has no room the caller waits, but not for what follows: while that refuses, so does the shard, for who
    /// offers the batch may offer it to others as well.
    pub(crate) async fn give(&self, batch: Arc<Batch>) -> Result<(), ConsumeError> {
        let mut is_refused = self.is_refused.clone();
        tokio::select! {
            biased;
            room = self.sender.reserve() => room.map(|room| room.send(batch)).map_err(|_| stopped()),
            Ok(_) = is_refused.wait_for(|refused| *refused) => {
                let text = "the batch processor is full: what follows does not take what it has";
                Err(ConsumeError::retryable(text).with_code(Code::Unavailable))
            }
        }
    }
}

pub(crate) fn stopped() -> ConsumeError {
    ConsumeError::retryable("the batch processor is stopped")
}

impl Shard {
    /// A shard, and where it is given batches.
    pub(crate) fn new(common: Arc<Common>, client: Option<Arc<ClientInfo>>) -> (Self, Entrance) {
        let (sender, arrivals) = mpsc::channel(HAND_OFF);
        let (refused, is_refused) = watch::channel(false);
        let shard = Self { common, arrivals, refused, client, pending: None, items: 0, bytes: 0, since: Instant::now() };
        (shard, Entrance { sender, is_refused })
    }

    /// Puts batches together until asked to stop and nothing waits any more.
    pub(crate) async fn work(mut self, stop: Stop) {
        loop {
            let due = self.pending.as_ref().map(|_| self.since + self.common.config.timeout());
            tokio::select! {
                biased;
                () = wait_until(due) => self.send_some(Trigger::Time, &stop).await,
                () = stop.requested() => break,
                arrival = self.arrivals.recv() => match arrival {
                    Some(batch) => self.add(batch, &stop).await,
                    None => break,
                },
            }
        }
        // Whoever hands over has stopped by now; what is still in the hand-off is the last.
        self.arrivals.close();
        while let Some(batch) = self.arrivals.recv().await {
            self.add(batch, &stop).await;
        }
        while self.pending.is_some() {
            self.send_some(Trigger::Time, &stop).await;
        }
    }

    /// Whether batches wait for more; else they go on as they come.
    fn waits(&self) -> bool {
        self.common.config.timeout() > Duration::ZERO && self.common.config.send_batch_size > 0
    }

    async fn add(&mut self, batch: Arc<Batch>, stop: &Stop) {
        let items = batch.items();
        if items == 0 {
            return;
        }
        if self.pending.is_none() {
            self.pass_idle_time();
        }
        self.items += items;
        let filled = !self.waits() || self.items >= self.common.config.send_batch_size as usize;
        if !filled {
            let bytes = batch.heap_bytes();
            self.bytes += bytes;
            let all = self.common.pending_bytes.fetch_add(bytes, Relaxed) + bytes;
            self.put(batch);
            if all > PENDING_BYTES_MAX {
                self.send_some(Trigger::Size, stop).await;
            }
            return;
        }
        self.put(batch);
        while self.pending.is_some() && (!self.waits() || self.items >= self.common.config.send_batch_size as usize) {
            self.send_some(Trigger::Size, stop).await;
        }
    }

    /// The periods of `timeout` that went by with nothing to send.
    fn pass_idle_time(&mut self) {
        let timeout = self.common.config.timeout();
        if !timeout.is_zero() {
            let into_period = self.since.elapsed().as_nanos() % timeout.as_nanos();
            self.since = Instant::now() - Duration::from_nanos(u64::try_from(into_period).unwrap_or(u64::MAX));
        }
    }

    /// Puts a batch behind what waits. A batch that waits alone stays as it came: it need not be copied if someone else holds it too.
    fn put(&mut self, batch: Arc<Batch>) {
        self.pending = Some(match self.pending.take() {
            None => batch,
            Some(first) => {
                let mut all = Batch::owned(first);
                // A batch of another signal cannot come here: a pipeline has one.
                let _ = all.append(Batch::owned(batch));
                Arc::new(all)
            }
        });
    }

    /// Sends what waits, cut into batches of `send_batch_max_size`. Of what was cut, the rest that is too small to go on waits again.
    async fn send_some(&mut self, trigger: Trigger, stop: &Stop) {
        let Some(pending) = self.pending.take() else { return };
        self.common.pending_bytes.fetch_sub(std::mem::take(&mut self.bytes), Relaxed);
        let most = self.common.config.send_batch_max_size as usize;
        if most == 0 || self.items <= most {
            self.items = 0;
            self.send(pending, trigger, stop).await;
        } else {
            for chunk in Batch::owned(pending).into_chunks(most) {
                let filled = self.items >= self.common.config.send_batch_size as usize;
                if filled || !self.waits() {
                    self.items -= chunk.items();
                    self.send(Arc::new(chunk), trigger, stop).await;
                } else {
                    self.put(Arc::new(chunk));
                }
            }
        }
        self.since = Instant::now();
    }

    async fn send(&self, batch: Arc<Batch>, trigger: Trigger, stop: &Stop) {
        let Common { next, log, figures, .. } = &*self.common;
        let (items, bytes) = (batch.items(), figures.weigh(&batch));
        let told = |error: &ConsumeError, wait: Duration| {
            self.refused.send_replace(true);
            log.warn("Sender failed", &[("error", Field::Display(error)), ("interval", Field::Duration(wait))]);
        };
        let sending = persist(next.as_ref(), batch, Backoff::new(&RetryConfig::default()), stop, told);
        let sent = match &self.client {
            Some(client) => Arc::clone(client).scope(sending).await,
            None => sending.await,
        };
        self.refused.send_replace(false);
        match sent {
            Ok(()) => figures.sent(trigger, items, bytes),
            Err(error) => {
                let loss = match &error {
                    error if error.permanent => Loss::Permanent,
                    error if error.partial => Loss::Partial,
                    _ => Loss::Shutdown,
                };
                figures.lost(items, loss);
                let fields = [("error", Field::Display(&error)), ("dropped_items", Field::Int(items as i64))];
                log.error("Sender failed. Dropping data.", &fields);
            }
        }
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
