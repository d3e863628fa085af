//! What is remembered from record to record.

use super::level::Level;
use super::table::Table;
use crate::compile::Source;
use warren_pdata::RecentTexts;

/// Results of conditions that are the same for all records below a resource, scope, metric or span, attribute sets that records share, edited, and
/// how often statements ran.
///
/// Whoever walks a batch says when it enters one ([`Memo::enter`]); what was remembered of the one before is then forgotten.
#[derive(Debug, Default)]
pub struct Memo {
    /// How many were entered, by level.
    entered: [u64; Level::COUNT],
    slots: Vec<Slot>,
    /// Edited attribute sets.
    pub(super) tables: Vec<Table>,
    /// Texts that statements made lately.
    pub(super) texts: RecentTexts,
    /// By statement.
    statements: Vec<Count>,
    /// By condition of the list.
    conditions: Vec<Count>,
}

/// How often a statement ran, or a condition held, since this was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Records for which the condition held.
    pub matched: u64,
    /// Records on which the statement or the condition failed.
    pub failed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The count of the level at which the result was found; zero if never.
    at: u64,
    holds: bool,
}

impl Memo {
    /// A memo with so many places for parts of conditions, for so many statements and conditions.
    pub(super) fn new(slots: usize, statements: usize, conditions: usize) -> Self {
        Self {
            entered: [1; Level::COUNT],
            slots: vec![Slot::default(); slots],
            tables: Vec::new(),
            texts: RecentTexts::default(),
            statements: vec![Count::default(); statements],
            conditions: vec![Count::default(); conditions],
        }
    }

    /// How many of a level were entered.
    pub(super) fn entered(&self) -> impl Fn(Level) -> u64 + use<> {
        let entered = self.entered;
        move |level| entered.get(level as usize).copied().unwrap_or_default()
    }

    /// A statement ran on a record, or a condition of the list held for it.
    #[inline]
    pub(super) fn count_matched(&mut self, source: Source) {
        if let Some(count) = self.count(source) {
            count.matched += 1;
        }
    }

    /// A statement or condition failed on a record.
    pub(super) fn count_failed(&mut self, source: Source) {
        if let Some(count) = self.count(source) {
            count.failed += 1;
        }
    }

    #[inline]
    fn count(&mut self, source: Source) -> Option<&mut Count> {
        match source {
            Source::Statement(index) => self.statements.get_mut(index),
            Source::Condition(index) => self.conditions.get_mut(index),
            Source::Group => None,
        }
    }

    /// A batch ends: what it did not use is forgotten.
    pub(super) fn end_batch(&mut self) {
        for table in &mut self.tables {
            table.end_batch(|statement, records| {
                if let Some(count) = self.statements.get_mut(statement) {
                    count.matched += records;
                }
            });
        }
    }

    /// How often each statement ran and each condition of the list held since this was asked last; those that did not are left out. Complete between
    /// batches.
    pub fn take_counts(&mut self) -> impl Iterator<Item = (Source, Count)> + '_ {
        let statements = self.statements.iter_mut().enumerate().map(|(index, count)| (Source::Statement(index), count));
        let conditions = self.conditions.iter_mut().enumerate().map(|(index, count)| (Source::Condition(index), count));
        let taken = statements.chain(conditions).map(|(source, count)| (source, std::mem::take(count)));
        taken.filter(|(_, count)| *count != Count::default())
    }

    /// A new resource, scope, metric or span is entered, and with it everything below.
    pub fn enter(&mut self, level: Level) {
        for count in self.entered.iter_mut().skip(level as usize) {
            *count += 1;
        }
    }

    pub(super) fn recall(&self, level: Level, slot: usize) -> Option<bool> {
        let slot = self.slots.get(slot)?;
        (self.entered.get(level as usize) == Some(&slot.at)).then_some(slot.holds)
    }

    pub(super) fn remember(&mut self, level: Level, slot: usize, holds: bool) {
        if let (Some(slot), Some(at)) = (self.slots.get_mut(slot), self.entered.get(level as usize)) {
            *slot = Slot { at: *at, holds };
        }
    }
}
