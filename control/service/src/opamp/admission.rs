//! Who is let in now, and who is to come again later: a fleet that comes back at once is let in one after the other.

use crate::limits::Limits;
use std::time::{Duration, Instant};

/// Connections of one collector: at once, and more each second.
const CONNECTIONS: (f64, f64) = (20.0, 0.5);

/// Requests of one collector that asks in intervals: at once, and more each second.
const POLLS: (f64, f64) = (50.0, 5.0);

/// Collectors that are asked for everything they know: at once, and more each second.
const FULL_STATES: (f64, f64) = (100.0, 100.0);

/// Collectors that are kept in mind.
const KNOWN_MAX: usize = 200_000;

/// Seconds after which whoever was not let in is to come again: at least, and at random besides.
pub(crate) const RETRY_SECONDS: u64 = 30;
const RETRY_SPREAD_SECONDS: u64 = 60;

/// Who is let in now.
pub(crate) struct Admission {
    door: Limits,
    connections: Limits,
    polls: Limits,
    full_states: Limits,
}

impl Admission {
    /// So many new connections a second; without limit if it is zero.
    pub(crate) fn new(rate: u32) -> Self {
        let own = |(burst, rate): (f64, f64)| Limits::with(rate, burst, KNOWN_MAX);
        Self { door: Limits::new(rate), connections: own(CONNECTIONS), polls: own(POLLS), full_states: own(FULL_STATES) }
    }

    /// Whether another connection is let in, whosever it is. Asked before anything is looked up.
    pub(crate) fn opens(&self) -> bool {
        self.door.take("", Instant::now()).is_ok()
    }

    /// Whether another connection of a collector is let in.
    pub(crate) fn connects(&self, credential: &str) -> bool {
        self.connections.take(credential, Instant::now()).is_ok()
    }

    /// Whether a request of a collector is answered.
    pub(crate) fn polls(&self, credential: &str) -> bool {
        self.polls.take(credential, Instant::now()).is_ok()
    }

    /// Whether there is room for the answer if a collector is asked for everything it knows.
    pub(crate) fn has_room(&self) -> bool {
        self.full_states.take("", Instant::now()).is_ok()
    }
}

/// When whoever was not let in is to come again.
pub(crate) fn retry_after() -> Duration {
    let mut random = [0; 8];
    // Without randomness everybody comes again at the same time, which is refused again.
    let _ = getrandom::fill(&mut random);
    Duration::from_secs(RETRY_SECONDS) + Duration::from_millis(u64::from_le_bytes(random) % (RETRY_SPREAD_SECONDS * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_let_in_at_a_rate_and_one_collector_does_not_use_it_up() {
        let admission = Admission::new(10);
        assert_eq!((0..100).filter(|_| admission.opens()).count(), 20);
        assert_eq!((0..100).filter(|_| admission.connects("a")).count(), 20);
        assert!(admission.connects("b") && admission.polls("a"));
        assert!((0..1000).all(|_| Admission::new(0).opens()));
    }

    #[test]
    fn those_who_are_sent_away_come_again_spread_over_a_minute() {
        let waits: Vec<u64> = (0..1000).map(|_| retry_after().as_secs()).collect();
        assert!(waits.iter().all(|wait| (30..90).contains(wait)));
        assert!(waits.iter().min() < Some(&36) && waits.iter().max() > Some(&83));
    }
}
