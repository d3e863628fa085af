//! The running processor.

use crate::config::{Config, InitialValue};
use crate::convert::{Choice, Conversion};
use crate::figures::Figures;
use crate::state::Shared;
use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use warren_component::{BoxFuture, BuildContext, BuildError, ConsumeError, Consumer, Flow, Processor, RunContext, RunError};
use warren_pdata::{Batch, Metrics, Signal};
use warren_telemetry::{Field, Logger};

/// Entries that are looked at for staleness at a time.
const SWEPT_AT_ONCE: usize = 16_384;

/// The shortest time between two sweeps.
const SWEEP_LEAST: Duration = Duration::from_secs(1);

/// The processor of one pipeline.
pub(crate) struct Converter {
    choice: Choice,
    initial: InitialValue,
    /// Whether late points count and empty batches go on, as upstream has it.
    oddities: bool,
    limit: usize,
    max_staleness: Option<Duration>,
    state: Shared,
    figures: Figures,
    /// Which points of a metric stay; kept for its memory.
    stays: Mutex<Vec<bool>>,
    flow: Flow,
    log: Logger,
    told_full: AtomicBool,
    next: Arc<dyn Consumer>,
}

impl Converter {
    pub(crate) fn build(config: &Config, cx: &BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Self, BuildError> {
        let positive = |duration: &Duration| !duration.is_zero();
        Ok(Self {
            choice: Choice::new(config).map_err(BuildError::new)?,
            initial: config.initial_value,
            oddities: cx.gates.upstream_oddities(),
            limit: usize::try_from(config.warren.max_state.0).unwrap_or(usize::MAX),
            max_staleness: config.max_staleness.as_duration().filter(positive),
            state: cx.inherited.take().unwrap_or_else(|| Shared::new(cx, now())),
            figures: Figures::new(cx),
            stays: Mutex::default(),
            flow: Flow::new(cx, signal),
            log: cx.telemetry.log.clone(),
            told_full: AtomicBool::new(false),
            next,
        })
    }

    /// Converts a batch; `None` when nothing is left of it. A batch that others hold too is copied only if something changes.
    fn convert(&self, batch: Arc<Batch>) -> Option<Arc<Batch>> {
        match &*batch {
            Batch::Metrics(metrics) if Arc::strong_count(&batch) > 1 && !self.changes(metrics) => return Some(batch),
            _ => {}
        }
        let mut batch = Batch::owned(batch);
        if let Batch::Metrics(metrics) = &mut batch {
            let refused = self.convert_metrics(metrics);
            self.tell_refused(refused);
        }
        (self.oddities || !batch.is_empty()).then(|| Arc::new(batch))
    }

    /// Converts metrics in place; tells for how many points there was no room.
    fn convert_metrics(&self, metrics: &mut Metrics) -> u64 {
        let mut conversion = Conversion {
            choice: &self.choice,
            initial: self.initial,
            late_counts: self.oddities,
            limit: self.limit,
            figures: &self.figures,
            state: &mut self.state.lock(),
            stays: &mut self.stays.lock().unwrap_or_else(PoisonError::into_inner),
            refused: 0,
        };
        conversion.run(metrics);
        conversion.refused
    }

    /// Whether anything of the metrics is converted or dropped.
    fn changes(&self, metrics: &Metrics) -> bool {
        metrics.resources.is_empty()
            || metrics.resources.iter().any(|group| {
                let scope = |scoped: &warren_pdata::ScopeGroup<_>| {
                    scoped.items.is_empty() || scoped.items.iter().any(|metric| self.choice.concerns(metric))
                };
                group.scopes.is_empty() || group.scopes.iter().any(scope)
            })
    }

    /// Tells in the log when the bound is reached, and when it no longer matters.
    fn tell_refused(&self, refused: u64) {
        let full = refused > 0;
        if self.told_full.swap(full, Relaxed) == full {
            return;
        }
        if full {
            let fields = [("series", Field::Int(refused as i64)), ("max_state_bytes", Field::Int(self.limit as i64))];
            self.log.warn("no room for more series, their points are dropped; raise warren::max_state", &fields);
        } else {
            self.log.info("there is room for all series again", &[]);
        }
    }

    /// Forgets the series whose last point is older than `max_staleness` at this time.
    async fn sweep(&self, now: u64, max_staleness: Duration) {
        let before = now.saturating_sub(u64::try_from(max_staleness.as_nanos()).unwrap_or(u64::MAX));
        let mut from = 0;
        loop {
            {
                let mut state = self.state.lock();
                if from >= state.series.places() {
                    state.series.shrink();
                    state.tell();
                    return;
                }
                let forgotten = state.series.forget_before(before, from..from + SWEPT_AT_ONCE);
                self.figures.stale.add(forgotten as u64);
            }
            from += SWEPT_AT_ONCE;
            tokio::task::yield_now().await;
        }
    }
}

impl Consumer for Converter {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.flow.incoming(batch.items());
        match self.convert(batch) {
            Some(batch) => {
                self.flow.outgoing(batch.items());
                self.next.consume(batch)
            }
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.next.admit(bytes)
    }
}

impl Processor for Converter {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let Some(max_staleness) = self.max_staleness else { return Ok(()) };
            loop {
                tokio::select! {
                    () = tokio::time::sleep(max_staleness.max(SWEEP_LEAST)) => self.sweep(now(), max_staleness).await,
                    () = cx.stop.requested() => return Ok(()),
                }
            }
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.state.clone()))
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
