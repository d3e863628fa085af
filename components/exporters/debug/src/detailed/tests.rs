//! Facts of upstream's `exporter/debugexporter/internal/otlptext/testdata` at v0.132.0, with data of our own, and of what that version
//! printed for it.

use super::show;
use warren_pdata::{
    Attrs, Batch, Bounds, Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, LogRecord, Metric,
    Number, NumberPoint, QuantileValue, Resource, ResourceGroup, Scope, ScopeGroup, Span, SpanEvent, SpanId, SpanLink,
    SpanStatus, Sum, SummaryPoint, Telemetry, Temporality, TraceId, Value,
};

const NOON: u64 = 1_755_000_000_000_000_000;
const TRACE: TraceId = TraceId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const SPAN: SpanId = SpanId([0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);

/// The lines of one item in a frame without content.
fn lines<T>(item: T) -> Vec<String>
where
    Batch: From<Telemetry<T>>,
{
    let text = show(&Batch::from(Telemetry::of(Resource::default(), Scope::default(), vec![item])));
    let all: Vec<String> = text.lines().map(str::to_owned).collect();
    let frame = [" #0", "Resource SchemaURL: ", " #0", " SchemaURL: ", "InstrumentationScope  ", " #0"];
    assert!(all.iter().zip(frame).all(|(line, end)| line.ends_with(end)), "{all:?}");
    all[frame.len()..].to_vec()
}

/// The lines of the points of a metric.
fn points(data: Data) -> Vec<String> {
    let all = lines(Metric { name: "m".into(), data, ..Metric::default() });
    let first = all.iter().position(|line| line.ends_with(" #0")).unwrap_or(all.len());
    all[first..].to_vec()
}

#[test]
fn nothing_is_shown_of_nothing() {
    for signal in warren_pdata::Signal::ALL {
        assert_eq!(show(&Batch::empty(signal)), "");
    }
}

#[test]
fn resources_and_scopes_are_numbered_and_described() {
    let scope = |name: &str, version: &str, attrs: Attrs| ScopeGroup {
        scope: Scope { name: name.into(), version: version.into(), attrs, dropped_attributes: 0 },
        schema_url: "t".into(),
        items: vec![Metric::default()],
    };
    let group = |attrs: Attrs, scopes: Vec<ScopeGroup<Metric>>| ResourceGroup {
        resource: Resource { attrs, dropped_attributes: 0 },
        schema_url: "s".into(),
        scopes,
    };
    let all = Attrs::from([
        ("str", Value::from("a b")),
        ("int", Value::Int(-3)),
        ("double", Value::Double(1e21)),
        ("bool", Value::Bool(true)),
        ("map", Value::Map(Attrs::from([("k", Value::list([Value::Empty, Value::from("<")]))]))),
        ("slice", Value::list([Value::Int(1)])),
        ("bytes", Value::bytes([1, 2])),
        ("empty", Value::Empty),
    ]);
    let metrics = Telemetry {
        resources: vec![
            group(all, vec![scope("broker", "4.1", Attrs::from([("edition", "oss")])), scope("", "", Attrs::EMPTY)]),
            group(Attrs::EMPTY, Vec::new()),
        ],
    };
    let expected = "ResourceMetrics #0
Resource SchemaURL: s
Resource attributes:
     -> str: Str(a b)
     -> int: Int(-3)
     -> double: Double(1e+21)
     -> bool: Bool(true)
     -> map: Map({\"k\":[null,\"\\u003c\"]})
     -> slice: Slice([1])
     -> bytes: Bytes(AQI=)
     -> empty: Empty()
ScopeMetrics #0
ScopeMetrics SchemaURL: t
InstrumentationScope broker 4.1
InstrumentationScope attributes:
     -> edition: Str(oss)
Metric #0
Descriptor:
     -> Name: 
     -> Description: 
     -> Unit: 
     -> DataType: Empty
ScopeMetrics #1
ScopeMetrics SchemaURL: t
InstrumentationScope  
Metric #0
Descriptor:
     -> Name: 
     -> Description: 
     -> Unit: 
     -> DataType: Empty
ResourceMetrics #1
Resource SchemaURL: s
";
    assert_eq!(show(&Batch::Metrics(metrics)), expected);
}

#[test]
fn metrics_are_described_with_what_their_kind_has() {
    let describe =
        |data: Data| lines(Metric { name: "n".into(), description: "d".into(), unit: "By".into(), metadata: Attrs::EMPTY, data });
    let sum = Data::Sum(Sum { temporality: Temporality::DELTA, monotonic: false, ..Sum::default() });
    let described = ["Descriptor:", "     -> Name: n", "     -> Description: d", "     -> Unit: By"];
    for (data, rest) in [
        (Data::Gauge(Default::default()), vec!["     -> DataType: Gauge"]),
        (sum, vec!["     -> DataType: Sum", "     -> IsMonotonic: false", "     -> AggregationTemporality: Delta"]),
        (
            Data::Histogram { points: Vec::new(), temporality: Temporality::CUMULATIVE },
            vec!["     -> DataType: Histogram", "     -> AggregationTemporality: Cumulative"],
        ),
        (
            Data::ExponentialHistogram { points: Vec::new(), temporality: Temporality(9) },
            vec!["     -> DataType: ExponentialHistogram", "     -> AggregationTemporality: "],
        ),
        (Data::Summary(Vec::new()), vec!["     -> DataType: Summary"]),
    ] {
        assert_eq!(describe(data), [described.to_vec(), rest].concat());
    }
}

#[test]
fn number_points_are_shown_with_six_decimals_unless_whole() {
    let exemplar = |value, attrs| Exemplar { attrs, time: NOON + 1, value, trace_id: TRACE, span_id: SPAN };
    let numbers = [
        NumberPoint {
            attrs: Attrs::from([("queue", "orders")]),
            start: NOON,
            time: NOON,
            value: Number::Double(7.5),
            ..Default::default()
        },
        NumberPoint {
            value: Number::Int(-12),
            exemplars: vec![
                exemplar(Number::Int(3), Attrs::EMPTY),
                exemplar(Number::Double(0.5), Attrs::from([("user", "bob")])),
            ],
            ..Default::default()
        },
        NumberPoint::default(),
    ];
    let expected = [
        "NumberDataPoints #0",
        "Data point attributes:",
        "     -> queue: Str(orders)",
        "StartTimestamp: 2025-08-12 12:00:00 +0000 UTC",
        "Timestamp: 2025-08-12 12:00:00 +0000 UTC",
        "Value: 7.500000",
        "NumberDataPoints #1",
        "StartTimestamp: 1970-01-01 00:00:00 +0000 UTC",
        "Timestamp: 1970-01-01 00:00:00 +0000 UTC",
        "Value: -12",
        "Exemplars:",
        "Exemplar #0",
        "     -> Trace ID: 0102030405060708090a0b0c0d0e0f10",
        "     -> Span ID: 1112131415161718",
        "     -> Timestamp: 2025-08-12 12:00:00.000000001 +0000 UTC",
        "     -> Value: 3",
        "Exemplar #1",
        "     -> Trace ID: 0102030405060708090a0b0c0d0e0f10",
        "     -> Span ID: 1112131415161718",
        "     -> Timestamp: 2025-08-12 12:00:00.000000001 +0000 UTC",
        "     -> Value: 0.500000",
        "     -> FilteredAttributes:",
        "          -> user: Str(bob)",
        "NumberDataPoints #2",
        "StartTimestamp: 1970-01-01 00:00:00 +0000 UTC",
        "Timestamp: 1970-01-01 00:00:00 +0000 UTC",
    ];
    assert_eq!(points(Data::Gauge(numbers.into_iter().collect())), expected);
}

#[test]
fn distributions_are_shown_bucket_by_bucket() {
    let times = ["StartTimestamp: 1970-01-01 00:00:00 +0000 UTC", "Timestamp: 1970-01-01 00:00:00 +0000 UTC"];
    let with = |kind: &'static str, rest: &[&'static str]| [&[kind], &times[..], rest].concat();
    let histogram = HistogramPoint {
        count: 3,
        sum: Some(15.0),
        min: Some(0.0),
        max: Some(f64::INFINITY),
        bounds: Bounds::new(vec![1.0]),
        counts: vec![1, 2],
        ..Default::default()
    };
    assert_eq!(
        points(Data::Histogram { points: vec![histogram], temporality: Temporality::DELTA }),
        with(
            "HistogramDataPoints #0",
            &[
                "Count: 3",
                "Sum: 15.000000",
                "Min: 0.000000",
                "Max: +Inf",
                "ExplicitBounds #0: 1.000000",
                "Buckets #0, Count: 1",
                "Buckets #1, Count: 2"
            ]
        )
    );
    let exponential = ExponentialHistogramPoint {
        count: 5,
        scale: 1,
        zero_count: 1,
        negative: ExponentialBuckets { offset: -1, counts: vec![1, 4] },
        positive: ExponentialBuckets { offset: 1, counts: vec![0, 1] },
        ..Default::default()
    };
    assert_eq!(
        points(Data::ExponentialHistogram { points: vec![exponential], temporality: Temporality::DELTA }),
        with(
            "ExponentialHistogramDataPoints #0",
            &[
                "Count: 5",
                "Bucket [-1.414214, -1.000000), Count: 4",
                "Bucket [-1.000000, -0.707107), Count: 1",
                "Bucket [0, 0], Count: 1",
                "Bucket (1.414214, 2.000000], Count: 0",
                "Bucket (2.000000, 2.828427], Count: 1",
            ]
        )
    );
    let summary = SummaryPoint {
        count: 1,
        sum: 2.5,
        quantiles: vec![QuantileValue { quantile: 0.01, value: f64::NAN }],
        ..Default::default()
    };
    assert_eq!(
        points(Data::Summary(vec![summary])),
        with("SummaryDataPoints #0", &["Count: 1", "Sum: 2.500000", "QuantileValue #0: Quantile 0.010000, Value NaN"])
    );
}

#[test]
fn extreme_scales_have_extreme_bounds() {
    let at = |scale| ExponentialHistogramPoint {
        scale,
        positive: ExponentialBuckets { offset: 1, counts: vec![1] },
        ..Default::default()
    };
    let shown = points(Data::ExponentialHistogram { points: vec![at(i32::MIN), at(i32::MAX)], temporality: Temporality::DELTA });
    let buckets: Vec<&String> = shown.iter().filter(|line| line.starts_with("Bucket")).collect();
    assert_eq!(buckets, ["Bucket (+Inf, +Inf], Count: 1", "Bucket (1.000000, 1.000000], Count: 1"]);
}

#[test]
fn log_records_are_shown_field_by_field() {
    let bare = lines(LogRecord::default());
    let expected = [
        "ObservedTimestamp: 1970-01-01 00:00:00 +0000 UTC",
        "Timestamp: 1970-01-01 00:00:00 +0000 UTC",
        "SeverityText: ",
        "SeverityNumber: Unspecified(0)",
        "Body: Empty()",
        "Trace ID: ",
        "Span ID: ",
        "Flags: 0",
    ];
    assert_eq!(bare, expected);
    let full = lines(LogRecord {
        time: NOON,
        observed_time: NOON + 500_000_000,
        severity_number: 18,
        severity_text: "ERR".into(),
        body: Value::Map(Attrs::from([("b", "1"), ("a", "2")])),
        attrs: Attrs::from([("unit", "ssh.service")]),
        flags: 1,
        trace_id: TRACE,
        span_id: SPAN,
        event_name: "login".into(),
        ..LogRecord::default()
    });
    let expected = [
        "ObservedTimestamp: 2025-08-12 12:00:00.5 +0000 UTC",
        "Timestamp: 2025-08-12 12:00:00 +0000 UTC",
        "SeverityText: ERR",
        "SeverityNumber: Error2(18)",
        "EventName: login",
        "Body: Map({\"a\":\"2\",\"b\":\"1\"})",
        "Attributes:",
        "     -> unit: Str(ssh.service)",
        "Trace ID: 0102030405060708090a0b0c0d0e0f10",
        "Span ID: 1112131415161718",
        "Flags: 1",
    ];
    assert_eq!(full, expected);
}

#[test]
fn spans_are_shown_with_their_events_and_links() {
    let bare = lines(Span { kind: 9, ..Span::default() });
    let expected = [
        "    Trace ID       : ",
        "    Parent ID      : ",
        "    ID             : ",
        "    Name           : ",
        "    Kind           : ",
        "    Start time     : 1970-01-01 00:00:00 +0000 UTC",
        "    End time       : 1970-01-01 00:00:00 +0000 UTC",
        "    Status code    : Unset",
        "    Status message : ",
    ];
    assert_eq!(bare, expected);
    let full = lines(Span {
        trace_id: TRACE,
        span_id: SPAN,
        parent_span_id: SPAN,
        trace_state: "ot=th:0".into(),
        name: "GET /queues".into(),
        kind: 2,
        status: Some(SpanStatus { code: 2, message: "boom".into() }),
        attrs: Attrs::from([("http.method", "GET")]),
        events: vec![
            SpanEvent { time: NOON, name: "exception".into(), attrs: Attrs::from([("type", "E")]), dropped_attributes: 2 },
            SpanEvent::default(),
        ],
        links: vec![SpanLink { trace_id: TRACE, span_id: SPAN, attrs: Attrs::from([("l", "1")]), ..SpanLink::default() }],
        ..Span::default()
    });
    let expected = [
        "    Trace ID       : 0102030405060708090a0b0c0d0e0f10",
        "    Parent ID      : 1112131415161718",
        "    ID             : 1112131415161718",
        "    Name           : GET /queues",
        "    Kind           : Server",
        "    TraceState     : ot=th:0",
        "    Start time     : 1970-01-01 00:00:00 +0000 UTC",
        "    End time       : 1970-01-01 00:00:00 +0000 UTC",
        "    Status code    : Error",
        "    Status message : boom",
        "Attributes:",
        "     -> http.method: Str(GET)",
        "Events:",
        "SpanEvent #0",
        "     -> Name: exception",
        "     -> Timestamp: 2025-08-12 12:00:00 +0000 UTC",
        "     -> DroppedAttributesCount: 2",
        "     -> Attributes::",
        "          -> type: Str(E)",
        "SpanEvent #1",
        "     -> Name: ",
        "     -> Timestamp: 1970-01-01 00:00:00 +0000 UTC",
        "     -> DroppedAttributesCount: 0",
        "Links:",
        "SpanLink #0",
        "     -> Trace ID: 0102030405060708090a0b0c0d0e0f10",
        "     -> ID: 1112131415161718",
        "     -> TraceState: ",
        "     -> DroppedAttributesCount: 0",
        "     -> Attributes::",
        "          -> l: Str(1)",
    ];
    assert_eq!(full, expected);
}
