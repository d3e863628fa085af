//! How long to wait before the next attempt to connect: at random, up to a bound that doubles, so that a fleet does not come back at once.

use std::time::Duration;

/// Bound of the first wait after a connection was lost.
const FIRST: Duration = Duration::from_secs(5);

/// Bound of the wait after the first failed attempt.
const BASE: Duration = Duration::from_secs(1);

/// Largest bound.
const LONGEST: Duration = Duration::from_secs(300);

/// Longest wait that a server is granted.
const ASKED_MAX: Duration = Duration::from_secs(3600);

/// Attempts since there was a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// There was a connection: the next wait is a short one.
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
    }

    /// The next wait: at least as long as the server asked for, and at random besides.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let bound = match self.failed {
            0 => FIRST,
            failed => LONGEST.min(BASE.saturating_mul(1u32.checked_shl(failed).unwrap_or(u32::MAX))),
        };
        self.failed = self.failed.saturating_add(1);
        asked.unwrap_or_default().min(ASKED_MAX) + bound.mul_f64(fraction())
    }
}

/// A number from 0 to 1. Without randomness everybody waits in full.
pub(crate) fn fraction() -> f64 {
    let mut bytes = [0xff; 4];
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_a_bound_that_grows_and_above_what_was_asked_for() {
        let mut backoff = Backoff::default();
        for bound in [5, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert!(backoff.next(None) <= Duration::from_secs(bound));
        }
        let asked = Duration::from_secs(30);
        assert!((asked..=asked + LONGEST).contains(&backoff.next(Some(asked))));
        assert!(backoff.next(Some(Duration::MAX)) <= ASKED_MAX + LONGEST);
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
    }
}
