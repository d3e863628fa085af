//! What new series may take in the whole process while the page that brings them has not ended.
//!
//! A page that never ends makes up series as fast as they can be read, and ten such pages do so together. Until a page has ended well nothing
//! says that its series are worth their memory, so all pages being read share one bound. A page that asks for little always gets it: the
//! one that is refused is never an honest neighbour of the one that takes all.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What the new series of all pages being read may take together.
pub(super) const UNPROVEN_BYTES_MAX: usize = 72 << 20;

/// What the new series of one page may take whatever the others do: some 40,000 series.
const SHARE_BYTES: usize = 8 << 20;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// What one page being read has taken; given back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Unproven(usize);

impl Unproven {
    /// Takes so many bytes more; `false` when there is no room.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.0 <= SHARE_BYTES || held <= UNPROVEN_BYTES_MAX
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_takes_all_is_refused_and_its_neighbour_is_not() {
        let (mut greedy, mut modest) = (Unproven::default(), Unproven::default());
        assert!(greedy.take(UNPROVEN_BYTES_MAX - SHARE_BYTES));
        assert!(!greedy.take(2 * SHARE_BYTES));
        assert!(modest.take(SHARE_BYTES));
        assert!(!modest.take(1));
        drop(greedy);
        assert!(modest.take(1));
    }
}
