//! From one sender to several consumers.

use std::sync::Arc;
use warren_component::{BoxFuture, ConsumeError, Consumer};
use warren_pdata::Batch;

/// Hands every batch to all consumers. They share it: whoever wants to write takes a copy only if another still holds it.
///
/// All are called at the same time, also when one fails, so that a slow one does not hold up the others' share; the answer is that of all together,
/// and says if some took the batch and others did not.
struct FanOut(Vec<Arc<dyn Consumer>>);

/// A consumer that stands for all of these; one stands for itself.
pub(crate) fn fan_out(mut consumers: Vec<Arc<dyn Consumer>>) -> Arc<dyn Consumer> {
    match (consumers.len(), consumers.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            consumers.extend(last);
            Arc::new(FanOut(consumers))
        }
    }
}

impl Consumer for FanOut {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let Some((last, others)) = self.0.split_last() else { return Box::pin(std::future::ready(Ok(()))) };
        let mut calls: Vec<_> = others.iter().map(|consumer| consumer.consume(Arc::clone(&batch))).collect();
        // The last one gets our own share: if nobody else kept one, it writes without a copy.
        calls.push(last.consume(batch));
        Box::pin(async move {
            let answers = futures_util::future::join_all(calls).await;
            let partial = answers.iter().any(Result::is_ok);
            let joined = ConsumeError::joined(answers.into_iter().filter_map(Result::err).collect());
            joined.map_or(Ok(()), |error| Err(ConsumeError { partial: partial || error.partial, ..error }))
        })
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        ConsumeError::joined(self.0.iter().filter_map(|consumer| consumer.admit(bytes).err()).collect()).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use warren_pdata::Logs;

    struct Counting(AtomicUsize, Option<ConsumeError>);

    impl Consumer for Counting {
        fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
            self.0.fetch_add(1, Relaxed);
            let answer = self.1.clone().map_or(Ok(()), Err);
            Box::pin(std::future::ready(answer))
        }
    }

    #[tokio::test]
    async fn all_are_called_although_one_fails_and_the_answer_is_joined() {
        let failing = Arc::new(Counting(AtomicUsize::new(0), Some(ConsumeError::permanent("no"))));
        let good = Arc::new(Counting(AtomicUsize::new(0), None));
        let both = fan_out(vec![failing.clone(), good.clone()]);
        let answer = both.consume(Arc::new(Batch::Logs(Logs::default()))).await;
        assert_eq!(answer, Err(ConsumeError { partial: true, ..ConsumeError::permanent("no") }));
        assert_eq!((failing.0.load(Relaxed), good.0.load(Relaxed)), (1, 1));
        let alone = fan_out(vec![failing.clone(), failing.clone()]).consume(Arc::new(Batch::Logs(Logs::default()))).await;
        assert!(!alone.unwrap_err().partial, "nobody took it");
    }

    #[test]
    fn nothing_is_admitted_that_one_of_them_would_refuse() {
        struct Full;
        impl Consumer for Full {
            fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
                Box::pin(std::future::ready(Ok(())))
            }

            fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
                if bytes > 1 { Err(ConsumeError::retryable("full")) } else { Ok(()) }
            }
        }
        let both = fan_out(vec![Arc::new(Counting(AtomicUsize::new(0), None)), Arc::new(Full)]);
        assert_eq!(both.admit(1), Ok(()));
        assert_eq!(both.admit(2), Err(ConsumeError::retryable("full")));
    }
}
