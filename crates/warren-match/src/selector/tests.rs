//! Facts of the collector's `internal/filter` (`filterspan_test.go`, `filterlog_test.go`, `filtermetric_test.go`,
//! `attributematcher_test.go`, v0.132.0), and our own.

use warren_config::{Diagnostics, decode_settings};
use warren_pdata::{Attrs, Value};

use super::*;

fn settings(text: &str) -> SelectionSettings {
    let node = warren_config::parse_yaml("test", text).unwrap();
    let mut settings = SelectionSettings::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&node, &mut settings, &mut diagnostics);
    assert_eq!(diagnostics.to_string(), "", "{text}");
    settings
}

fn resource() -> Resource {
    Resource { attrs: Attrs::from([("service.name", "svc-A"), ("os", "linux")]), dropped_attributes: 0 }
}

fn scope() -> Scope {
    Scope { name: "lib".into(), version: "1.0".into(), ..Scope::default() }
}

fn span() -> Span {
    let attrs = [
        ("text", Value::from("arith")),
        ("int", Value::Int(123)),
        ("double", Value::Double(5.0)),
        ("bool", Value::Bool(true)),
        ("list", Value::list([Value::Int(1)])),
        ("map", Value::Map(Attrs::from([("x", 1i64), ("y", 2i64)]))),
    ];
    Span { name: "spanName".into(), kind: 2, attrs: Attrs::from(attrs), ..Span::default() }
}

#[test]
fn spans_are_chosen_as_upstream_does() {
    let cases = [
        ("include: {match_type: strict, services: [svc-A]}", true),
        ("include: {match_type: strict, services: [svc-B]}", false),
        ("include: {match_type: regexp, services: ['^svc']}", true),
        ("include: {match_type: strict, span_names: [a, spanName]}", true),
        ("include: {match_type: regexp, span_names: ['.*Nam']}", true),
        ("include: {match_type: strict, span_kinds: [SPAN_KIND_SERVER]}", true),
        ("include: {match_type: regexp, span_kinds: [CLIENT]}", false),
        ("include: {match_type: strict, attributes: [{key: text, value: arith}]}", true),
        ("include: {match_type: strict, attributes: [{key: text}]}", true),
        ("include: {attributes: [{key: text}]}", true),
        ("include: {match_type: strict, attributes: [{key: none}]}", false),
        ("include: {match_type: strict, attributes: [{key: int, value: 123}]}", true),
        ("include: {match_type: strict, attributes: [{key: int, value: 123.0}]}", false),
        ("include: {match_type: strict, attributes: [{key: double, value: 5}]}", false),
        ("include: {match_type: strict, attributes: [{key: double, value: 5.0}]}", true),
        ("include: {match_type: strict, attributes: [{key: list, value: [1]}]}", true),
        ("include: {match_type: strict, attributes: [{key: map, value: {y: 2, x: 1}}]}", true),
        ("include: {match_type: regexp, attributes: [{key: int, value: '^12'}]}", true),
        ("include: {match_type: regexp, attributes: [{key: double, value: '^5$'}]}", true),
        ("include: {match_type: regexp, attributes: [{key: bool, value: tr}]}", true),
        ("include: {match_type: regexp, attributes: [{key: list, value: '.*'}]}", false),
        ("include: {match_type: strict, attributes: [{key: text}, {key: none}]}", false),
        ("include: {match_type: strict, resources: [{key: os, value: linux}]}", true),
        ("include: {match_type: strict, libraries: [{name: lib}]}", true),
        ("include: {match_type: strict, libraries: [{name: lib, version: '1.0'}]}", true),
        ("include: {match_type: strict, libraries: [{name: lib, version: ''}]}", false),
        // Every library must match.
        ("include: {match_type: strict, libraries: [{name: lib}, {name: other}]}", false),
        ("include: {match_type: strict, span_names: [spanName], attributes: [{key: none}]}", false),
        ("exclude: {match_type: strict, span_names: [spanName]}", false),
        ("exclude: {match_type: strict, span_names: [other]}", true),
        ("include: {match_type: strict, services: [svc-A]}\nexclude: {match_type: strict, attributes: [{key: text}]}", false),
        ("{}", true),
    ];
    for (text, expected) in cases {
        let selector = Selector::new(&settings(text), Signal::Traces).unwrap();
        assert_eq!(selector.chooses_span(&span(), &resource(), &scope()), expected, "{text}");
    }
}

#[test]
fn a_record_without_attributes_or_service_matches_no_list_of_them() {
    let bare = Span::default();
    let attributes = Selector::new(&settings("include: {attributes: [{key: a}]}"), Signal::Traces).unwrap();
    assert!(!attributes.chooses_span(&bare, &resource(), &scope()));
    let text = "include: {match_type: strict, services: ['<nil-service-name>']}";
    let services = Selector::new(&settings(text), Signal::Traces).unwrap();
    assert!(services.chooses_span(&bare, &Resource::default(), &scope()));
}

#[test]
fn log_records_are_chosen_as_upstream_does() {
    let record = LogRecord {
        body: Value::Map(Attrs::from([("a", 1i64)])),
        severity_text: "WARN".into(),
        severity_number: 13,
        attrs: Attrs::from([("unit", "kernel")]),
        ..LogRecord::default()
    };
    let undefined = LogRecord { severity_number: 0, ..record.clone() };
    let cases = [
        (r#"include: {match_type: strict, log_bodies: ['{"a":1}']}"#, true, true),
        ("include: {match_type: regexp, log_bodies: [nope]}", false, false),
        ("include: {match_type: strict, log_severity_texts: [WARN]}", true, true),
        ("include: {log_severity_number: {min: 13}}", true, false),
        ("include: {log_severity_number: {min: 14, match_undefined: true}}", false, true),
        ("exclude: {log_severity_number: {min: 9}}", false, true),
        ("include: {match_type: strict, attributes: [{key: unit, value: kernel}]}", true, true),
    ];
    for (text, expected, expected_undefined) in cases {
        let selector = Selector::new(&settings(text), Signal::Logs).unwrap();
        assert_eq!(selector.chooses_log(&record, &resource(), &scope()), expected, "{text}");
        assert_eq!(selector.chooses_log(&undefined, &resource(), &scope()), expected_undefined, "{text}, undefined");
    }
}

#[test]
fn metrics_are_chosen_by_name() {
    let metric = Metric { name: "rabbitmq_queues".into(), ..Metric::default() };
    let cases = [
        ("include: {match_type: strict, metric_names: [rabbitmq_queues]}", true),
        ("include: {match_type: regexp, metric_names: ['^rabbit', x]}", true),
        ("include: {match_type: strict, metric_names: [gone]}", false),
        ("exclude: {match_type: regexp, metric_names: [queues]}", false),
        ("include: {resources: [{key: none}]}", true),
    ];
    for (text, expected) in cases {
        let selector = Selector::new(&settings(text), Signal::Metrics).unwrap();
        assert_eq!(selector.chooses_metric(&metric), expected, "{text}");
    }
}

#[test]
fn faulty_blocks_are_refused_in_upstream_words() {
    use Signal::{Logs, Metrics, Traces};
    let cases = [
        (Traces, "include: {}", "at least one of \"attributes\", \"libraries\",  or \"resources\" field must be specified"),
        (Traces, "include: {log_bodies: [a]}", "log_bodies should not be specified for trace spans"),
        (Traces, "include: {metric_names: [a]}", "metric_names should not be specified for trace spans"),
        (
            Traces,
            "include: {match_type: strict, span_kinds: [server]}",
            "span_kinds string must match one of the standard span kinds when match_type=strict: [SPAN_KIND_CLIENT SPAN_KIND_CONSUMER SPAN_KIND_INTERNAL SPAN_KIND_PRODUCER SPAN_KIND_SERVER]",
        ),
        (
            Traces,
            "include: {services: [a]}",
            "error creating service name filters: unrecognized match_type: '', valid types are: [regexp strict]",
        ),
        (
            Traces,
            "include: {match_type: wrong, span_names: [a]}",
            "error creating span name filters: unrecognized match_type: 'wrong', valid types are: [regexp strict]",
        ),
        (
            Traces,
            "include: {match_type: regexp, span_names: ['[']}",
            "error creating span name filters: error parsing regexp: missing closing ]: `[`",
        ),
        (
            Traces,
            "include: {match_type: strict, attributes: [{value: a}]}",
            "error creating attribute filters: can't have empty key in the list of attributes",
        ),
        (
            Traces,
            "include: {match_type: regexp, attributes: [{key: a, value: 1}]}",
            "error creating attribute filters: match_type=regexp for \"a\" only supports Str, but found Int",
        ),
        (
            Traces,
            "include: {match_type: regexp, libraries: [{name: '['}]}",
            "error creating library name filters: error parsing regexp: missing closing ]: `[`",
        ),
        (
            Logs,
            "exclude: {}",
            "at least one of \"attributes\", \"libraries\", \"span_kinds\", \"resources\", \"log_bodies\", \"log_severity_texts\" or \"log_severity_number\" field must be specified",
        ),
        (Logs, "exclude: {span_names: [a]}", "services, span_names, span_kinds and metric_names are not valid for log records"),
        (
            Metrics,
            "include: {attributes: [{key: a}]}",
            "\"span_names\", \"span_kinds\", \"log_bodies\", \"log_severity_texts\", \"log_severity_number\", \"services\", \"attributes\" and \"libraries\" are not valid for metrics",
        ),
        (Metrics, "include: {match_type: strict}", "at least one of \"metric_names\" or \"resources\" field must be specified"),
        (Metrics, "include: {metric_names: [a]}", "unrecognized match_type: '', valid types are: [regexp strict]"),
    ];
    for (signal, text, expected) in cases {
        let error = Selector::new(&settings(text), signal).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert!(text.starts_with(error.key), "{text}");
    }
}
