use super::*;
use warren_pdata::{ExponentialHistogramPoint, HistogramPoint, NumberPoints, SpanEvent, SpanId, Sum, SummaryPoint, Temporality};

/// One metric of each kind with two points each.
fn all_kinds() -> Metrics {
    let attrs = Attrs::from([("attr1", "test1"), ("attr2", "test2")]);
    let numbers = |values: [f64; 2]| -> NumberPoints {
        let point = |value| NumberPoint { attrs: attrs.clone(), value: Number::Double(value), ..NumberPoint::default() };
        values.into_iter().map(point).collect()
    };
    let histogram = |count| HistogramPoint { attrs: attrs.clone(), count, ..HistogramPoint::default() };
    let exponential = |count| ExponentialHistogramPoint { attrs: attrs.clone(), count, ..ExponentialHistogramPoint::default() };
    let summary = |sum| SummaryPoint { attrs: attrs.clone(), sum, ..SummaryPoint::default() };
    let temporality = Temporality::CUMULATIVE;
    let data = [
        ("operationA", Data::Sum(Sum { points: numbers([1.0, 3.7]), temporality, monotonic: true })),
        ("operationB", Data::Histogram { points: vec![histogram(1), histogram(0)], temporality }),
        ("operationC", Data::ExponentialHistogram { points: vec![exponential(1), exponential(0)], temporality }),
        ("operationD", Data::Summary(vec![summary(12.34), summary(43.21)])),
        ("operationE", Data::Gauge(numbers([1.0, 2.0]))),
    ];
    let metric = |(name, data): (&str, Data)| Metric { name: name.into(), data, ..Metric::default() };
    metrics(vec![(resource(&[("host.name", "myhost")]), data.into_iter().map(metric).collect())])
}

#[tokio::test]
async fn metrics_and_points_are_dropped_as_upstream_does() {
    let all = ["operationA:2", "operationB:2", "operationC:2", "operationD:2", "operationE:2"];
    let cases = [
        (r#"metric: ['name == "operationA"']"#, [0, 2, 2, 2, 2]),
        (r#"metric: ['metric.name == "operationA"', 'unit == "x"']"#, [0, 2, 2, 2, 2]),
        (r#"metric: ['IsMatch(name, "operation.*")']"#, [0; 5]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_SUM and value_double == 1.0']", [1, 2, 2, 2, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_SUM']", [0, 2, 2, 2, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_GAUGE and value_double == 1.0']", [2, 2, 2, 2, 1]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_HISTOGRAM and count == 1']", [2, 1, 2, 2, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_HISTOGRAM']", [2, 0, 2, 2, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM and count == 1']", [2, 2, 1, 2, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM']", [2, 2, 0, 2, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_SUMMARY and sum == 43.21']", [2, 2, 2, 1, 2]),
        ("datapoint: ['metric.type == METRIC_DATA_TYPE_SUMMARY']", [2, 2, 2, 0, 2]),
        (r#"metric: ['resource.attributes["not real"] == "unknown"', 'type != nil']"#, [0; 5]),
        (r#"metric: ['Substring("", 0, 100) == "test"']"#, [2; 5]),
        (r#"metric: ['HasAttrOnDatapoint("attr1", "test1")']"#, [0; 5]),
        (r#"metric: ['HasAttrOnDatapoint("attr1", "test2")']"#, [2; 5]),
        (r#"metric: ['HasAttrKeyOnDatapoint("attr1")']"#, [0; 5]),
        (r#"{metric: ['name == "operationE"'], datapoint: ['count == 1', 'value_double == 3.7']}"#, [1, 1, 1, 2, 0]),
        (r#"datapoint: ['resource.attributes["host.name"] == "myhost"']"#, [0; 5]),
        ("{metric: [], datapoint: []}", [2; 5]),
    ];
    for (conditions, expected) in cases {
        let settings = format!("error_mode: ignore\nmetrics:\n  {conditions}");
        let settings =
            if conditions.starts_with('{') { format!("{{error_mode: ignore, metrics: {conditions}}}") } else { settings };
        let expected: Vec<String> = all
            .iter()
            .zip(expected)
            .filter(|(_, points)| *points > 0)
            .map(|(name, points)| format!("{}{points}", name.trim_end_matches('2')))
            .collect();
        let expected = if expected.is_empty() { Vec::new() } else { vec![expected] };
        assert_eq!(names(&settings, all_kinds()).await, expected, "{conditions}");
    }
}

#[tokio::test]
async fn what_a_resource_says_is_asked_again_for_the_next_one() {
    let batch = || {
        let of = |host| (resource(&[("host", host)]), vec![plain("a"), plain("b")]);
        metrics(vec![of("x"), of("y"), of("x")])
    };
    let one = vec!["a:1".to_owned(), "b:1".to_owned()];
    let settings = r#"metrics: {metric: ['resource.attributes["host"] == "x"']}"#;
    assert_eq!(names(settings, batch()).await, vec![one.clone()]);
    let settings = r#"metrics: {datapoint: ['resource.attributes["host"] == "y"']}"#;
    assert_eq!(names(settings, batch()).await, vec![one.clone(), one]);
    let settings = r#"metrics: {datapoint: ['metric.name == "b"']}"#;
    assert_eq!(names(settings, batch()).await, vec![vec!["a:1"]; 3]);
}

#[tokio::test]
async fn a_metric_without_a_kind_stays_and_one_without_points_goes() {
    let batch =
        || metrics(vec![(Resource::default(), vec![Metric { name: "none".into(), ..Metric::default() }, gauge("empty", &[])])]);
    assert_eq!(names("metrics: {datapoint: ['false']}", batch()).await, [["none:0"]]);
    assert_eq!(names("metrics: {metric: ['false']}", batch()).await, [["none:0", "empty:0"]]);
}

#[tokio::test]
async fn any_point_with_the_attribute_counts() {
    let points = [("a", "x"), ("a", "y")].map(|pair| (Attrs::from([pair]), Number::Int(1)));
    let batch = || metrics(vec![(Resource::default(), vec![gauge("m", &points)])]);
    assert!(names(r#"metrics: {metric: ['HasAttrOnDatapoint("a", "y")']}"#, batch()).await.is_empty());
}

#[tokio::test]
async fn empty_wrappers_go_though_nothing_is_dropped() {
    let batch = || groups(vec![(Resource::default(), Vec::new()), (Resource::default(), vec![log("a")])]);
    assert_eq!(names("logs: {log_record: ['false']}", Batch::Logs(batch())).await, [["a"]]);
    assert_eq!(names("{}", Batch::Logs(batch())).await, [vec![], vec!["a"]]);
}

#[tokio::test]
async fn logs_are_dropped_as_upstream_does() {
    let batch = || logs(vec![log("operationA"), log("operationB"), log("operationA")]);
    let cases = [
        (r#"'body == "operationA"'"#, vec![vec!["operationB"]]),
        (r#"'IsMatch(body, "operation.*")'"#, Vec::new()),
        (r#"'IsMatch(body, "wrong name")', 'IsMatch(body, "operation.*")'"#, Vec::new()),
        ("'true'", Vec::new()),
    ];
    for (conditions, expected) in cases {
        assert_eq!(names(&format!("logs: {{log_record: [{conditions}]}}"), batch()).await, expected, "{conditions}");
    }
    let running = start(r#"logs: {log_record: ['body == "no"', 'IsMatch(body, "operationA")']}"#, Signal::Logs);
    running.send(batch()).await.unwrap();
    assert_eq!(running.filtered("logs"), 2.0);
    let held = |condition| {
        running.telemetry.registry.total("warren_filter_matches_total", &[("processor", "filter"), ("condition", condition)])
    };
    assert_eq!((held("logs.log_record[0]"), held("logs.log_record[1]")), (0.0, 2.0));
}

fn spans() -> Traces {
    let one = Span { name: "operationA".into(), span_id: SpanId([1; 8]), parent_span_id: SpanId([2; 8]), ..Span::default() };
    let event = |name: &str| SpanEvent { name: name.into(), ..SpanEvent::default() };
    let two = Span {
        name: "operationB".into(),
        span_id: SpanId([3; 8]),
        events: vec![event("spanEventA"), event("spanEventB")],
        ..Span::default()
    };
    let of = |host| (resource(&[("host.name", host)]), vec![one.clone(), two.clone()]);
    traces(vec![of("localhost"), of("other")])
}

#[tokio::test]
async fn spans_and_events_are_dropped_as_upstream_does() {
    let cases = [
        (r#"span: ['name == "operationA"']"#, [vec!["operationB:2"], vec!["operationB:2"]]),
        (r#"spanevent: ['name == "spanEventA"']"#, [vec!["operationA:0", "operationB:1"], vec!["operationA:0", "operationB:1"]]),
        (
            r#"spanevent: ['span.name == "operationB" and resource.attributes["host.name"] == "other"']"#,
            [vec!["operationA:0", "operationB:2"], vec!["operationA:0", "operationB:0"]],
        ),
        ("span: ['IsRootSpan()']", [vec!["operationA:0"], vec!["operationA:0"]]),
    ];
    for (conditions, expected) in cases {
        assert_eq!(names(&format!("{{error_mode: ignore, traces: {{{conditions}}}}}"), spans()).await, expected, "{conditions}");
    }
    for everything in [r#"'IsMatch(name, "operation.*")'"#, r#"'name == "operationZ"', 'span_id != nil'"#] {
        let running = start(&format!("traces: {{span: [{everything}]}}"), Signal::Traces);
        assert_eq!(running.send(spans()).await.unwrap(), None);
        assert_eq!(running.filtered("spans"), 4.0);
    }
}

#[tokio::test]
async fn a_failing_condition_refuses_the_batch_or_is_passed_over() {
    let conditions = r#"logs: {log_record: ['Substring(body, 0, 100) == "x"', 'body == "a"']}"#;
    let batch = || logs(vec![log("a"), log("b")]);
    let refused = start(conditions, Signal::Logs);
    let error = refused.send(batch()).await.unwrap_err();
    assert!(!error.permanent);
    let one = r#"failed to eval condition: Substring(body, 0, 100) == "x", "#;
    assert_eq!(error.message.matches(one).count(), 2, "{error}");
    assert_eq!(refused.filtered("logs"), 0.0);
    for mode in ["ignore", "silent"] {
        assert_eq!(names(&format!("error_mode: {mode}\n{conditions}"), batch()).await, [["b"]]);
    }
    let many = logs(vec![log("a"); 1000]);
    let error = start(conditions, Signal::Logs).send(many).await.unwrap_err();
    assert!(error.message.ends_with("; and 990 more"), "{error}");
}

#[tokio::test]
async fn points_dropped_are_counted() {
    let running = start(r#"metrics: {metric: ['name == "operationA"'], datapoint: ['value_double == 2.0']}"#, Signal::Metrics);
    running.send(all_kinds()).await.unwrap();
    assert_eq!(running.filtered("datapoints"), 3.0);
}

#[tokio::test]
async fn a_batch_that_others_hold_stays_as_it_is() {
    let running = start("logs: {log_record: ['true']}", Signal::Logs);
    let batch = Arc::new(Batch::Logs(logs(vec![log("a")])));
    running.processor.consume(batch.clone()).await.unwrap();
    assert_eq!(batch.items(), 1);
}

#[tokio::test]
async fn conditions_on_points_see_schema_urls_unless_upstreams_oddities_are_wanted() {
    let settings = r#"metrics: {datapoint: ['resource.schema_url == "r" and scope.schema_url == "s"']}"#;
    let odd = Gates::new(Arc::new([warren_component::UPSTREAM_ODDITIES.to_owned()].into()));
    for (gates, passes) in [(Gates::default(), false), (odd, true)] {
        let running = try_start_with(settings, Signal::Metrics, gates).unwrap();
        let passed = running.send(metrics(vec![(Resource::default(), vec![plain("m")])])).await.unwrap();
        assert_eq!(passed.is_some(), passes);
    }
}
