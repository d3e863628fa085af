//! Known batches and the series they give. Facts from the tests of `pkg/translator/prometheusremotewrite` v0.132.0
//! (`helper_test.go`, `histograms_test.go`, `number_data_points_test.go`, `metrics_to_prw_test.go`, `otlp_to_openmetrics_metadata_test.go`),
//! from its source, and from what the Collector v0.132.0 was seen to send.

use super::{WIDE, decode, defaults, parts_of, series_of};
use crate::{Encoding, Limits, Protocol, Translation};
use warren_pdata::{
    Attrs, Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Metrics, Number, NumberPoint,
    NumberPoints, QuantileValue, Resource, Scope, Sum, SummaryPoint, Temporality, TraceId, flags,
};

const SECOND: u64 = 1_000_000_000;
const STALE: &str = "stale";

fn resource() -> Resource {
    let attrs = Attrs::from([
        ("service.name", "rabbitmq"),
        ("service.instance.id", "localhost:15692"),
        ("server.port", "15692"),
        ("url.scheme", "http"),
    ]);
    Resource { attrs, dropped_attributes: 0 }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.into(), unit: unit.into(), data, ..Metric::default() }
}

fn number(set: &[(&str, &str)], seconds: u64, value: Number) -> NumberPoint {
    let attrs = set.iter().map(|(key, value)| warren_pdata::KeyValue::new(*key, *value)).collect();
    NumberPoint { attrs, time: seconds * SECOND, value, ..NumberPoint::default() }
}

fn gauge(points: impl IntoIterator<Item = NumberPoint>) -> Data {
    Data::Gauge(points.into_iter().collect())
}

fn counter(points: impl IntoIterator<Item = NumberPoint>) -> Data {
    Data::Sum(Sum { points: points.into_iter().collect(), temporality: Temporality::CUMULATIVE, monotonic: true })
}

fn plain(metrics: Vec<Metric>) -> Metrics {
    Metrics::of(Resource::default(), Scope::default(), metrics)
}

/// A series on one line: name, labels, samples and what else it has.
fn line(series: &decode::TimeSeries) -> String {
    let value = |value: f64| match value.to_bits() {
        0x7ff0_0000_0000_0002 => STALE.to_owned(),
        _ => value.to_string(),
    };
    let mut name = String::new();
    let mut labels = Vec::new();
    for label in &series.labels {
        match label.name.as_str() {
            "__name__" => name.clone_from(&label.value),
            other => labels.push(format!("{other}={}", label.value)),
        }
    }
    let mut line = format!("{name}{{{}}}", labels.join(","));
    for sample in &series.samples {
        line += &format!(" {}@{}", value(sample.value), sample.timestamp);
    }
    for exemplar in &series.exemplars {
        let labels: Vec<String> = exemplar.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
        line += &format!(" # {{{}}} {}@{}", labels.join(","), value(exemplar.value), exemplar.timestamp);
    }
    line
}

fn check(batch: &Metrics, translation: &Translation, expected: &[&str]) {
    let lines: Vec<String> = series_of(batch, translation).iter().map(line).collect();
    assert_eq!(lines, expected);
}

#[test]
fn numbers_are_single_series_with_the_labels_of_their_resource() {
    let batch = Metrics::of(
        resource(),
        Scope::default(),
        vec![
            metric("queue.messages", "", gauge([number(&[("queue", "a"), ("instance", "mine")], 60, Number::Int(7))])),
            metric(
                "published",
                "By",
                counter([number(&[("Vhost", "/")], 60, Number::Double(1.5)), number(&[], 61, Number::Int(0))]),
            ),
        ],
    );
    let expected = [
        "queue_messages{instance=localhost:15692,job=rabbitmq,queue=a} 7@60000",
        "published_bytes_total{Vhost=/,instance=localhost:15692,job=rabbitmq} 1.5@60000",
        "published_bytes_total{instance=localhost:15692,job=rabbitmq} 0@61000",
        "target_info{instance=localhost:15692,job=rabbitmq,server_port=15692,url_scheme=http} 1@61000",
    ];
    check(&batch, &defaults(), &expected);
}

#[test]
fn a_point_without_a_value_ends_all_its_series() {
    let flags = flags::NO_RECORDED_VALUE;
    let stale = NumberPoint { flags, ..number(&[], 1, Number::Empty) };
    let summary = SummaryPoint { flags, quantiles: vec![QuantileValue { quantile: 0.5, value: 3.0 }], ..SummaryPoint::default() };
    let histogram =
        HistogramPoint { flags, sum: Some(1.0), bounds: vec![1.0].into(), counts: vec![1, 2], ..HistogramPoint::default() };
    let batch = plain(vec![
        metric("g", "", gauge([stale])),
        metric("s", "", Data::Summary(vec![summary])),
        metric("h", "", Data::Histogram { points: vec![histogram], temporality: Temporality::CUMULATIVE }),
    ]);
    let expected = [
        "g{} stale@1000",
        "s_sum{} stale@0",
        "s_count{} stale@0",
        "s{quantile=0.5} stale@0",
        "h_sum{} stale@0",
        "h_count{} stale@0",
        "h_bucket{le=1} stale@0",
        "h_bucket{le=+Inf} stale@0",
    ];
    check(&batch, &defaults(), &expected);
}

#[test]
fn distributions_are_several_series() {
    let exemplar = |value: f64, trace: u8| Exemplar {
        value: Number::Double(value),
        time: 2 * SECOND + 1_999_999,
        trace_id: TraceId([trace; 16]),
        attrs: Attrs::from([("user", "u")]),
        ..Exemplar::default()
    };
    let histogram = HistogramPoint {
        attrs: Attrs::from([("le", "mine"), ("route", "/")]),
        time: 2 * SECOND,
        count: 10,
        sum: Some(4.25),
        bounds: vec![0.005, 100.0, 1e7].into(),
        counts: vec![1, 2, 3, 4],
        exemplars: vec![exemplar(0.005, 1), exemplar(1e9, 2)],
        ..HistogramPoint::default()
    };
    let sumless = HistogramPoint { count: 3, counts: vec![3], ..HistogramPoint::default() };
    let summary = SummaryPoint {
        count: 5,
        sum: 2.5,
        quantiles: vec![QuantileValue { quantile: 0.0, value: 1.0 }, QuantileValue { quantile: 0.999, value: 2.0 }],
        ..SummaryPoint::default()
    };
    let trace = ["01", "02"].map(|byte| byte.repeat(16));
    let batch = plain(vec![
        metric("lat", "s", Data::Histogram { points: vec![histogram, sumless], temporality: Temporality::CUMULATIVE }),
        metric("gc", "", Data::Summary(vec![summary])),
    ]);
    let expected = [
        "lat_seconds_sum{le=mine,route=/} 4.25@2000",
        "lat_seconds_count{le=mine,route=/} 10@2000",
        &format!("lat_seconds_bucket{{le=0.005,route=/}} 1@2000 # {{trace_id={},user=u}} 0.005@2001", trace[0]),
        "lat_seconds_bucket{le=100,route=/} 3@2000",
        "lat_seconds_bucket{le=10000000,route=/} 6@2000",
        &format!("lat_seconds_bucket{{le=+Inf,route=/}} 10@2000 # {{trace_id={},user=u}} 1000000000@2001", trace[1]),
        "lat_seconds_count{} 3@0",
        "lat_seconds_bucket{le=+Inf} 3@0",
        "gc_sum{} 2.5@0",
        "gc_count{} 5@0",
        "gc{quantile=0} 1@0",
        "gc{quantile=0.999} 2@0",
    ];
    check(&batch, &defaults(), &expected);
}

#[test]
fn equal_series_are_one_with_samples_in_the_order_of_time() {
    let scrape = |seconds: u64| {
        let points =
            [number(&[("q", "a")], seconds, Number::Int(seconds as i64)), number(&[("q", "b")], seconds, Number::Int(1))];
        let bucket = HistogramPoint {
            time: seconds * SECOND,
            count: seconds,
            bounds: vec![1.0].into(),
            counts: vec![seconds, 0],
            ..HistogramPoint::default()
        };
        let histogram = Data::Histogram { points: vec![bucket], temporality: Temporality::CUMULATIVE };
        Metrics::of(resource(), Scope::default(), vec![metric("m", "", gauge(points)), metric("h", "", histogram)])
    };
    let mut batch = scrape(20);
    batch.resources.extend(scrape(10).resources);
    let labels = "instance=localhost:15692,job=rabbitmq";
    let expected = [
        &format!("m{{{labels},q=a}} 10@10000 20@20000"),
        &format!("m{{{labels},q=b}} 1@10000 1@20000"),
        &format!("h_count{{{labels}}} 10@10000 20@20000"),
        &format!("h_bucket{{{labels},le=1}} 10@10000 20@20000"),
        &format!("h_bucket{{{labels},le=+Inf}} 10@10000 20@20000"),
        &format!("target_info{{{labels},server_port=15692,url_scheme=http}} 1@10000 1@20000"),
    ];
    check(&batch, &defaults(), &expected.map(String::as_str));
}

#[test]
fn keys_that_become_one_label_make_points_one_series() {
    let points = [number(&[("a.b", "1")], 2, Number::Int(2)), number(&[("a_b", "1")], 1, Number::Int(1))];
    check(&plain(vec![metric("m", "", gauge(points))]), &defaults(), &["m{a_b=1} 1@1000 2@2000"]);
}

#[test]
fn an_exponential_histogram_is_native() {
    let point = ExponentialHistogramPoint {
        time: 3 * SECOND,
        count: 11,
        sum: Some(4242.0),
        scale: 2,
        zero_count: 1,
        zero_threshold: 0.5,
        positive: ExponentialBuckets { offset: 3, counts: vec![2, 0, 5, 3] },
        exemplars: vec![Exemplar { value: Number::Int(4), ..Exemplar::default() }],
        ..ExponentialHistogramPoint::default()
    };
    let stale =
        ExponentialHistogramPoint { attrs: Attrs::from([("stale", "yes")]), flags: flags::NO_RECORDED_VALUE, ..point.clone() };
    let coarse = ExponentialHistogramPoint { attrs: Attrs::from([("coarse", "yes")]), scale: -5, ..point.clone() };
    let fine = ExponentialHistogramPoint { attrs: Attrs::from([("fine", "yes")]), scale: 10, sum: None, ..point.clone() };
    let data = Data::ExponentialHistogram { points: vec![point, stale, coarse, fine], temporality: Temporality::CUMULATIVE };
    let batch = plain(vec![metric("size", "By", data)]);
    let series = series_of(&batch, &defaults());
    let lines: Vec<String> = series.iter().map(line).collect();
    assert_eq!(
        lines,
        ["size_bytes{} # {} 4@0", "size_bytes{stale=yes} # {} 4@0", "size_bytes{coarse=yes}", "size_bytes{fine=yes} # {} 4@0"]
    );
    let histogram = &series[0].histograms[0];
    assert_eq!((histogram.count_int, histogram.sum, histogram.schema), (Some(11), 4242.0, 2));
    assert_eq!((histogram.zero_threshold, histogram.zero_count_int), (1e-128, Some(1)));
    assert_eq!(histogram.positive_spans, [decode::BucketSpan { offset: 4, length: 4 }]);
    assert_eq!(histogram.positive_deltas, [2, -2, 5, -2]);
    assert_eq!((histogram.timestamp, histogram.reset_hint, histogram.negative_spans.len()), (3000, 0, 0));
    let stale = &series[1].histograms[0];
    assert_eq!((stale.count_int, stale.sum.to_bits()), (Some(0x7ff0_0000_0000_0002), 0x7ff0_0000_0000_0002));
    assert!(series[2].histograms.is_empty());
    let fine = &series[3].histograms[0];
    assert_eq!((fine.schema, fine.sum, fine.positive_deltas.as_slice()), (8, 0.0, &[2, 6][..]));
    let failures = Encoding::new(&batch, &defaults(), WIDE).failures().clone();
    assert_eq!(failures.points, 1);
    assert_eq!(failures.reasons, ["cannot convert exponential to native histogram. Scale must be >= -4, was -5"]);
}

#[test]
fn a_resource_tells_of_itself_only_with_something_to_tell_and_a_name() {
    let of = |attrs: Attrs, seconds: u64, translation: &Translation| {
        let metrics = vec![metric("m", "", gauge([number(&[], seconds, Number::Int(1))]))];
        let batch = Metrics::of(Resource { attrs, dropped_attributes: 0 }, Scope::default(), metrics);
        series_of(&batch, translation).iter().map(line).filter(|line| line.contains("target_info")).collect::<Vec<_>>()
    };
    let named = Attrs::from([("service.name", "s"), ("service.namespace", "n"), ("host.name", "h")]);
    let mut namespaced = defaults();
    namespaced.namer.namespace = "ns".to_owned();
    let external = Translation { external_labels: [("cluster", "c")].into_iter().collect(), ..defaults() };
    let none: [&str; 0] = [];
    assert_eq!(of(named.clone(), 1, &defaults()), ["target_info{host_name=h,job=n/s} 1@1000"]);
    assert_eq!(of(named.clone(), 1, &namespaced), ["ns_target_info{host_name=h,job=n/s} 1@1000"]);
    assert_eq!(of(named.clone(), 1, &external), ["target_info{cluster=c,host_name=h,job=n/s} 1@1000"]);
    assert_eq!(of(named.clone(), 0, &defaults()), none);
    assert_eq!(of(named, 1, &Translation { target_info: false, ..defaults() }), none);
    assert_eq!(of(Attrs::from([("service.name", "s")]), 1, &defaults()), none);
    assert_eq!(of(Attrs::from([("host.name", "h")]), 1, &defaults()), none);
    assert_eq!(of(Attrs::from([("job", "j"), ("host.name", "h")]), 1, &defaults()), ["target_info{host_name=h,job=j} 1@1000"]);
}

#[test]
fn metadata_comes_after_the_series_in_requests_of_its_own() {
    let typed = |name: &str, unit: &str, original: &str, data: Data| Metric {
        description: "help".into(),
        metadata: Attrs::from([("prometheus.type", original)]),
        ..metric(name, unit, data)
    };
    let sum = |monotonic| Data::Sum(Sum { points: NumberPoints::default(), temporality: Temporality::CUMULATIVE, monotonic });
    let batch = plain(vec![
        typed("a", "By/s", "gauge", gauge([number(&[], 1, Number::Int(1))])),
        typed("b", "", "unknown", gauge([])),
        typed("c", "s", "info", sum(true)),
        typed("d", "", "info", sum(false)),
        typed("e", "", "stateset", sum(false)),
        typed("f", "", "", sum(false)),
        typed("g", "", "", Data::Histogram { points: vec![], temporality: Temporality::DELTA }),
        typed("h", "", "", Data::Summary(vec![])),
        typed("i", "", "", Data::Empty),
    ]);
    let parts = parts_of(&batch, &defaults(), Limits { metadata: true, ..WIDE }, 0..u64::MAX);
    assert_eq!(parts.len(), 2);
    assert_eq!(decode::v1(&parts[0].body).metadata, []);
    let request = decode::v1(&parts[1].body);
    assert_eq!((request.timeseries.len(), parts[1].items, parts[1].series), (0, 0, 0));
    let told: Vec<(&str, i32, &str)> =
        request.metadata.iter().map(|metadata| (metadata.name.as_str(), metadata.kind, metadata.unit.as_str())).collect();
    assert_eq!(
        told,
        [
            ("a_bytes_per_second", 2, "bytes_per_second"),
            ("b", 0, ""),
            ("c_seconds_total", 1, "seconds"),
            ("d", 6, ""),
            ("e", 7, ""),
            ("f", 2, ""),
            ("g", 3, ""),
            ("h", 5, ""),
            ("i", 0, ""),
        ]
    );
    assert!(request.metadata.iter().all(|metadata| metadata.help == "help"));
    let nothing = plain(vec![metric("i", "", Data::Empty)]);
    assert_eq!(parts_of(&nothing, &defaults(), Limits { metadata: true, ..WIDE }, 0..u64::MAX), []);
}

#[test]
fn version_2_tells_of_a_metric_with_each_of_its_series() {
    let described =
        Metric { description: "How many".into(), ..metric("m", "By", counter([number(&[("q", "a")], 1, Number::Int(1))])) };
    let batch = Metrics::of(resource(), Scope::default(), vec![described]);
    let parts = parts_of(&batch, &defaults(), Limits { protocol: Protocol::V2, ..WIDE }, 0..u64::MAX);
    let request = decode::v2(&parts[0].body);
    let told: Vec<(i32, &str, &str)> = request
        .timeseries
        .iter()
        .map(|series| {
            let metadata = series.metadata.unwrap();
            (
                metadata.kind,
                request.symbols[metadata.help_ref as usize].as_str(),
                request.symbols[metadata.unit_ref as usize].as_str(),
            )
        })
        .collect();
    assert_eq!(told, [(1, "How many", "bytes"), (2, "Target metadata", "")]);
}

#[test]
fn a_part_that_is_settled_is_left_out_of_the_next_attempt() {
    let points = (0..5000).map(|at| number(&[("q", &format!("{at:05}"))], 1, Number::Int(at)));
    let batch = plain(vec![metric("m", "", gauge(points))]);
    let limits = Limits { bytes: 50_000, ..WIDE };
    let all = parts_of(&batch, &defaults(), limits, 0..u64::MAX);
    assert!(all.len() > 3 && all.iter().map(|part| part.items).sum::<u64>() == 5000);
    let before = parts_of(&batch, &defaults(), limits, 0..all[2].positions.start);
    let after = parts_of(&batch, &defaults(), limits, all[2].positions.end..u64::MAX);
    assert_eq!(before, all[..2]);
    assert_eq!(after, all[3..]);
}
