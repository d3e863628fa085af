//! The queue as far as it is on disk: what goes there, and what comes from there.

use super::{Capacity, Queue, Refusal, State, Work};
use crate::disk::{self, Disk, Loaded, Offer};
use crate::entry::{Entry, Ticket};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use warren_pdata::Batch;
use warren_storage::{Receipt, Tally};

/// Encoded bytes of batches that a queue on disk has in memory at most, one batch aside: at hand, loaded, parked or on their way.
pub(super) const MEMORY_BYTES_MAX: usize = 4 << 20;

/// How much of that may be at hand, fresh from the pipeline.
const AT_HAND_BYTES_MAX: usize = MEMORY_BYTES_MAX / 2;

/// Batches at hand at most.
const AT_HAND_MAX: usize = 1000;

impl Queue {
    /// Takes a batch in as soon as it is on disk.
    pub(crate) async fn store(&self, batch: &Arc<Batch>, capacity: &Capacity) -> Result<(), Refusal> {
        let size = capacity.sizer.size(batch);
        if size == 0 {
            return Ok(());
        }
        if size > capacity.size {
            return Err(Refusal::TooLarge);
        }
        let (answer, stored) = oneshot::channel();
        {
            let mut state = self.state();
            let Some(disk) = state.disk.clone() else { return Err(Refusal::Failed("sending queue has no storage".to_owned())) };
            let pending = disk.pending();
            let held = state.held(&self.occupancy, capacity.sizer);
            let waits = pending.size.load(Relaxed) > 0;
            // As in memory: what comes alone is let in whatever its size.
            let bytes = if waits { batch.heap_bytes() } else { 0 };
            let too_many = waits && pending.bytes.load(Relaxed).saturating_add(bytes) > capacity.bytes;
            if too_many || held.saturating_add(size) > capacity.size {
                return Err(Refusal::Full);
            }
            state.begin(held);
            disk.store(Offer { batch: batch.clone(), pending: Ticket::new(pending, size, bytes, None), answer });
        }
        stored.await.unwrap_or_else(|_| Err(Refusal::Failed("sending queue cannot be written: its thread has ended".to_owned())))
    }

    /// Keeps the queue on disk from now on.
    pub(crate) fn attach(&self, disk: Disk) {
        self.state().disk = Some(disk);
    }

    /// Where the queue is on disk.
    pub(crate) fn disk(&self) -> Option<Disk> {
        self.state().disk.clone()
    }

    /// The log was opened.
    pub(crate) fn opened(&self, unread: Tally) {
        self.state().unread = unread;
        self.work.notify_one();
    }

    /// A batch is on disk. Gives the receipt back if it is to be read in its turn.
    pub(crate) fn committed(&self, offer: Offer, receipt: Receipt) -> Option<Receipt> {
        let Offer { batch, pending, answer } = offer;
        let mut state = self.state();
        let held = self.occupancy.bytes.load(Relaxed);
        let fits = state.waiting.len() < AT_HAND_MAX && held.saturating_add(receipt.length()) <= AT_HAND_BYTES_MAX;
        let behind = state.unread.records > 0 || state.loading || !state.loaded.is_empty();
        let left = match state.disk.clone() {
            Some(disk) if (fits || held == 0) && !(state.rules.ordered && behind) => {
                let size = state.rules.sizer.stored_size(&receipt);
                let ticket = Ticket::stored(&self.occupancy, size, &disk, receipt);
                state.waiting.push_back(Entry::new(batch, Instant::now(), vec![ticket]));
                None
            }
            _ => {
                state.unread.records += 1;
                state.unread.items += receipt.items();
                state.unread.bytes += receipt.length() as u64;
                Some(receipt)
            }
        };
        drop(state);
        drop(pending);
        // A caller that is gone wants no answer; the batch is taken all the same.
        let _ = answer.send(Ok(()));
        self.work.notify_one();
        left
    }

    /// Batches were read from the disk; so much is left there.
    pub(crate) fn loaded(&self, batches: Vec<Loaded>, unread: Tally) {
        let (instant, seconds) = (Instant::now(), disk::now());
        let mut state = self.state();
        (state.loading, state.unread) = (false, unread);
        if let Some(disk) = state.disk.clone() {
            for Loaded { batch, receipt } in batches {
                let age = Duration::from_secs(seconds.saturating_sub(receipt.time()));
                let offered = instant.checked_sub(age).unwrap_or(instant);
                let size = state.rules.sizer.stored_size(&receipt);
                let ticket = Ticket::stored(&self.occupancy, size, &disk, receipt);
                state.loaded.push_back(Entry::new(Arc::new(batch), offered, vec![ticket]));
            }
        }
        drop(state);
        self.work.notify_one();
    }

    /// Starts nothing more: what is left stays on disk.
    pub(crate) fn rest(&self) {
        self.state().resting = true;
    }

    /// What is on disk alone.
    pub(crate) fn unread(&self) -> Tally {
        self.state().unread
    }

    /// Has more read from the disk if there is room for it in memory.
    pub(super) fn load_more(&self, state: &mut State, work: &Work) {
        let room = self.occupancy.bytes.load(Relaxed) < MEMORY_BYTES_MAX && state.loaded.len() < work.consumers;
        if let Some(disk) = state.disk.as_ref().filter(|_| room && !state.loading && state.unread.records > 0) {
            disk.read();
            state.loading = true;
        }
    }
}
