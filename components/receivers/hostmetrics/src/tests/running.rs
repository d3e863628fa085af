//! The running receiver: its clock, what it counts, how it stops.

use super::{Tree, context, decoded};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use warren_component::{BoxFuture, ConsumeError, Consumer, Outputs, ReceiverConfig, RunContext, Status, Stop};
use warren_pdata::{Batch, Signal, Value};
use warren_telemetry::Telemetry;

const SOON: Duration = Duration::from_secs(20);

/// A pipeline that notes what it gets, and answers as told.
#[derive(Default)]
struct Pipeline {
    got: Mutex<Vec<Batch>>,
    refuse: bool,
}

impl Consumer for Pipeline {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.got.lock().unwrap().push(Batch::owned(batch));
        let answer = if self.refuse { Err(ConsumeError::retryable("full")) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    }
}

/// Runs a receiver until the pipeline has so many batches, then stops it.
async fn run(settings: &str, signal: Signal, collect_now: bool, pipeline: Arc<Pipeline>, batches: usize) -> Telemetry {
    let telemetry = Telemetry::discarded();
    let mut cx = context(&telemetry);
    cx.collect_now = collect_now;
    let receiver = decoded(settings).unwrap().build(cx, Outputs::default().with(signal, pipeline.clone())).unwrap();
    let (handle, stop) = Stop::new();
    let running = tokio::spawn(receiver.run(RunContext { stop, status: Status::default() }));
    let enough = async {
        while pipeline.got.lock().unwrap().len() < batches {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, enough).await.unwrap();
    handle.request(Instant::now());
    timeout(SOON, running).await.unwrap().unwrap().unwrap();
    telemetry
}

#[tokio::test]
async fn a_scrape_is_one_batch_and_is_counted() {
    let tree = Tree::new(&[
        ("proc/loadavg", "1 2 3\n"),
        ("proc/uptime", "10 10\n"),
        ("proc/diskstats", "8 0 sda bad 2 3 4 5 6 7 8 9 10 11\n"),
    ]);
    let settings = format!(
        "{{root_path: {}, collection_interval: 10ms, initial_delay: 0, scrapers: {{load: , disk: }}}}",
        tree.path().display()
    );
    let pipeline = Arc::new(Pipeline::default());
    let telemetry = run(&settings, Signal::Metrics, false, pipeline.clone(), 3).await;
    let got = pipeline.got.lock().unwrap();
    assert!(got.iter().all(|batch| batch.items() == 3));
    let total = |name: &str, labels: &[(&str, &str)]| telemetry.registry.total(name, labels);
    assert_eq!(total("otelcol_receiver_accepted_metric_points", &[("receiver", "hostmetrics/t")]), 3.0 * got.len() as f64);
    // What a scraper counts as points are metrics.
    assert!(total("otelcol_scraper_scraped_metric_points", &[("scraper", "load")]) >= 3.0 * got.len() as f64);
    assert!(total("otelcol_scraper_errored_metric_points", &[("scraper", "disk")]) >= 7.0 * got.len() as f64);
    assert_eq!(total("otelcol_scraper_scraped_metric_points", &[("scraper", "disk")]), 0.0);
}

#[tokio::test]
async fn scrape_now_waits_for_nothing_and_what_is_refused_is_counted() {
    let pipeline = Arc::new(Pipeline { refuse: true, ..Pipeline::default() });
    let settings = "{initial_delay: 1h, collection_interval: 1h, scrapers: {system: }}";
    let telemetry = run(settings, Signal::Metrics, true, pipeline, 1).await;
    let refused = telemetry.registry.total("otelcol_receiver_refused_metric_points", &[("receiver", "hostmetrics/t")]);
    assert_eq!(refused, 1.0);
}

#[tokio::test]
async fn a_pipeline_of_logs_gets_an_event_about_the_host() {
    let pipeline = Arc::new(Pipeline::default());
    let settings = "{metadata_collection_interval: 5ms, scrapers: {system: }}";
    run(settings, Signal::Logs, false, pipeline.clone(), 2).await;
    let got = pipeline.got.lock().unwrap();
    let Batch::Logs(logs) = &got[0] else { panic!("no logs") };
    let (_, scoped, record) = logs.iter().next().unwrap();
    assert_eq!(scoped.scope.attrs.get("otel.entity.event_as_log"), Some(&Value::Bool(true)));
    let keys: Vec<&str> = record.attrs.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["otel.entity.event.type", "otel.entity.type", "otel.entity.interval"]);
    assert_eq!(record.attrs.get("otel.entity.interval"), Some(&Value::Int(5)));
}

#[tokio::test]
async fn the_boot_time_is_handed_to_the_successor() {
    let (cx, outputs) =
        (context(&Telemetry::discarded()), Outputs::default().with(Signal::Metrics, Arc::new(Pipeline::default())));
    let receiver = decoded("{scrapers: {system: }}").unwrap().build(cx, outputs).unwrap();
    assert!(receiver.hand_over().is_some());
}
