//! How often somebody may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tokens that are kept in mind; beyond that, those that have not asked lately are forgotten.
const TOKENS_MAX: usize = 10_000;

/// Seconds of requests that may come at once.
const BURST_SECONDS: f64 = 2.0;

/// Requests that each token has left.
pub(crate) struct Limits {
    /// Requests a second; no limit if it is zero.
    rate: f64,
    /// As many may come at once.
    burst: f64,
    /// So many are kept in mind.
    known_max: usize,
    left: Mutex<HashMap<String, (f64, Instant)>>,
}

impl Limits {
    /// So many requests a second for each token.
    pub(crate) fn new(rate: u32) -> Self {
        Self::with(f64::from(rate), f64::from(rate) * BURST_SECONDS, TOKENS_MAX)
    }

    /// So many a second, with so many at once, for each of so many that are kept in mind.
    pub(crate) fn with(rate: f64, burst: f64, known_max: usize) -> Self {
        Self { rate, burst, known_max, left: Mutex::new(HashMap::new()) }
    }

    /// Takes a request.
    ///
    /// # Errors
    /// How long to wait, if there is none left.
    pub(crate) fn take(&self, token: &str, now: Instant) -> Result<(), Duration> {
        if self.rate == 0.0 {
            return Ok(());
        }
        let burst = self.burst;
        let refilled =
            |(left, at): (f64, Instant)| (left + now.saturating_duration_since(at).as_secs_f64() * self.rate).min(burst);
        let mut known = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.known_max && !known.contains_key(token) {
            // Whoever has all it may have is as if it had never asked.
            known.retain(|_, bucket| refilled(*bucket) < burst);
            if known.len() >= self.known_max {
                // So many at once begin anew together, rather than be remembered without end.
                known.clear();
            }
        }
        let left = known.get(token).map_or(burst, |bucket| refilled(*bucket));
        if left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left) / self.rate));
        }
        known.insert(token.to_owned(), (left - 1.0, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_too_often_waits_and_nobody_else() {
        let (limits, now) = (Limits::new(5), Instant::now());
        for _ in 0..10 {
            assert_eq!(limits.take("a", now), Ok(()));
        }
        assert_eq!(limits.take("a", now), Err(Duration::from_millis(200)));
        assert_eq!(limits.take("b", now), Ok(()));
        let later = now + Duration::from_millis(200);
        assert_eq!(limits.take("a", later), Ok(()));
        assert!(limits.take("a", later).is_err());
        assert!((0..1000).all(|_| Limits::new(0).take("a", now).is_ok()));
    }

    #[test]
    fn tokens_that_have_not_asked_lately_are_forgotten() {
        let (limits, now) = (Limits::new(1), Instant::now());
        for number in 0..TOKENS_MAX {
            limits.take(&number.to_string(), now).unwrap();
        }
        limits.take("new", now + Duration::from_secs(2)).unwrap();
        assert_eq!(limits.left.lock().unwrap().len(), 1);
        for number in 0..2 * TOKENS_MAX {
            limits.take(&number.to_string(), now + Duration::from_secs(3)).unwrap();
            assert!(limits.left.lock().unwrap().len() <= TOKENS_MAX);
        }
    }
}
