//! Facts of upstream's `processor/cumulativetodeltaprocessor` (`processor_test.go`, `config_test.go`, `internal/tracking/tracker_test.go`,
//! v0.132.0) and of the recorded cases, as cases of ours; and where we differ.

use crate::Config;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, ConsumeError, Consumer, Extensions, Gates, Inherited, Processor, ProcessorConfig,
    RunContext, Status, Stop,
};
use warren_config::{ComponentId, Diagnostics, Severity, decode_settings, parse_yaml};
use warren_pdata::{
    Attrs, Batch, Data, HistogramPoint, Metric, Metrics, Number, NumberPoint, NumberPoints, Resource, ResourceGroup, Scope,
    Signal, Sum, Temporality, flags,
};
use warren_telemetry::Telemetry;

/// A time long after these tests run, in nanoseconds since 1970.
const FUTURE: u64 = 7_000_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const NO_VALUE: u32 = flags::NO_RECORDED_VALUE;

#[derive(Default)]
struct Sink(Mutex<Vec<Arc<Batch>>>);

impl Consumer for Sink {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.0.lock().unwrap().push(batch);
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Running {
    processor: Arc<dyn Processor>,
    sink: Arc<Sink>,
    telemetry: Telemetry,
}

fn decoded(settings: &str) -> (Config, Diagnostics) {
    let mut config = Config::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&parse_yaml("test", settings).unwrap(), &mut config, &mut diagnostics);
    (config, diagnostics)
}

fn start(settings: &str) -> Running {
    start_with(settings, Telemetry::discarded(), Inherited::default())
}

fn start_with(settings: &str, telemetry: Telemetry, inherited: Inherited) -> Running {
    start_as(settings, telemetry, inherited, Gates::default())
}

/// With upstream's oddities.
fn start_oddly(settings: &str) -> Running {
    let gates = Gates::new(Arc::new([warren_component::UPSTREAM_ODDITIES.to_owned()].into()));
    start_as(settings, Telemetry::discarded(), Inherited::default(), gates)
}

fn start_as(settings: &str, telemetry: Telemetry, inherited: Inherited, gates: Gates) -> Running {
    let (config, diagnostics) = decoded(settings);
    assert_eq!(diagnostics.to_string(), "", "{settings}");
    let sink = Arc::new(Sink::default());
    let cx = BuildContext {
        id: ComponentId::of_type("cumulativetodelta"),
        telemetry: telemetry.clone(),
        build: Arc::new(BuildInfo { command: "c".into(), description: "d".into(), version: "0".into() }),
        extensions: Extensions::default(),
        inherited,
        collect_now: false,
        gates,
    };
    Running { processor: config.build(cx, Signal::Metrics, sink.clone()).unwrap(), sink, telemetry }
}

impl Running {
    /// What goes on of these metrics; `None` if nothing does.
    async fn send(&self, metrics: Vec<Metric>) -> Option<Vec<Metric>> {
        let resource = Resource { attrs: Attrs::from([("host", "a")]), dropped_attributes: 0 };
        self.send_batch(Arc::new(Batch::Metrics(Metrics::of(resource, Scope::default(), metrics)))).await.map(|batch| {
            let Batch::Metrics(metrics) = Batch::owned(batch) else { panic!("signal changed") };
            metrics.iter().map(|(_, _, metric)| metric.clone()).collect()
        })
    }

    async fn send_batch(&self, batch: Arc<Batch>) -> Option<Arc<Batch>> {
        self.processor.consume(batch).await.unwrap();
        self.sink.0.lock().unwrap().pop()
    }

    fn withheld(&self, reason: &str) -> f64 {
        self.telemetry.registry.total("warren_cumulativetodelta_withheld_points_total", &[("reason", reason)])
    }

    fn tracked(&self) -> f64 {
        self.telemetry.registry.total("warren_cumulativetodelta_series", &[])
    }
}

fn point(start: u64, time: u64, value: Number) -> NumberPoint {
    NumberPoint { start, time, value, ..NumberPoint::default() }
}

fn sum_of(name: &str, points: Vec<NumberPoint>) -> Metric {
    let sum = Sum { points: points.into_iter().collect(), temporality: Temporality::CUMULATIVE, monotonic: true };
    Metric { name: name.into(), data: Data::Sum(sum), ..Metric::default() }
}

/// A sum of doubles that all have one time, as upstream's tests build it.
fn sum(name: &str, values: &[f64]) -> Metric {
    sum_of(name, values.iter().map(|value| point(0, 10 * SECOND, Number::Double(*value))).collect())
}

fn flagged(mut metric: Metric, without_value: &[usize]) -> Metric {
    match &mut metric.data {
        Data::Sum(sum) => without_value.iter().for_each(|index| sum.points.flags.set(*index, NO_VALUE)),
        Data::Histogram { points, .. } => without_value.iter().for_each(|index| points[*index].flags = NO_VALUE),
        _ => {}
    }
    metric
}

fn histogram(name: &str, points: &[(u64, Option<f64>, [u64; 3])]) -> Metric {
    let points = points.iter().map(|(count, sum, buckets)| HistogramPoint {
        time: 10 * SECOND,
        count: *count,
        sum: *sum,
        min: Some(1.0),
        max: Some(9.0),
        counts: buckets.to_vec(),
        ..HistogramPoint::default()
    });
    let data = Data::Histogram { points: points.collect(), temporality: Temporality::CUMULATIVE };
    Metric { name: name.into(), data, ..Metric::default() }
}

/// Name, temporality and values of sums; of histograms count, sum and buckets.
fn told(metrics: &[Metric]) -> Vec<String> {
    let told = |metric: &Metric| {
        let temporality = match metric.data.temporality() {
            Some(Temporality::DELTA) => "delta",
            Some(Temporality::CUMULATIVE) => "cumulative",
            _ => "none",
        };
        let values: Vec<String> = match &metric.data {
            Data::Histogram { points, .. } => {
                points.iter().map(|point| format!("{}/{}/{:?}", point.count, point.sum.unwrap_or(-1.0), point.counts)).collect()
            }
            data => data.numbers().unwrap().iter().map(|point| point.value.as_f64().to_string()).collect(),
        };
        format!("{} {temporality} {}", metric.name, values.join(" "))
    };
    metrics.iter().map(told).collect()
}

const GROWING: [f64; 4] = [0.0, 100.0, 200.0, 500.0];

fn growing(name: &str, sums: [Option<f64>; 4]) -> Metric {
    let buckets = [[0, 0, 0], [50, 25, 25], [100, 50, 50], [250, 125, 125]];
    let points: Vec<_> = [0, 100, 200, 500].into_iter().zip(sums).zip(buckets).map(|((count, sum), b)| (count, sum, b)).collect();
    histogram(name, &points)
}

#[tokio::test]
async fn sums_are_converted_as_upstream_does() {
    let regexp = "include: {match_type: regexp, metrics: ['.*']}";
    let cases = [
        ("exclude: {match_type: regexp, metrics: ['.*']}", sum("a", &[100.0]), vec!["a cumulative 100"]),
        ("include: {match_type: strict, metrics: [a]}", sum("a", &GROWING), vec!["a delta 100 100 300"]),
        ("include: {match_type: strict, metrics: [A]}", sum("a", &[1.0]), vec!["a cumulative 1"]),
        (
            "include: {match_type: regexp, metrics: [_1]}",
            sum("m_1", &[0.0, 100.0, f64::NAN, 200.0]),
            vec!["m_1 delta 100 NaN 100"],
        ),
        ("{}", flagged(sum("a", &[0.0, 100.0, 0.0, 200.0, 400.0]), &[2]), vec!["a delta 100 100 200"]),
        ("{}", flagged(sum("a", &[0.0, 100.0, 0.0, 0.0, 400.0]), &[2, 3]), vec!["a delta 100 300"]),
        (
            "include: {match_type: regexp, metrics: [a]}\nexclude: {match_type: strict, metrics: [a]}",
            sum("a", &[1.0]),
            vec!["a cumulative 1"],
        ),
        (regexp, sum("a", &[100.0, 105.0, 120.0, 100.0, 110.0]), vec!["a delta 5 15 10"]),
        ("exclude: {metric_types: [SUM]}", sum("a", &GROWING), vec!["a cumulative 0 100 200 500"]),
        ("include: {metric_types: [histogram]}", sum("a", &GROWING), vec!["a cumulative 0 100 200 500"]),
        ("include: {metric_types: [sum, histogram]}", sum("a", &GROWING), vec!["a delta 100 100 300"]),
    ];
    for (settings, metric, expected) in cases {
        let out = start(settings).send(vec![metric]).await;
        assert_eq!(told(&out.unwrap_or_default()), expected, "{settings}");
    }
}

#[tokio::test]
async fn histograms_are_converted_as_upstream_does() {
    let sums = GROWING.map(Some);
    let nan = [Some(0.0), Some(100.0), Some(f64::NAN), Some(500.0)];
    let buckets = ["[50, 25, 25]", "[50, 25, 25]", "[150, 75, 75]"];
    let [a, b, c] = buckets;
    let gap =
        histogram("h", &[(0, Some(0.0), [0; 3]), (2, Some(3.0), [1; 3]), (0, Some(0.0), [0; 3]), (16, Some(81.0), [21, 40, 20])]);
    let cases = [
        (growing("h", sums), format!("h delta 100/100/{a} 100/100/{b} 300/300/{c}")),
        (growing("h", nan), format!("h delta 100/100/{a} 100/NaN/{b} 300/400/{c}")),
        (growing("h", [None; 4]), format!("h delta 100/-1/{a} 100/-1/{b} 300/-1/{c}")),
        (flagged(gap, &[2]), "h delta 2/3/[1, 1, 1] 14/78/[20, 39, 19]".to_owned()),
    ];
    for (metric, expected) in cases {
        let out = start("{}").send(vec![metric]).await.unwrap();
        assert_eq!(told(&out), [expected]);
        let Data::Histogram { points, .. } = &out[0].data else { panic!("kind changed") };
        assert!(points.iter().all(|point| point.min.is_none() && point.max.is_none()));
    }
}

#[tokio::test]
async fn only_what_counts_upwards_is_converted() {
    let mut falling = sum("falling", &[4.0, 5.0]);
    let mut delta = sum("delta", &[4.0]);
    if let (Data::Sum(falling), Data::Sum(delta)) = (&mut falling.data, &mut delta.data) {
        falling.monotonic = false;
        delta.temporality = Temporality::DELTA;
    }
    let gauge = Metric { name: "gauge".into(), data: Data::Gauge(NumberPoints::default()), ..Metric::default() };
    let summary = Metric { name: "summary".into(), data: Data::Summary(Vec::new()), ..Metric::default() };
    let data = Data::ExponentialHistogram { points: Vec::new(), temporality: Temporality::CUMULATIVE };
    let exponential = Metric { name: "exponential".into(), data, ..Metric::default() };
    let pointless = histogram("pointless", &[]);
    let all = vec![falling, delta, gauge, summary, exponential, pointless];
    assert_eq!(start("{}").send(all.clone()).await, Some(all));
    assert_eq!(start("{}").send(vec![sum("pointless", &[])]).await, None, "a sum without points goes");
}

#[tokio::test]
async fn nothing_goes_on_of_a_batch_that_became_empty() {
    let running = start("{}");
    assert_eq!(running.send(vec![sum("a", &[1.0])]).await, None);
    assert_eq!(running.withheld("initial"), 1.0);
    let empty = ResourceGroup { resource: Resource::default(), schema_url: Default::default(), scopes: Vec::new() };
    assert_eq!(running.send_batch(Arc::new(Batch::Metrics(Metrics { resources: vec![empty] }))).await, None);
}

/// A point of a series: time and value, and the start and value that go on.
type Step = (u64, i64, Option<(u64, i64)>);

async fn follow(settings: &str, series_start: u64, steps: &[Step]) {
    let running = start(settings);
    for (time, value, expected) in steps {
        for double in [false, true] {
            let number = |value: i64| if double { Number::Double(value as f64) } else { Number::Int(value) };
            let out = running.send(vec![sum_of("m", vec![point(series_start, *time, number(*value))])]).await;
            let out = out.map(|metrics| {
                let point = metrics[0].data.numbers().unwrap().get(0).unwrap();
                assert_eq!(point.time, *time);
                (point.start, point.value)
            });
            assert_eq!(out, expected.map(|(start, value)| (start, number(value))), "{settings}: {value} at {time}");
        }
    }
}

#[tokio::test]
async fn the_first_point_goes_on_as_asked() {
    const MINUTE: u64 = 60 * SECOND;
    let next = (FUTURE + MINUTE, 225, Some((FUTURE, 125)));
    follow("initial_value: keep", FUTURE - MINUTE, &[(FUTURE, 100, Some((0, 100))), next]).await;
    follow("initial_value: drop", 0, &[(FUTURE, 100, None), next]).await;
    follow("initial_value: auto", 0, &[(FUTURE, 100, None), next]).await;
    follow("{}", FUTURE, &[(FUTURE, 100, None), next]).await;
    follow("{}", SECOND, &[(2 * SECOND, 100, None), (3 * SECOND, 101, Some((2 * SECOND, 1)))]).await;
    let steps = [
        (FUTURE + MINUTE, 100, Some((FUTURE, 100))),
        (FUTURE + 2 * MINUTE, 225, Some((FUTURE + MINUTE, 125))),
        (FUTURE + 3 * MINUTE, 75, None),
        (FUTURE + 4 * MINUTE, 300, Some((FUTURE + 3 * MINUTE, 225))),
        (FUTURE + 5 * MINUTE, 325, Some((FUTURE + 4 * MINUTE, 25))),
    ];
    follow("{}", FUTURE, &steps).await;
}

#[tokio::test]
async fn late_points_change_nothing_and_duplicates_add_nothing() {
    let steps = [(10, 10, None), (20, 15, Some((10, 5))), (15, 12, None), (30, 20, Some((20, 5))), (30, 20, Some((30, 0)))];
    follow("{}", 1, &steps).await;
    // What has grown is not late: the source's clock was set back.
    follow("{}", 1, &[(100, 10, None), (50, 12, Some((50, 2))), (60, 13, Some((50, 1)))]).await;
    let running = start("{}");
    for (time, count) in [(20, 10), (10, 4), (30, 11)] {
        let mut metric = histogram("h", &[(count, None, [count, 0, 0])]);
        if let Data::Histogram { points, .. } = &mut metric.data {
            points[0].time = time;
        }
        let out = running.send(vec![metric]).await;
        assert_eq!(out.map(|metrics| told(&metrics)), (time == 30).then(|| vec!["h delta 1/-1/[1, 0, 0]".to_owned()]));
    }
    assert_eq!(running.withheld("late"), 1.0);
}

#[tokio::test]
async fn with_upstreams_oddities_late_points_are_resets() {
    let running = start_oddly("{}");
    let mut told = Vec::new();
    for (time, value) in [(10, 10), (20, 15), (15, 12), (30, 20), (25, 21)] {
        let out = running.send(vec![sum_of("m", vec![point(1, time, Number::Int(value))])]).await.unwrap();
        told.extend(out.first().and_then(|metric| metric.data.numbers()).map(|points| (points.start.get(0), points.value(0))));
    }
    // What is late and has grown begins after its own time.
    assert_eq!(told, [(10, Number::Int(5)), (15, Number::Int(8)), (30, Number::Int(1))]);
    assert_eq!((running.withheld("reset"), running.withheld("late")), (1.0, 0.0));
}

#[tokio::test]
async fn with_upstreams_oddities_empty_batches_go_on() {
    let running = start_oddly("{}");
    assert_eq!(running.send(vec![sum_of("m", vec![point(1, 2, Number::Int(1))])]).await, Some(Vec::new()));
    let nothing = Arc::new(Batch::Metrics(Metrics::default()));
    assert_eq!(running.send_batch(nothing.clone()).await, Some(nothing));
}

/// Seen of v0.132.0 with sequences made at random.
#[tokio::test]
async fn totals_below_zero_and_without_bounds_are_subtracted_like_any_other() {
    let told_of = async |values: &[f64]| told(&start("initial_value: keep").send(vec![sum("m", values)]).await.unwrap());
    assert_eq!(told_of(&[1.0, -3.0, -2.0]).await, ["m delta 1 1"]);
    assert_eq!(told_of(&[1.0, f64::INFINITY, f64::INFINITY, 5.0, 6.0]).await, ["m delta 1 inf NaN 1"]);
    assert_eq!(told_of(&[f64::NEG_INFINITY, 2.0, 2.5]).await, ["m delta -inf inf 0.5"]);
}

#[tokio::test]
async fn a_restarted_source_is_a_new_series() {
    let running = start("{}");
    let one = |start, time, value| vec![sum_of("m", vec![point(start, time, Number::Int(value))])];
    assert_eq!(running.send(one(1, 2, 100)).await, None);
    assert_eq!(running.send(one(3, 4, 150)).await, None);
    assert_eq!(told(&running.send(one(3, 5, 151)).await.unwrap()), ["m delta 1"]);
    assert_eq!(running.tracked(), 2.0);
}

#[tokio::test]
async fn a_histogram_that_began_anew_goes_on_whole_and_never_wraps() {
    let first = (20, Some(60.0), [2, 8, 10]);
    let cases = [
        // Less than before in all: alike upstream.
        ((1, Some(3.0), [0, 1, 0]), "h delta 1/3/[0, 1, 0]"),
        // More in all, less in one bucket: upstream writes 18446744073709551615.
        ((25, Some(70.0), [1, 9, 15]), "h delta 25/70/[1, 9, 15]"),
        ((21, Some(59.0), [2, 9, 10]), "h delta 1/-1/[0, 1, 0]"),
    ];
    for (second, expected) in cases {
        let running = start("{}");
        assert_eq!(running.send(vec![histogram("h", &[first])]).await, None);
        assert_eq!(told(&running.send(vec![histogram("h", &[second])]).await.unwrap()), [expected]);
    }
    let running = start("{}");
    running.send(vec![histogram("h", &[first])]).await;
    let mut fewer = histogram("h", &[first]);
    if let Data::Histogram { points, .. } = &mut fewer.data {
        points[0].counts = vec![10, 10];
    }
    assert_eq!(running.send(vec![fewer.clone()]).await, None, "other buckets: only remembered");
    assert_eq!(told(&running.send(vec![fewer]).await.unwrap()), ["h delta 0/0/[0, 0]"]);
    assert_eq!(running.withheld("reset"), 1.0);
}

#[tokio::test]
async fn integers_and_doubles_of_any_size_are_subtracted() {
    let running = start("{}");
    let one = |value| vec![sum_of("m", vec![point(1, 2, value)])];
    running.send(one(Number::Int(i64::MIN))).await;
    let out = running.send(one(Number::Int(i64::MAX))).await.unwrap();
    assert_eq!(out[0].data.numbers().unwrap().value(0), Number::Int(-1), "as Go's integers wrap");
    running.send(one(Number::Empty)).await;
    let out = running.send(one(Number::Empty)).await.unwrap();
    assert_eq!(out[0].data.numbers().unwrap().value(0), Number::Int(0));
}

#[tokio::test]
async fn a_batch_that_others_hold_is_copied_only_if_something_changes() {
    let running = start("include: {match_type: strict, metrics: [a]}");
    let batch = |name| Arc::new(Batch::Metrics(Metrics::of(Resource::default(), Scope::default(), vec![sum(name, &GROWING)])));
    let (kept, changed) = (batch("b"), batch("a"));
    let out = running.send_batch(kept.clone()).await.unwrap();
    assert!(Arc::ptr_eq(&kept, &out));
    let out = running.send_batch(changed.clone()).await.unwrap();
    assert!(!Arc::ptr_eq(&changed, &out));
    assert_eq!(*changed, *batch("a"));
}

#[tokio::test]
async fn a_successor_goes_on_where_the_processor_stopped() {
    let first = start("{}");
    first.send(vec![sum("a", &[10.0])]).await;
    let second = start_with("initial_value: keep", first.telemetry.clone(), Inherited::of(first.processor.hand_over()));
    assert_eq!(told(&second.send(vec![sum("a", &[15.0])]).await.unwrap()), ["a delta 5"]);
    assert_eq!(told(&first.send(vec![sum("a", &[16.0])]).await.unwrap()), ["a delta 1"], "until it ends, both know");
    let telemetry = first.telemetry.clone();
    let tracked = move || telemetry.registry.total("warren_cumulativetodelta_series", &[]);
    drop(first);
    assert_eq!(tracked(), 1.0);
    drop(second);
    assert_eq!(tracked(), 0.0);
}

#[tokio::test]
async fn more_series_than_there_is_room_for_are_dropped_and_counted() {
    let running = start("{initial_value: keep, warren: {max_state: 64KiB}}");
    let points = |count: i64, time| {
        let attrs = |n: i64| Attrs::from([("n", n)]);
        let one = |n| NumberPoint { attrs: attrs(n), ..point(1, time, Number::Int(5)) };
        vec![sum_of("m", (0..count).map(one).collect())]
    };
    let first = running.send(points(2000, 2)).await.unwrap();
    let kept = first[0].data.len();
    assert!((1000..2000).contains(&kept), "{kept}");
    let dropped = running.telemetry.registry.total("warren_dropped_items_total", &[("reason", "series_limit")]);
    assert_eq!(dropped, (2000 - kept) as f64);
    let second = running.send(points(2000, 3)).await.unwrap();
    assert_eq!(second[0].data.len(), kept, "those that are known go on, whatever else comes");
    assert!(second[0].data.numbers().unwrap().iter().all(|point| point.value == Number::Int(0)));
    assert!(running.telemetry.registry.total("warren_cumulativetodelta_state_bytes", &[]) <= 65536.0);
}

#[tokio::test(start_paused = true)]
async fn stale_series_are_forgotten() {
    let running = start("max_staleness: 10m");
    let one = |time| vec![sum_of("m", vec![point(1, time, Number::Int(5))])];
    running.send(one(2)).await;
    running.send(vec![sum_of("new", vec![point(1, FUTURE, Number::Int(5))])]).await;
    assert_eq!(running.tracked(), 2.0);
    let (stop, stopped) = Stop::new();
    let work = Arc::clone(&running.processor).run(RunContext { stop: stopped, status: Status::default() });
    let task = tokio::spawn(work);
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(running.tracked(), 1.0);
    assert_eq!(running.telemetry.registry.total("warren_cumulativetodelta_forgotten_series_total", &[("reason", "stale")]), 1.0);
    stop.request(tokio::time::Instant::now());
    task.await.unwrap().unwrap();
}

#[test]
fn faulty_settings_are_refused_in_upstream_words() {
    let refused = |settings: &str| decoded(settings).1.to_string();
    let cases = [
        ("include: {metrics: [a]}", "match_type must be set if metrics are supplied"),
        ("exclude: {match_type: strict}", "metrics must be supplied if match_type is set"),
        (
            "include: {metric_types: [gauge]}",
            "found invalid metric type in include.metric_types: gauge. Valid values are [sum histogram]",
        ),
        (
            "exclude: {metric_types: [Invalid]}",
            "found invalid metric type in exclude.metric_types: Invalid. Valid values are [sum histogram]",
        ),
        ("include: {match_type: regexp, metrics: ['(']}", "error parsing regexp: missing closing ): `(`"),
        ("initial_value: first", "unknown initial_value: first"),
        ("warren: {max_state: 1KiB}", "must be at least 64KiB"),
    ];
    for (settings, expected) in cases {
        let told = refused(settings);
        assert!(told.contains(expected), "{settings}: {told}");
    }
    let both = refused("include: {metrics: [a]}\nexclude: {match_type: regexp, metrics: ['(']}");
    assert_eq!(
        both.lines().filter(|line| line.contains("match_type must") || line.contains("missing closing")).count(),
        2,
        "{both}"
    );
    let upstream = "{max_staleness: 10s, initial_value: auto, include: {match_type: regexp, metrics: ['a*'], metric_types: [sum], \
                    regexp: {cacheenabled: true, cachemaxnumentries: 5}}, exclude: {match_type: regexp, metrics: ['b*'], metric_types: [histogram]}}";
    assert_eq!(refused(upstream), "");
    let (_, odd) = decoded("exclude: {match_type: glob, metrics: [a]}");
    let told: Vec<_> = odd.iter().map(|finding| (finding.severity, finding.message.as_str())).collect();
    let expected = "match_type \"glob\" is neither strict nor regexp: the names in exclude have no effect";
    assert_eq!(told, [(Severity::Warning, expected)]);
}
