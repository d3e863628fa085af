//! Results of runs of statements, by the set they were made of.

use super::frame::{FrameOf, Frames};
use super::level::Level;
use crate::record::Record;
use hashbrown::HashTable;
use warren_pdata::Attrs;

/// Results that are remembered for one run of statements.
const RESULTS_MAX: usize = 16_384;

/// Combinations of statements that ran for one result.
const COMBINATIONS_MAX: usize = 1_024;

/// Of a batch with fewer look-ups it is not judged whether remembering pays.
const TRIAL: u32 = 256;

/// So many times the look-ups of the batch are left out when it does not pay.
const PAUSE: u32 = 16;

/// What a result is made of, besides the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// The number of the surroundings.
    pub frame: u32,
    /// The answers of the conditions that were asked, a bit for each.
    pub answers: u8,
}

/// Results of one run of statements.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The first statement of the run.
    first: usize,
    results: HashTable<Edited>,
    /// The surroundings for which they hold.
    frames: Frames,
    /// Which statements ran, a bit for each, and for how many records of this batch.
    ran: Vec<(u64, u64)>,
    /// Look-ups of this batch, and those that found something.
    looked: u32,
    found: u32,
    /// Whether results of an earlier batch are remembered: sources send the same sets in every batch, but not within one.
    settled: bool,
    /// Look-ups still to be left out.
    pause: u32,
    /// Counts batches.
    batch: u32,
}

/// A set before and after. Holding the one before keeps its identity from being given to another set.
#[derive(Debug)]
struct Edited {
    before: Attrs,
    after: Attrs,
    circumstances: Circumstances,
    /// The place in `ran`.
    ran: u16,
    /// The batch in which it was used last.
    batch: u32,
}

impl Table {
    /// A table for the run that begins with a statement.
    pub(super) fn new(first: usize) -> Self {
        Self { first, ..Self::default() }
    }

    /// Whether results are looked up at present.
    pub(super) fn pays(&mut self) -> bool {
        self.pause = self.pause.saturating_sub(1);
        self.pause == 0
    }

    /// The number of a record's surroundings; `entered` says how often a level was entered.
    pub(super) fn number(&mut self, parts: &FrameOf, record: &Record<'_>, entered: impl Fn(Level) -> u64) -> u32 {
        match self.frames.number(parts, record, &entered) {
            Some(number) => number,
            None => {
                self.results.clear();
                self.frames.number(parts, record, entered).unwrap_or_default()
            }
        }
    }

    /// The result for a set.
    #[inline]
    pub(super) fn find(&mut self, before: &Attrs, circumstances: Circumstances) -> Option<&Attrs> {
        self.looked = self.looked.saturating_add(1);
        let id = before.id();
        let same = |edited: &Edited| edited.before.id() == id && edited.circumstances == circumstances;
        let edited = self.results.find_mut(hash(id, circumstances), same)?;
        self.found += 1;
        edited.batch = self.batch;
        if let Some((_, records)) = self.ran.get_mut(usize::from(edited.ran)) {
            *records += 1;
        }
        Some(&edited.after)
    }

    /// Judges by the batch that ends whether remembering pays.
    fn judge(&mut self) {
        if self.looked >= TRIAL {
            if self.settled && self.found < self.looked / 4 {
                self.pause = self.looked.saturating_mul(PAUSE);
                self.forget();
            }
            self.settled = self.pause == 0;
        }
        (self.looked, self.found) = (0, 0);
    }

    /// Remembers a result, and which statements ran for it, a bit for each.
    pub(super) fn insert(&mut self, before: Attrs, circumstances: Circumstances, after: Attrs, ran: u64) {
        if self.results.len() >= RESULTS_MAX {
            self.results.clear();
        }
        let known = self.ran.iter().position(|(known, _)| *known == ran);
        let place = known.unwrap_or(self.ran.len());
        if place >= COMBINATIONS_MAX {
            return;
        }
        if known.is_none() {
            self.ran.push((ran, 0));
        }
        let edited = Edited { before, after, circumstances, ran: place as u16, batch: self.batch };
        self.results.insert_unique(edited.hash(), edited, Edited::hash);
    }

    /// Forgets all results, and the surroundings with them.
    pub(super) fn forget(&mut self) {
        self.results.clear();
        self.frames.forget();
    }

    /// Tells for how many records of the batch that ends each statement ran by way of a result, and forgets what it did not use.
    pub(super) fn end_batch(&mut self, mut ran: impl FnMut(usize, u64)) {
        for (statements, records) in &mut self.ran {
            let records = std::mem::take(records);
            let mut rest = if records == 0 { 0 } else { *statements };
            while rest != 0 {
                ran(self.first + rest.trailing_zeros() as usize, records);
                rest &= rest - 1;
            }
        }
        self.judge();
        // Combinations gather from batch to batch: with all that there may be, nothing new would be remembered any more.
        if self.ran.len() >= COMBINATIONS_MAX {
            self.ran.clear();
            self.results.clear();
        }
        let batch = self.batch;
        self.results.retain(|edited| edited.batch == batch);
        self.batch = batch.wrapping_add(1);
        if self.results.capacity() > 4 * self.results.len().max(64) {
            self.results.shrink_to_fit(Edited::hash);
        }
    }
}

impl Edited {
    fn hash(&self) -> u64 {
        hash(self.before.id(), self.circumstances)
    }
}

/// Mixes the bits of an address and of circumstances.
fn hash(id: usize, circumstances: Circumstances) -> u64 {
    let Circumstances { frame, answers } = circumstances;
    let mixed = ((id as u64 >> 4) ^ (u64::from(frame) << 40) ^ (u64::from(answers) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Circumstances = Circumstances { frame: 0, answers: 0 };

    fn set(value: u64) -> Attrs {
        Attrs::from([("value", value as i64)])
    }

    #[test]
    fn results_are_remembered_after_as_many_combinations_as_there_may_be() {
        let mut table = Table::new(0);
        for combination in 0..COMBINATIONS_MAX as u64 {
            table.insert(set(combination), ANYWHERE, set(combination), combination);
        }
        table.end_batch(|_, _| {});
        let before = set(0);
        table.insert(before.clone(), ANYWHERE, set(1), u64::MAX);
        assert_eq!(table.find(&before, ANYWHERE), Some(&set(1)));
        let mut ran = 0;
        table.end_batch(|_, records| ran += records);
        assert_eq!(ran, 64);
    }
}
