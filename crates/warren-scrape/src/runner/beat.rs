//! When each target was last scraped with success as far as the pipelines are concerned: what was scraped, or that it could not be, was
//! taken.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// The targets of a job. Clones see the same.
#[derive(Clone, Default)]
pub(super) struct Beats(Arc<Mutex<Vec<Weak<Beat>>>>);

/// One target.
pub(super) struct Beat {
    interval: Duration,
    last: Mutex<Instant>,
}

impl Beats {
    /// A target that begins now.
    pub(super) fn begin(&self, interval: Duration) -> Arc<Beat> {
        let beat = Arc::new(Beat { interval, last: Mutex::new(Instant::now()) });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that ended are looked for as often as there would be more room to make: each that begins costs little however many there are.
        if all.len() == all.capacity() {
            all.retain(|beat| beat.strong_count() > 0);
        }
        all.push(Arc::downgrade(&beat));
        beat
    }

    /// Interval and time since the last beat of the target that missed most.
    pub(super) fn worst(&self) -> Option<(Duration, Duration)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.iter().filter_map(Weak::upgrade).map(|beat| (beat.interval, beat.ago()));
        times.max_by(|a, b| missed(*a).total_cmp(&missed(*b)))
    }
}

/// How many intervals have passed.
pub(super) fn missed((interval, ago): (Duration, Duration)) -> f64 {
    ago.as_secs_f64() / interval.as_secs_f64().max(f64::MIN_POSITIVE)
}

impl Beat {
    /// What was scraped was taken.
    pub(super) fn now(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn ago(&self) -> Duration {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_target_that_missed_most_is_told() {
        let beats = Beats::default();
        assert_eq!(beats.worst(), None);
        let seconds = Duration::from_secs;
        let (often, _seldom) = (beats.begin(seconds(1)), beats.begin(seconds(60)));
        tokio::time::advance(seconds(5)).await;
        assert_eq!(beats.worst(), Some((seconds(1), seconds(5))));
        often.now();
        assert_eq!(beats.worst(), Some((seconds(60), seconds(5))));
        drop(often);
        tokio::time::advance(seconds(5)).await;
        assert_eq!(beats.worst(), Some((seconds(60), seconds(10))));
    }
}
