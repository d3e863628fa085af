//! Facts of upstream's `processor/batchprocessor/batch_processor_test.go` at v0.132.0, as cases of ours.

use crate::Config;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, ConsumeError, Consumer, Extensions, Inherited, Processor, ProcessorConfig, RunContext,
    Status, Stop, StopHandle,
};
use warren_config::{ComponentId, Diagnostics, decode_settings, parse_yaml};
use warren_pdata::{Batch, LogRecord, Logs, Resource, Scope, Signal};
use warren_telemetry::Telemetry;

/// Notes the sizes of what arrives and when; refuses as often as told.
#[derive(Default)]
struct Sink {
    sizes: Mutex<Vec<(usize, Duration)>>,
    refusals: Mutex<Vec<ConsumeError>>,
    started: Mutex<Option<Instant>>,
}

impl Consumer for Sink {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let answer = self.refusals.lock().unwrap().pop().map_or(Ok(()), Err);
        if answer.is_ok() {
            let since = self.started.lock().unwrap().get_or_insert_with(Instant::now).elapsed();
            self.sizes.lock().unwrap().push((batch.items(), since));
        }
        Box::pin(std::future::ready(answer))
    }
}

struct Running {
    sink: Arc<Sink>,
    processor: Arc<dyn Processor>,
    stop: StopHandle,
    task: tokio::task::JoinHandle<()>,
    telemetry: Telemetry,
}

fn start(settings: &str, refusals: Vec<ConsumeError>) -> Running {
    let mut config = Config::default();
    decode_settings(&parse_yaml("test", settings).unwrap(), &mut config, &mut Diagnostics::new());
    let sink = Arc::new(Sink { refusals: Mutex::new(refusals), ..Sink::default() });
    *sink.started.lock().unwrap() = Some(Instant::now());
    let telemetry = Telemetry::discarded();
    let cx = BuildContext {
        id: ComponentId::of_type("batch"),
        telemetry: telemetry.clone(),
        build: Arc::new(BuildInfo { command: "c".into(), description: "d".into(), version: "0".into() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Default::default(),
    };
    let processor = config.build(cx, Signal::Logs, sink.clone()).unwrap();
    let (stop, stopped) = Stop::new();
    let running = Arc::clone(&processor).run(RunContext { stop: stopped, status: Status::default() });
    let task = tokio::spawn(async move { running.await.unwrap() });
    Running { sink, processor, stop, task, telemetry }
}

impl Running {
    async fn send(&self, items: usize) {
        let logs = Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); items]);
        self.processor.consume(Arc::new(Batch::Logs(logs))).await.unwrap();
    }

    async fn end(self) -> Vec<usize> {
        self.stop.request(Instant::now() + Duration::from_secs(5));
        self.task.await.unwrap();
        self.sink.sizes.lock().unwrap().iter().map(|(size, _)| *size).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_reaches_the_size_goes_on_whole_unless_cut() {
    let running = start("{send_batch_size: 5, timeout: 10s}", Vec::new());
    for size in [3, 4, 1] {
        running.send(size).await;
    }
    assert_eq!(running.end().await, [7, 1]);
    let running = start("{send_batch_size: 4, send_batch_max_size: 4, timeout: 10s}", Vec::new());
    running.send(11).await;
    assert_eq!(running.end().await, [4, 4, 3]);
}

#[tokio::test(start_paused = true)]
async fn time_sends_what_there_is() {
    let running = start("{send_batch_size: 100, timeout: 2s}", Vec::new());
    running.send(3).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    running.send(2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let times: Vec<_> = running.sink.sizes.lock().unwrap().iter().map(|(size, since)| (*size, since.as_secs())).collect();
    assert_eq!(times, [(3, 2), (2, 6)]);
    assert!(running.end().await.len() == 2);
}

#[tokio::test(start_paused = true)]
async fn without_time_or_size_everything_goes_on_at_once() {
    for settings in ["{timeout: 0s, send_batch_max_size: 3, send_batch_size: 3}", "{send_batch_size: 0, send_batch_max_size: 3}"]
    {
        let running = start(settings, Vec::new());
        running.send(7).await;
        assert_eq!(running.end().await, [3, 3, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_passing_refusal_is_waited_for_and_a_lasting_one_counted() {
    let refusals = vec![ConsumeError::retryable("later"), ConsumeError::retryable("later")];
    let running = start("{send_batch_size: 1}", refusals);
    running.send(2).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(running.end().await, [2]);
    let running = start("{send_batch_size: 1}", vec![ConsumeError::permanent("never")]);
    let registry = running.telemetry.registry.clone();
    running.send(2).await;
    running.send(3).await;
    assert_eq!(running.end().await, [3]);
    assert_eq!(registry.total("warren_dropped_items_total", &[("reason", "refused")]), 2.0);
}

#[test]
fn a_greatest_size_below_the_size_is_refused() {
    let mut config = Config::default();
    let mut diagnostics = Diagnostics::new();
    let node = parse_yaml("test", "{send_batch_max_size: 5}").unwrap();
    decode_settings(&node, &mut config, &mut diagnostics);
    let told: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
    assert!(told[0].contains("send_batch_max_size must be greater or equal to send_batch_size"), "{told:?}");
}
