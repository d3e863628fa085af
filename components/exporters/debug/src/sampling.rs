//! Thinning out lines that repeat, as zap's sampler does it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::Instant;

/// Length of a window.
const TICK: Duration = Duration::from_secs(1);

/// Messages counted apart; further ones share the counts of others.
const COUNTERS: u64 = 4096;

/// Counts equal messages: in a window, which begins with a message and lasts a second, the first few are written, and then one of so many.
#[derive(Debug)]
pub(crate) struct Sampler {
    initial: u64,
    thereafter: u64,
    windows: HashMap<u64, Window>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Window {
    end: Instant,
    seen: u64,
}

impl Sampler {
    /// Negative numbers never thin out, as upstream's conversion of them makes it.
    pub(crate) fn new(initial: i64, thereafter: i64) -> Self {
        Self { initial: initial as u64, thereafter: thereafter as u64, windows: HashMap::new(), hasher: RandomState::new() }
    }

    /// Whether the message is to be written now.
    pub(crate) fn admits(&mut self, message: &str) -> bool {
        let now = Instant::now();
        let window = self.windows.entry(self.hasher.hash_one(message) % COUNTERS).or_insert(Window { end: now + TICK, seen: 0 });
        if window.end <= now {
            *window = Window { end: now + TICK, seen: 0 };
        }
        window.seen += 1;
        let beyond = window.seen.saturating_sub(self.initial);
        beyond == 0 || (self.thereafter > 0 && beyond.is_multiple_of(self.thereafter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_lines_of_a_second_are_written_and_then_one_of_so_many() {
        for (initial, thereafter, written) in [(2, 3, 8), (2, 1, 20), (2, 0, 2), (0, 0, 0), (0, 5, 4), (-1, 0, 20)] {
            let mut sampler = Sampler::new(initial, thereafter);
            assert_eq!((0..20).filter(|_| sampler.admits("Logs")).count(), written, "{initial}, {thereafter}");
            assert_eq!(sampler.admits("another"), initial != 0);
            tokio::time::advance(TICK).await;
            assert_eq!(sampler.admits("Logs"), initial != 0, "a new second");
        }
    }
}
