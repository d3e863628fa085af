//! Facts of upstream's `processor/batchprocessor/batch_processor_test.go` at v0.132.0, as cases of ours.

use crate::Config;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, ClientInfo, ConsumeError, Consumer, Extensions, Inherited, Processor, ProcessorConfig,
    RunContext, Status, Stop, StopHandle,
};
use warren_config::{ComponentId, Diagnostics, decode_settings, parse_yaml};
use warren_pdata::{Batch, LogRecord, Logs, Resource, Scope, Signal};
use warren_telemetry::Telemetry;

/// Notes what arrives, when, and from whom; refuses as often as told, and from one tenant for ever.
#[derive(Default)]
struct Sink {
    sizes: Mutex<Vec<(usize, Duration)>>,
    batches: Mutex<Vec<Arc<Batch>>>,
    metadata: Mutex<Vec<Vec<(String, String)>>>,
    refusals: Mutex<Vec<ConsumeError>>,
    started: Mutex<Option<Instant>>,
}

impl Consumer for Sink {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let client = ClientInfo::current();
        let refused = client.iter().any(|client| client.metadata("tenant").any(|tenant| tenant == "refused"));
        let refusal = refused.then(|| ConsumeError::retryable("tenant")).or_else(|| self.refusals.lock().unwrap().pop());
        let answer = refusal.map_or(Ok(()), Err);
        if answer.is_ok() {
            self.metadata.lock().unwrap().push(client.map_or(Vec::new(), |client| client.metadata.clone()));
            self.batches.lock().unwrap().push(batch.clone());
            let since = self.started.lock().unwrap().get_or_insert_with(Instant::now).elapsed();
            self.sizes.lock().unwrap().push((batch.items(), since));
        }
        Box::pin(std::future::ready(answer))
    }
}

fn logs(items: usize) -> Arc<Batch> {
    Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); items])))
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
        self.processor.consume(logs(items)).await.unwrap();
    }

    async fn send_as(&self, items: usize, metadata: &[(&str, &str)]) -> Result<(), ConsumeError> {
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let client = Arc::new(ClientInfo { metadata, ..ClientInfo::default() });
        client.scope(self.processor.consume(logs(items))).await
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
    assert_eq!(registry.total("warren_dropped_items_total", &[("reason", "permanent")]), 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_lasts_is_handed_back_and_holds_nobody_up() {
    let refusals = vec![ConsumeError::retryable("later"); 3];
    let running = start("{send_batch_size: 1}", refusals);
    let before = Instant::now();
    let mut taken = Vec::new();
    for items in 1..=6 {
        if running.send_as(items, &[]).await.is_ok() {
            taken.push(items);
        }
    }
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert_eq!(taken, [1, 2, 3], "one waits to be tried again, two are in the hand-off");
    tokio::time::sleep(Duration::from_secs(60)).await;
    running.send(7).await;
    assert_eq!(running.end().await, [1, 2, 3, 7]);
}

#[tokio::test(start_paused = true)]
async fn what_some_have_taken_is_not_offered_again_and_what_others_lose_is_counted() {
    let partial = ConsumeError { partial: true, ..ConsumeError::retryable("sending queue is full") };
    let running = start("{send_batch_size: 1}", vec![partial]);
    let registry = running.telemetry.registry.clone();
    running.send(2).await;
    running.send(3).await;
    assert_eq!(running.end().await, [3]);
    assert_eq!(registry.total("warren_dropped_items_total", &[("reason", "partial")]), 2.0);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_there_is_one_more_try_and_what_is_lost_is_counted() {
    let running = start("{timeout: 1h}", vec![ConsumeError::retryable("later"); 9]);
    let registry = running.telemetry.registry.clone();
    running.send(4).await;
    assert!(running.end().await.is_empty());
    assert_eq!(registry.total("warren_dropped_items_total", &[("reason", "shutdown")]), 4.0);
}

#[tokio::test(start_paused = true)]
async fn only_what_went_on_is_counted_as_sent() {
    let running = start("{send_batch_size: 4, timeout: 1s}", vec![ConsumeError::permanent("never")]);
    let registry = running.telemetry.registry.clone();
    for items in [4, 5, 1] {
        running.send(items).await;
    }
    assert_eq!(running.end().await, [5, 1]);
    let total = |what: &str| registry.total(&format!("otelcol_processor_batch_{what}"), &[("processor", "batch")]);
    assert_eq!(["batch_size_trigger_send", "timeout_trigger_send", "batch_send_size"].map(total), [1.0, 1.0, 2.0]);
    assert_eq!(total("metadata_cardinality"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_goes_on_alone_is_not_copied() {
    let running = start("{send_batch_size: 3, timeout: 1s}", Vec::new());
    let (full, small) = (logs(5), logs(1));
    for batch in [&full, &small] {
        running.processor.consume(Arc::clone(batch)).await.unwrap();
    }
    let sink = running.sink.clone();
    assert_eq!(running.end().await, [5, 1]);
    let seen = sink.batches.lock().unwrap();
    assert!(Arc::ptr_eq(&seen[0], &full) && Arc::ptr_eq(&seen[1], &small));
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_keeps_its_frame() {
    let running = start("{send_batch_size: 2, send_batch_max_size: 2, timeout: 1s}", Vec::new());
    let mut framed = Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); 5]);
    framed.resources[0].schema_url = "resource".into();
    framed.resources[0].scopes[0].schema_url = "scope".into();
    running.processor.consume(Arc::new(framed.into())).await.unwrap();
    let sink = running.sink.clone();
    assert_eq!(running.end().await, [2, 2, 1]);
    for batch in sink.batches.lock().unwrap().iter() {
        let Batch::Logs(logs) = &**batch else { panic!("signal changed") };
        assert_eq!((&*logs.resources[0].schema_url, &*logs.resources[0].scopes[0].schema_url), ("resource", "scope"));
    }
}

#[tokio::test(start_paused = true)]
async fn batches_of_different_senders_are_kept_apart() {
    let running = start("{metadata_keys: [Tenant, zone], timeout: 1s}", Vec::new());
    for (items, metadata) in [
        (1, &[("tenant", "a"), ("other", "x")][..]),
        (2, &[("tenant", "b")]),
        (4, &[("TENANT", "a"), ("other", "y")]),
        (8, &[("tenant", "")]),
        (16, &[]),
        (32, &[("tenant", "a"), ("tenant", "b")]),
    ] {
        running.send_as(items, metadata).await.unwrap();
    }
    let (sink, registry) = (running.sink.clone(), running.telemetry.registry.clone());
    let mut sizes = running.end().await;
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 5, 8, 16, 32]);
    assert_eq!(registry.total("otelcol_processor_batch_metadata_cardinality", &[]), 5.0);
    let pair = |value: &str| ("tenant".to_owned(), value.to_owned());
    let metadata = sink.metadata.lock().unwrap();
    for expected in [vec![pair("a")], vec![pair("b")], vec![pair("")], vec![], vec![pair("a"), pair("b")]] {
        assert!(metadata.contains(&expected), "{expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_senders_are_refused_for_good() {
    let running = start("{metadata_keys: [tenant], metadata_cardinality_limit: 2}", Vec::new());
    for tenant in ["a", "b", "a"] {
        running.send_as(1, &[("tenant", tenant)]).await.unwrap();
    }
    let error = running.send_as(1, &[("tenant", "c")]).await.unwrap_err();
    assert_eq!(error.to_string(), "Permanent error: too many batcher metadata-value combinations");
}

#[tokio::test(start_paused = true)]
async fn one_sender_that_is_refused_does_not_hold_up_another() {
    let running = start("{metadata_keys: [tenant], timeout: 1s}", Vec::new());
    running.send_as(1, &[("tenant", "refused")]).await.unwrap();
    running.send_as(2, &[("tenant", "a")]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(running.sink.sizes.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_in_bytes() {
    let running = start("{send_batch_size: 4000000000, timeout: 1h}", Vec::new());
    for _ in 0..40 {
        let record = LogRecord { body: "x".repeat(1 << 20).into(), ..LogRecord::default() };
        let logs = Logs::of(Resource::default(), Scope::default(), vec![record]);
        running.processor.consume(Arc::new(logs.into())).await.unwrap();
    }
    let sizes = running.end().await;
    assert!(sizes.len() == 2 && (30..34).contains(&sizes[0]), "{sizes:?}");
}

/// `processor/batchprocessor/config_test.go` v0.132.0.
#[test]
fn settings_that_make_no_sense_are_refused_in_upstreams_words() {
    for (text, says) in [
        ("{send_batch_max_size: 5}", "send_batch_max_size must be greater or equal to send_batch_size"),
        ("{timeout: -1s}", "timeout must be greater or equal to 0"),
        ("{metadata_keys: [a, B, b]}", "duplicate entry in metadata_keys: \"b\" (case-insensitive)"),
        ("{send_batch_size: -1}", "'send_batch_size' cannot parse value as 'uint32': -1 overflows uint"),
    ] {
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
        let told: Vec<String> = diagnostics.errors().map(|error| error.message.clone()).collect();
        assert_eq!(told, [says]);
    }
}
