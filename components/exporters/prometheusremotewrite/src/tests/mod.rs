//! The exporter against a strict receiver. Facts of `exporter/prometheusremotewriteexporter` v0.132.0 (`exporter_test.go`:
//! `Test_PushMetrics`, `TestRetries`; `exporter_concurrency_test.go`) and of the sender suite of `prometheus/compliance`
//! (`remotewrite/sender`), as cases of ours.

mod receiver;

use crate::Config;
use crate::send::{RemoteWrite, Sending};
use receiver::{Answer, Received, Receiver};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{
    BuildContext, BuildInfo, Code, ConsumeError, Exporter, ExporterConfig, Extensions, Inherited, RunContext, Status, Stop,
};
use warren_config::{ComponentId, Diagnostics, Secret, decode_settings, parse_yaml};
use warren_delivery::{Outcome, Progress, Sender};
use warren_http::ClientConfig;
use warren_pdata::{
    Attrs, Batch, Data, Metric, Metrics, Number, NumberPoint, NumberPoints, Resource, Scope, Signal, Sum, Temporality, flags,
};
use warren_promname::MetricNamer;
use warren_remotewrite::{Limits, Protocol, Translation};
use warren_telemetry::Telemetry;

const OK: &str = "204 No Content";

fn context() -> BuildContext {
    BuildContext {
        id: ComponentId::of_type("prometheusremotewrite"),
        telemetry: Telemetry::discarded(),
        build: Arc::new(BuildInfo {
            command: "warren-collector".into(),
            description: "Collector for broker servers".into(),
            version: "1.2.3".into(),
        }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Default::default(),
    }
}

fn sending() -> Sending {
    Sending {
        translation: Translation {
            namer: MetricNamer { namespace: String::new(), suffixes: true },
            target_info: true,
            ..Translation::default()
        },
        limits: Limits { protocol: Protocol::V1, bytes: 3_000_000, metadata: false },
        parallelism: 5,
    }
}

fn client(url: &str) -> ClientConfig {
    ClientConfig { endpoint: url.to_owned(), ..ClientConfig::default() }
}

fn sender(url: &str, sending: Sending) -> RemoteWrite {
    RemoteWrite::new(&client(url), &context(), sending).unwrap()
}

fn gauge(points: impl IntoIterator<Item = NumberPoint>) -> Metric {
    Metric { name: "m".into(), data: Data::Gauge(points.into_iter().collect()), ..Metric::default() }
}

fn queue(name: &str, seconds: u64) -> NumberPoint {
    let attrs = Attrs::from([("queue", name)]);
    NumberPoint { attrs, time: seconds * 1_000_000_000, value: Number::Int(7), ..NumberPoint::default() }
}

fn queues(count: usize) -> Batch {
    let points = (0..count).map(|at| queue(&format!("q{at:04}"), 60));
    Metrics::of(Resource::default(), Scope::default(), vec![gauge(points)]).into()
}

/// The series of all requests by the value of `queue`, sorted.
fn names(received: &[Received]) -> Vec<String> {
    let series = received.iter().flat_map(Received::series);
    let mut names: Vec<String> = series.map(|series| series.labels[1].value.clone()).collect();
    names.sort();
    names
}

async fn send(sender: &RemoteWrite, batch: &Batch) -> (Outcome, Progress) {
    let mut progress = Progress::default();
    let outcome = sender.send(batch, &mut progress).await;
    (outcome, progress)
}

#[tokio::test]
async fn a_request_has_the_headers_of_the_protocol_and_those_of_the_settings() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    let (outcome, _) = send(&sender(&receiver.url, sending()), &queues(1)).await;
    assert_eq!(outcome, Outcome::Sent);
    let mut config = client(&receiver.url);
    config.headers = [("X-Scope-OrgID", "234"), ("User-Agent", "mine"), ("Content-Type", "other")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .collect();
    send(&RemoteWrite::new(&config, &context(), sending()).unwrap(), &queues(1)).await;
    let received = receiver.received();
    assert_eq!(received[0].head[0], "POST /api/v1/write HTTP/1.1");
    for (name, value) in [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
        ("user-agent", "collector-for-broker-servers/1.2.3"),
    ] {
        assert_eq!(received[0].header(name), Some(value));
    }
    for (name, value) in [("x-scope-orgid", "234"), ("user-agent", "mine"), ("content-type", "other")] {
        assert_eq!(received[1].header(name), Some(value));
    }
}

#[tokio::test]
async fn series_are_as_receivers_want_them() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    let attrs = Attrs::from([("z", "1"), ("A", "2"), ("a.b", "3"), ("a_b", "4"), ("__name__", "other"), ("job", "other")]);
    let stale = NumberPoint { flags: flags::NO_RECORDED_VALUE, ..queue("stale", 60) };
    let late = NumberPoint { attrs: attrs.clone(), ..queue("", 120) };
    let early = NumberPoint { attrs, ..queue("", 60) };
    let resource = Resource { attrs: Attrs::from([("service.name", "rabbitmq")]), dropped_attributes: 0 };
    let batch = Metrics::of(resource, Scope::default(), vec![gauge([late, stale, early])]).into();
    send(&sender(&receiver.url, sending()), &batch).await;
    let series = receiver.received()[0].series();
    let labels = |at: usize| -> Vec<(&str, &str)> {
        series[at].labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect()
    };
    assert_eq!(labels(0), [("A", "2"), ("__name__", "m"), ("a_b", "3;4"), ("job", "rabbitmq"), ("z", "1")]);
    assert_eq!(labels(1), [("__name__", "m"), ("job", "rabbitmq"), ("queue", "stale")]);
    let times: Vec<i64> = series[0].samples.iter().map(|sample| sample.timestamp).collect();
    assert_eq!(times, [60_000, 120_000]);
    assert_eq!(series[1].samples[0].value.to_bits(), 0x7ff0_0000_0000_0002);
}

#[tokio::test]
async fn what_may_pass_is_left_open_and_what_may_not_is_dropped() {
    for (status, permanent, code) in [
        ("500 Internal Server Error", false, Code::Unavailable),
        ("503 Service Unavailable", false, Code::Unavailable),
        ("429 Too Many Requests", false, Code::ResourceExhausted),
        ("400 Bad Request", true, Code::InvalidArgument),
        ("401 Unauthorized", true, Code::Unauthenticated),
        ("404 Not Found", true, Code::Unimplemented),
        ("409 Conflict", true, Code::Unknown),
        ("302 Found", true, Code::Unknown),
    ] {
        let receiver = Receiver::start(move |_, _| status.into()).await;
        let (outcome, progress) = send(&sender(&receiver.url, sending()), &queues(2)).await;
        let text = format!("remote write returned HTTP status {status}; err = <nil>: ");
        match permanent {
            true => assert_eq!(outcome, Outcome::Failed(ConsumeError::permanent(text).with_code(code))),
            false => assert_eq!(outcome, Outcome::Failed(ConsumeError::retryable(text).with_code(code))),
        }
        assert!(progress.is_untouched());
        assert_eq!(receiver.received().len(), 1);
    }
}

#[tokio::test]
async fn an_error_shows_the_start_of_the_answer_and_the_pause_it_asks_for() {
    let body = "é".repeat(200);
    let receiver = Receiver::start(move |_, _| Answer {
        status: "429 Too Many Requests",
        headers: vec![("Retry-After", "17")],
        body: body.clone(),
    })
    .await;
    let (outcome, _) = send(&sender(&receiver.url, sending()), &queues(1)).await;
    let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.retry_after, Some(Duration::from_secs(17)));
    assert_eq!(
        error.message,
        format!("remote write returned HTTP status 429 Too Many Requests; err = <nil>: {}", "é".repeat(128))
    );
}

#[tokio::test]
async fn without_an_answer_everything_is_left_open() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (outcome, progress) = send(&sender(&url, sending()), &queues(1)).await;
    let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
    assert!(!error.permanent && error.message.contains("connection refused"), "{error}");
    assert!(progress.is_untouched());
}

#[tokio::test]
async fn a_retry_sends_only_what_was_not_answered_for() {
    let first_of = |received: &Received| received.series()[0].labels[1].value.clone();
    let receiver = Receiver::start(move |rank, received| match first_of(received).as_str() {
        // Mimir's answer to a request of which it took a part.
        "q0000" => "400 Bad Request".into(),
        _ if rank == 1 => "503 Service Unavailable".into(),
        _ => OK.into(),
    })
    .await;
    let limits = Limits { bytes: 2_000, ..sending().limits };
    let sender = sender(&receiver.url, Sending { limits, parallelism: 1, ..sending() });
    let (batch, mut progress) = (queues(200), Progress::default());
    let outcome = sender.send(&batch, &mut progress).await;
    assert!(matches!(&outcome, Outcome::Failed(error) if !error.permanent), "{outcome:?}");
    assert_eq!(receiver.received().len(), 2, "nothing new is sent after a failure that may pass");
    let refused = receiver.received()[0].series().len() as u64;
    assert_eq!(progress.open(0), refused..u64::MAX);
    assert_eq!(sender.send(&batch, &mut progress).await, Outcome::Sent);
    let received = receiver.received();
    assert_eq!(received[1].content, received[2].content);
    assert_eq!(names(&[&received[..1], &received[2..]].concat()), (0..200).map(|at| format!("q{at:04}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_gap_that_stayed_open_is_filled() {
    let failing = |received: &Received| received.series().iter().any(|series| series.labels[1].value == "q0100");
    let receiver =
        Receiver::start(move |_, received| if failing(received) { "500 Internal Server Error".into() } else { OK.into() }).await;
    let (batch, mut progress) = (queues(200), Progress::default());
    let sending = Sending { limits: Limits { bytes: 2_000, ..sending().limits }, parallelism: 8, ..sending() };
    assert!(matches!(sender(&receiver.url, sending.clone()).send(&batch, &mut progress).await, Outcome::Failed(_)));
    let mut taken = receiver.received();
    taken.retain(|received| !failing(received));
    let retry = Receiver::start(|_, _| OK.into()).await;
    assert_eq!(sender(&retry.url, sending).send(&batch, &mut progress).await, Outcome::Sent);
    taken.extend(retry.received());
    assert_eq!(names(&taken), (0..200).map(|at| format!("q{at:04}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn requests_of_a_batch_go_side_by_side_but_never_more_than_asked_for() {
    // Every series goes alone, and answers come only when so many requests wait for one: with fewer at a time this would not end.
    let limits = Limits { bytes: 0, ..sending().limits };
    for parallelism in [1, 2, 3] {
        let receiver = Receiver::start_together(parallelism, |_, _| OK.into()).await;
        let (outcome, _) = send(&sender(&receiver.url, Sending { limits, parallelism, ..sending() }), &queues(60)).await;
        assert_eq!((outcome, receiver.received().len(), receiver.peak()), (Outcome::Sent, 60, parallelism));
    }
}

#[tokio::test]
async fn a_batch_without_series_makes_no_request_and_tells_why() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    let cx = context();
    let sender = RemoteWrite::new(&client(&receiver.url), &cx, sending()).unwrap();
    let mut points = NumberPoints::default();
    (0..3).for_each(|_| points.push(queue("a", 1)));
    let delta = Data::Sum(Sum { points, temporality: Temporality::DELTA, monotonic: true });
    let metrics = vec![Metric { name: "d".into(), data: delta, ..Metric::default() }];
    let batch = Metrics::of(Resource::default(), Scope::default(), metrics).into();
    assert_eq!(send(&sender, &batch).await.0, Outcome::Sent);
    assert_eq!(receiver.received().len(), 0);
    let total = |name: &str, labels: &[(&str, &str)]| cx.telemetry.registry.total(name, labels);
    assert_eq!(
        total("otelcol_exporter_prometheusremotewrite_failed_translations", &[("exporter", "prometheusremotewrite")]),
        1.0
    );
    assert_eq!(total("warren_dropped_items_total", &[("reason", "untranslatable")]), 3.0);
}

#[tokio::test]
async fn version_2_says_what_it_is_and_counts_what_the_receiver_wrote() {
    let receiver = Receiver::start(|_, _| Answer {
        headers: vec![
            ("X-Prometheus-Remote-Write-Samples-Written", "2"),
            ("X-Prometheus-Remote-Write-Histograms-Written", "many"),
        ],
        ..OK.into()
    })
    .await;
    let cx = context();
    let limits = Limits { protocol: Protocol::V2, ..sending().limits };
    let sender = RemoteWrite::new(&client(&receiver.url), &cx, Sending { limits, ..sending() }).unwrap();
    assert_eq!(send(&sender, &queues(2)).await.0, Outcome::Sent);
    let received = receiver.received();
    assert_eq!(received[0].header("content-type"), Some("application/x-protobuf;proto=io.prometheus.write.v2.Request"));
    assert_eq!(received[0].header("x-prometheus-remote-write-version"), Some("2.0.0"));
    let total = |what: &str| cx.telemetry.registry.total(&format!("otelcol_exporter_prometheusremotewrite_{what}"), &[]);
    assert_eq!(["written_samples", "written_histograms", "written_exemplars"].map(total), [2.0, 0.0, 0.0]);
    assert_eq!(["sent_batches", "translated_time_series", "consumers"].map(total), [1.0, 2.0, 5.0]);
}

/// The exporter as a pipeline has it.
fn built(url: &str, settings: &str) -> (Arc<dyn Exporter>, BuildContext) {
    let mut config = Config::default();
    let text = format!("endpoint: {url}\n{settings}");
    decode_settings(&parse_yaml("test", &text).unwrap(), &mut config, &mut Diagnostics::new());
    let cx = context();
    (config.build(cx.clone(), Signal::Metrics).unwrap(), cx)
}

#[tokio::test]
async fn through_a_queue_failures_are_retried_and_order_is_kept() {
    let receiver = Receiver::start(|rank, _| if rank < 3 { "503 Service Unavailable".into() } else { OK.into() }).await;
    let (exporter, cx) = built(&receiver.url, "retry_on_failure: {initial_interval: 1ms, max_interval: 2ms}");
    let (handle, stop) = Stop::new();
    let running = tokio::spawn(Arc::clone(&exporter).run(RunContext { stop, status: Status::default() }));
    for seconds in 1..=5 {
        let metrics = vec![gauge([queue("a", seconds)])];
        exporter.consume(Arc::new(Metrics::of(Resource::default(), Scope::default(), metrics).into())).await.unwrap();
    }
    let sent = || cx.telemetry.registry.total("otelcol_exporter_sent_metric_points", &[]);
    while sent() < 5.0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    handle.request(Instant::now() + Duration::from_secs(5));
    running.await.unwrap().unwrap();
    let received = receiver.received();
    let times: Vec<i64> = received[3..].iter().map(|request| request.series()[0].samples[0].timestamp).collect();
    assert_eq!(times, [1000, 2000, 3000, 4000, 5000]);
}

#[tokio::test]
async fn without_a_queue_the_caller_hears_of_a_refusal_for_good() {
    let receiver = Receiver::start(|_, _| "400 Bad Request".into()).await;
    let (exporter, cx) = built(&receiver.url, "remote_write_queue: {enabled: false}");
    let error = exporter.consume(Arc::new(queues(3))).await.unwrap_err();
    assert!(error.permanent && error.message.starts_with("remote write returned HTTP status 400 Bad Request"), "{error}");
    assert_eq!(receiver.received().len(), 1, "a refusal for good is not tried again");
    assert_eq!(cx.telemetry.registry.total("otelcol_exporter_send_failed_metric_points", &[]), 3.0);
}
