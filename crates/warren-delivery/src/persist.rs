//! Handing on what may not be lost: for processors and receivers that hold data back and are answered with a refusal.

use crate::Backoff;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{ConsumeError, Consumer, Stop};
use warren_pdata::Batch;

/// Hands a batch on until it is taken. After a refusal that may pass it waits, as the backoff says or as long as was asked for; `told`
/// hears of every such refusal. Where some of several took it, it is not offered again: they would get it twice, and wait for those that do not.
///
/// While it tries it holds the batch, so whoever writes further down works on a copy.
///
/// # Errors
/// The refusal that is for good or [partial](ConsumeError::partial), or the last one once a stop was requested: then there is one last try and no more waiting.
pub async fn persist(
    next: &dyn Consumer,
    batch: Arc<Batch>,
    mut backoff: Backoff,
    stop: &Stop,
    mut told: impl FnMut(&ConsumeError, Duration),
) -> Result<(), ConsumeError> {
    loop {
        let last = stop.is_requested();
        let error = match next.consume(batch.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if error.permanent || error.partial || last {
            return Err(error);
        }
        let wait = backoff.next_wait().max(error.retry_after.unwrap_or_default());
        told(&error, wait);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.requested() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RetryConfig;
    use crate::tests::logs;
    use std::sync::Mutex;
    use tokio::time::Instant;
    use warren_component::BoxFuture;

    /// Answers as listed, then takes everything.
    struct Answers(Mutex<Vec<ConsumeError>>);

    impl Consumer for Answers {
        fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
            let answer = self.0.lock().unwrap().pop().map_or(Ok(()), Err);
            Box::pin(std::future::ready(answer))
        }
    }

    fn backoff() -> Backoff {
        Backoff::new(&RetryConfig { randomization_factor: 0.0, ..RetryConfig::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_may_pass_is_waited_for_and_one_for_good_is_not() {
        let (_handle, stop) = Stop::new();
        let full = ConsumeError::retryable("full");
        let next = Answers(Mutex::new(vec![full.clone(), full.after(Duration::from_secs(60))]));
        let (before, mut waits) = (Instant::now(), Vec::new());
        persist(&next, logs(1), backoff(), &stop, |_, wait| waits.push(wait.as_millis())).await.unwrap();
        assert_eq!(waits, [60_000, 7_500]);
        assert_eq!(before.elapsed().as_millis(), 67_500);

        let next = Answers(Mutex::new(vec![ConsumeError::permanent("bad")]));
        assert!(persist(&next, logs(1), backoff(), &stop, |_, _| {}).await.unwrap_err().permanent);
    }

    #[tokio::test(start_paused = true)]
    async fn what_some_have_taken_is_not_offered_to_them_again() {
        let (_handle, stop) = Stop::new();
        let partial = ConsumeError { partial: true, ..ConsumeError::retryable("sending queue is full") };
        let next = Answers(Mutex::new(vec![partial.clone(), partial.clone()]));
        assert_eq!(persist(&next, logs(1), backoff(), &stop, |_, _| {}).await, Err(partial));
        assert_eq!(next.0.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_leaves_one_last_try() {
        let (handle, stop) = Stop::new();
        let next = Answers(Mutex::new(vec![ConsumeError::retryable("full"); 10]));
        let asking = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            handle.request(Instant::now());
        };
        let (outcome, ()) = tokio::join!(persist(&next, logs(1), backoff(), &stop, |_, _| {}), asking);
        assert_eq!(outcome.unwrap_err().message, "full");
        assert_eq!(next.0.lock().unwrap().len(), 8);
    }
}
