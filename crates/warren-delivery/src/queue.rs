//! The queue: what waits, what is parked until its next attempt, and how much of both may be held.
//!
//! It belongs to the exporter's id and not to one instance of the exporter: on a change of settings the successor adopts it.

use crate::batcher::{Batcher, Sizes};
use crate::circuit::Circuit;
use crate::entry::{Entry, Occupancy, Reply, Ticket};
use crate::{DeliveryConfig, QueueConfig, RetryConfig, Sizer};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use warren_pdata::Batch;

/// Most heap bytes of batches that one queue holds. A batch that finds the queue empty is let in whatever its size, and not weighed.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;

/// How much a queue takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    sizer: Sizer,
    size: u64,
    bytes: usize,
}

/// How a queue is emptied.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    consumers: usize,
    ordered: bool,
    sizes: Option<Sizes>,
}

/// Why a batch is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no room now.
    Full,
    /// There will never be room.
    TooLarge,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Attempt this one.
    Start(Entry),
    /// Nothing before this time.
    At(Instant),
    /// Nothing until something changes.
    Idle,
}

/// Which of several instances of an exporter empties the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(u64);

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) occupancy: Arc<Occupancy>,
    /// Told whenever there may be something to do.
    pub(crate) work: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Entry>,
    batcher: Batcher,
    parked: Vec<Entry>,
    in_flight: usize,
    circuit: Circuit,
    owner: u64,
}

impl Capacity {
    pub(crate) fn of(queue: &QueueConfig) -> Self {
        let size = u64::try_from(queue.queue_size).unwrap_or(0);
        // Whoever gives a size in bytes says otherwise than the usual bound.
        let asked = if queue.sizer == Sizer::Bytes { usize::try_from(size).unwrap_or(usize::MAX) } else { 0 };
        Self { sizer: queue.sizer, size, bytes: QUEUE_BYTES_MAX.max(asked) }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

impl Work {
    pub(crate) fn of(config: &DeliveryConfig) -> Self {
        let consumers = usize::try_from(config.queue.num_consumers).unwrap_or(1).max(1);
        let ordered = config.ordered || consumers == 1;
        Self { consumers: if ordered { 1 } else { consumers }, ordered, sizes: Sizes::of(&config.queue) }
    }
}

impl Queue {
    pub(crate) fn new(retry: &RetryConfig) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            batcher: Batcher::default(),
            parked: Vec::new(),
            in_flight: 0,
            circuit: Circuit::new(retry),
            owner: 0,
        };
        Self { occupancy: Arc::default(), work: Notify::new(), state: Mutex::new(state) }
    }

    /// Takes a batch in.
    pub(crate) fn offer(&self, batch: &Arc<Batch>, capacity: &Capacity, reply: &mut Option<Reply>) -> Result<(), Refusal> {
        let size = capacity.sizer.size(batch);
        if size == 0 {
            // Nothing to deliver: taken, and the caller's wait ends as the reply is dropped unanswered.
            return Ok(());
        }
        if size > capacity.size {
            return Err(Refusal::TooLarge);
        }
        let mut state = self.state();
        let held = self.occupancy.size.load(Relaxed);
        if held + size > capacity.size {
            return Err(Refusal::Full);
        }
        // Weighing visits every attribute set, so it is left out while the destination keeps up.
        let bytes = if held == 0 { 0 } else { batch.heap_bytes() };
        if held > 0 && self.occupancy.bytes.load(Relaxed).saturating_add(bytes) > capacity.bytes {
            return Err(Refusal::Full);
        }
        let ticket = Ticket::new(&self.occupancy, size, bytes, reply.take());
        state.waiting.push_back(Entry::new(batch.clone(), Instant::now(), vec![ticket]));
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Makes the caller the one that empties the queue. Whoever did so before starts nothing more.
    pub(crate) fn adopt(&self, retry: &RetryConfig) -> Owner {
        let mut state = self.state();
        state.owner += 1;
        state.circuit = Circuit::new(retry);
        let owner = Owner(state.owner);
        drop(state);
        self.work.notify_waiters();
        owner
    }

    /// Whether the owner still empties the queue.
    pub(crate) fn is_owned_by(&self, owner: Owner) -> bool {
        self.state().owner == owner.0
    }

    /// The next thing to do. `draining` lets nothing wait for its time.
    pub(crate) fn next(&self, owner: Owner, work: &Work, now: Instant, draining: bool) -> Next {
        let mut state = self.state();
        if state.owner != owner.0 {
            // The word that there is work was meant for the successor.
            self.work.notify_one();
            return Next::Idle;
        }
        let probe_at = state.circuit.probe_at().filter(|_| !draining);
        let limit = if probe_at.is_some() { 1 } else { work.consumers };
        if state.in_flight >= limit {
            return Next::Idle;
        }
        if let Some(probe_at) = probe_at.filter(|probe_at| *probe_at > now)
            && state.holds_something()
        {
            return Next::At(probe_at);
        }
        let next = state.take(work, now, draining);
        if matches!(next, Next::Start(_)) {
            state.in_flight += 1;
        }
        next
    }

    /// An attempt has ended with an answer.
    pub(crate) fn answered(&self) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.circuit.succeeded();
        self.work.notify_one();
    }

    /// An attempt has failed and may succeed later. Tells how often in a row that happened.
    pub(crate) fn failed(&self, now: Instant, pause: Option<Duration>) -> u32 {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        self.work.notify_one();
        state.circuit.failed(now, pause)
    }

    /// Keeps an entry until it is due.
    pub(crate) fn park(&self, entry: Entry) {
        self.state().parked.push(entry);
    }

    /// Whether nothing waits and nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.in_flight == 0 && !state.holds_something()
    }

    /// Takes everything out that is not on its way.
    pub(crate) fn clear(&self) -> Vec<Entry> {
        let mut state = self.state();
        let mut all: Vec<Entry> = state.parked.drain(..).collect();
        all.extend(std::iter::from_fn(|| state.batcher.flush()));
        all.extend(state.waiting.drain(..));
        all
    }

    /// Batches on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    /// How long the oldest batch has been waiting; those on their way do not count.
    pub(crate) fn oldest_age(&self, now: Instant) -> Duration {
        let state = self.state();
        let all = state.parked.iter().chain(state.batcher.entries()).chain(state.waiting.front());
        let oldest = all.map(|entry| entry.offered).min();
        oldest.map_or(Duration::ZERO, |offered| now.saturating_duration_since(offered))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn holds_something(&self) -> bool {
        !self.waiting.is_empty() || !self.parked.is_empty() || self.batcher.entries().next().is_some()
    }

    fn take(&mut self, work: &Work, now: Instant, draining: bool) -> Next {
        let due = |entry: &Entry| entry.due().unwrap_or(now);
        let parked = self.parked.iter().enumerate().min_by_key(|(_, entry)| due(entry)).map(|(index, entry)| (index, due(entry)));
        if let Some((index, due)) = parked
            && (due <= now || draining)
        {
            return Next::Start(self.parked.swap_remove(index));
        }
        let parked_until = parked.map(|(_, due)| due);
        if let Some(due) = parked_until.filter(|_| work.ordered) {
            return Next::At(due);
        }
        if let Some(entry) = self.take_fresh(work, now, draining) {
            return Next::Start(entry);
        }
        [parked_until, self.batcher.flush_at()].into_iter().flatten().min().map_or(Next::Idle, Next::At)
    }

    /// The oldest batch that was never attempted.
    fn take_fresh(&mut self, work: &Work, now: Instant, draining: bool) -> Option<Entry> {
        let Some(sizes) = &work.sizes else {
            // What a predecessor with other settings was merging goes first.
            return self.batcher.flush().or_else(|| self.waiting.pop_front());
        };
        loop {
            if let Some(entry) = self.batcher.take(now) {
                return Some(entry);
            }
            match self.waiting.pop_front() {
                Some(entry) => self.batcher.add(entry, sizes, now),
                None if draining => return self.batcher.flush(),
                None => return None,
            }
        }
    }
}
