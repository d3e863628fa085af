//! The queue: what waits, what is parked until its next attempt, and how much of both may be held.
//!
//! ```text
//!            ┌─ at hand ────────────────────▶ ┐
//! offered ──▶│                                ├──▶ batcher ──▶ next ──▶ attempt
//!            └─ on disk ──▶ loaded, a few ──▶ ┘                  ▲ parked ◀─┘
//! ```
//!
//! Without storage everything is at hand. With it a batch is on disk before it counts as taken, and at hand only while little is: so memory
//! stays flat however much waits. Both ways are taken in turn, so that neither what is fresh nor what is old waits for the other to
//! end; where order counts, nothing is at hand while something older is on disk.
//!
//! It belongs to the exporter's id and not to one instance of the exporter: on a change of settings the successor adopts it.

mod stored;

use crate::batcher::{Batcher, Sizes};
use crate::circuit::Circuit;
use crate::disk::Disk;
use crate::entry::{Entry, Occupancy, Reply, Ticket};
use crate::{DeliveryConfig, QueueConfig, RetryConfig, Sizer};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use warren_pdata::Batch;
use warren_storage::Tally;

/// Most heap bytes of batches that one queue holds. A batch that finds the queue empty is let in whatever its size, and not weighed.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;

/// Batches of a queue on disk that wait for their next attempt at most, beyond which nothing new is tried.
const PARKED_MAX: usize = 64;

/// How much a queue takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    sizer: Sizer,
    size: u64,
    bytes: usize,
    /// It is on disk.
    durable: bool,
}

/// How a queue is emptied.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    consumers: usize,
    ordered: bool,
    sizes: Option<Sizes>,
}

/// Why a batch is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no room now.
    Full,
    /// There will never be room.
    TooLarge,
    /// It cannot be stored, for this reason.
    Failed(String),
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
    /// At hand.
    waiting: VecDeque<Entry>,
    /// Read from the disk.
    loaded: VecDeque<Entry>,
    /// Whether more is being read.
    loading: bool,
    /// On disk alone.
    unread: Tally,
    disk: Option<Disk>,
    /// Whether what is at hand goes next where both ways hold something.
    fresh_next: bool,
    rules: Rules,
    /// Nothing more is started: what is left stays on disk.
    resting: bool,
    batcher: Batcher,
    parked: Vec<Entry>,
    in_flight: usize,
    circuit: Circuit,
    /// When the destination last took something, or the queue was last found empty.
    well: Option<Instant>,
    owner: u64,
}

/// What the owner's settings mean for what comes from the disk.
#[derive(Clone, Copy, Debug)]
struct Rules {
    sizer: Sizer,
    ordered: bool,
}

impl Capacity {
    pub(crate) fn of(queue: &QueueConfig) -> Self {
        let size = u64::try_from(queue.queue_size).unwrap_or(0);
        // Whoever gives a size in bytes says otherwise than the usual bound.
        let asked = if queue.sizer == Sizer::Bytes { usize::try_from(size).unwrap_or(usize::MAX) } else { 0 };
        Self { sizer: queue.sizer, size, bytes: QUEUE_BYTES_MAX.max(asked), durable: queue.stored_in().is_some() }
    }

    /// The size; none if the bytes on disk are the only bound.
    pub(crate) fn size(&self) -> Option<u64> {
        (self.size < i64::MAX as u64).then_some(self.size)
    }

    /// Bytes in memory at most. On disk is what waits to be written, and a little that is at hand.
    pub(crate) fn memory(&self) -> usize {
        if self.durable { self.bytes.saturating_add(stored::MEMORY_BYTES_MAX) } else { self.bytes }
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.durable
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
            loaded: VecDeque::new(),
            loading: false,
            unread: Tally::default(),
            disk: None,
            fresh_next: false,
            rules: Rules { sizer: Sizer::Requests, ordered: true },
            resting: false,
            batcher: Batcher::default(),
            parked: Vec::new(),
            in_flight: 0,
            circuit: Circuit::new(retry),
            well: None,
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
        let held = state.held(&self.occupancy, capacity.sizer);
        if held.saturating_add(size) > capacity.size {
            return Err(Refusal::Full);
        }
        // Weighing visits every attribute set, so it is left out while the destination keeps up.
        let bytes = if held == 0 { 0 } else { batch.heap_bytes() };
        if held > 0 && self.occupancy.bytes.load(Relaxed).saturating_add(bytes) > capacity.bytes {
            return Err(Refusal::Full);
        }
        state.begin(held);
        let ticket = Ticket::new(&self.occupancy, size, bytes, reply.take());
        state.waiting.push_back(Entry::new(batch.clone(), Instant::now(), vec![ticket]));
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Makes the caller the one that empties the queue. Whoever did so before starts nothing more.
    pub(crate) fn adopt(&self, retry: &RetryConfig, work: &Work, capacity: &Capacity) -> Owner {
        let mut state = self.state();
        state.rules = Rules { sizer: capacity.sizer, ordered: work.ordered };
        state.resting = false;
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
        if state.resting {
            return Next::Idle;
        }
        self.load_more(&mut state, work);
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
        let rests = state.resting || !state.holds_something() && state.unread.records == 0 && !state.loading;
        state.in_flight == 0 && rests
    }

    /// Takes everything out that is not on its way.
    pub(crate) fn clear(&self) -> Vec<Entry> {
        let mut state = self.state();
        let mut all: Vec<Entry> = state.parked.drain(..).collect();
        all.extend(std::iter::from_fn(|| state.batcher.flush()));
        all.extend(state.waiting.drain(..));
        all.extend(state.loaded.drain(..));
        all
    }

    /// How much there is by the measure of the settings.
    pub(crate) fn size(&self) -> u64 {
        let state = self.state();
        state.held(&self.occupancy, state.rules.sizer)
    }

    /// Bytes of what there is.
    pub(crate) fn bytes(&self) -> u64 {
        self.occupancy.bytes.load(Relaxed) as u64 + self.state().unread.bytes
    }

    /// Batches on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    /// The destination took something.
    pub(crate) fn took(&self) {
        self.state().well = Some(Instant::now());
    }

    /// How much waits or is on its way, and for how long the destination has taken nothing of it.
    pub(crate) fn silence(&self) -> (u64, Duration) {
        let mut state = self.state();
        let waiting = state.held(&self.occupancy, state.rules.sizer);
        state.begin(waiting);
        (waiting, state.well.map_or(Duration::ZERO, |well| well.elapsed()))
    }

    /// How long the oldest batch has been waiting; those on their way do not count.
    pub(crate) fn oldest_age(&self, now: Instant) -> Duration {
        let state = self.state();
        let all = state.parked.iter().chain(state.batcher.entries()).chain(state.waiting.front()).chain(state.loaded.front());
        let oldest = all.map(|entry| entry.offered).min();
        oldest.map_or(Duration::ZERO, |offered| now.saturating_duration_since(offered))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How much the queue holds, in memory and on disk.
    fn held(&self, occupancy: &Occupancy, sizer: Sizer) -> u64 {
        let pending = self.disk.as_ref().map_or(0, |disk| disk.pending().size.load(Relaxed));
        occupancy.size.load(Relaxed) + pending + sizer.of(&self.unread)
    }

    /// Nothing has waited until now, if so much is held. What a former process left waits since it was found.
    fn begin(&mut self, held: u64) {
        if held == 0 || self.well.is_none() {
            self.well = Some(Instant::now());
        }
    }

    fn holds_something(&self) -> bool {
        !self.waiting.is_empty() || !self.loaded.is_empty() || !self.parked.is_empty() || self.batcher.entries().next().is_some()
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
        // What failed is in memory: of what is on disk no more than that.
        let enough = self.disk.is_some() && self.parked.len() >= PARKED_MAX.max(work.consumers);
        if let Some(due) = parked_until.filter(|_| work.ordered || enough) {
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
            return self.batcher.flush().or_else(|| self.pop(work));
        };
        loop {
            if let Some(entry) = self.batcher.take(now) {
                return Some(entry);
            }
            match self.pop(work) {
                Some(entry) => self.batcher.add(entry, sizes, now),
                None if draining => return self.batcher.flush(),
                None => return None,
            }
        }
    }

    /// The next batch of either way: in turn, or the older one where order counts.
    fn pop(&mut self, work: &Work) -> Option<Entry> {
        let (at_hand, on_disk) = (self.waiting.front().map(Entry::sequence), self.loaded.front().map(Entry::sequence));
        let fresh = match (at_hand, on_disk) {
            (Some(at_hand), Some(on_disk)) if work.ordered => at_hand < on_disk,
            (Some(_), Some(_)) => {
                self.fresh_next = !self.fresh_next;
                self.fresh_next
            }
            (at_hand, _) => at_hand.is_some(),
        };
        if fresh { self.waiting.pop_front() } else { self.loaded.pop_front() }
    }
}
