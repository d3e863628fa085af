//! What is known of the destination: whether it answers at all.

use crate::{Backoff, RetryConfig};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which the destination counts as dead.
const FAILURES_MAX: u32 = 3;

/// Longest time for which one answer may silence the whole exporter.
const THROTTLE_MAX: Duration = Duration::from_secs(300);

/// Open while the destination is dead or asked for a pause: then one attempt at a time probes it, at growing intervals, and whatever
/// waits behind is left alone.
#[derive(Debug)]
pub(crate) struct Circuit {
    failures: u32,
    probe_at: Option<Instant>,
    backoff: Backoff,
}

impl Circuit {
    pub(crate) fn new(retry: &RetryConfig) -> Self {
        Self { failures: 0, probe_at: None, backoff: Backoff::new(retry) }
    }

    /// When the next probe may start; `None` while closed.
    pub(crate) fn probe_at(&self) -> Option<Instant> {
        self.probe_at
    }

    /// An attempt got an answer that shows that the destination works.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.probe_at = None;
        self.backoff.reset();
    }

    /// An attempt failed and may succeed later; `pause` is what the destination asked for. Tells how often in a row that happened.
    pub(crate) fn failed(&mut self, now: Instant, pause: Option<Duration>) -> u32 {
        self.failures = self.failures.saturating_add(1);
        // Attempts that were on their way when the circuit opened say nothing new.
        let stale = self.probe_at.is_some_and(|probe_at| now < probe_at);
        if !stale && (self.failures >= FAILURES_MAX || pause.is_some()) {
            self.probe_at = Some(now + self.backoff.next_wait());
        }
        if let (Some(probe_at), Some(pause)) = (self.probe_at, pause) {
            self.probe_at = Some(probe_at.max(now + pause.min(THROTTLE_MAX)));
        }
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        Circuit::new(&RetryConfig { randomization_factor: 0.0, ..RetryConfig::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_open_it_and_one_success_closes_it() {
        let (mut circuit, now) = (circuit(), Instant::now());
        circuit.failed(now, None);
        circuit.failed(now, None);
        assert_eq!(circuit.probe_at(), None);
        circuit.failed(now, None);
        assert_eq!(circuit.probe_at(), Some(now + Duration::from_secs(5)));
        circuit.succeeded();
        assert_eq!(circuit.probe_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_were_under_way_do_not_push_the_probe_back() {
        let (mut circuit, now) = (circuit(), Instant::now());
        for _ in 0..10 {
            circuit.failed(now, None);
        }
        assert_eq!(circuit.probe_at(), Some(now + Duration::from_secs(5)));
        let probe = now + Duration::from_secs(5);
        circuit.failed(probe, None);
        assert_eq!(circuit.probe_at(), Some(probe + Duration::from_millis(7500)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_kept_for_all_but_not_without_end() {
        let (mut circuit, now) = (circuit(), Instant::now());
        circuit.failed(now, Some(Duration::from_secs(60)));
        assert_eq!(circuit.probe_at(), Some(now + Duration::from_secs(60)));
        circuit.failed(now, Some(Duration::from_secs(1_000_000)));
        assert_eq!(circuit.probe_at(), Some(now + THROTTLE_MAX));
    }
}
