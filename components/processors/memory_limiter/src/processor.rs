//! The running processor of one pipeline.

use crate::checker::{Checker, REFUSED};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use warren_component::{BoxFuture, BuildContext, ConsumeError, Consumer, Health, Processor, RunContext, RunError};
use warren_pdata::{Batch, Signal};
use warren_telemetry::Counter;

/// The processor of one pipeline.
pub(crate) struct Limiter {
    checker: Arc<Checker>,
    next: Arc<dyn Consumer>,
    accepted: Counter,
    refused: Counter,
}

impl Limiter {
    pub(crate) fn new(checker: Arc<Checker>, cx: &BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Self {
        let id = cx.id.to_string();
        let counter = |verb: &str, help| {
            let name = format!("otelcol_processor_{verb}_{}", signal.items());
            cx.telemetry.registry.counter(&name, help, &[("processor", &id)])
        };
        let (accepted, refused) = match signal {
            Signal::Traces => (
                "Number of spans successfully pushed into the next component in the pipeline. [deprecated since v0.110.0]",
                "Number of spans that were rejected by the next component in the pipeline. [deprecated since v0.110.0]",
            ),
            Signal::Metrics => (
                "Number of metric points successfully pushed into the next component in the pipeline. [deprecated since v0.110.0]",
                "Number of metric points that were rejected by the next component in the pipeline. [deprecated since v0.110.0]",
            ),
            Signal::Logs => (
                "Number of log records successfully pushed into the next component in the pipeline. [deprecated since v0.110.0]",
                "Number of log records that were rejected by the next component in the pipeline. [deprecated since v0.110.0]",
            ),
        };
        Self { checker, next, accepted: counter("accepted", accepted), refused: counter("refused", refused) }
    }
}

impl Consumer for Limiter {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let items = batch.items() as u64;
        // The batch is among what lives, where that is counted.
        let uncounted = if self.checker.counts_live() { 0 } else { batch.heap_bytes() as u64 };
        match self.checker.admit(uncounted) {
            Ok(()) => {
                self.accepted.add(items);
                self.next.consume(batch)
            }
            Err(refusal) => {
                self.refused.add(items);
                Box::pin(std::future::ready(Err(refusal)))
            }
        }
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.checker.admit(bytes)?;
        self.next.admit(bytes)
    }
}

impl Processor for Limiter {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let mut ticks = interval(self.checker.interval().max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {
                        self.checker.check_if_due();
                        let refusing = self.checker.is_refusing();
                        cx.status.tell(if refusing { Health::Recoverable(REFUSED.to_owned()) } else { Health::Ok });
                    }
                    () = cx.stop.requested() => return Ok(()),
                }
            }
        })
    }
}
