//! Outages of the receivers: some short, of every kind, and one long.

use std::time::Duration;

use super::edits::Random;
use super::sinks::{Fate, Health, Sinks};

/// Seconds between outages of one receiver, and their length, at most; half of it at least.
const WELL_SECONDS: u64 = 90;
const ILL_SECONDS: u64 = 40;

/// The part of the run that one outage of everybody who has any takes.
const LONG: (f64, f64) = (0.4, 0.6);

/// When each receiver's health changes next.
pub(super) struct Outages {
    random: Random,
    duration: Duration,
    next: Vec<(Duration, Health)>,
    /// How many there were.
    pub(super) count: usize,
}

impl Outages {
    pub(super) fn new(seed: u64, duration: Duration) -> Outages {
        Outages { random: Random(seed), duration, next: Vec::new(), count: 0 }
    }

    /// Changes the health of those whose time has come.
    pub(super) fn turn(&mut self, now: Duration, sinks: &Sinks) {
        let part = now.as_secs_f64() / self.duration.as_secs_f64();
        for (index, fate) in sinks.fates().into_iter().enumerate() {
            if self.next.len() <= index {
                let first = Duration::from_secs(self.between(WELL_SECONDS));
                self.next.push((first, Health::Well));
            }
            let (due, health) = self.next[index];
            let long = (LONG.0..LONG.1).contains(&part);
            if now < due && !(long && health == Health::Well) {
                continue;
            }
            self.next[index] = self.change(now, health, long, fate);
        }
    }

    fn change(&mut self, now: Duration, health: Health, long: bool, fate: &Fate) -> (Duration, Health) {
        let (length, next) = if health == Health::Well || long {
            self.count += usize::from(health == Health::Well);
            (self.between(ILL_SECONDS), Health::ILL[self.random.below(Health::ILL.len() as u64) as usize])
        } else {
            (self.between(WELL_SECONDS), Health::Well)
        };
        fate.set(next);
        (now + Duration::from_secs(length), next)
    }

    fn between(&mut self, most: u64) -> u64 {
        most / 2 + self.random.below(most / 2)
    }

    /// Everybody is well from now on.
    pub(super) fn end(&self, sinks: &Sinks) {
        sinks.fates().into_iter().for_each(|fate| fate.set(Health::Well));
    }
}
