//! What is remembered from record to record.

use super::level::Level;
use super::sharing::Table;

/// Results of conditions that are the same for all records below a resource, scope, metric or span, and attribute sets that records share, edited.
///
/// Whoever walks a batch says when it enters one ([`Memo::enter`]); what was remembered of the one before is then forgotten.
#[derive(Debug, Default)]
pub struct Memo {
    /// How many were entered, by level.
    entered: [u64; Level::COUNT],
    slots: Vec<Slot>,
    /// Edited attribute sets.
    pub(super) tables: Vec<Table>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The count of the level at which the result was found; zero if never.
    at: u64,
    holds: bool,
}

impl Memo {
    /// A memo with so many places for conditions and for edited sets.
    pub(crate) fn new(slots: usize, tables: usize) -> Self {
        let tables = std::iter::repeat_with(Table::default).take(tables).collect();
        Self { entered: [1; Level::COUNT], slots: vec![Slot::default(); slots], tables }
    }

    /// How many scopes were entered.
    pub(super) fn scopes(&self) -> u64 {
        self.entered.get(Level::Scope as usize).copied().unwrap_or_default()
    }

    /// A batch ends: what it did not use is forgotten.
    pub(super) fn end_batch(&mut self) {
        self.tables.iter_mut().for_each(Table::end_batch);
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
