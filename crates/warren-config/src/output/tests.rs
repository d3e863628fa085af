use super::*;
use crate::diagnostic::{Diagnostics, Stage};
use crate::fields::{Block, Fields};
use crate::{Fetch, Node, Secret, describe, load, parse_yaml};

struct NoFetch;

impl Fetch for NoFetch {
    fn fetch(&self, _uri: &str, _limit: usize) -> Result<Vec<u8>, String> {
        Err("no network".to_owned())
    }
}

#[test]
fn yaml_is_written_in_the_style_of_the_reference() {
    let text = "\
b: {x: null, e: {}, l: []}
a: [1, {k: v, l: [2]}, [3, [4]], 'x: y']
n10: 1.5
n2: 1e6
t: 2020-01-01
s: {bool: 'true', old: 'yes', num: '5', sexagesimal: '1:30', colon: 'a: b', hash: 'a #b', plain: a#b c, empty: '', tab: \"a\\tb\", dash: '- a', space: ' a'}
block: \"a\\nb\\n\"
strip: \"a\\n\\nb\"
keep: \"a\\n\\n\"
";
    let expected = "\
a:
    - 1
    - k: v
      l:
        - 2
    - - 3
      - - 4
    - 'x: y'
b:
    e: {}
    l: []
    x: null
block: |
    a
    b
keep: |+
    a

n2: 1e+06
n10: 1.5
s:
    bool: \"true\"
    colon: 'a: b'
    dash: '- a'
    empty: \"\"
    hash: 'a #b'
    num: \"5\"
    old: \"yes\"
    plain: a#b c
    sexagesimal: \"1:30\"
    space: ' a'
    tab: \"a\\tb\"
strip: |-
    a

    b
t: 2020-01-01T00:00:00Z
";
    assert_eq!(to_yaml(&parse_yaml("t", text).unwrap()), expected);
    assert_eq!(to_yaml(&Node::default()), "null\n");
}

#[test]
fn json_is_written_with_sorted_keys() {
    let node = parse_yaml("t", "b: [1, 2.5, 12345678901234567890]\na: {s: \"ä\\n\\u2028\\\"\", e: {}, n: ~, t: true}").unwrap();
    let expected = "{\n  \"a\": {\n    \"e\": {},\n    \"n\": null,\n    \"s\": \"ä\\n\\u2028\\\"\",\n    \"t\": true\n  },\n  \"b\": [\n    1,\n    2.5,\n    12345678901234567890\n  ]\n}\n";
    assert_eq!(to_json(&node), expected);
}

#[test]
fn a_fingerprint_is_of_the_content_alone() {
    let of = |text: &str| fingerprint(&parse_yaml("t", text).unwrap().value);
    assert_eq!(of("{a: 1, b: [x]}"), of("# c\nb:\n- \"x\"\na: 0x1\n"));
    let different =
        ["{a: 1}", "{a: '1'}", "{a: 1.0}", "{a: 1, b: null}", "{a: [1]}", "[a, 1]", "{a: {}}", "{a: []}", "{ab: ''}", "{a: b}"];
    let prints: std::collections::BTreeSet<u64> = different.iter().map(|text| of(text)).collect();
    assert_eq!(prints.len(), different.len());
}

#[derive(Default)]
struct Exporter {
    endpoint: String,
    user: Secret,
    key_path: String,
    raw: Option<Node>,
    proxies: Vec<Proxy>,
}

impl Block for Exporter {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.scalar("user", &mut self.user);
        f.scalar("key_path", &mut self.key_path);
        f.any("raw", &mut self.raw);
        f.blocks("proxies", &mut self.proxies);
    }
}

#[derive(Default)]
struct Proxy {
    pass: Secret,
}

impl Block for Proxy {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("pass", &mut self.pass);
    }
}

#[test]
fn secrets_are_hidden_by_type_and_otherwise_by_name() {
    let text = "\
exporters:
  known: {endpoint: 'https://u:pw1@h/x', user: s1, key_path: /k, raw: {password: s2, deep: [{api_key: [s3], name: n, token_file: /t}]}, proxies: [{pass: s4}]}
  other: {headers: {Authorization: s5, x: y}, client_secret: {a: s6}, n: 5, password: null}
service: {telemetry: {token: 7, url: 'http://user:pw2@h', all: 'a://u:pw3@h,b://v:pw4@i/x'}}
";
    let mut root = parse_yaml("t", text).unwrap();
    redact(&mut root, &|section, id| {
        (section == "exporters" && id.kind() == "known").then(|| describe(&mut Exporter::default()))
    });
    let shown = to_json(&root);
    for secret in ["s1", "s2", "s3", "s4", "s5", "s6", "pw1", "pw2", "pw3", "pw4", "7"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    for open in [
        "\"/k\"",
        "\"name\": \"n\"",
        "\"/t\"",
        "\"x\": \"y\"",
        "\"n\": 5",
        "\"password\": null",
        "https://u:[REDACTED]@h/x",
        "http://user:[REDACTED]@h",
        "a://u:[REDACTED]@h,b://v:[REDACTED]@i/x",
    ] {
        assert!(shown.contains(open), "{open}: {shown}");
    }
}

/// Loads a text as a file, decodes its `exporters` as [`Exporter`] and renders what is wrong.
fn rendered(text: &str) -> String {
    let dir = std::env::temp_dir().join(format!(
        "warren-config-render-{}-{}",
        std::process::id(),
        fingerprint(&crate::Value::String(text.to_owned()))
    ));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("c.yaml");
    std::fs::write(&file, text).unwrap();
    let diagnostics = match load(&[file.to_str().unwrap().to_owned()], &[], &|_| None, &NoFetch) {
        Err(diagnostics) => diagnostics,
        Ok(mut loaded) => {
            let sections = crate::Sections::split(&loaded.root, &mut loaded.diagnostics);
            for (id, _) in sections.exporters.iter() {
                sections.exporters.decode(id, &mut Exporter::default(), &mut loaded.diagnostics);
            }
            loaded.diagnostics
        }
    };
    std::fs::remove_dir_all(&dir).unwrap();
    render(&diagnostics).replace(dir.to_str().unwrap(), "DIR")
}

#[test]
fn findings_are_shown_in_their_line() {
    let expected = "\
failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):

'exporters' error reading configuration for \"a\": '' has invalid keys: endpont (did you mean \"endpoint\"?)
  --> DIR/c.yaml:3:5 (exporters::a::endpont)
  3 |     endpont: x
    |     ^
'exporters' error reading configuration for \"b\": 'endpoint' expected type 'string', got unconvertible type 'int' (put the value in quotes to make it text)
  --> DIR/c.yaml:5:16 (exporters::b::endpoint)
  5 |   b: {endpoint: 5}
    |                ^
";
    let text = "exporters:\n  a:\n    endpont: x\n\n  b: {endpoint: 5}\n";
    assert_eq!(rendered(text), expected.replace("5:16", "5:17").replace("    |                ^\n", "    |                 ^\n"));
}

#[test]
fn lines_with_secrets_are_not_shown() {
    for text in [
        "exporters:\n  a: {user: [hunter2]}\n",
        "exporters:\n  a: {endpint: x, password: hunter2}\n",
        "exporters:\n  a: {endpint: 'http://u:hunter2@h'}\n",
    ] {
        let shown = rendered(text);
        assert!(shown.contains("exporters::a") && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn findings_for_programs_are_json() {
    let mut diagnostics = Diagnostics::new();
    assert_eq!(diagnostics_to_json(&diagnostics), "[]\n");
    let node = parse_yaml("t", "exporters:\n  a/b: {endpont: \"\\\"\"}\n").unwrap();
    let sections = crate::Sections::split(&node, &mut diagnostics);
    sections.exporters.decode(&"a/b".parse().unwrap(), &mut Exporter::default(), &mut diagnostics);
    diagnostics.warning(Stage::Resolve, "unset-variable", "x \"y\"", crate::Place::none());
    let json = diagnostics_to_json(&diagnostics);
    let read = parse_yaml("json", &json).unwrap();
    let findings = read.as_list().unwrap();
    let text = |index: usize, key: &str| findings[index].get(key).unwrap().as_text().map(str::to_owned);
    assert_eq!(text(0, "severity").unwrap(), "error");
    assert_eq!(text(0, "code").unwrap(), "unknown-key");
    assert_eq!(text(0, "pointer").unwrap(), "/exporters/a~1b/endpont");
    assert_eq!(text(0, "component").unwrap(), "a/b");
    assert_eq!(text(0, "hint").unwrap(), "did you mean \"endpoint\"?");
    assert_eq!(to_json(findings[0].get("line").unwrap()), "2\n");
    assert_eq!(to_json(findings[0].get("column").unwrap()), "9\n");
    assert_eq!(
        (text(1, "severity").unwrap().as_str(), text(1, "line"), text(1, "message").unwrap().as_str()),
        ("warning", None, "x \"y\"")
    );
}

#[test]
fn findings_without_end_are_counted() {
    let mut diagnostics = Diagnostics::new();
    for _ in 0..5000 {
        diagnostics.error(Stage::Validate, "x", "y", crate::Place::none());
    }
    assert_eq!((diagnostics.iter().count(), diagnostics.error_count(), diagnostics.dropped()), (1000, 5000, 4000));
    assert!(render(&diagnostics).ends_with("and 4000 more\n"));
}

#[test]
fn keys_of_any_length_are_read_again() {
    let long = |length: usize| "a:b ".repeat(length);
    for text in [
        format!("{{{:?}: 1}}", long(500)),
        format!("{{\"x\": {{{:?}: {{\"y\": [1, 2]}}, \"z\": \"\"}}}}", long(33)),
        format!("[{{{:?}: [{{\"b\": 1}}], \"c\": 2}}, 3]", long(400)),
        format!("{{{:?}: \"a\\nb\\n\"}}", "k".repeat(2000)),
    ] {
        let node = parse_yaml("t", &text).unwrap();
        let written = to_yaml(&node);
        let again = parse_yaml("written", &written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(to_json(&again), to_json(&node), "{written}");
    }
}
