//! From batches to pages.

use crate::config::Config;
use crate::exporter::intake;
use crate::serve::{PAGES_MAX, Shop};
use crate::store::{Losses, Store};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use warren_component::ExporterConfig;
use warren_config::read_settings;
use warren_delivery::{Outcome, Progress, Sender};
use warren_pdata::{
    Attrs, Batch, Bounds, Data, Exemplar, HistogramPoint, KeyValue, Metric, Metrics, Number, NumberPoint, QuantileValue,
    Resource, Scope, Signal, Sum, SummaryPoint, Temporality, TraceId, flags,
};
use warren_telemetry::Telemetry;

/// An exporter without its socket.
struct Exporter {
    shop: Shop,
    store: Arc<Mutex<Store>>,
    intake: Box<dyn Sender>,
    telemetry: Telemetry,
}

fn decode(yaml: &str) -> (Config, Vec<String>) {
    read_settings(yaml)
}

impl Exporter {
    fn new(yaml: &str) -> Self {
        let (config, errors) = decode(&format!("{{endpoint: \"localhost:0\", {yaml}}}"));
        assert_eq!(errors, [""; 0]);
        let (settings, telemetry) = (config.settings(false), Telemetry::discarded());
        let translation = Arc::clone(&settings.translation);
        let store = Arc::new(Mutex::new(Store::new(settings, Losses::new(telemetry.clone(), "prometheus"))));
        let shop = Shop {
            store: Arc::clone(&store),
            paths: config.paths(),
            open_metrics: config.enable_open_metrics,
            timestamps: config.send_timestamps,
            room: Arc::new(Semaphore::new(PAGES_MAX)),
        };
        let intake = Box::new(intake(&store, &translation));
        Self { shop, store, intake, telemetry }
    }

    async fn take(&self, resource: Attrs, metrics: Vec<Metric>) {
        let resource = Resource { attrs: resource, ..Resource::default() };
        let batch = Batch::Metrics(Metrics::of(resource, Scope::default(), metrics));
        assert_eq!(self.intake.send(&batch, &mut Progress::default()).await, Outcome::Sent);
    }

    async fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect();
        let (head, body) = self.shop.answer(path, &headers).into_parts();
        (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// The page without the labels that every series has.
    async fn page(&self, accept: &str) -> String {
        let (_, _, body) = self.get("/metrics", &[("accept", accept)]).await;
        let scope = "otel_scope_name=\"\",otel_scope_schema_url=\"\",otel_scope_version=\"\"";
        String::from_utf8(body)
            .unwrap()
            .replace(&format!(",{scope}"), "")
            .replace(&format!("{scope},"), "")
            .replace(&format!("{{{scope}}}"), "")
    }

    fn dropped(&self, reason: &str) -> f64 {
        self.telemetry.registry.total("warren_dropped_items_total", &[("reason", reason)])
    }

    fn expire(&self) {
        let mut name = None;
        while let Some(next) = self.store.lock().unwrap().expire_after(name.as_deref()) {
            name = Some(next);
        }
    }
}

const OPEN: &str = "application/openmetrics-text;version=1.0.0";
const MS: u64 = 1_000_000;

fn point(value: f64, time: u64, attrs: Attrs) -> NumberPoint {
    NumberPoint { attrs, value: Number::Double(value), time: time * MS, ..NumberPoint::default() }
}

fn gauge(name: &str, points: Vec<NumberPoint>) -> Metric {
    Metric { name: name.into(), description: "d".into(), data: Data::Gauge(points.into_iter().collect()), ..Metric::default() }
}

fn counter(name: &str, temporality: Temporality, points: Vec<NumberPoint>) -> Metric {
    let data = Data::Sum(Sum { points: points.into_iter().collect(), temporality, monotonic: true });
    Metric { name: name.into(), data, ..Metric::default() }
}

#[test]
fn settings_are_upstreams_and_ours() {
    let (config, errors) = decode(
        "{endpoint: \"1.2.3.4:1234\", namespace: test-space, const_labels: {label1: value1, another label: spaced value}, send_timestamps: true,
          metric_expiration: 60m, add_metric_suffixes: false, path: [/metrics/node], warren: {max_series: 7}, auth: {authenticator: basicauth}}",
    );
    assert_eq!(errors, [""; 0]);
    assert_eq!(
        (config.const_labels.len(), config.warren.max_series, config.paths()),
        (2, 7, vec!["/metrics/node".to_owned(), "/metrics".to_owned()])
    );
    // An exporter that no pipeline uses may be without an endpoint.
    for yaml in ["{}", "{endpoint: \"\"}"] {
        let (config, errors) = decode(yaml);
        assert_eq!(errors, [""; 0]);
        let error = config.check(Signal::Metrics).unwrap_err().to_string();
        assert_eq!(error, "expecting a non-blank address to run the Prometheus metrics handler");
    }
    assert!(config.check(Signal::Metrics).is_ok());
    for (yaml, says) in [
        ("translation_strategy: Loud", "invalid translation_strategy: Loud"),
        ("path: metrics", "path must start with /"),
        ("warren: {max_series: 0}", "`max_series` must be positive"),
    ] {
        let errors = decode(&format!("{{endpoint: \":1\", {yaml}}}")).1;
        assert!(errors.iter().any(|error| error.contains(says)), "{errors:?}");
    }
}

#[tokio::test]
async fn families_and_series_are_sorted_and_written_as_upstream_does() {
    let exporter = Exporter::new("const_labels: {c: \"1\"}, send_timestamps: true");
    let target = Attrs::from([("service.name", "s"), ("service.instance.id", "i"), ("host.name", "h")]);
    let histogram = HistogramPoint {
        time: 5 * MS,
        count: 1_000_000,
        sum: Some(0.5),
        bounds: Bounds::new(vec![0.005, 10.0]),
        counts: vec![1, 2, 999_997],
        ..HistogramPoint::default()
    };
    let summary = SummaryPoint {
        time: 5 * MS,
        count: 2,
        sum: 3.0,
        quantiles: vec![QuantileValue { quantile: 0.9, value: f64::NAN }, QuantileValue { quantile: 0.5, value: 1e-7 }],
        ..SummaryPoint::default()
    };
    let help = "back\\slash and\nline \"quoted\"";
    exporter
        .take(
            target,
            vec![
                Metric {
                    description: help.into(),
                    unit: "By".into(),
                    ..gauge(
                        "z.z",
                        vec![point(2.0, 5, Attrs::from([("q", "b\"\\\n")])), point(1_277_952.0, 5, Attrs::from([("q", "a")]))],
                    )
                },
                Metric {
                    name: "h".into(),
                    data: Data::Histogram { points: vec![histogram], temporality: Temporality::CUMULATIVE },
                    ..Metric::default()
                },
                Metric { name: "s".into(), data: Data::Summary(vec![summary]), ..Metric::default() },
                counter("a", Temporality::CUMULATIVE, vec![point(-0.0, 5, Attrs::EMPTY)]),
            ],
        )
        .await;
    let common = "c=\"1\",instance=\"i\",job=\"s\"";
    let expected = format!(
        "# HELP a_total \n# TYPE a_total counter\na_total{{{common}}} 0 5\n\
         # HELP h \n# TYPE h histogram\n\
         h_bucket{{{common},le=\"0.005\"}} 1 5\nh_bucket{{{common},le=\"10\"}} 3 5\nh_bucket{{{common},le=\"+Inf\"}} 1e+06 5\n\
         h_sum{{{common}}} 0.5 5\nh_count{{{common}}} 1e+06 5\n\
         # HELP s \n# TYPE s summary\ns{{{common},quantile=\"0.5\"}} 1e-07 5\ns{{{common},quantile=\"0.9\"}} NaN 5\n\
         s_sum{{{common}}} 3 5\ns_count{{{common}}} 2 5\n\
         # HELP target_info Target metadata\n# TYPE target_info gauge\n\
         target_info{{host_name=\"h\",instance=\"i\",job=\"s\"}} 1\n\
         # HELP z_z_bytes back\\\\slash and\\nline \"quoted\"\n# TYPE z_z_bytes gauge\n\
         z_z_bytes{{{common},q=\"a\"}} 1.277952e+06 5\nz_z_bytes{{{common},q=\"b\\\"\\\\\\n\"}} 2 5\n"
    );
    assert_eq!(exporter.page("").await, expected);
}

#[tokio::test]
async fn open_metrics_has_its_own_numbers_names_and_exemplars() {
    let exporter = Exporter::new("enable_open_metrics: true, add_metric_suffixes: false");
    let exemplar = |value, trace: u8| Exemplar {
        value: Number::Double(value),
        time: 1_500 * MS,
        trace_id: TraceId([trace; 16]),
        ..Exemplar::default()
    };
    let histogram = HistogramPoint {
        count: 3,
        bounds: Bounds::new(vec![1.0]),
        counts: vec![1, 2],
        exemplars: vec![exemplar(0.5, 1), exemplar(7.0, 2), exemplar(3.0, 0)],
        ..HistogramPoint::default()
    };
    let counted = NumberPoint { exemplars: vec![exemplar(1.0, 9), exemplar(2.0, 3)], ..point(2.0, 1, Attrs::EMPTY) };
    exporter
        .take(
            Attrs::EMPTY,
            vec![
                counter("a_total", Temporality::CUMULATIVE, vec![counted]),
                counter("b", Temporality::CUMULATIVE, vec![point(0.25, 1, Attrs::EMPTY)]),
                Metric {
                    name: "h".into(),
                    data: Data::Histogram { points: vec![histogram], temporality: Temporality::CUMULATIVE },
                    ..Metric::default()
                },
            ],
        )
        .await;
    let id = |byte: &str| byte.repeat(16);
    let expected = format!(
        "# HELP a \n# TYPE a counter\na_total 2.0 # {{trace_id=\"{}\"}} 2.0 1.5\n\
         # HELP b \n# TYPE b unknown\nb 0.25\n\
         # HELP h \n# TYPE h histogram\n\
         h_bucket{{le=\"1.0\"}} 1 # {{trace_id=\"{}\"}} 0.5 1.5\nh_bucket{{le=\"+Inf\"}} 3\nh_sum 0.0\nh_count 3\n# EOF\n",
        id("03"),
        id("01")
    );
    assert_eq!(exporter.page(OPEN).await, expected);
    assert!(exporter.page("text/plain").await.starts_with("# HELP a_total \n"));
}

#[tokio::test]
async fn deltas_add_up_and_what_cannot_is_counted() {
    let exporter = Exporter::new("");
    let delta = |start, time, value| NumberPoint { start: start * MS, ..point(value, time, Attrs::EMPTY) };
    for point in [delta(1, 2, 3.0), delta(2, 3, 4.0), delta(1, 2, 9.0)] {
        exporter.take(Attrs::EMPTY, vec![counter("c", Temporality::DELTA, vec![point])]).await;
    }
    let falling =
        Data::Sum(Sum { points: [delta(0, 1, 1.0)].into_iter().collect(), temporality: Temporality::DELTA, monotonic: false });
    let exponential = Data::ExponentialHistogram { points: vec![Default::default(); 2], temporality: Temporality::CUMULATIVE };
    exporter
        .take(
            Attrs::EMPTY,
            vec![
                Metric { name: "f".into(), data: falling, ..Metric::default() },
                Metric { name: "e".into(), data: exponential, ..Metric::default() },
                gauge("日本", vec![point(1.0, 1, Attrs::EMPTY)]),
            ],
        )
        .await;
    assert_eq!(exporter.page("").await, "# HELP c_total \n# TYPE c_total counter\nc_total 7\n");
    assert_eq!((exporter.dropped("out_of_order"), exporter.dropped("unsupported_temporality")), (1.0, 1.0));
    assert_eq!((exporter.dropped("unsupported_type"), exporter.dropped("invalid_name")), (2.0, 1.0));
}

/// Upstream forgets the points behind one that has ended.
#[tokio::test]
async fn a_series_that_has_ended_takes_no_other_with_it() {
    let exporter = Exporter::new("");
    let set = |name: &str| Attrs::from([("n", name)]);
    let all = |value| vec![point(value, 1, set("a")), point(value, 1, set("b")), point(value, 1, set("c"))];
    exporter.take(Attrs::EMPTY, vec![gauge("g", all(1.0))]).await;
    let mut points = all(2.0);
    points[0].flags = flags::NO_RECORDED_VALUE;
    exporter.take(Attrs::EMPTY, vec![gauge("g", points)]).await;
    assert_eq!(exporter.page("").await, "# HELP g d\n# TYPE g gauge\ng{n=\"b\"} 2\ng{n=\"c\"} 2\n");
    assert_eq!(exporter.store.lock().unwrap().size().0, 2);
}

#[tokio::test]
async fn the_first_type_and_help_of_a_name_stay_and_equal_series_do_not_vanish() {
    let exporter = Exporter::new("");
    let both = vec![
        counter("a.b", Temporality::CUMULATIVE, vec![point(1.0, 1, Attrs::EMPTY)]),
        Metric { description: "other".into(), ..counter("a_b", Temporality::CUMULATIVE, vec![point(2.0, 2, Attrs::EMPTY)]) },
        gauge("a_b_total", vec![point(3.0, 1, Attrs::EMPTY)]),
    ];
    exporter.take(Attrs::EMPTY, both).await;
    assert_eq!(exporter.page("").await, "# HELP a_b_total \n# TYPE a_b_total counter\na_b_total 2\n");
    assert_eq!(exporter.dropped("type_conflict"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn series_expire_whether_somebody_asks_or_not() {
    let exporter = Exporter::new("metric_expiration: 1m");
    let target = Attrs::from([("service.name", "s"), ("service.instance.id", "i")]);
    exporter.take(target.clone(), vec![gauge("old", vec![point(1.0, 1, Attrs::EMPTY)])]).await;
    tokio::time::advance(Duration::from_secs(45)).await;
    exporter.take(target, vec![gauge("new", vec![point(1.0, 1, Attrs::EMPTY)])]).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let page = exporter.page("").await;
    assert!(!page.contains("old") && page.contains("new{") && page.contains("target_info"), "{page}");
    exporter.expire();
    assert_eq!(exporter.store.lock().unwrap().size().0, 2);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(exporter.page("").await, "");
    exporter.expire();
    assert_eq!(exporter.store.lock().unwrap().size(), (0, 0));
}

#[tokio::test]
async fn a_target_is_shown_as_it_is_now() {
    let exporter = Exporter::new("namespace: ns");
    for version in ["1", "2"] {
        let target = Attrs::from([("service.name", "s"), ("service.instance.id", "i"), ("service.version", version)]);
        exporter.take(target, vec![gauge("g", vec![point(1.0, 1, Attrs::EMPTY)])]).await;
    }
    let page = exporter.page("").await;
    assert!(page.contains("ns_target_info{instance=\"i\",job=\"s\",service_version=\"2\"} 1\n"), "{page}");
    assert_eq!(page.matches("ns_target_info{").count(), 1);
}

#[tokio::test]
async fn series_and_bytes_have_a_bound() {
    let exporter = Exporter::new("warren: {max_series: 10}");
    let points = |from: usize| (from..from + 15).map(|n| point(1.0, 1, Attrs::from([("n", n.to_string())]))).collect();
    exporter.take(Attrs::EMPTY, vec![gauge("g", points(0))]).await;
    exporter.take(Attrs::EMPTY, vec![gauge("g", points(0))]).await;
    assert_eq!(exporter.page("").await.matches("g{").count(), 10);
    assert_eq!(exporter.dropped("series_limit"), 10.0);

    let exporter = Exporter::new("warren: {max_memory: 1MiB}");
    let long = |n: usize| point(1.0, 1, Attrs::from([("n", format!("{n}{}", "x".repeat(10_000)))]));
    exporter.take(Attrs::EMPTY, vec![gauge("g", (0..500).map(long).collect())]).await;
    let (series, bytes) = exporter.store.lock().unwrap().size();
    assert!((90..=104).contains(&series) && bytes < (1 << 20) + 20_000, "{series} {bytes}");
}

/// The names, resources and label sets that a source makes up are held as well.
#[tokio::test]
async fn everything_that_is_held_has_a_bound() {
    let points = || vec![point(1.0, 1, Attrs::EMPTY)];
    let bytes = |exporter: &Exporter| exporter.store.lock().unwrap().size().1;

    let exporter = Exporter::new("warren: {max_memory: 1MiB}");
    for n in 0..5_000 {
        let help = "h".repeat(1_000).as_str().into();
        exporter.take(Attrs::EMPTY, vec![Metric { description: help, ..gauge(&format!("g{n}"), points()) }]).await;
    }
    let families = exporter.page("").await.matches("# TYPE").count();
    assert!(families < 1_000 && bytes(&exporter) < (1 << 20) + 10_000, "{families} {}", bytes(&exporter));
    assert_eq!(exporter.dropped("series_limit"), (5_000 - families) as f64);

    let exporter = Exporter::new("warren: {max_memory: 1MiB}, resource_to_telemetry_conversion: {enabled: true}");
    for n in 0..1_000 {
        let resource = Attrs::from([("host.name", format!("{n}{}", "x".repeat(5_000)))]);
        exporter.take(resource, vec![gauge("g", points())]).await;
    }
    let series = exporter.page("").await.matches("g{").count();
    assert!((50..200).contains(&series) && bytes(&exporter) < (1 << 20) + 20_000, "{series} {}", bytes(&exporter));
    assert_eq!(exporter.dropped("series_limit"), (1_000 - series) as f64);

    // What begins with two underscores is no label; the series stays the same while the set grows.
    let exporter = Exporter::new("warren: {max_memory: 1MiB}");
    for length in [0, 100_000, 1_000, 2 << 20] {
        let set = Attrs::from([("__hidden", "x".repeat(length))]);
        exporter.take(Attrs::EMPTY, vec![gauge("g", vec![point(1.0, 1, set)])]).await;
        assert!((length..length + 2_000).contains(&bytes(&exporter)) || length > 1 << 20, "{length} {}", bytes(&exporter));
    }
    assert_eq!((exporter.dropped("series_limit"), bytes(&exporter) < 3_000), (1.0, true));
}

#[tokio::test(start_paused = true)]
async fn what_was_charged_for_what_is_gone_is_given_back() {
    let exporter = Exporter::new("metric_expiration: 1m, resource_to_telemetry_conversion: {enabled: true}");
    for n in 0..100 {
        let set = Attrs::from([(format!("key{}", n % 70).as_str(), n.to_string().as_str())]);
        let resource = Attrs::from([("service.name", "s"), ("service.instance.id", if n % 2 == 0 { "a" } else { "b" })]);
        let mut ended = point(1.0, 1, set.clone());
        ended.flags = flags::NO_RECORDED_VALUE;
        let metrics = vec![gauge("g", vec![point(1.0, 1, set)]), gauge(&format!("ended{n}"), vec![ended])];
        exporter.take(resource, metrics).await;
    }
    assert!(!exporter.page("").await.contains("ended"));
    assert_eq!(exporter.store.lock().unwrap().size().0, 102);
    tokio::time::advance(Duration::from_secs(90)).await;
    exporter.expire();
    assert_eq!(exporter.store.lock().unwrap().size(), (0, 0));
}

#[tokio::test]
async fn names_stay_as_they_are_if_that_is_wanted_and_the_client_can_take_it() {
    let exporter = Exporter::new("translation_strategy: NoTranslation");
    exporter.take(Attrs::EMPTY, vec![gauge("a.b", vec![point(1.0, 1, Attrs::from([("c.d", "1")]))])]).await;
    let quoted = "# HELP \"a.b\" d\n# TYPE \"a.b\" gauge\n{\"a.b\",\"c.d\"=\"1\"} 1\n";
    assert_eq!(exporter.page("text/plain;version=0.0.4;escaping=allow-utf-8").await, quoted);
    assert_eq!(exporter.page("").await, "# HELP a_b d\n# TYPE a_b gauge\na_b{c_d=\"1\"} 1\n");
}

#[tokio::test]
async fn paths_codings_and_the_number_of_pages_are_minded() {
    let exporter = Exporter::new("path: [/metrics/node]");
    let many = |n: usize| point(n as f64, 1, Attrs::from([("queue", format!("queue-{n}"))]));
    exporter.take(Attrs::EMPTY, vec![gauge("g", vec![many(0)])]).await;
    let (status, head, body) = exporter.get("/metrics/node", &[("accept-encoding", "gzip")]).await;
    assert_eq!((status, head.get("content-encoding"), body.starts_with(b"# HELP g")), (200, None, true));
    assert_eq!(exporter.get("/metrics/other", &[]).await.0, 404);
    exporter.take(Attrs::EMPTY, vec![gauge("g", (0..20_000).map(many).collect())]).await;
    let plain = exporter.get("/metrics", &[]).await.2;
    let (_, head, packed) = exporter.get("/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(head.get("content-encoding").unwrap(), "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!((unpacked.len(), packed.len() < plain.len() / 5), (plain.len(), true));
    let held = Arc::clone(&exporter.shop.room).try_acquire_many_owned(PAGES_MAX as u32).unwrap();
    assert_eq!(exporter.get("/metrics", &[]).await.0, 503);
    drop(held);
}

/// A page of many steps, with series coming and going between them.
#[tokio::test]
async fn a_page_shows_everything_that_stays_while_it_is_written() {
    let exporter = Exporter::new("");
    let name = |n: usize| Attrs::new(vec![KeyValue::new("n", format!("{n:06}"))]);
    let stay: Vec<_> = (0..20_000).map(|n| point(1.0, 1, name(n * 2))).collect();
    exporter.take(Attrs::EMPTY, vec![gauge("g", stay.clone())]).await;
    let mut body = exporter.shop.answer("/metrics", &HeaderMap::new()).into_body();
    let (mut page, mut step) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        page.extend_from_slice(frame.unwrap().data_ref().unwrap());
        step += 1;
        let mut passing: Vec<_> = (0..100).map(|n| point(1.0, 1, name((n * 199 + step) * 2 + 1))).collect();
        exporter.take(Attrs::EMPTY, vec![gauge("g", passing.clone())]).await;
        passing.iter_mut().step_by(3).for_each(|point| point.flags = flags::NO_RECORDED_VALUE);
        exporter.take(Attrs::EMPTY, vec![gauge("g", passing), gauge("a", vec![point(1.0, 1, Attrs::EMPTY)])]).await;
    }
    let page = String::from_utf8(page).unwrap();
    let lines: std::collections::HashSet<&str> = page.lines().collect();
    assert_eq!(lines.len(), page.lines().count(), "a line twice");
    for point in stay {
        let n = crate::labels::text(point.attrs.get("n").unwrap());
        let line = format!("g{{n=\"{n}\",otel_scope_name=\"\",otel_scope_schema_url=\"\",otel_scope_version=\"\"}} 1");
        assert!(lines.contains(line.as_str()), "{line}");
    }
    assert!(step > 5);
}
