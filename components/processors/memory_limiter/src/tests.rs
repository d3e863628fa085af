//! The processor with a memory of the test's making. Facts of upstream's `internal/memorylimiter/memorylimiter_test.go` at v0.132.0
//! (`TestMemoryPressureResponse`, `TestCallGCWhenSoftLimit`) and v0.164.0 (fewer attempts when they do not help), as cases of ours.

use crate::Config;
use crate::checker::Checker;
use crate::limits::{Limits, MIB};
use crate::memory::Memory;
use crate::processor::Limiter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, Code, ConsumeError, Consumer, Extensions, Gates, Health, Inherited, Processor,
    RunContext, Status, Stop,
};
use warren_config::{ComponentId, GoDuration};
use warren_pdata::{Batch, LogRecord, Logs, Resource, Scope, Signal};
use warren_telemetry::{Logger, Telemetry};

/// Memory as told. Returning it makes what is resident fall to what lives.
#[derive(Clone, Default)]
struct Told(Arc<(AtomicU64, AtomicU64, AtomicU64)>);

impl Told {
    fn set(&self, live_mib: u64, resident_mib: u64) {
        self.0.0.store(live_mib * MIB, Relaxed);
        self.0.1.store(resident_mib * MIB, Relaxed);
    }

    fn releases(&self) -> u64 {
        self.0.2.load(Relaxed)
    }
}

impl Memory for Told {
    fn live(&self) -> u64 {
        self.0.0.load(Relaxed)
    }

    fn resident(&self) -> u64 {
        self.0.1.load(Relaxed)
    }

    fn release(&self) {
        self.0.1.fetch_min(self.live(), Relaxed);
        self.0.2.fetch_add(1, Relaxed);
    }
}

const SECOND: i64 = 1_000_000_000;

fn config() -> Config {
    Config { check_interval: GoDuration(60 * SECOND), limit_mib: 50, spike_limit_mib: 10, ..Config::default() }
}

fn checker(config: &Config, memory: &Told) -> Arc<Checker> {
    let limits = Limits::new(config, None).unwrap();
    Arc::new(Checker::new(config, limits, Box::new(memory.clone()), Logger::discarded()))
}

fn context(telemetry: &Telemetry) -> BuildContext {
    BuildContext {
        id: ComponentId::of_type("memory_limiter"),
        telemetry: telemetry.clone(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Gates::default(),
    }
}

struct Taking;

impl Consumer for Taking {
    fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        if bytes == 12_345 { Err(ConsumeError::retryable("behind")) } else { Ok(()) }
    }
}

async fn next_check(checker: &Checker) {
    tokio::time::advance(Duration::from_secs(60)).await;
    checker.check_if_due();
}

#[tokio::test(start_paused = true)]
async fn what_passes_the_soft_limit_is_refused_at_once_and_taken_again_when_there_is_room() {
    let (memory, telemetry) = (Told::default(), Telemetry::discarded());
    let checker = checker(&config(), &memory);
    let limiter = Limiter::new(checker, &context(&telemetry), Signal::Logs, Arc::new(Taking));
    let batch = Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); 3])));
    for (live, taken) in [(1, true), (39, true), (40, false), (200, false), (10, true)] {
        memory.set(live, live);
        let answer = limiter.consume(batch.clone()).await;
        assert_eq!(answer.is_ok(), taken, "{live}");
        if let Err(error) = answer {
            assert_eq!(error, ConsumeError::retryable("data refused due to high memory usage").with_code(Code::Unavailable));
        }
    }
    let total = |verb: &str| {
        let name = format!("otelcol_processor_{verb}_log_records");
        telemetry.registry.total(&name, &[("processor", "memory_limiter")])
    };
    assert_eq!(["accepted", "refused"].map(total), [9.0, 6.0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_admitted_by_its_size_before_it_is_read() {
    let (memory, telemetry) = (Told::default(), Telemetry::discarded());
    memory.set(30, 30);
    let limiter = Limiter::new(checker(&config(), &memory), &context(&telemetry), Signal::Logs, Arc::new(Taking));
    assert!(limiter.admit(9 * MIB).is_ok());
    assert!(limiter.admit(10 * MIB).is_err());
    assert!(limiter.admit(u64::MAX).is_err());
    assert_eq!(limiter.admit(12_345).unwrap_err().message, "behind");
}

#[tokio::test(start_paused = true)]
async fn memory_that_is_held_back_counts_and_is_returned() {
    let memory = Told::default();
    memory.set(10, 45);
    let checker = checker(&config(), &memory);
    assert!(checker.admit(0).is_err());
    next_check(&checker).await;
    assert_eq!((memory.releases(), checker.is_refusing()), (1, false));
    assert!(checker.admit(0).is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_count_of_what_lives_a_batch_is_weighed() {
    let (memory, telemetry) = (Told::default(), Telemetry::discarded());
    memory.set(0, 39);
    let limiter = Limiter::new(checker(&config(), &memory), &context(&telemetry), Signal::Logs, Arc::new(Taking));
    let record = LogRecord { body: "x".repeat(2 << 20).into(), ..LogRecord::default() };
    let large = Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![record])));
    let small = Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()])));
    assert!(limiter.consume(large).await.is_err());
    assert!(limiter.consume(small).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn memory_is_returned_no_more_often_than_allowed() {
    let gc = |soft: i64, hard: i64| Config {
        min_gc_interval_when_soft_limited: GoDuration(soft * SECOND),
        min_gc_interval_when_hard_limited: GoDuration(hard * SECOND),
        max_gc_interval_when_soft_limited: GoDuration(0),
        max_gc_interval_when_hard_limited: GoDuration(0),
        ..config()
    };
    for (config, live, releases) in [
        (gc(100, 0), [45, 45], 1),
        (gc(10, 0), [45, 45], 2),
        (gc(100, 100), [55, 55], 1),
        (gc(100, 10), [55, 55], 2),
        (gc(100, 10), [45, 55], 2),
        (gc(100, 100), [45, 55], 1),
    ] {
        let memory = Told::default();
        let checker = checker(&config, &memory);
        tokio::time::advance(Duration::from_secs(100)).await;
        for live in live {
            memory.set(live, live);
            next_check(&checker).await;
            assert!(checker.is_refusing());
        }
        assert_eq!(memory.releases(), releases, "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn returning_memory_is_tried_less_often_while_it_does_not_help() {
    let config = Config {
        check_interval: GoDuration(SECOND),
        min_gc_interval_when_soft_limited: GoDuration(0),
        max_gc_interval_when_soft_limited: GoDuration(8 * SECOND),
        ..config()
    };
    let memory = Told::default();
    memory.set(45, 45);
    let checker = checker(&config, &memory);
    let mut at = Vec::new();
    for second in 1..=40 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let before = memory.releases();
        checker.check_if_due();
        at.extend((memory.releases() > before).then_some(second));
    }
    assert_eq!(at, [1, 3, 7, 15, 24, 33]);
    memory.set(1, 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    checker.check_if_due();
    memory.set(45, 45);
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = memory.releases();
    checker.check_if_due();
    assert_eq!(memory.releases(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn several_pipelines_have_one_checker_and_look_once() {
    let (config, telemetry) = (config(), Telemetry::discarded());
    let first = config.checker(&context(&telemetry)).unwrap();
    let second = config.clone().checker(&context(&telemetry)).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let memory = Told::default();
    memory.set(45, 45);
    let checker = checker(&config, &memory);
    tokio::time::advance(Duration::from_secs(100)).await;
    checker.check_if_due();
    checker.check_if_due();
    assert_eq!(memory.releases(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_processor_tells_how_it_fares() {
    let (memory, telemetry) = (Told::default(), Telemetry::discarded());
    let limiter = Arc::new(Limiter::new(checker(&config(), &memory), &context(&telemetry), Signal::Logs, Arc::new(Taking)));
    let (handle, stop) = Stop::new();
    let status = Status::default();
    let running = tokio::spawn(limiter.run(RunContext { stop, status: status.clone() }));
    for (live, health) in [(45, Health::Recoverable("data refused due to high memory usage".into())), (5, Health::Ok)] {
        memory.set(live, live);
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(status.health(), health);
    }
    handle.request(tokio::time::Instant::now());
    running.await.unwrap().unwrap();
}
