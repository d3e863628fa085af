//! The entries of one file in their order.
//!
//! A file lists its entries in a chain of arrays. [`Walk`] goes along the chain and, where the chain is broken, on from the last good
//! entry over the objects as they lie in the file, so that damage costs what is damaged and nothing behind it.

use crate::Place;
use crate::error::Fault;
use crate::object::{Array, Entry, Kind, Objects};
use std::cmp::Ordering;

/// Bytes without an object that are looked through in one step.
const SEARCH_BYTES: u64 = 1 << 20;

/// How far a file is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    /// The array at hand; none before the first.
    array: Array,
    /// The next rank in it.
    rank: u64,
    /// Entries passed, as the arrays count them.
    passed: u64,
    /// Where the last good entry ends, and its number.
    end: u64,
    seqnum: u64,
    /// Where the search goes on, once the chain is broken.
    search: Option<u64>,
}

/// What a step gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// The next entry.
    Entry(Entry),
    /// No further entry for now.
    End,
    /// The search goes on.
    Searching,
}

impl Walk {
    /// Entries passed.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// The next entry.
    ///
    /// # Errors
    /// What is damaged is passed: the next step is behind it.
    pub(crate) fn step(&mut self, objects: &mut Objects<'_>) -> Result<Step, Fault> {
        if let Some(at) = self.search {
            return self.search(objects, at);
        }
        if self.passed >= objects.header.n_entries {
            return Ok(Step::End);
        }
        if let Err(fault) = self.reach(objects) {
            return self.broken(objects, fault);
        }
        let offset = match objects.slot(&self.array, self.rank) {
            Ok(0) => return self.broken(objects, Fault::damaged("the list of entries ends too soon", self.array.offset)),
            Ok(offset) => offset,
            Err(fault) => return self.broken(objects, fault),
        };
        (self.rank, self.passed) = (self.rank + 1, self.passed + 1);
        let entry = objects.entry(offset)?;
        if offset < self.end || entry.place.seqnum <= self.seqnum {
            return Err(Fault::damaged("an entry out of order", offset));
        }
        self.take(&entry);
        Ok(Step::Entry(entry))
    }

    fn take(&mut self, entry: &Entry) {
        (self.end, self.seqnum) = (entry.offset + entry.size, entry.place.seqnum);
    }

    /// Makes the array at hand the one that has the next rank.
    fn reach(&mut self, objects: &mut Objects<'_>) -> Result<(), Fault> {
        while self.array.offset == 0 || self.rank >= self.array.capacity {
            let next = if self.array.offset == 0 { objects.header.entry_array } else { self.array.next };
            // A follower may have been added since.
            let next = if next == 0 && self.array.offset != 0 { objects.array(self.array.offset)?.next } else { next };
            if next <= self.array.offset {
                return Err(Fault::damaged("the list of entries is broken", self.array.offset));
            }
            (self.array, self.rank) = (objects.array(next)?, 0);
        }
        Ok(())
    }

    /// The chain leads no further: what follows is searched for.
    fn broken(&mut self, objects: &Objects<'_>, fault: Fault) -> Result<Step, Fault> {
        if matches!(fault, Fault::Damaged { .. }) {
            self.search = Some(self.end.max(objects.header.header_size).next_multiple_of(8));
        }
        Err(fault)
    }

    /// Looks for the next entry from an offset on. Objects lie one behind the other; where none can be, the next multiple of eight is
    /// tried.
    fn search(&mut self, objects: &mut Objects<'_>, from: u64) -> Result<Step, Fault> {
        let mut at = from;
        // Behind the last object the writer may be about to put the next one; where that is may be damaged, too, and nothing lies behind the file's end.
        let last = objects.header.tail_object.min(objects.file_bytes()?);
        while at <= last && at - from < SEARCH_BYTES {
            let head = match objects.head(at) {
                Ok(head) => head,
                Err(Fault::Damaged { .. }) => {
                    at += 8;
                    continue;
                }
                Err(io) => return Err(io),
            };
            if head.kind == Kind::Entry
                && let Ok(entry) = objects.entry(at)
                && (self.seqnum + 1..=objects.header.tail_seqnum).contains(&entry.place.seqnum)
                && has_data(objects, &entry)
            {
                self.search = Some(at + head.stride());
                (self.passed, self.end, self.seqnum) = (self.passed + 1, at + head.size, entry.place.seqnum);
                return Ok(Step::Entry(entry));
            }
            // A size is believed if an object follows where it says.
            let next = at + head.stride();
            at = if next > last || objects.head(next).is_ok() { next } else { at + 8 };
        }
        self.search = Some(at);
        Ok(if at > last { Step::End } else { Step::Searching })
    }

    /// Goes to the first entry that is not before what is wanted; `order` says how an entry stands to that.
    ///
    /// # Errors
    /// Where the chain is broken the walk stands at the last entry before that is known.
    pub(crate) fn seek(&mut self, objects: &mut Objects<'_>, order: impl Fn(&Place) -> Ordering) -> Result<(), Fault> {
        *self = Self::default();
        let total = objects.header.n_entries;
        let mut offset = objects.header.entry_array;
        let mut before = 0;
        while before < total && offset != 0 {
            let array = objects.array(offset)?;
            let count = array.capacity.min(total - before);
            let whole = count > 0 && self.is_before(objects, &array, count - 1, &order);
            if !whole {
                let (mut low, mut high) = (0, count.saturating_sub(1));
                while low < high {
                    let middle = low + (high - low) / 2;
                    if self.is_before(objects, &array, middle, &order) { low = middle + 1 } else { high = middle }
                }
                self.stand(objects, array, low, before + low);
                return Ok(());
            }
            self.stand(objects, array, count, before + count);
            before += count;
            if array.next != 0 && array.next <= offset {
                return Err(Fault::damaged("the list of entries is broken", offset));
            }
            offset = array.next;
        }
        Ok(())
    }

    /// Whether the entry at this rank comes before what is wanted. Of one that cannot be read, the one before decides.
    fn is_before(&self, objects: &mut Objects<'_>, array: &Array, rank: u64, order: &impl Fn(&Place) -> Ordering) -> bool {
        const TRIES: u64 = 1000;
        for rank in (rank.saturating_sub(TRIES)..=rank).rev() {
            if let Ok(offset) = objects.slot(array, rank)
                && let Ok(entry) = objects.entry(offset)
            {
                return order(&entry.place) == Ordering::Less;
            }
        }
        false
    }

    /// Stands before the entry at this rank.
    fn stand(&mut self, objects: &mut Objects<'_>, array: Array, rank: u64, passed: u64) {
        (self.array, self.rank, self.passed) = (array, rank, passed);
        if let Some(before) = rank.checked_sub(1)
            && let Ok(offset) = objects.slot(&array, before)
            && let Ok(entry) = objects.entry(offset)
        {
            self.take(&entry);
        }
    }

    /// The entry before the one at which the walk stands.
    pub(crate) fn before(&self, objects: &mut Objects<'_>) -> Option<Entry> {
        let offset = objects.slot(&self.array, self.rank.checked_sub(1)?).ok()?;
        objects.entry(offset).ok()
    }
}

/// Whether an entry that nothing leads to is more than stray bytes: its first field is a data object.
fn has_data(objects: &mut Objects<'_>, entry: &Entry) -> bool {
    let mut items = Vec::new();
    objects.items(entry, &mut items).is_ok() && items.first().is_some_and(|offset| objects.data(*offset).is_ok())
}
