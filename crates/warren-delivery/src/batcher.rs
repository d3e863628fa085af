//! Merging batches until they are large enough, and cutting them where they are too large.

use crate::entry::Entry;
use crate::{BatchConfig, QueueConfig, Sizer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_pdata::Batch;

/// Sizes that batches shall have.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    sizer: Sizer,
    min: u64,
    max: Option<u64>,
    flush: Duration,
}

impl Sizes {
    /// What the settings ask for; `None` when batches pass as they come.
    pub(crate) fn of(queue: &QueueConfig) -> Option<Self> {
        let batch: &BatchConfig = queue.batch.as_ref()?;
        // Requests cannot be merged to a size; they count as items.
        let sizer = match batch.sizer.unwrap_or(queue.sizer) {
            Sizer::Bytes => Sizer::Bytes,
            Sizer::Items | Sizer::Requests => Sizer::Items,
        };
        Some(Self {
            sizer,
            min: u64::try_from(batch.min_size).unwrap_or(0),
            max: u64::try_from(batch.max_size).ok().filter(|max| *max > 0),
            flush: batch.flush_timeout.as_duration().unwrap_or_default(),
        })
    }
}

/// The batch that is being filled, and those that are done.
#[derive(Debug, Default)]
pub(crate) struct Batcher {
    building: Option<Building>,
    ready: VecDeque<Entry>,
}

#[derive(Debug)]
struct Building {
    entry: Entry,
    size: u64,
    flush_at: Instant,
}

impl Batcher {
    /// Adds what was offered.
    pub(crate) fn add(&mut self, entry: Entry, sizes: &Sizes, now: Instant) {
        let size = sizes.sizer.size(&entry.batch);
        let (mut entry, mut size, mut flush_at) = match self.building.take() {
            None => (entry, size, now + sizes.flush),
            Some(building) => (merge(building.entry, entry), building.size + size, building.flush_at),
        };
        while let Some(max) = sizes.max.filter(|max| size > *max) {
            let tickets = entry.tickets.clone();
            let Some(rest) = cut(&mut entry, max, size, sizes.sizer) else { break };
            let rest = Entry::new(Arc::new(rest), now, tickets);
            self.ready.push_back(std::mem::replace(&mut entry, rest));
            size = sizes.sizer.size(&entry.batch);
            flush_at = now + sizes.flush;
        }
        if size >= sizes.min {
            self.ready.push_back(entry);
        } else {
            self.building = Some(Building { entry, size, flush_at });
        }
    }

    /// The next batch that is done, or whose time has come.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Entry> {
        if self.ready.is_empty() && self.flush_at().is_some_and(|flush_at| flush_at <= now) {
            return self.flush();
        }
        self.ready.pop_front()
    }

    /// Whatever is left, done or not.
    pub(crate) fn flush(&mut self) -> Option<Entry> {
        self.ready.pop_front().or_else(|| Some(self.building.take()?.entry))
    }

    /// When the batch that is being filled will be sent as it is.
    pub(crate) fn flush_at(&self) -> Option<Instant> {
        self.building.as_ref().map(|building| building.flush_at)
    }

    /// Everything it holds, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.ready.iter().chain(self.building.as_ref().map(|building| &building.entry))
    }
}

/// One entry of two; resources stand side by side. Copies columns only where an exporter beside holds them too.
fn merge(mut first: Entry, mut second: Entry) -> Entry {
    let mut tickets = std::mem::take(&mut first.tickets);
    tickets.append(&mut second.tickets);
    let mut merged = Batch::owned(take_batch(&mut first));
    // Both are of the exporter's signal.
    let _ = merged.append(Batch::owned(take_batch(&mut second)));
    Entry::new(Arc::new(merged), first.offered, tickets)
}

fn take_batch(entry: &mut Entry) -> Arc<Batch> {
    let empty = Arc::new(Batch::empty(entry.batch.signal()));
    std::mem::replace(&mut entry.batch, empty)
}

/// Cuts an entry of `size` down to `max` and returns the rest; `None` when it cannot be cut, because it is a single item.
fn cut(entry: &mut Entry, max: u64, size: u64, sizer: Sizer) -> Option<Batch> {
    let items = entry.batch.items();
    if items <= 1 {
        return None;
    }
    let signal = entry.batch.signal();
    let mut first = Batch::owned(take_batch(entry));
    let mut rest = Batch::empty(signal);
    let (mut items, mut size) = (items, size);
    while size > max && items > 1 {
        // By bytes the share is a guess, made again on what is left until it fits.
        let at = usize::try_from(u128::from(max) * items as u128 / u128::from(size)).unwrap_or(items);
        let mut tail = first.split_off(at.clamp(1, items - 1));
        let _ = tail.append(rest);
        rest = tail;
        items = first.items();
        size = sizer.size(&first);
    }
    *entry = Entry::new(Arc::new(first), entry.offered, std::mem::take(&mut entry.tickets));
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Occupancy, Ticket};
    use crate::tests::logs;
    use std::sync::atomic::Ordering::Relaxed;
    use warren_config::GoDuration;

    fn sizes(min: i64, max: i64, sizer: Sizer) -> Sizes {
        let batch = BatchConfig { min_size: min, max_size: max, sizer: Some(sizer), flush_timeout: GoDuration(1_000_000_000) };
        Sizes::of(&QueueConfig { batch: Some(batch), ..QueueConfig::default() }).unwrap()
    }

    fn counts(batcher: &mut Batcher) -> Vec<usize> {
        std::iter::from_fn(|| batcher.flush()).map(|entry| entry.batch.items()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn batches_are_merged_to_the_least_and_cut_to_the_most() {
        for (min, max, offered, expected) in [
            (10, 0, vec![3, 3, 3], vec![9]),
            (10, 0, vec![6, 6, 1], vec![12, 1]),
            (10, 10, vec![6, 6, 1], vec![10, 3]),
            (4, 5, vec![23], vec![5, 5, 5, 5, 3]),
            (5, 5, vec![2, 9], vec![5, 5, 1]),
            (0, 0, vec![1, 2], vec![1, 2]),
        ] {
            let (mut batcher, sizes, now) = (Batcher::default(), sizes(min, max, Sizer::Items), Instant::now());
            for items in &offered {
                batcher.add(Entry::new(logs(*items), now, Vec::new()), &sizes, now);
            }
            assert_eq!(counts(&mut batcher), expected, "min {min} max {max} {offered:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_part_exceeds_the_most_bytes_and_nothing_is_lost() {
        let now = Instant::now();
        for max in [60, 100, 500] {
            let mut batcher = Batcher::default();
            batcher.add(Entry::new(logs(50), now, Vec::new()), &sizes(0, max, Sizer::Bytes), now);
            let parts: Vec<Entry> = std::iter::from_fn(|| batcher.flush()).collect();
            assert!(parts.iter().all(|part| Sizer::Bytes.size(&part.batch) <= max as u64 || part.batch.items() == 1));
            assert_eq!(parts.iter().map(|part| part.batch.items()).sum::<usize>(), 50);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_batch_leaves_when_its_time_has_come() {
        let (mut batcher, now) = (Batcher::default(), Instant::now());
        batcher.add(Entry::new(logs(1), now, Vec::new()), &sizes(10, 0, Sizer::Items), now);
        assert!(batcher.take(now).is_none());
        let flush_at = batcher.flush_at().unwrap();
        assert_eq!(flush_at, now + Duration::from_secs(1));
        assert_eq!(batcher.take(flush_at).unwrap().batch.items(), 1);
        assert!(batcher.flush_at().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_batch_occupies_is_free_when_its_last_part_is_gone() {
        let (mut batcher, now, occupancy) = (Batcher::default(), Instant::now(), Arc::new(Occupancy::default()));
        for items in [3, 9] {
            let ticket = Ticket::new(&occupancy, items as u64, 0, None);
            batcher.add(Entry::new(logs(items), now, vec![ticket]), &sizes(5, 5, Sizer::Items), now);
        }
        let left: Vec<u64> = std::iter::from_fn(|| batcher.flush().map(drop).map(|()| occupancy.size.load(Relaxed))).collect();
        assert_eq!(left, [12, 12, 0]);
    }
}
