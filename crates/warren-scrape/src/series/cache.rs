//! Slots of known series, found by the hash of their text.
//!
//! Slots stand in the order of the last page. The next page is expected in the same order, so that a known series is found by comparing one
//! hash. Only when the order differs is an index built, for that page alone.

use hashbrown::HashTable;
use std::hash::BuildHasher;
use warren_pdata::Attrs;

/// The series was on the last page that ended well.
pub(crate) const PRESENT: u8 = 1;
/// Its last sample carried a timestamp of its own.
pub(crate) const OWN_TIME: u8 = 2;
/// What is known of its family has changed: it must be classified anew.
pub(crate) const OUTDATED: u8 = 4;
/// Another series of the page has the same labels and comes later: that one counts.
pub(crate) const SHADOWED: u8 = 8;

/// What a sample means for its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    /// Dropped by relabelling.
    Dropped,
    /// Kept by relabelling, and yet in no metric: a bucket without a bound, what the scrape itself tells.
    Ignored,
    /// The value of a number point.
    Number,
    /// `_bucket` of a histogram or a quantile of a summary; the bound is in `value`.
    Bound,
    /// `_sum` of a distribution.
    Sum,
    /// `_count` of a distribution.
    Count,
    /// A native histogram; the group's index is in `start`.
    Native,
    /// `_created`: when a counter or distribution began to count.
    Created,
    /// `target_info`: attributes of the resource.
    TargetInfo,
    /// `otel_scope_info`: attributes of the scope.
    ScopeInfo,
}

/// One known series.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Keyed hash of its text.
    pub(crate) hash: u64,
    /// Attributes of its point.
    pub(crate) attrs: Attrs,
    /// Number: the value before. Bound: the bound.
    pub(crate) value: f64,
    /// Number: the start time in milliseconds, `i64::MIN` while unknown. Part of a distribution: the group's index.
    pub(crate) start: i64,
    /// Index of its metric.
    pub(crate) metric: u32,
    /// The page on which it was seen last.
    pub(crate) seen: u16,
    /// What its samples mean.
    pub(crate) role: Role,
    /// See the constants of this module.
    pub(crate) flags: u8,
}

const _: () = assert!(size_of::<Slot>() == 40, "known series are the largest part of a collector's memory");

/// So many series that are gone are remembered for their start times in any case; more, only while more are present.
const GONE_KEPT_MIN: usize = 10_000;

/// Slots that are looked at before an index is built.
const LOOK_AHEAD: usize = 4;

/// All known series of a target.
#[derive(Default)]
pub(crate) struct Cache {
    /// In the order of the last page, series that are gone behind.
    pub(crate) slots: Vec<Slot>,
    /// The series of the page being read, in its order.
    pub(crate) order: Vec<u32>,
    /// Number of the page being read; wraps.
    pub(crate) page: u16,
    /// Series that were there before the page being read.
    pub(crate) known: usize,
    /// Whether a series was ever placed that says something of others.
    pub(crate) tells_of_others: bool,
    /// Whether the page being read is in another order than the one before.
    pub(crate) reordered: bool,
    index: Option<HashTable<u32>>,
    hasher: foldhash::quality::RandomState,
    next: usize,
}

impl Cache {
    /// Begins a page.
    pub(crate) fn begin(&mut self) {
        self.page = self.page.wrapping_add(1);
        self.order.clear();
        self.known = self.slots.len();
        self.reordered = false;
        self.next = 0;
    }

    /// The hash of a series' text.
    pub(crate) fn hash(&self, text: &[u8]) -> u64 {
        self.hasher.hash_one(text)
    }

    /// The slot with this hash.
    pub(crate) fn find(&mut self, hash: u64) -> Option<u32> {
        if self.slots.get(self.next).is_some_and(|slot| slot.hash == hash) {
            self.next += 1;
            return Some(self.next as u32 - 1);
        }
        // A few series may have gone.
        let ahead = self.slots.iter().skip(self.next).take(LOOK_AHEAD).position(|slot| slot.hash == hash);
        if let Some(ahead) = ahead {
            self.reordered = true;
            self.next += ahead + 1;
            return Some(self.next as u32 - 1);
        }
        let slots = &self.slots;
        let index = self.index.get_or_insert_with(|| {
            let mut index = HashTable::with_capacity(slots.len());
            for (at, slot) in slots.iter().enumerate() {
                index.insert_unique(slot.hash, at as u32, |at| slots.get(*at as usize).map_or(0, |slot| slot.hash));
            }
            index
        });
        let found = index.find(hash, |at| slots.get(*at as usize).is_some_and(|slot| slot.hash == hash)).copied();
        self.reordered = true;
        if let Some(at) = found {
            self.next = at as usize + 1;
        }
        found
    }

    /// Adds a series.
    pub(crate) fn insert(&mut self, slot: Slot) -> u32 {
        let at = self.slots.len() as u32;
        let hash = slot.hash;
        self.slots.push(slot);
        let slots = &self.slots;
        if let Some(index) = &mut self.index {
            index.insert_unique(hash, at, |at| slots.get(*at as usize).map_or(0, |slot| slot.hash));
        }
        at
    }

    /// Forgets the series that the page being read brought: it was refused.
    pub(crate) fn forget_new(&mut self) {
        self.slots.truncate(self.known);
        self.index = None;
        self.order = Vec::new();
    }

    /// Ends a page: puts the slots in its order, forgets series that have been gone for so many pages, and gives back memory. `true` when slots
    /// came, moved or went.
    pub(crate) fn settle(&mut self, forget_after: u16) -> bool {
        self.index = None;
        let page = self.page;
        let mut order = std::mem::take(&mut self.order);
        let absent = self.slots.len() - order.len().min(self.slots.len());
        // A giant page that came once must not hold memory for minutes.
        let forget_after = if absent > order.len().max(GONE_KEPT_MIN) { 1 } else { forget_after };
        let gone_for_long = |slot: &Slot| slot.flags & PRESENT == 0 && page.wrapping_sub(slot.seen) >= forget_after;
        let absent = absent > 0;
        let changed = self.reordered || (absent && self.slots.iter().any(gone_for_long));
        if changed {
            let mut present = vec![false; self.slots.len()];
            order.iter().for_each(|at| present.get_mut(*at as usize).into_iter().for_each(|present| *present = true));
            let absent = |at: &usize| present.get(*at) == Some(&false);
            let (gone, rest): (Vec<usize>, Vec<usize>) =
                (0..self.slots.len()).filter(absent).partition(|at| self.slots.get(*at).is_some_and(gone_for_long));
            let kept = order.len() + rest.len();
            order.extend(rest.into_iter().chain(gone).map(|at| at as u32));
            self.arrange(order);
            self.slots.truncate(kept);
            self.slots.shrink_to_fit();
        }
        changed
    }

    /// Puts the slots in this order, which names each of them once.
    fn arrange(&mut self, mut order: Vec<u32>) {
        for start in 0..order.len() {
            let mut at = start;
            while let Some(place) = order.get_mut(at) {
                let from = std::mem::replace(place, at as u32) as usize;
                if from == start || from == at {
                    break;
                }
                self.slots.swap(at, from);
                at = from;
            }
        }
    }
}
