//! Processors that only transform: synchronous, one call per batch, nothing held back.

use crate::{BoxFuture, ConsumeError, Consumer, Processor};
use std::sync::{Arc, Mutex, PoisonError};
use warren_pdata::Batch;

/// Transforms a batch while it is still in the processor's cache: no task, no channel between two stages.
pub trait Stage: Send {
    /// Transforms the batch; `None` when nothing is left of it.
    ///
    /// # Errors
    /// Refuses the batch as a whole.
    fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError>;
}

/// A stage and what follows it.
pub struct Staged<S> {
    stage: Mutex<S>,
    next: Arc<dyn Consumer>,
}

impl<S: Stage> Staged<S> {
    /// Puts the stage before what follows.
    pub fn new(stage: S, next: Arc<dyn Consumer>) -> Self {
        Self { stage: Mutex::new(stage), next }
    }
}

impl<S: Stage> Consumer for Staged<S> {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let processed = self.stage.lock().unwrap_or_else(PoisonError::into_inner).process(batch);
        match processed {
            Ok(Some(batch)) => self.next.consume(batch),
            Ok(None) => Box::pin(std::future::ready(Ok(()))),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.next.admit(bytes)
    }
}

impl<S: Stage> Processor for Staged<S> {}
