//! What waits in a queue: a batch, how far it has come, and what it occupies.

use crate::disk::Disk;
use crate::{Backoff, Progress, Sizer};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use warren_component::ConsumeError;
use warren_pdata::Batch;
use warren_storage::{Receipt, Tally};

/// A batch on its way. Unless it is [finished](Entry::finish), what of it is on disk stays there when it goes away.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The data.
    pub(crate) batch: Arc<Batch>,
    /// What of it is settled.
    pub(crate) progress: Progress,
    /// Items that are not settled.
    pub(crate) open_items: u64,
    /// When the oldest part of it was offered.
    pub(crate) offered: Instant,
    /// When the first attempt began.
    pub(crate) attempted: Option<Instant>,
    /// Set by the first failure.
    pub(crate) retrying: Option<Retrying>,
    /// What it occupies. More than one after merging; shared after cutting.
    pub(crate) tickets: Vec<Arc<Ticket>>,
}

/// The state of a batch that has failed at least once.
#[derive(Debug)]
pub(crate) struct Retrying {
    /// Waits to come.
    pub(crate) backoff: Backoff,
    /// When it may be sent again.
    pub(crate) due: Instant,
}

impl Entry {
    pub(crate) fn new(batch: Arc<Batch>, offered: Instant, tickets: Vec<Arc<Ticket>>) -> Self {
        let open_items = batch.items() as u64;
        Self { batch, progress: Progress::default(), open_items, offered, attempted: None, retrying: None, tickets }
    }

    /// When it may be sent again; `None` if it never failed.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.retrying.as_ref().map(|retrying| retrying.due)
    }

    /// It is settled, one way or the other: what it occupied is free, and gone from the disk.
    pub(crate) fn finish(mut self) {
        self.tickets.clear();
    }

    /// Whether it is on disk.
    pub(crate) fn is_stored(&self) -> bool {
        self.tickets.iter().any(|ticket| ticket.stored.is_some())
    }

    /// Grows from one stored entry to the next.
    pub(crate) fn sequence(&self) -> u64 {
        let stored = self.tickets.first().and_then(|ticket| ticket.stored.as_ref());
        stored.map_or(0, |(_, receipt)| receipt.sequence())
    }

    /// Tells whoever waits for the outcome.
    pub(crate) fn fail(&self, error: &ConsumeError) {
        self.tickets.iter().for_each(|ticket| ticket.fail(error));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.tickets.iter().for_each(|ticket| ticket.kept.store(true, Relaxed));
    }
}

/// How much the queue holds in memory, waiting or on its way.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    pub(crate) size: AtomicU64,
    pub(crate) bytes: AtomicUsize,
    /// Told whenever something is released.
    pub(crate) space: Notify,
}

/// What one offered batch occupies. Dropping the last holder releases it and tells the outcome.
#[derive(Debug)]
pub(crate) struct Ticket {
    occupancy: Arc<Occupancy>,
    size: u64,
    bytes: usize,
    errors: Mutex<Vec<ConsumeError>>,
    reply: Option<Reply>,
    /// Where it is on disk.
    stored: Option<(Disk, Receipt)>,
    /// It stays there: a part of it was not settled.
    kept: AtomicBool,
}

/// Where a caller waits for the outcome.
pub(crate) type Reply = oneshot::Sender<Result<(), ConsumeError>>;

impl Ticket {
    pub(crate) fn new(occupancy: &Arc<Occupancy>, size: u64, bytes: usize, reply: Option<Reply>) -> Arc<Self> {
        Arc::new(Self::of(occupancy, size, bytes, reply, None))
    }

    /// Of a batch that is on disk.
    pub(crate) fn stored(occupancy: &Arc<Occupancy>, size: u64, disk: &Disk, receipt: Receipt) -> Arc<Self> {
        let bytes = receipt.length();
        Arc::new(Self::of(occupancy, size, bytes, None, Some((disk.clone(), receipt))))
    }

    fn of(occupancy: &Arc<Occupancy>, size: u64, bytes: usize, reply: Option<Reply>, stored: Option<(Disk, Receipt)>) -> Self {
        occupancy.size.fetch_add(size, Relaxed);
        occupancy.bytes.fetch_add(bytes, Relaxed);
        let (errors, kept) = (Mutex::default(), AtomicBool::new(false));
        Self { occupancy: occupancy.clone(), size, bytes, errors, reply, stored, kept }
    }

    fn fail(&self, error: &ConsumeError) {
        if self.reply.is_some() {
            self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error.clone());
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.occupancy.size.fetch_sub(self.size, Relaxed);
        self.occupancy.bytes.fetch_sub(self.bytes, Relaxed);
        if let Some((disk, receipt)) = self.stored.take().filter(|_| !*self.kept.get_mut()) {
            disk.done(receipt);
        }
        self.occupancy.space.notify_waiters();
        if let Some(reply) = self.reply.take() {
            let errors = std::mem::take(self.errors.get_mut().unwrap_or_else(PoisonError::into_inner));
            // A caller that is gone wants no answer.
            let _ = reply.send(ConsumeError::joined(errors).map_or(Ok(()), Err));
        }
    }
}

impl Sizer {
    /// The size of a batch by this measure.
    pub(crate) fn size(self, batch: &Batch) -> u64 {
        match self {
            Self::Requests => 1,
            Self::Items => batch.items() as u64,
            Self::Bytes => warren_otlp::encoded_len(batch) as u64,
        }
    }

    /// The size of a stored batch by this measure.
    pub(crate) fn stored_size(self, receipt: &Receipt) -> u64 {
        match self {
            Self::Requests => 1,
            Self::Items => receipt.items(),
            Self::Bytes => receipt.length() as u64,
        }
    }

    /// The size of everything counted.
    pub(crate) fn of(self, tally: &Tally) -> u64 {
        match self {
            Self::Requests => tally.records,
            Self::Items => tally.items,
            Self::Bytes => tally.bytes,
        }
    }
}
