//! What is told about a configuration. Texts are those of `otelcol/config_test.go` and `service/pipelines/config_test.go` (v0.132.0).

use super::*;
use crate::tests::FACTORIES;
use std::sync::Arc;

fn told(text: &str) -> Vec<String> {
    told_with(text, &[])
}

fn told_with(text: &str, gates: &[&str]) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    diagnostics.gates = Arc::new(gates.iter().map(|gate| (*gate).to_owned()).collect());
    let root = warren_config::parse_yaml("c.yaml", text).unwrap();
    decode(&root, &FACTORIES, &mut diagnostics);
    let rendered = warren_config::render(&diagnostics);
    let lines = rendered.lines().filter(|line| !line.starts_with("  ") && !line.is_empty());
    lines.filter(|line| !line.starts_with("failed to get config: cannot unmarshal")).map(str::to_owned).collect()
}

const GOOD: &str = "
receivers: {source: }
processors: {pass: , pass/2: }
exporters: {sink: , sink/metrics_only: }
extensions: {badge: }
service:
  extensions: [badge]
  pipelines:
    metrics: {receivers: [source], processors: [pass, pass/2], exporters: [sink]}
    logs/x: {receivers: [source], exporters: [sink]}
";

#[test]
fn a_right_configuration_is_taken() {
    assert_eq!(told(GOOD), Vec::<String>::new());
}

#[test]
fn faults_of_pipelines_are_told_in_upstreams_words() {
    for (from, to, says) in [
        ("exporters: [sink]}\n    logs", "}\n    logs", "service::pipelines::metrics: must have at least one exporter"),
        ("receivers: [source], exp", "receivers: [], exp", "service::pipelines::logs/x: must have at least one receiver"),
        (
            "[source], exp",
            "[nope], exp",
            "service::pipelines::logs/x: references receiver \"nope\" which is not configured (define it under receivers)",
        ),
        (
            "[source], exp",
            "[sourc], exp",
            "service::pipelines::logs/x: references receiver \"sourc\" which is not configured (did you mean \"source\"?)",
        ),
        (
            "[pass, pass/2]",
            "[pass/3]",
            "service::pipelines::metrics: references processor \"pass/3\" which is not configured (did you mean \"pass/2\"?)",
        ),
        ("[pass, pass/2]", "[pass, pass]", "service::pipelines::metrics: references processor \"pass\" multiple times"),
        (
            "extensions: [badge]",
            "extensions: [badgr]",
            "service::extensions: references extension \"badgr\" which is not configured (did you mean \"badge\"?)",
        ),
        ("logs/x:", "metrix:", "'service.pipelines' in \"metrix\" id: unknown pipeline signal: \"metrix\""),
        (
            "logs/x:",
            "profiles:",
            "service::pipelines: pipeline \"profiles\": profiling signal support is at alpha level, gated under the \"service.profilesSupport\" feature gate",
        ),
        (
            "processors: [pass, pass/2],",
            "processors: pass,",
            "'service.pipelines[metrics].processors' source data must be an array or slice, got string",
        ),
        ("{source: }", "{source: , nope: }", "'receivers' unknown type: \"nope\" for id: \"nope\" (valid values: [source])"),
        (
            "{source: }",
            "{source: 5}",
            "'receivers' error reading configuration for \"source\": '[source]' expected type 'map[string]interface {}', got unconvertible type 'int'",
        ),
        ("{badge: }", "{badge: {name: }}", "extensions::badge::name: must not be empty"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD);
        assert_eq!(told(&text), [says], "{text}");
    }
    let told = told(&GOOD.replacen("logs/x:", "traces:", 1));
    let of = |what: &str| {
        format!("failed to build pipelines: failed to create {what} for data type \"traces\": telemetry type is not supported")
    };
    assert_eq!(told, [of("\"source\" receiver"), of("\"sink\" exporter")]);
}

#[test]
fn faults_of_telemetry_are_told() {
    for (text, says) in [
        ("logs: {level: WARN}", None),
        ("logs: {level: }", None),
        ("metrics: {level: 5}", None),
        ("resource: {a: b, service.name: }", None),
        ("resource: {a: 5}", Some("resource: 'a' expected type 'string', got unconvertible type 'int'")),
        ("resource: []", Some("resource: expected type 'map[string]*string', got unconvertible type '[]interface {}'")),
        ("traces: {level: x}", Some("traces: unknown metrics level \"x\"")),
        (
            "metrics: {views: []}",
            Some("service::telemetry::metrics::views can only be set when service::telemetry::metrics::level is detailed"),
        ),
    ] {
        let told = told(&GOOD.replacen("service:\n", &format!("service:\n  telemetry: {{{text}}}\n"), 1));
        let errors: Vec<&String> = told.iter().filter(|line| !line.starts_with("warning")).collect();
        assert!(
            errors.len() == usize::from(says.is_some()) && says.is_none_or(|says| errors[0].contains(says)),
            "{text}: {told:?}"
        );
    }
}

#[test]
fn faults_of_the_whole_are_told() {
    for (text, says) in [
        ("{}", vec!["empty configuration file"]),
        ("receivers:\nexporters:\n", vec!["empty configuration file"]),
        (
            "extensions: {badge: }",
            vec![
                "no receiver configuration specified in config",
                "no exporter configuration specified in config",
                "service::pipelines: service must have at least one pipeline",
            ],
        ),
        (
            "recievers: {}\nexporters: {sink: }",
            vec![
                "'' has invalid keys: recievers (did you mean \"receivers\"?)",
                "service::pipelines: service must have at least one pipeline",
            ],
        ),
    ] {
        assert_eq!(told(text), says, "{text}");
    }
    assert_eq!(told_with("extensions: {badge: }", &["service.AllowNoPipelines"]), Vec::<String>::new());
}

#[test]
fn all_faults_are_told_at_once_and_no_consequences() {
    let text = "
receivers: {source: {interval: soon}}
processors: {pass: {nope: 1}}
exporters: {sink: {auth: badge}}
service:
  pipelines:
    metrics: {receivers: [source], processors: [pass], exporters: [sink, lost]}
";
    let told = told(text);
    assert_eq!(told.len(), 4, "{told:#?}");
    for part in
        ["'interval' time: invalid duration", "has invalid keys: nope", "\"lost\"", "failed to resolve authenticator \"badge\""]
    {
        assert!(told.iter().any(|line| line.contains(part)), "{part} is missing: {told:#?}");
    }
}

#[test]
fn what_settings_refer_to_must_be_defined_and_listed() {
    let undefined = GOOD.replace("exporters: {sink: ,", "exporters: {sink: {auth: seal},");
    let says = "exporters::sink::auth: failed to resolve authenticator \"seal\": authenticator not found \
        (define \"seal\" under extensions, and list it in service::extensions)";
    assert_eq!(told(&undefined), [says]);
    let unlisted = GOOD.replace("exporters: {sink: ,", "exporters: {sink: {auth: badge},").replace("[badge]", "[]");
    let says = "exporters::sink::auth: failed to resolve authenticator \"badge\": authenticator not found \
        (\"badge\" is defined under extensions but not listed in service::extensions; list it there)";
    assert_eq!(told(&unlisted), [says]);
}

#[test]
fn files_that_settings_name_must_be_readable() {
    let text = GOOD.replace("{badge: }", "{badge: {file: /nowhere/at/all}}");
    assert_eq!(told(&text), ["extensions::badge::file: open /nowhere/at/all: no such file or directory"]);
}

#[test]
fn directories_that_settings_name_must_be_there() {
    let says = |directory: &str| told(&GOOD.replace("{badge: }", &format!("{{badge: {{file: {directory}}}}}")));
    let missing = "extensions::badge::file: directory must exist: stat /nowhere/at/all/: no such file or directory. \
        You can enable the create_directory option to automatically create it";
    assert_eq!(says("/nowhere/at/all/"), [missing]);
    assert_eq!(says("/"), Vec::<String>::new());
    assert_eq!(says("/proc/self/status/").len(), 1);
}
