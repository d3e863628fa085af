//! Facts of the recorded cases `attributes-resource/*` of the conformance suite and of the collector's
//! `processor/attributesprocessor/attributes_*_test.go` (v0.132.0).

use warren_config::{Diagnostics, decode_settings};
use warren_pdata::{Attrs, Data, HistogramPoint, KeyValue, Number, NumberPoints, SummaryPoint, Temporality, Value};
use warren_telemetry::Telemetry as Own;

use super::*;
use crate::Config;

fn process(config: &str, batch: Batch) -> Batch {
    let node = warren_config::parse_yaml("test", config).unwrap();
    let mut settings = Config::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&node, &mut settings, &mut diagnostics);
    assert_eq!(diagnostics.to_string(), "");
    let selector = Selector::new(&settings.selection, batch.signal()).unwrap();
    let editor = Editor::build(&settings.actions, Own::discarded()).unwrap();
    let processed = AttributesStage::new(selector, editor).process(Arc::new(batch)).unwrap().unwrap();
    Batch::owned(processed)
}

fn queue(name: &str) -> Attrs {
    Attrs::from([("queue", name), ("vhost", "/")])
}

fn gauge(name: &str, attrs: &[Attrs]) -> Metric {
    let mut points = NumberPoints::default();
    for attrs in attrs {
        points.push_plain(attrs.clone(), 0, 1, Number::Int(1), 0);
    }
    Metric { name: name.into(), data: Data::Gauge(points), ..Metric::default() }
}

fn metrics(items: Vec<Metric>) -> Batch {
    Batch::Metrics(Metrics::of(Resource { attrs: queue("resource"), ..Resource::default() }, Scope::default(), items))
}

/// The queue attribute of every point, metric by metric.
fn queues(batch: &Batch) -> Vec<Vec<String>> {
    let Batch::Metrics(metrics) = batch else { panic!() };
    let one = |metric: &Metric| {
        let attrs = (0..metric.data.len()).map(|index| metric.data.attrs(index));
        attrs.map(|attrs| attrs.get("queue").and_then(Value::as_str).unwrap_or("-").to_owned()).collect()
    };
    metrics.iter().map(|(_, _, metric)| one(metric)).collect()
}

#[test]
fn points_of_every_kind_of_metric_are_edited() {
    let histogram = HistogramPoint { attrs: queue("a"), ..HistogramPoint::default() };
    let summary = SummaryPoint { attrs: queue("a"), ..SummaryPoint::default() };
    let items = vec![
        gauge("g", &[queue("a"), Attrs::EMPTY]),
        Metric { data: Data::Histogram { points: vec![histogram], temporality: Temporality::CUMULATIVE }, ..Metric::default() },
        Metric { data: Data::Summary(vec![summary]), ..Metric::default() },
        Metric::default(),
    ];
    let batch = process("actions: [{key: queue, value: x, action: update}]", metrics(items));
    assert_eq!(queues(&batch), [vec!["x", "-"], vec!["x"], vec!["x"], vec![]]);
    let Batch::Metrics(metrics) = batch else { panic!() };
    assert_eq!(metrics.resources[0].resource.attrs, queue("resource"), "resources are left alone");
}

#[test]
fn only_chosen_metrics_are_edited() {
    let config = "include: {match_type: regexp, metric_names: ['^a']}\nexclude: {match_type: strict, metric_names: [ab]}\nactions: [{key: queue, action: delete}]";
    let items = vec![gauge("aa", &[queue("1")]), gauge("ab", &[queue("2")]), gauge("b", &[queue("3")])];
    assert_eq!(queues(&process(config, metrics(items))), [["-"], ["2"], ["3"]]);
}

#[test]
fn only_chosen_log_records_are_edited() {
    let record = |unit: &str| LogRecord { attrs: Attrs::from([("unit", unit)]), ..LogRecord::default() };
    let logs = Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![record("kernel"), record("other")]));
    let config =
        "include: {match_type: strict, attributes: [{key: unit, value: kernel}]}\nactions: [{key: z, value: 1, action: insert}]";
    let Batch::Logs(logs) = process(config, logs) else { panic!() };
    let edited: Vec<_> = logs.iter().map(|(_, _, record)| record.attrs.contains_key("z")).collect();
    assert_eq!(edited, [true, false]);
}

#[test]
fn spans_are_edited() {
    let span = Span { attrs: Attrs::from([("a", "1")]), ..Span::default() };
    let traces = Batch::Traces(Traces::of(Resource::default(), Scope::default(), vec![span]));
    let Batch::Traces(traces) =
        process("actions: [{key: a, from_attribute: a, action: upsert}, {key: b, from_attribute: a, action: insert}]", traces)
    else {
        panic!()
    };
    let expected: Attrs = [KeyValue::new("a", "1"), KeyValue::new("b", "1")].into_iter().collect();
    assert_eq!(traces.iter().next().unwrap().2.attrs, expected);
}

#[test]
fn a_batch_that_others_hold_stays_as_it_is() {
    let shared = Arc::new(metrics(vec![gauge("g", &[queue("a")])]));
    let selector = Selector::default();
    let actions = warren_attributes::ActionSettings { key: "queue".into(), action: "hash".into(), ..Default::default() };
    let editor = Editor::build(&[actions], Own::discarded()).unwrap();
    let processed = AttributesStage::new(selector, editor).process(shared.clone()).unwrap().unwrap();
    assert_eq!(queues(&shared), [["a"]]);
    assert_ne!(queues(&processed), queues(&shared));
}
