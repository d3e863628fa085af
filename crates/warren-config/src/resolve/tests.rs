use std::collections::HashMap;

use super::*;
use crate::to_json;

struct Web(HashMap<&'static str, &'static str>);

impl Fetch for Web {
    fn fetch(&self, uri: &str, _limit: usize) -> Result<Vec<u8>, String> {
        self.0
            .get(uri)
            .map(|body| body.as_bytes().to_vec())
            .ok_or_else(|| format!("failed to load resource from uri {uri:?}. status code: 404"))
    }
}

const VARIABLES: [(&str, &str); 16] = [
    ("INT", "5"),
    ("OCTAL", "0123"),
    ("TEXT", "abc"),
    ("QUOTED", "\"0123\""),
    ("COMMENT", "true # ${env:TEXT}"),
    ("BAD_COMMENT", "true # ${nope:x}"),
    ("LIST", "[1, \"${env:TEXT}\"]"),
    ("MAP", "a: ${env:OCTAL}"),
    ("EMPTY", ""),
    ("BROKEN", "[1, "),
    ("NAME", "TEXT"),
    ("DOLLARS", "a$$b"),
    ("BIG", "12345678901234567890"),
    ("KEYED", "{1: a}"),
    ("LOOP", "${env:LOOP}"),
    ("GROW", "${env:GROW}${env:GROW}"),
];

fn env(name: &str) -> Option<String> {
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn load_texts(sources: &[&str], sets: &[&str]) -> Result<Loaded, Diagnostics> {
    let web = Web(HashMap::from([("http://h/x?t=1", "w: 1"), ("https://h/y", "w: 2")]));
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    load(&owned(sources), &owned(sets), &env, &web)
}

/// What a source is resolved to, in one line, or the errors.
fn resolved(sources: &[&str], sets: &[&str]) -> String {
    match load_texts(sources, sets) {
        Ok(loaded) => one_line(&loaded.root),
        Err(diagnostics) => diagnostics.errors().map(|error| error.message.clone()).collect::<Vec<_>>().join("; "),
    }
}

fn one_line(node: &Node) -> String {
    to_json(node).split_whitespace().collect::<Vec<_>>().join(" ").replace("{ ", "{").replace(" }", "}")
}

fn value_of(text: &str) -> Node {
    let loaded = load_texts(&[&format!("yaml:k: '{text}'")], &[]).unwrap();
    loaded.root.get("k").cloned().unwrap()
}

#[test]
fn a_whole_value_keeps_its_type_and_its_text() {
    // opentelemetry-collector confmap/internal/e2e/types_test.go, v0.132.0
    let cases = [
        ("${env:INT}", "5", Some("5")),
        ("${INT}", "5", Some("5")),
        ("${env:OCTAL}", "83", Some("0123")),
        ("${env:TEXT}", "\"abc\"", None),
        ("${env:QUOTED}", "\"\\\"0123\\\"\"", None),
        ("${env:COMMENT}", "true", Some("true # abc")),
        ("${env:BAD_COMMENT}", "true", None),
        ("${env:EMPTY}", "null", Some("")),
        ("${env:BROKEN}", "\"[1, \"", None),
        ("${env:${env:NAME}}", "\"abc\"", None),
        ("${env:NOPE:-7}", "7", Some("7")),
        ("${env:NOPE:-${env:INT}}", "5", Some("5")),
        ("${env:NOPE:-}", "null", Some("")),
        ("${env:EMPTY:-7}", "null", Some("")),
        ("${yaml:[1]}", "[ 1 ]", Some("[1]")),
        ("${yaml:[INFO] text}", "[ \"INFO\" ]", Some("[INFO] text")),
    ];
    for (text, json, original) in cases {
        let node = value_of(text);
        assert_eq!((one_line(&node).as_str(), node.original.as_deref()), (json, original), "{text}");
    }
    let list = value_of("${env:LIST}");
    assert_eq!((one_line(&list).as_str(), list.original.as_deref()), ("[ 1, \"abc\" ]", Some("[1, \"abc\"]")));
    let map = value_of("${env:MAP}");
    assert_eq!((one_line(&map).as_str(), map.original.as_deref()), ("{\"a\": 83}", Some("a: 0123")));
    assert_eq!(map.get("a").unwrap().original.as_deref(), Some("0123"));
}

#[test]
fn inside_a_text_a_reference_is_its_text() {
    let cases = [
        ("x-${env:INT}-y", "x-5-y"),
        ("${env:INT}${env:INT}", "55"),
        ("x${env:OCTAL}${env:EMPTY}", "x0123"),
        ("${env:QUOTED}.", "\"0123\"."),
        ("http://${env:TEXT}:${env:INT}/}", "http://abc:5/}"),
        ("${env:INT", "${env:INT"),
        ("$INT {INT}", "$INT {INT}"),
    ];
    for (text, expected) in cases {
        assert_eq!(value_of(text).as_text(), Some(expected), "{text}");
    }
}

#[test]
fn dollars_are_escaped_by_dollars() {
    // opentelemetry-collector confmap/internal/e2e/expand_test.go, v0.132.0
    let cases = [
        ("$$", "$"),
        ("$$$$X", "$$X"),
        ("$X", "$X"),
        ("$${env:TEXT}", "${env:TEXT}"),
        ("$$${env:TEXT}", "$abc"),
        ("$$$${env:TEXT}", "$${env:TEXT}"),
        ("$${env:TEXT} ${env:INT}", "${env:TEXT} ${env:INT}"),
        ("${env:INT} $${env:TEXT}", "5 ${env:TEXT}"),
        ("${env:TEXT} $${env:TEXT}", "abc $abc"),
        ("${env:DOLLARS}", "a$b"),
    ];
    for (text, expected) in cases {
        assert_eq!(value_of(text).as_text(), Some(expected), "{text}");
    }
}

#[test]
fn a_reference_after_an_escaped_one_is_warned_of() {
    let warnings =
        |text: &str| load_texts(&[&format!("yaml:k: '{text}'")], &[]).unwrap().diagnostics.warning_lines().collect::<Vec<_>>();
    assert_eq!(
        warnings("$${env:TEXT} ${env:INT}"),
        ["k: a reference after an escaped one ($${...}) is not expanded at yaml::1:4"]
    );
    assert!(warnings("$${env:TEXT}").is_empty());
}

#[test]
fn unset_variables_are_warned_of_once() {
    let loaded = load_texts(&["yaml:{a: '${env:NOPE}', b: 'x${env:NOPE}'}"], &[]).unwrap();
    assert_eq!(one_line(&loaded.root), "{\"a\": null, \"b\": \"x\"}");
    let told: Vec<_> = loaded.diagnostics.warning_lines().collect();
    assert_eq!(told, ["Configuration references unset environment variable \"NOPE\" at yaml::1:5"]);
}

#[test]
fn references_that_cannot_be_expanded_are_told_in_upstreams_words() {
    // opentelemetry-collector confmap/expand_test.go, v0.132.0
    let cases = [
        ("${NOPE:-x}", "scheme \"NOPE\" is not supported for uri \"NOPE:-x\""),
        ("${X:-x}", "invalid uri: \"X:-x\""),
        ("${nope:ab}", "scheme \"nope\" is not supported for uri \"nope:ab\""),
        ("${env:1x}", "environment variable \"1x\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$"),
        ("${env:a$b}", "the uri \"env:a$b\" contains unsupported characters ('$')"),
        ("${file:/nope/x.yaml}", "unable to read the file file:/nope/x.yaml: open /nope/x.yaml: no such file or directory"),
        ("x${env:BIG}", "unsupported type=uint64 for retrieved config, ensure that values are wrapped in quotes"),
        (
            "${env:KEYED}",
            "unsupported type=map[interface {}]interface {} for retrieved config, ensure that values are wrapped in quotes",
        ),
        ("${env:LOOP}", "too many recursive expansions"),
        ("${env:GROW}", "the expanded configuration is too large"),
    ];
    for (text, message) in cases {
        assert_eq!(resolved(&[&format!("yaml:k: '{text}'")], &[]), message, "{text}");
    }
}

#[test]
fn every_bad_reference_is_told_with_its_path() {
    let diagnostics = load_texts(&["yaml:{a: ['${nope:1}'], b: {c: '${env:X Y}'}, d: '${T:-x}'}"], &[]).unwrap_err();
    let told: Vec<_> =
        diagnostics.errors().map(|error| (error.pointer.as_str(), error.place.column(), error.hint.as_deref())).collect();
    assert_eq!(told, [("/a/0", 6, None), ("/b/c", 27, None), ("/d", 45, Some("a default needs the scheme: ${env:T:-x}"))]);
}

#[test]
fn later_sources_win_key_by_key() {
    let cases: [(&[&str], &str); 9] = [
        (&["yaml:{a: 1, b: {c: 1, d: 1}}", "yaml:{b: {c: 2}}"], "{\"a\": 1, \"b\": {\"c\": 2, \"d\": 1}}"),
        (&["yaml:{a: [1, 2]}", "yaml:{a: [3]}"], "{\"a\": [ 3 ]}"),
        (&["yaml:{a: {b: 1}}", "yaml:{a: null}"], "{\"a\": null}"),
        (&["yaml:{a: {b: 1}}", "yaml:{a: {}}"], "{\"a\": {\"b\": 1}}"),
        (&["yaml:{a: {b: 1}}", "yaml:{a: 5}"], "{\"a\": 5}"),
        (&["yaml:{a: 5}", "yaml:{a: {b: 1}}"], "{\"a\": {\"b\": 1}}"),
        (&["yaml:a::b: 1", "yaml:{a: {c: 2}}"], "{\"a\": {\"b\": 1, \"c\": 2}}"),
        (&["yaml:{a: {'b::c': 1}, l: [{'x::y': 1}]}"], "{\"a\": {\"b\": {\"c\": 1}}, \"l\": [ {\"x::y\": 1} ]}"),
        (&["yaml:", "yaml:a: 1", "yaml:null"], "{\"a\": 1}"),
    ];
    for (sources, expected) in cases {
        assert_eq!(resolved(sources, &[]), expected, "{sources:?}");
    }
}

#[test]
fn lists_of_components_are_appended_when_the_gate_is_on() {
    // opentelemetry-collector confmap/testdata/merge-append-scenarios.yaml, v0.132.0
    let sources = [
        "yaml:{service: {extensions: [a, b], pipelines: {traces: {receivers: [r1], processors: [p1], exporters: [e1]}}}, x: [1]}".to_owned(),
        "yaml:{service: {extensions: [b, c], pipelines: {traces: {receivers: [r2, r1], processors: [p2], exporters: [e2]}}}, x: [2]}".to_owned(),
    ];
    let web = Web(HashMap::new());
    let loaded = Loader::new(&env, &web).merge_append(true).load(&sources, &[]).unwrap();
    let traces = "{\"exporters\": [ \"e1\", \"e2\" ], \"processors\": [ \"p2\" ], \"receivers\": [ \"r1\", \"r2\" ]}";
    let expected = format!(
        "{{\"service\": {{\"extensions\": [ \"a\", \"b\", \"c\" ], \"pipelines\": {{\"traces\": {traces}}}}}, \"x\": [ 2 ]}}"
    );
    assert_eq!(one_line(&loaded.root), expected);
}

#[test]
fn set_is_yaml_under_a_dotted_key() {
    let cases = [
        ("a.b.c=5", "{\"a\": {\"b\": {\"c\": 5}}}"),
        ("x=[1, 2]", "{\"x\": [ 1, 2 ]}"),
        ("x={q: 1}", "{\"x\": {\"q\": 1}}"),
        ("x=", "{\"x\": null}"),
        ("x=b=c", "{\"x\": \"b=c\"}"),
        (" e/two.a = ${env:INT} ", "{\"e/two\": {\"a\": 5}}"),
        ("foo", "invalid argument \"foo\" for \"--set\" flag: missing equal sign"),
    ];
    for (set, expected) in cases {
        assert_eq!(resolved(&["yaml:"], &[set]), expected, "{set}");
    }
    let diagnostics = load_texts(&[], &["password=[secret"]).unwrap_err();
    let told = crate::render(&diagnostics);
    assert!(told.contains("--set password") && !told.contains("[secret"), "{told}");
}

#[test]
fn sources_that_are_no_configuration_are_refused_in_upstreams_words() {
    let cases: [(&[&str], &str); 6] = [
        (&[], "at least one config flag must be provided"),
        (&["foo:bar"], "failed to create new resolver: unsupported scheme on URI \"foo:bar\""),
        (
            &["x:bar"],
            "cannot retrieve the configuration: unable to read the file file:x:bar: open x:bar: no such file or directory",
        ),
        (&["yaml:[a]"], "retrieved value (type=[]interface {}) cannot be used as a Conf"),
        (&["yaml:abc"], "retrieved value (type=string) cannot be used as a Conf"),
        (
            &["yaml:1: a"],
            "cannot retrieve the configuration: unsupported type=map[interface {}]interface {} for retrieved config, ensure that values are wrapped in quotes",
        ),
    ];
    for (sources, expected) in cases {
        assert_eq!(resolved(sources, &[]), expected, "{sources:?}");
    }
    let broken = resolved(&["yaml:a: ["], &[]);
    let misplaced = resolved(&["yaml:  a: 1\nb: 2"], &[]);
    assert!(misplaced.ends_with("yaml: line 2: did not find expected <document start>"), "{misplaced}");
    assert!(broken.starts_with("retrieved value (type=string) cannot be used as a Conf: assuming string type since contents are not valid YAML: yaml: line "), "{broken}");
}

#[test]
fn files_are_read_and_remembered() {
    let dir = std::env::temp_dir().join(format!("warren-config-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (main, word) = (dir.join("main.yaml"), dir.join("word"));
    std::fs::write(&word, "hello\n").unwrap();
    std::fs::write(&main, format!("a: ${{file:{}}}\nb: x ${{file:{}}}", word.display(), word.display())).unwrap();
    let loaded = load_texts(&[main.to_str().unwrap()], &[]).unwrap();
    assert_eq!(loaded.root.get("a").unwrap().as_text(), Some("hello\n"));
    assert_eq!(loaded.files, [main.clone(), word]);
    let error = load_texts(&[dir.to_str().unwrap()], &[]).unwrap_err();
    assert!(error.to_string().contains(": is a directory"), "{error}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_network_is_left_to_the_caller() {
    assert_eq!(resolved(&["http://h/x?t=1", "yaml:{v: '${https://h/y}'}"], &[]), "{\"v\": {\"w\": 2}, \"w\": 1}");
    let missing = resolved(&["http://h/none"], &[]);
    assert_eq!(
        missing,
        "cannot retrieve the configuration: failed to load resource from uri \"http://h/none\". status code: 404"
    );
}
