//! The last point of each series, within a bound of memory.
//!
//! Entries stand in one vector and are chained by when they were last seen, so that the longest unseen is known at once: it is what goes
//! first when memory is short, and it is the next one to come when batches repeat, which saves the look-up.

use hashbrown::HashTable;

/// No entry.
const NONE: u32 = u32::MAX;

/// Memory one series takes, with its share of the index: what the bound is counted in.
const SERIES_BYTES: usize = size_of::<Entry>() + 8;

/// A series whose last point is not older than this, in nanoseconds, is alive: it does not make room for a new one. Otherwise a bound
/// that is a little too small would forget each series just before it comes again.
const ALIVE: u64 = 600_000_000_000;

/// The last point of a series.
#[derive(Debug)]
pub(crate) struct Point {
    /// When, in nanoseconds since 1970.
    pub(crate) time: u64,
    /// What was counted until then.
    pub(crate) total: Total,
}

/// What was counted.
#[derive(Debug)]
pub(crate) enum Total {
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// A histogram.
    Histogram(Box<Distribution>),
}

/// What a histogram counted.
#[derive(Debug, Default)]
pub(crate) struct Distribution {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) buckets: Box<[u64]>,
}

/// There is no memory for another series, and all that are known are alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

struct Entry {
    id: u128,
    point: Point,
    /// The one seen before.
    older: u32,
    /// The one seen after; of an entry that is free, the next free one.
    newer: u32,
}

/// All series that are known.
pub(crate) struct Series {
    entries: Vec<Entry>,
    /// Places of entries, by identity.
    index: HashTable<u32>,
    oldest: u32,
    newest: u32,
    /// The first entry that is free.
    free: u32,
    histogram_bytes: usize,
}

impl Series {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), index: HashTable::new(), oldest: NONE, newest: NONE, free: NONE, histogram_bytes: 0 }
    }

    /// How many series are known.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Memory they take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * SERIES_BYTES + self.histogram_bytes
    }

    /// The last point of a series, which is seen now.
    pub(crate) fn find(&mut self, id: u128) -> Option<&mut Point> {
        let place = match self.get(self.oldest) {
            Some(oldest) if oldest.id == id => self.oldest,
            _ => *self.index.find(hash(id), |place| self.get(*place).is_some_and(|entry| entry.id == id))?,
        };
        if place != self.newest {
            self.unchain(place);
            self.chain(place);
        }
        self.entries.get_mut(place as usize).map(|entry| &mut entry.point)
    }

    /// Adds a series. If there are more than `limit` bytes then, series that are not alive make room; how many is the result.
    ///
    /// # Errors
    /// There are none; the new series is not added.
    pub(crate) fn insert(&mut self, id: u128, point: Point, limit: usize) -> Result<usize, Full> {
        let more = SERIES_BYTES + point.total.heap_bytes();
        let mut forgotten = 0;
        while self.bytes() + more > limit || self.entries.len() >= NONE as usize {
            match self.get(self.oldest) {
                Some(oldest) if oldest.point.time.abs_diff(point.time) > ALIVE => self.remove(self.oldest),
                _ => return Err(Full),
            }
            forgotten += 1;
        }
        self.histogram_bytes += point.total.heap_bytes();
        let entry = Entry { id, point, older: NONE, newer: NONE };
        let place = self.free;
        let place = match self.entries.get_mut(place as usize) {
            Some(slot) => {
                self.free = slot.newer;
                *slot = entry;
                place
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        let entries = &self.entries;
        self.index.insert_unique(hash(id), place, |place| entries.get(*place as usize).map_or(0, |entry| hash(entry.id)));
        self.chain(place);
        Ok(forgotten)
    }

    /// Replaces the last point of the series that was seen last, by one of another size.
    ///
    /// # Errors
    /// There would be more than `limit` bytes then; the last point stays.
    pub(crate) fn replace(&mut self, point: Point, limit: usize) -> Result<(), Full> {
        let Some(entry) = self.entries.get_mut(self.newest as usize) else { return Err(Full) };
        let after = self.histogram_bytes + point.total.heap_bytes() - entry.point.total.heap_bytes();
        if self.index.len() * SERIES_BYTES + after > limit {
            return Err(Full);
        }
        self.histogram_bytes = after;
        entry.point = point;
        Ok(())
    }

    /// Forgets series whose last point is older, among the entries at these places; tells how many. Gives memory back at the end.
    pub(crate) fn forget_before(&mut self, time: u64, places: std::ops::Range<usize>) -> usize {
        let known = self.len();
        for place in places {
            // Only what the index knows is no free entry.
            let stale = self.entries.get(place).filter(|entry| entry.point.time < time).map(|entry| entry.id);
            if let Some(id) = stale
                && self.index.find(hash(id), |other| *other as usize == place).is_some()
            {
                self.remove(place as u32);
            }
        }
        known - self.len()
    }

    /// Places at which entries stand.
    pub(crate) fn places(&self) -> usize {
        self.entries.len()
    }

    /// Gives memory back if most of it is free.
    pub(crate) fn shrink(&mut self) {
        if self.len() * 4 > self.entries.len() {
            return;
        }
        let mut all = std::mem::replace(self, Self::new());
        let mut place = all.oldest;
        while let Some(entry) = all.entries.get_mut(place as usize) {
            place = entry.newer;
            let total = std::mem::replace(&mut entry.point.total, Total::Int(0));
            // Without a limit there is always room.
            let _ = self.insert(entry.id, Point { time: entry.point.time, total }, usize::MAX);
        }
    }

    fn get(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)
    }

    fn remove(&mut self, place: u32) {
        self.unchain(place);
        let Some(entry) = self.entries.get_mut(place as usize) else { return };
        let total = std::mem::replace(&mut entry.point.total, Total::Int(0));
        self.histogram_bytes -= total.heap_bytes();
        entry.newer = std::mem::replace(&mut self.free, place);
        if let Ok(found) = self.index.find_entry(hash(entry.id), |other| *other == place) {
            found.remove();
        }
    }

    /// Takes an entry out of the chain.
    fn unchain(&mut self, place: u32) {
        let Some(entry) = self.get(place) else { return };
        let (older, newer) = (entry.older, entry.newer);
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }

    /// Puts an entry at the end of the chain: it was seen last.
    fn chain(&mut self, place: u32) {
        let older = std::mem::replace(&mut self.newest, place);
        if let Some(entry) = self.entries.get_mut(place as usize) {
            (entry.older, entry.newer) = (older, NONE);
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = place,
            None => self.oldest = place,
        }
    }
}

impl Total {
    /// Heap bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Int(_) | Self::Double(_) => 0,
            Self::Histogram(distribution) => size_of::<Distribution>() + size_of_val(&*distribution.buckets),
        }
    }
}

/// Identities are hashes already.
fn hash(id: u128) -> u64 {
    id as u64
}

#[cfg(test)]
mod tests;
