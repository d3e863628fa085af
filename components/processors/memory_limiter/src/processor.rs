//! The running processor.

use crate::Config;
use crate::limits::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use warren_component::{BoxFuture, BuildContext, Code, ConsumeError, Consumer, Processor, RunContext, RunError};
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Counter, Field, Logger};

const MIB: u64 = 1 << 20;

/// The processor of one pipeline. All of a process see the same memory, so they need not share anything.
pub(crate) struct Limiter {
    limits: Limits,
    check_interval: Duration,
    soft_interval: Duration,
    hard_interval: Duration,
    next: Arc<dyn Consumer>,
    /// Bytes that the process holds.
    used: fn() -> u64,
    refusing: AtomicBool,
    accepted: Counter,
    refused: Counter,
    log: Logger,
}

/// Bytes that live by the allocator's count, or what is resident where the allocator does not count.
fn used() -> u64 {
    match warren_sys::live_bytes() as u64 {
        0 => warren_sys::memory::resident_bytes().unwrap_or_default(),
        live => live,
    }
}

impl Limiter {
    pub(crate) fn new(config: &Config, limits: Limits, cx: &BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Self {
        let id = cx.id.to_string();
        let labels = [("processor", id.as_str())];
        let counter = |verb: &str, help| {
            cx.telemetry.registry.counter(&format!("otelcol_processor_{verb}_{}", signal.items()), help, &labels)
        };
        let log = cx.telemetry.log.clone();
        log.info(
            "Memory limiter configured",
            &[
                ("limit_mib", Field::Int((limits.hard / MIB) as i64)),
                ("spike_limit_mib", Field::Int(((limits.hard - limits.soft) / MIB) as i64)),
                ("check_interval", Field::Duration(config.check_interval)),
            ],
        );
        Self {
            limits,
            check_interval: config.check_interval,
            soft_interval: config.min_gc_interval_when_soft_limited,
            hard_interval: config.min_gc_interval_when_hard_limited,
            next,
            used,
            refusing: AtomicBool::new(false),
            accepted: counter("accepted", "Number of items successfully pushed into the next component in the pipeline."),
            refused: counter("refused", "Number of items that were rejected by the next component in the pipeline."),
            log,
        }
    }

    /// Notes how much is used, tells when that changes whether data is refused, and says when memory was given back last.
    fn check(&self, released: Option<Instant>) -> Option<Instant> {
        let mut now_used = (self.used)();
        let interval = if now_used > self.limits.hard { self.hard_interval } else { self.soft_interval };
        let mut last = released;
        if now_used > self.limits.soft && released.is_none_or(|released| released.elapsed() >= interval) {
            warren_sys::release_unused();
            last = Some(Instant::now());
            now_used = (self.used)();
        }
        self.tell(now_used > self.limits.soft, now_used);
        last
    }

    fn tell(&self, above: bool, used: u64) {
        if self.refusing.swap(above, Relaxed) == above {
            return;
        }
        let fields = [("cur_mem_mib", Field::Int((used / MIB) as i64))];
        if above {
            self.log.warn("Memory usage is above soft limit. Refusing data.", &fields);
        } else {
            self.log.info("Memory usage back within limits. Resuming normal operation.", &fields);
        }
    }
}

impl Limiter {
    /// Whether so many bytes may be held besides what is.
    fn room_for(&self, bytes: u64) -> Result<(), ConsumeError> {
        let needed = (self.used)().saturating_add(bytes);
        if needed <= self.limits.soft {
            return Ok(());
        }
        self.tell(true, needed);
        Err(ConsumeError::retryable("data refused due to high memory usage").with_code(Code::Unavailable))
    }
}

impl Consumer for Limiter {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let items = batch.items() as u64;
        // The batch is already among what lives; what follows may write a copy of it.
        if let Err(refusal) = self.room_for(batch.heap_bytes() as u64) {
            self.refused.add(items);
            return Box::pin(std::future::ready(Err(refusal)));
        }
        Box::pin(async move {
            self.next.consume(batch).await?;
            self.accepted.add(items);
            Ok(())
        })
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.room_for(bytes)?;
        self.next.admit(bytes)
    }
}

impl Processor for Limiter {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let mut ticks = interval(self.check_interval.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut released = None;
            loop {
                tokio::select! {
                    _ = ticks.tick() => released = self.check(released),
                    () = cx.stop.requested() => return Ok(()),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use warren_component::{BuildInfo, Extensions, Inherited};
    use warren_config::ComponentId;
    use warren_pdata::{LogRecord, Logs, Resource, Scope};
    use warren_telemetry::Telemetry;

    static USED: AtomicU64 = AtomicU64::new(0);

    struct Taking;

    impl Consumer for Taking {
        fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[tokio::test]
    async fn what_would_pass_the_soft_limit_is_refused_for_now() {
        let telemetry = Telemetry::discarded();
        let cx = BuildContext {
            id: ComponentId::of_type("memory_limiter"),
            telemetry: telemetry.clone(),
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions: Extensions::default(),
            inherited: Inherited::default(),
            collect_now: false,
            gates: Default::default(),
        };
        let limits = Limits { soft: 80 * MIB, hard: 100 * MIB };
        let limiter = Limiter {
            used: || USED.load(Relaxed),
            ..Limiter::new(&Config::default(), limits, &cx, Signal::Logs, Arc::new(Taking))
        };
        let record = LogRecord { body: "x".repeat(MIB as usize).into(), ..LogRecord::default() };
        let batch = Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![record])));
        for (used, taken) in [(0, true), (78, true), (79, false), (200, false), (10, true)] {
            USED.store(used * MIB, Relaxed);
            let answer = limiter.consume(batch.clone()).await;
            assert_eq!(answer.is_ok(), taken, "{used}");
            assert_eq!(limiter.admit(batch.heap_bytes() as u64).is_ok(), taken, "{used}");
            if let Err(error) = answer {
                assert!(!error.permanent && error.code == Some(Code::Unavailable));
            }
        }
        assert_eq!(telemetry.registry.total("otelcol_processor_refused_log_records", &[]), 2.0);
        assert_eq!(telemetry.registry.total("otelcol_processor_accepted_log_records", &[]), 3.0);
    }
}
