use std::time::Duration;

use super::*;
use crate::Place;
use crate::{
    ComponentId, Diagnostics, GoDuration, Keyword, ReferenceKind, Secret, decode_settings, describe, encode, parse_yaml, to_json,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Speed {
    Slow,
    Fast,
}

impl Keyword for Speed {
    const TYPE: &'static str = "test.Speed";
    const WORDS: &'static [(&'static str, Self)] = &[("slow", Speed::Slow), ("fast", Speed::Fast)];
    const IGNORE_CASE: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown speed {word:?}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Level(i64);

impl Keyword for Level {
    const TYPE: &'static str = "test.Level";
    const WORDS: &'static [(&'static str, Self)] = &[("none", Level(0)), ("all", Level(1))];
    const NUMERIC: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown level {word:?}")
    }

    fn from_integer(number: i64) -> Option<Self> {
        Some(Level(number))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Inner {
    n: i64,
    s: String,
}

impl Block for Inner {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("n", &mut self.n);
        f.scalar("s", &mut self.s);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.n < 0 {
            report.error("n", "must be non-negative");
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Squashed {
    endpoint: String,
}

impl Block for Squashed {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.removed("address", "use endpoint");
        f.accepted("later", "has no effect yet");
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.endpoint.is_empty() {
            report.error("endpoint", "must be specified");
        }
    }
}

/// Every form of setting, with defaults that are not zero.
#[derive(Clone, Debug, PartialEq)]
struct All {
    squashed: Squashed,
    int: i64,
    uint: u32,
    float: f64,
    switch: bool,
    text: String,
    secret: Secret,
    span: Duration,
    signed: GoDuration,
    speed: Speed,
    level: Level,
    id: Option<ComponentId>,
    list: Vec<String>,
    ints: Vec<i64>,
    blocks: Vec<Inner>,
    map: IndexMap<String, Secret>,
    block_map: IndexMap<String, Inner>,
    block: Inner,
    optional: Option<Inner>,
    defaulted: Option<Inner>,
    any: Option<Node>,
    warren: Inner,
}

fn inner() -> Inner {
    Inner { n: 3, s: "d".to_owned() }
}

impl Default for All {
    fn default() -> Self {
        Self {
            squashed: Squashed { endpoint: "here".to_owned() },
            int: 7,
            uint: 7,
            float: 7.5,
            switch: true,
            text: "dflt".to_owned(),
            secret: Secret::new("dflt"),
            span: Duration::from_secs(7),
            signed: GoDuration(-1),
            speed: Speed::Fast,
            level: Level(1),
            id: None,
            list: vec!["d".to_owned()],
            ints: vec![1],
            blocks: vec![inner()],
            map: IndexMap::from([("d".to_owned(), Secret::new("dflt"))]),
            block_map: IndexMap::from([("d".to_owned(), inner())]),
            block: inner(),
            optional: None,
            defaulted: None,
            any: None,
            warren: inner(),
        }
    }
}

impl Block for All {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.squashed);
        f.scalar("int", &mut self.int);
        f.scalar("uint", &mut self.uint);
        f.scalar("float", &mut self.float);
        f.scalar("switch", &mut self.switch);
        f.scalar("text", &mut self.text);
        f.scalar("secret", &mut self.secret);
        f.scalar("span", &mut self.span);
        f.scalar("signed", &mut self.signed);
        f.scalar("speed", &mut self.speed);
        f.scalar("level", &mut self.level);
        f.optional_scalar("id", &mut self.id);
        f.list("list", &mut self.list);
        f.list("ints", &mut self.ints);
        f.blocks("blocks", &mut self.blocks);
        f.map("map", &mut self.map);
        f.block_map("block_map", &mut self.block_map);
        f.block("block", &mut self.block);
        f.optional("optional", &mut self.optional);
        f.defaulted("defaulted", &mut self.defaulted, inner);
        f.any("any", &mut self.any);
        f.warren(&mut self.warren);
    }
}

fn decoded(text: &str) -> (All, Diagnostics) {
    let node = parse_yaml("t", text).unwrap();
    let (mut all, mut diagnostics) = (All::default(), Diagnostics::new());
    decode_settings(&node, &mut all, &mut diagnostics);
    (all, diagnostics)
}

/// The one key that a text changes, as JSON; or the errors.
fn outcome(text: &str) -> String {
    let (mut all, diagnostics) = decoded(text);
    if diagnostics.has_errors() {
        return diagnostics.errors().map(|error| error.message.clone()).collect::<Vec<_>>().join("; ");
    }
    let (before, after) = (encode(&mut All::default()), encode(&mut all));
    let (Value::Map(before), Value::Map(after)) = (before, after) else { unreachable!() };
    let changed = after.iter().filter(|(key, entry)| before.get(key) != Some(&entry.node));
    let shown = changed.map(|(key, entry)| {
        let json = to_json(&entry.node).split_whitespace().collect::<String>();
        format!("{key}={json}")
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn values_are_decoded_as_mapstructure_decodes_them() {
    let cases = [
        ("int: 5", "int=5"),
        ("int: 1.9", "int=1"),
        ("int: '5'", "'int' expected type 'int64', got unconvertible type 'string'"),
        ("int: true", "'int' expected type 'int64', got unconvertible type 'bool'"),
        ("int: [1]", "'int' expected type 'int64', got unconvertible type '[]interface {}'"),
        ("uint: -1", "'uint' cannot parse value as 'uint32': -1 overflows uint"),
        ("uint: 4294967296", "'uint' cannot parse value as 'uint32': 4294967296 overflows uint"),
        ("float: 5", "float=5"),
        ("float: x", "'float' expected type 'float64', got unconvertible type 'string'"),
        ("switch: false", "switch=false"),
        ("switch: no", "'switch' expected type 'bool', got unconvertible type 'string'"),
        ("text: abc", "text=\"abc\""),
        ("text: 5", "'text' expected type 'string', got unconvertible type 'int'"),
        ("secret: 1.2", "'secret' expected type 'configopaque.String', got unconvertible type 'float64'"),
        ("span: 1h30m", "span=\"1h30m0s\""),
        ("span: 5", "span=\"5ns\""),
        ("span: 5x", "'span' time: unknown unit"),
        ("span: -5s", "'span' must be non-negative"),
        ("signed: -5s", "signed=\"-5s\""),
        ("speed: SLOW", "speed=\"slow\""),
        ("speed: sloww", "'speed' unknown speed \"sloww\""),
        ("speed: 1", "'speed' expected type 'test.Speed', got unconvertible type 'int'"),
        ("level: none", "level=\"none\""),
        ("level: 0", "level=\"none\""),
        ("id: ' a / b '", "id=\"a/b\""),
        ("id: a/", "'id' in \"a/\" id: the part after / should not be empty"),
        ("id: 5", "'id' expected a map or struct, got \"int\""),
        ("list: [a, b]", "list=[\"a\",\"b\"]"),
        ("list: a,b", "list=[\"a\",\"b\"]"),
        ("list: ''", "list=[]"),
        ("list: []", "list=[]"),
        ("list: [1]", "'list[0]' expected type 'string', got unconvertible type 'int'"),
        ("ints: 1,2", "'ints' source data must be an array or slice, got string"),
        ("ints: [null, 2]", "ints=[0,2]"),
        ("blocks: [{n: 1}, {}]", "blocks=[{\"n\":1,\"s\":\"\"},{\"n\":0,\"s\":\"\"}]"),
        ("blocks: [{n: x}]", "'blocks[0].n' expected type 'int64', got unconvertible type 'string'"),
        ("blocks: {n: 1}", "'blocks' source data must be an array or slice, got map"),
        ("map: {a: x}", "map={\"a\":\"x\",\"d\":\"dflt\"}"),
        ("map: {a: 1}", "'map[a]' expected type 'configopaque.String', got unconvertible type 'int'"),
        ("map: [a]", "'map' expected type 'map[string]configopaque.String', got unconvertible type '[]interface {}'"),
        (
            "block_map: {a: {n: 1}, b: null}",
            "block_map={\"a\":{\"n\":1,\"s\":\"\"},\"b\":{\"n\":0,\"s\":\"\"},\"d\":{\"n\":3,\"s\":\"d\"}}",
        ),
        ("block: {n: 4}", "block={\"n\":4,\"s\":\"d\"}"),
        ("block: [1]", "'block' expected a map or struct, got \"slice\""),
        ("block: {m: 4}", "'block' has invalid keys: m"),
        ("optional: {}", "optional={\"n\":0,\"s\":\"\"}"),
        ("defaulted: {s: x}", "defaulted={\"n\":3,\"s\":\"x\"}"),
        ("any: {a: [1]}", "any={\"a\":[1]}"),
        ("endpoint: there", "endpoint=\"there\""),
        ("endpint: there", "'' has invalid keys: endpint"),
        ("Endpoint: there", "'' has invalid keys: Endpoint"),
        ("address: there", "'' has invalid keys: address"),
        ("[1]", "'' expected a map or struct, got \"slice\""),
    ];
    for (text, expected) in cases {
        assert_eq!(outcome(text), expected, "{text}");
    }
}

#[test]
fn null_sets_scalars_to_zero_and_keeps_everything_else() {
    let cases = [
        ("null", ""),
        ("int: null", "int=0"),
        ("switch: null", "switch=false"),
        ("text: null", "text=\"\""),
        ("secret: null", "secret=\"\""),
        ("span: null", "span=\"0s\""),
        ("speed: null", "'speed' unknown speed \"\""),
        ("level: null", "level=\"none\""),
        ("id: null", ""),
        ("list: null", ""),
        ("blocks: null", ""),
        ("map: null", ""),
        ("block_map: null", ""),
        ("block: null", ""),
        ("optional: null", ""),
        ("defaulted: null", "defaulted={\"n\":3,\"s\":\"d\"}"),
        ("any: null", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(outcome(text), expected, "{text}");
    }
}

/// Decodes a mapping with one key that was an expanded variable.
fn expanded(key: &str, text: &str) -> String {
    let value = parse_yaml("env:X", text).unwrap().value;
    let node = Node { value, place: Place::new("t", 1, 1), original: Some(text.into()) };
    let mut map = Map::new();
    map.insert(key, Place::new("t", 1, 1), node);
    let (mut all, mut diagnostics) = (All::default(), Diagnostics::new());
    decode_settings(&Node::from_value(Value::Map(map)), &mut all, &mut diagnostics);
    match diagnostics.errors().next() {
        Some(error) => error.message.clone(),
        None => encode_key(&mut all, key).map_or_else(|| "absent".to_owned(), |node| to_json(&node).split_whitespace().collect()),
    }
}

fn encode_key(all: &mut All, key: &str) -> Option<Node> {
    let Value::Map(map) = encode(all) else { return None };
    map.get(key).cloned()
}

#[test]
fn an_expanded_variable_is_text_for_text_and_typed_for_the_rest() {
    // opentelemetry-collector confmap/internal/e2e/types_test.go (TestStrictTypeCasting), v0.132.0
    let cases = [
        ("int", "123", "123"),
        ("int", "0123", "83"),
        ("int", "0xdeadbeef", "3735928559"),
        ("int", "\"0123\"", "'int' expected type 'int64', got unconvertible type 'string'"),
        ("int", "", "0"),
        ("text", "0123", "\"0123\""),
        ("text", "true # c", "\"true#c\""),
        ("text", "[a,b]", "\"[a,b]\""),
        ("text", "", "\"\""),
        ("switch", "true # c", "true"),
        ("switch", "1", "'switch' expected type 'bool', got unconvertible type 'int'"),
        ("list", "[a,b]", "[\"a\",\"b\"]"),
        ("ints", "[1,2]", "[1,2]"),
        ("speed", "slow", "\"slow\""),
        ("level", "all", "\"all\""),
        ("level", "", "\"none\""),
        ("block", "", "{\"n\":3,\"s\":\"d\"}"),
        ("defaulted", "", "absent"),
        ("defaulted", "{}", "{\"n\":3,\"s\":\"d\"}"),
    ];
    for (key, text, expected) in cases {
        assert_eq!(expanded(key, text), expected, "{key}: {text}");
    }
}

#[test]
fn every_fault_is_told_at_its_place_with_a_hint() {
    let text = "endpont: x\nint: a\nblock:\n  m: 1\nblocks:\n- n: 1\n- n: -1\nspeed: fasst\naddress: y\n";
    let (_, diagnostics) = decoded(text);
    let told: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "address: '' has invalid keys: address (use endpoint) at t:9:1",
            "int: 'int' expected type 'int64', got unconvertible type 'string' at t:2:6",
            "speed: 'speed' unknown speed \"fasst\" (did you mean \"fast\"?) at t:8:8",
            "block::m: 'block' has invalid keys: m (did you mean \"n\"?) at t:4:3",
            "endpont: '' has invalid keys: endpont (did you mean \"endpoint\"?) at t:1:1",
            "blocks::1::n: must be non-negative at t:7:6",
        ]
        .map(String::from)
        .into_iter()
        .collect::<Vec<_>>()
    );
    let pointers: Vec<&str> = diagnostics.errors().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/address", "/int", "/speed", "/block/m", "/endpont", "/blocks/1/n"]);
}

#[test]
fn what_is_accepted_but_hardly_meant_is_warned_of() {
    let cases = [
        ("int: null", "int: null sets the zero value, not the default (leave the key out for the default 7) at t:1:1"),
        ("secret: null", "secret: null sets the zero value, not the default at t:1:1"),
        ("int: 1.5", "int: 1.5 is cut to 1: this setting is a whole number at t:1:6"),
        ("span: 5", "span: a duration without a unit is nanoseconds: 5 means 5ns; write 5s for seconds at t:1:7"),
        ("later: 1", "later: has no effect yet at t:1:8"),
    ];
    for (text, expected) in cases {
        let (_, diagnostics) = decoded(text);
        assert_eq!(diagnostics.warning_lines().collect::<Vec<_>>(), [expected], "{text}");
    }
    for text in ["block: null", "id: null", "int: 5", "span: 0", "float: 1.5"] {
        assert_eq!(decoded(text).1.iter().count(), 0, "{text}");
    }
}

#[test]
fn a_value_that_does_not_decode_is_not_also_invalid() {
    let (_, diagnostics) = decoded("endpoint: 5\nblock: {n: -1}\n");
    let told: Vec<&str> = diagnostics.errors().map(|error| error.message.as_str()).collect();
    assert_eq!(told, ["'endpoint' expected type 'string', got unconvertible type 'int'", "must be non-negative"]);
    let (_, diagnostics) = decoded("endpoint: ''");
    assert_eq!(diagnostics.errors().count(), 1);
}

#[test]
fn keys_of_warrens_own_are_noted() {
    let (all, diagnostics) = decoded("warren: {n: 4}");
    assert_eq!(all.warren.n, 4);
    let own: Vec<&str> = diagnostics.own_keys.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(own, ["warren"]);
    assert!(decoded("int: 1").1.own_keys.is_empty());
}

#[test]
fn settings_describe_themselves() {
    let fields = describe(&mut All::default());
    let field = |key: &str| fields.iter().find(|field| field.key == key).unwrap();
    assert_eq!((field("secret").form, field("secret").secret), (Form::Scalar("configopaque.String"), true));
    assert_eq!((field("map").form, field("map").secret), (Form::Map("configopaque.String"), true));
    assert_eq!((field("text").secret, field("endpoint").secret), (false, false));
    assert_eq!(field("optional").fields.iter().map(|field| field.key).collect::<Vec<_>>(), ["n", "s"]);
    assert_eq!((field("blocks").form, field("any").form), (Form::Blocks, Form::Any));
}

#[test]
fn settings_written_out_decode_to_themselves() {
    let (mut all, _) = decoded("int: 5\noptional: {}\nmap: {a: b}\nspan: 1m\nid: a/b\nany: {x: 1}\n");
    let node = Node::from_value(encode(&mut all));
    let (mut again, mut diagnostics) = (All::default(), Diagnostics::new());
    decode_settings(&node, &mut again, &mut diagnostics);
    assert_eq!(encode(&mut again), encode(&mut all));
    assert_eq!(diagnostics.to_string(), "");
}

/// A setting that is a text or a list of texts.
#[derive(Default)]
struct OneOrMany(Vec<String>);

impl Custom for OneOrMany {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        self.0.clear();
        match node.as_list() {
            None => self.0.extend(report.scalar::<String>(node)),
            Some(list) => {
                for (index, node) in list.iter().enumerate() {
                    self.0.extend(report.at_index(index, node).scalar::<String>(node));
                }
            }
        }
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.0.len() > 2 {
            report.error("", "at most two");
        }
        if let Some(first) = self.0.first() {
            report.file("", first.clone());
        }
        report.reference("", ReferenceKind::Encoding, &ComponentId::of_type("otlp_encoding"));
    }

    fn encode(&self) -> Value {
        list_of(self.0.iter().cloned().map(Value::String))
    }
}

#[derive(Default)]
struct WithCustom(OneOrMany);

impl Block for WithCustom {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.custom("names", &mut self.0);
    }
}

#[test]
fn a_custom_setting_decodes_itself() {
    let run = |text: &str| {
        let (mut settings, mut diagnostics) = (WithCustom::default(), Diagnostics::new());
        decode_settings(&parse_yaml("t", text).unwrap(), &mut settings, &mut diagnostics);
        (settings.0.0, diagnostics)
    };
    assert_eq!(run("names: a").0, ["a"]);
    assert_eq!(run("names: [a, b]").0, ["a", "b"]);
    let (_, diagnostics) = run("names: [a, 5]");
    assert_eq!(
        diagnostics.to_string(),
        "names::1: 'names[1]' expected type 'string', got unconvertible type 'int' (put the value in quotes to make it text) at t:1:12"
    );
    let (_, diagnostics) = run("names: [a, b, c]");
    assert_eq!(diagnostics.to_string(), "names: at most two at t:1:1");
    assert_eq!(diagnostics.files[0].file, "a");
    assert_eq!((diagnostics.references[0].path.as_str(), diagnostics.references[0].kind), ("names", ReferenceKind::Encoding));
}

/// A block whose keys are tools.
#[derive(Default)]
struct Tools(bool);

impl Block for Tools {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.unknown_keys(|key| format!("invalid tool: {key}"));
        f.scalar("hammer", &mut self.0);
    }
}

#[test]
fn a_block_may_refuse_unknown_keys_in_its_own_words() {
    let (mut settings, mut diagnostics) = (Tools::default(), Diagnostics::new());
    decode_settings(&parse_yaml("t", "hamer: true").unwrap(), &mut settings, &mut diagnostics);
    assert_eq!(diagnostics.to_string(), "hamer: invalid tool: hamer (did you mean \"hammer\"?) at t:1:1");
}
