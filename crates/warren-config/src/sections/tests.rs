use super::*;
use crate::fields::Fields;
use crate::{parse_yaml, render};

#[derive(Default)]
struct Batch {
    size: u32,
}

impl Block for Batch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("send_batch_size", &mut self.size);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.size > 10 {
            report.error("send_batch_size", "must be at most 10");
        }
    }
}

fn split(text: &str) -> (Sections, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let sections = Sections::split(&parse_yaml("t", text).unwrap(), &mut diagnostics);
    (sections, diagnostics)
}

#[test]
fn components_are_found_by_their_ids() {
    let (sections, diagnostics) =
        split("processors: {batch: , ' batch / a ': {send_batch_size: 5}}\nservice: {x: 1}\nexporters: null\n");
    assert_eq!(diagnostics.to_string(), "");
    let ids: Vec<String> = sections.processors.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids, ["batch", "batch/a"]);
    assert!(sections.processors.contains(&"batch/a".parse().unwrap()) && sections.exporters.is_empty());
    assert!(sections.service.get("x").is_some());
}

#[test]
fn faults_are_told_in_upstreams_words() {
    // opentelemetry-collector otelcol/internal/configunmarshaler and component/identifiable.go, v0.132.0
    let cases = [
        ("recievers: {}", "'' has invalid keys: recievers"),
        ("processors: [a]", "'processors' expected a map or struct, got \"slice\""),
        ("processors: {batch: 5}", "'[batch]' expected type 'map[string]interface {}', got unconvertible type 'int'"),
        ("processors: {batch/: }", "'processors' '' in \"batch/\" id: the part after / should not be empty"),
        ("processors: {ba-tch: }", "'processors' '' in \"ba-tch\" id: invalid character(s) in type \"ba-tch\""),
        ("processors: {batch/a: , batch/ a: }", "'processors' '' duplicate name \"batch/ a\" after unmarshaling batch/a"),
    ];
    for (text, message) in cases {
        let (_, diagnostics) = split(text);
        let told: Vec<&str> = diagnostics.errors().map(|error| error.message.as_str()).collect();
        assert_eq!(told, [message], "{text}");
    }
}

#[test]
fn a_component_tells_its_faults_with_its_id() {
    let (sections, mut diagnostics) =
        split("processors:\n  batch/a:\n    send_batch_size: many\n    nope: 1\n  batch:\n    send_batch_size: 11\n");
    for (id, _) in sections.processors.iter() {
        let mut batch = Batch::default();
        sections.processors.decode(id, &mut batch, &mut diagnostics);
        sections.processors.validate(id, &mut batch, &mut diagnostics);
    }
    let told: Vec<_> = diagnostics
        .errors()
        .map(|error| {
            (
                error.pointer.as_str(),
                error.message.as_str(),
                error.component.as_ref().unwrap().to_string(),
                error.place.to_string(),
            )
        })
        .collect();
    let expected = [
        (
            "/processors/batch~1a/send_batch_size",
            "'send_batch_size' expected type 'uint32', got unconvertible type 'string'",
            "batch/a",
            "t:3:22",
        ),
        ("/processors/batch~1a/nope", "'' has invalid keys: nope", "batch/a", "t:4:5"),
        ("/processors/batch/send_batch_size", "must be at most 10", "batch", "t:6:22"),
    ];
    assert_eq!(told, expected.map(|(pointer, message, id, place)| (pointer, message, id.to_owned(), place.to_owned())));
    let text = render(&diagnostics);
    assert!(text.contains("'processors' error reading configuration for \"batch/a\": '' has invalid keys: nope\n"), "{text}");
    assert!(text.contains("\nprocessors::batch::send_batch_size: must be at most 10\n"), "{text}");
}

#[test]
fn unknown_types_are_told_with_those_that_exist() {
    let (sections, mut diagnostics) = split("processors: {bath/x: }\nexporters: {logging: }\n");
    sections.processors.unknown_type(&"bath/x".parse().unwrap(), &["filter", "batch"], &mut diagnostics);
    sections.exporters.unknown_type(&"logging".parse().unwrap(), &["debug"], &mut diagnostics);
    let told: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "processors::bath/x: 'processors' unknown type: \"bath\" for id: \"bath/x\" (valid values: [batch filter]) (did you mean \"batch\"?) at t:1:14",
            "exporters::logging: 'exporters' the logging exporter has been deprecated, use the debug exporter instead at t:2:13",
        ]
    );
}
