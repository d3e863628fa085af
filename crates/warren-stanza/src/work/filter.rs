//! `filter`

use crate::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use warren_expr::Expression;

/// Drops what a condition holds for, or a part of it.
#[derive(Debug)]
pub(crate) struct Filter {
    condition: Expression,
    /// Of a thousand.
    dropped: u64,
    drawn: AtomicU64,
    random: RandomState,
}

impl Filter {
    pub(crate) fn new(condition: Expression, ratio: f64) -> Self {
        Self { condition, dropped: (ratio * 1000.0) as u64, drawn: AtomicU64::new(0), random: RandomState::new() }
    }

    /// Whether the entry is dropped.
    ///
    /// # Errors
    /// When the condition cannot be told.
    pub(crate) fn drops(&self, entry: &Entry) -> Result<bool, String> {
        if !self.condition.holds(entry)? {
            return Ok(false);
        }
        let draw = || self.random.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed)) % 1000;
        Ok(self.dropped >= 1000 || draw() < self.dropped)
    }
}
