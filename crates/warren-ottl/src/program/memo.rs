//! What is remembered from record to record.

use super::level::Level;

/// Results of conditions that are the same for all records below a resource, scope, metric or span.
///
/// Whoever walks a batch says when it enters one ([`Memo::enter`]); what was remembered of the one before is then forgotten.
#[derive(Debug, Default)]
pub struct Memo {
    /// How many were entered, by level.
    entered: [u64; Level::COUNT],
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The count of the level at which the result was found; zero if never.
    at: u64,
    holds: bool,
}

impl Memo {
    /// A memo with so many places.
    pub(crate) fn new(slots: usize) -> Self {
        Self { entered: [1; Level::COUNT], slots: vec![Slot::default(); slots] }
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
