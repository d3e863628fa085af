//! Processors that only transform: synchronous, one call per batch, nothing held back.

use crate::{BoxFuture, BuildContext, ConsumeError, Consumer, Processor};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Counter, Registry};

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
    flow: Flow,
    next: Arc<dyn Consumer>,
}

impl<S: Stage> Staged<S> {
    /// Puts the stage of the component that `cx` is for before what follows.
    pub fn new(stage: S, cx: &BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Self {
        Self { stage: Mutex::new(stage), flow: Flow::new(cx, signal), next }
    }
}

impl<S: Stage> Consumer for Staged<S> {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.flow.incoming(batch.items());
        let processed = self.stage.lock().unwrap_or_else(PoisonError::into_inner).process(batch);
        match processed {
            Ok(Some(batch)) => {
                self.flow.outgoing(batch.items());
                self.next.consume(batch)
            }
            Ok(None) => Box::pin(std::future::ready(Ok(()))),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.next.admit(bytes)
    }
}

impl<S: Stage> Processor for Staged<S> {}

/// Counts what goes into a processor and what comes out: `otelcol_processor_incoming_items`, `…_outgoing_items`. [`Staged`] has one; a
/// processor that is a node itself counts with its own.
pub struct Flow {
    registry: Registry,
    processor: String,
    signal: Signal,
    /// Both appear with the first batch.
    counters: OnceLock<(Counter, Counter)>,
}

impl Flow {
    /// The counts of the processor that `cx` is for.
    pub fn new(cx: &BuildContext, signal: Signal) -> Self {
        let registry = cx.telemetry.registry.clone();
        Self { registry, processor: cx.id.to_string(), signal, counters: OnceLock::new() }
    }

    /// So many items were handed to the processor.
    pub fn incoming(&self, items: usize) {
        self.counters().0.add(items as u64);
    }

    /// So many items were handed on by the processor.
    pub fn outgoing(&self, items: usize) {
        self.counters().1.add(items as u64);
    }

    fn counters(&self) -> &(Counter, Counter) {
        self.counters.get_or_init(|| {
            let labels = [("processor", self.processor.as_str()), ("otel_signal", self.signal.name())];
            let counter = |name, help| self.registry.counter(name, help, &labels);
            (
                counter("otelcol_processor_incoming_items", "Number of items passed to the processor. [alpha]"),
                counter("otelcol_processor_outgoing_items", "Number of items emitted from the processor. [alpha]"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildInfo, Extensions, Gates, Inherited};
    use warren_pdata::{LogRecord, Logs, Resource, Scope};
    use warren_telemetry::Telemetry;

    /// Lets every second batch through.
    struct EverySecond(bool);

    impl Stage for EverySecond {
        fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError> {
            self.0 = !self.0;
            Ok(self.0.then_some(batch))
        }
    }

    struct End;

    impl Consumer for End {
        fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[tokio::test]
    async fn what_comes_in_and_goes_out_is_counted() {
        let telemetry = Telemetry::discarded();
        let cx = BuildContext {
            id: "filter/x".parse().unwrap(),
            telemetry: telemetry.clone(),
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions: Extensions::default(),
            inherited: Inherited::default(),
            collect_now: false,
            gates: Gates::default(),
        };
        let staged = Staged::new(EverySecond(false), &cx, Signal::Logs, Arc::new(End));
        let total = |name| telemetry.registry.total(name, &[("processor", "filter/x"), ("otel_signal", "logs")]);
        for _ in 0..3 {
            let logs = Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); 5]);
            staged.consume(Arc::new(Batch::Logs(logs))).await.unwrap();
        }
        assert_eq!(total("otelcol_processor_incoming_items"), 15.0);
        assert_eq!(total("otelcol_processor_outgoing_items"), 10.0);
    }
}
