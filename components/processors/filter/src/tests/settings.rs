use super::*;
use warren_config::Severity;

fn refused(settings: &str) -> String {
    decoded(settings).1.to_string()
}

#[test]
fn what_upstream_accepts_is_accepted() {
    for settings in [
        "{}",
        "metrics: {include: {match_type: strict, metric_names: [hello_world, hello/world]}}",
        "metrics: {include: {match_type: expr, expressions: ['Label(\"foo\") == \"bar\"', 'HasLabel(\"baz\")']}}",
        "logs: {include: {severity_number: {min: INFO, match_undefined: true}}}",
        "spans: {include: {match_type: strict, services: [test, test2], attributes: [{key: should_include, value: '(true|probably_true)'}]}}",
        "{error_mode: IGNORE, traces: {span: ['attributes[\"test\"] == \"pass\"'], spanevent: ['attributes[\"test\"] == \"pass\"']}, metrics: {metric: ['name == \"pass\"'], datapoint: ['attributes[\"test\"] == \"pass\"']}, logs: {log_record: ['attributes[\"test\"] == \"pass\"']}}",
        "traces: {span: 'attributes[\"test\"] == \"pass\"'}",
        "traces: {span: null}",
    ] {
        assert_eq!(refused(settings), "", "{settings}");
    }
}

#[test]
fn conditions_and_properties_do_not_mix() {
    for (settings, signal) in [
        ("{traces: {span: ['true']}, spans: {include: {match_type: strict, services: [a]}}}", "spans"),
        ("{traces: {spanevent: []}, spans: {exclude: {match_type: strict, services: [a]}}}", "spans"),
        ("metrics: {metric: ['true'], include: {match_type: strict}}", "metrics"),
        ("metrics: {datapoint: ['true'], exclude: {}}", "metrics"),
        ("logs: {log_record: ['true'], include: {match_type: strict}}", "logs"),
    ] {
        let expected = format!("cannot use ottl conditions and include/exclude for {signal} at the same time");
        assert!(refused(settings).contains(&expected), "{settings}: {}", refused(settings));
    }
}

#[test]
fn every_faulty_condition_is_told_at_its_place() {
    let settings = "metrics: {metric: ['name == \"a\"', 'IsMatch(name, \"(\")', 'nope == 1'], datapoint: ['attributes[test] == \"pass\"', 'value_int =']}\nlogs: {log_record: ['Substring(\"\", 0)']}\ntraces: {span: ['set(name, \"x\")'], spanevent: ['UnknownFunction()']}";
    let (_, diagnostics) = decoded(settings);
    let mut places: Vec<&str> = diagnostics.errors().map(|error| error.pointer.as_str()).collect();
    places.sort_unstable();
    let mut expected = [
        "/metrics/metric/1",
        "/metrics/metric/2",
        "/metrics/datapoint/0",
        "/metrics/datapoint/1",
        "/logs/log_record/0",
        "/traces/span/0",
        "/traces/spanevent/0",
    ];
    expected.sort_unstable();
    assert_eq!(places, expected, "{diagnostics}");
    let all = diagnostics.to_string();
    for part in ["error parsing regexp: missing closing ): `(`", "undefined function \"UnknownFunction\""] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn conditions_that_say_nothing_are_warned_of_at_their_place() {
    let (_, diagnostics) = decoded("logs: {log_record: ['body == nil', 'severity_number == \"9\"']}");
    let told: Vec<_> = diagnostics.iter().map(|finding| (finding.severity, finding.pointer.as_str())).collect();
    assert_eq!(told, [(Severity::Warning, "/logs/log_record/1")]);
    assert!(diagnostics.iter().all(|finding| finding.message.contains("this comparison is never true")));
}

#[test]
fn a_severity_that_does_not_exist_is_a_warning() {
    let (_, diagnostics) = decoded("logs: {include: {severity_number: {min: verbose}}}");
    let told: Vec<_> = diagnostics.iter().map(|finding| (finding.severity, finding.message.as_str())).collect();
    assert_eq!(told, [(Severity::Warning, "'verbose' is not a valid severity: every severity matches")]);
}

#[test]
fn faulty_properties_are_refused_when_they_are_used() {
    let error = |settings: &str, signal| try_start(settings, signal).err().map(|error| error.to_string()).unwrap_or_default();
    let cases = [
        (
            "metrics: {include: {match_type: regexp, metric_names: ['(']}}",
            Signal::Metrics,
            "include: error parsing regexp: missing closing ): `(`",
        ),
        (
            "metrics: {exclude: {match_type: nope, metric_names: [a]}}",
            Signal::Metrics,
            "exclude: unrecognized match_type: 'nope', valid types are: [regexp strict]",
        ),
        ("metrics: {exclude: {match_type: expr, expressions: [foo]}}", Signal::Metrics, "unknown name foo, there are MetricName"),
        (
            "metrics: {include: {match_type: strict, resource_attributes: [{value: a}]}}",
            Signal::Metrics,
            "can't have empty key in the list of attributes",
        ),
        (
            "logs: {include: {match_type: regexp, bodies: ['(']}}",
            Signal::Logs,
            "failed to build skip matcher: include: error creating log record body filters: error parsing regexp",
        ),
        (
            "spans: {include: {match_type: strict}}",
            Signal::Traces,
            "at least one of \"attributes\", \"libraries\",  or \"resources\" field must be specified",
        ),
    ];
    for (settings, signal, expected) in cases {
        assert!(error(settings, signal).contains(expected), "{settings}: {}", error(settings, signal));
        let unused = if signal == Signal::Logs { Signal::Traces } else { Signal::Logs };
        assert_eq!(error(settings, unused), "");
    }
}
