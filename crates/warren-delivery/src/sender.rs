//! What an exporter implements: its protocol, one attempt at a time.

use std::ops::Range;
use warren_component::{BoxFuture, ConsumeError};
use warren_pdata::Batch;

/// Sends batches. Knows the protocol, never retries.
pub trait Sender: Send + Sync + 'static {
    /// Sends what `progress` has open of the batch, and notes in it every part as soon as the other side answered for it.
    ///
    /// The future is dropped when the attempt takes too long or the program ends; what was noted until then counts.
    fn send<'a>(&'a self, batch: &'a Batch, progress: &'a mut Progress) -> BoxFuture<'a, Outcome>;
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took everything that was open.
    Sent,
    /// The other side took the batch and says that it rejected some of its items. Delivery logs `Partial success response`.
    Partial {
        /// Items rejected.
        rejected: u64,
        /// The other side's words; may be empty.
        message: String,
    },
    /// What is still open was not taken. A permanent error drops it; any other has it sent again, after
    /// [`ConsumeError::retry_after`] if the other side asked for a wait.
    Failed(ConsumeError),
}

impl From<Result<(), ConsumeError>> for Outcome {
    fn from(result: Result<(), ConsumeError>) -> Self {
        match result {
            Ok(()) => Self::Sent,
            Err(error) => Self::Failed(error),
        }
    }
}

/// How far a batch has come: which parts of it the other side has answered for.
///
/// A part is a range of positions in an order of the sender's own that is the same at every attempt, such as the series of a remote
/// write request. A sender that sends a batch as a whole need not touch it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Settled ranges, ascending, never touching.
    settled: Vec<Range<u64>>,
    sent: u64,
    dropped: Vec<(u64, ConsumeError)>,
}

impl Progress {
    /// The first position from `from` on that is not settled, and how far the open range may reach (`u64::MAX` if to the end).
    pub fn open(&self, from: u64) -> Range<u64> {
        let index = self.settled.partition_point(|range| range.end <= from);
        match self.settled.get(index) {
            None => from..u64::MAX,
            Some(range) if from < range.start => from..range.start,
            Some(range) => range.end..self.settled.get(index + 1).map_or(u64::MAX, |next| next.start),
        }
    }

    /// Whether nothing is settled yet.
    pub fn is_untouched(&self) -> bool {
        self.settled.is_empty()
    }

    /// The other side took these positions, which hold so many items.
    pub fn sent(&mut self, positions: Range<u64>, items: u64) {
        self.settle(positions);
        self.sent += items;
    }

    /// The other side refused these positions for good, which hold so many items. The rest goes on.
    pub fn dropped(&mut self, positions: Range<u64>, items: u64, error: ConsumeError) {
        self.settle(positions);
        self.dropped.push((items, error));
    }

    /// Items settled as sent since it was last asked.
    pub(crate) fn take_sent(&mut self) -> u64 {
        std::mem::take(&mut self.sent)
    }

    /// What was dropped since it was last asked.
    pub(crate) fn take_dropped(&mut self) -> Vec<(u64, ConsumeError)> {
        std::mem::take(&mut self.dropped)
    }

    fn settle(&mut self, new: Range<u64>) {
        if new.is_empty() {
            return;
        }
        let first = self.settled.partition_point(|range| range.end < new.start);
        let last = self.settled.partition_point(|range| range.start <= new.end);
        let touched = self.settled.get(first..last).unwrap_or_default();
        let start = touched.first().map_or(new.start, |range| range.start.min(new.start));
        let end = touched.last().map_or(new.end, |range| range.end.max(new.end));
        self.settled.splice(first..last, std::iter::once(start..end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_ranges_join_and_the_gaps_between_stay_open() {
        let mut progress = Progress::default();
        assert_eq!(progress.open(0), 0..u64::MAX);
        progress.sent(10..20, 10);
        progress.dropped(30..40, 10, ConsumeError::permanent("no"));
        assert_eq!(progress.open(0), 0..10);
        assert_eq!(progress.open(12), 20..30);
        assert_eq!(progress.open(35), 40..u64::MAX);
        progress.sent(0..10, 3);
        assert_eq!(progress.open(0), 20..30);
        progress.sent(15..35, 1);
        assert_eq!(progress.open(0), 40..u64::MAX);
        assert_eq!(progress.take_sent(), 14);
        assert_eq!(progress.take_sent(), 0);
        assert_eq!(progress.take_dropped().len(), 1);
    }
}
