//! The growing wait between attempts.

use crate::RetryConfig;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Shortest wait, so that an interval of zero does not keep a processor busy.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Waits that grow from one failure to the next, as `cenkalti/backoff` v5 computes them.
#[derive(Clone, Debug)]
pub struct Backoff {
    interval: f64,
    initial: f64,
    max: f64,
    multiplier: f64,
    randomization: f64,
}

impl Backoff {
    /// The waits that the settings ask for. Settings out of range are taken as the nearest that is in range.
    pub fn new(retry: &RetryConfig) -> Self {
        let seconds = |duration: warren_config::GoDuration| duration.as_duration().unwrap_or_default().as_secs_f64();
        let initial = seconds(retry.initial_interval);
        Self {
            interval: initial,
            initial,
            max: seconds(retry.max_interval),
            multiplier: retry.multiplier.max(0.0),
            randomization: retry.randomization_factor.clamp(0.0, 1.0),
        }
    }

    /// The next wait. The longest interval bounds it before chance is added.
    pub fn next_wait(&mut self) -> Duration {
        self.wait_by(chance())
    }

    /// Starts over.
    pub fn reset(&mut self) {
        self.interval = self.initial;
    }

    /// The next wait, with chance between 0 and 1 given.
    fn wait_by(&mut self, chance: f64) -> Duration {
        let spread = self.interval * self.randomization;
        let wait = self.interval - spread + 2.0 * spread * chance;
        self.interval = (self.interval * self.multiplier).min(self.max);
        Duration::try_from_secs_f64(wait).unwrap_or_default().max(WAIT_MIN)
    }
}

/// A number from 0 to 1 that differs from call to call and from process to process.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::GoDuration;

    fn waits(retry: &RetryConfig, chance: f64) -> Vec<f64> {
        let mut backoff = Backoff::new(retry);
        (0..6).map(|_| backoff.wait_by(chance).as_secs_f64()).collect()
    }

    #[test]
    fn waits_grow_to_the_longest_and_chance_moves_them_by_half() {
        let retry = RetryConfig::default();
        assert_eq!(waits(&retry, 0.5), [5.0, 7.5, 11.25, 16.875, 25.3125, 30.0]);
        assert_eq!(waits(&retry, 0.0)[0], 2.5);
        assert_eq!(waits(&retry, 1.0)[5], 45.0);
    }

    #[test]
    fn an_interval_of_zero_still_waits_a_little() {
        let retry = RetryConfig { initial_interval: GoDuration(0), ..RetryConfig::default() };
        assert_eq!(Backoff::new(&retry).next_wait(), WAIT_MIN);
    }

    #[test]
    fn chance_stays_in_its_range_and_varies() {
        let drawn: Vec<f64> = (0..64).map(|_| chance()).collect();
        assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(drawn.iter().any(|number| number != &drawn[0]));
    }
}
