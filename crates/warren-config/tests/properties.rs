//! What must hold for every tree and every text.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use warren_config::{
    Block, Diagnostics, Fetch, Fields, Map, Node, Place, Value, decode_settings, fingerprint, format_go, format_prometheus, load,
    parse_go, parse_prometheus, parse_yaml, to_json, to_yaml,
};

struct NoFetch;

impl Fetch for NoFetch {
    fn fetch(&self, _uri: &str, _limit: usize) -> Result<Vec<u8>, String> {
        Err("no network".to_owned())
    }
}

/// Texts that are likely to be taken for something else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,6}",
        "[ -~äö€\n\t]{0,20}",
        "[-+.0-9_xobeE:]{1,8}",
        "(yes|no|true|null|~|<<|---|\\.\\.\\.|- a|a: b|a #b|\\? a|&a|\\*a|!a|%a|@a|`a|\\{a|\\[a|'a|\"a|\\|a|>a| a|a |\na|a\n|a\n\n| \n|#)",
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (i64::MAX as u64 + 1..).prop_map(Value::Uint),
        (-1e9..1e9f64).prop_map(|number| Value::Float(number + 0.5)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|values| Value::List(values.into_iter().map(Node::from_value).collect())),
            prop::collection::vec((text(), inner), 0..5).prop_map(|entries| {
                let mut map = Map::new();
                entries.into_iter().for_each(|(key, value)| map.insert(key, Place::none(), Node::from_value(value)));
                Value::Map(map)
            }),
        ]
    })
}

/// Whether two trees hold the same, whatever the order of keys and the places.
fn same(a: &Value, b: &Value) -> bool {
    fingerprint(a) == fingerprint(b)
}

#[derive(Default)]
struct Settings {
    n: u32,
    list: Vec<String>,
    inner: Option<Inner>,
}

#[derive(Default)]
struct Inner {
    s: String,
}

impl Block for Settings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("n", &mut self.n);
        f.list("list", &mut self.list);
        f.optional("inner", &mut self.inner);
    }
}

impl Block for Inner {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("s", &mut self.s);
    }
}

proptest! {
    #[test]
    fn a_tree_written_as_yaml_reads_back(value in tree()) {
        let written = to_yaml(&Node::from_value(value.clone()));
        let read = parse_yaml("t", &written).map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
        prop_assert!(same(&value, &read.value), "{written}");
    }

    #[test]
    fn a_tree_written_as_json_reads_back(value in tree()) {
        let written = to_json(&Node::from_value(value.clone()));
        let read = parse_yaml("t", &written).map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
        prop_assert!(same(&value, &read.value), "{written}");
    }

    #[test]
    fn json_without_indentation_may_stand_in_yaml(value in tree()) {
        let json = to_json(&Node::from_value(value.clone()));
        let flush: String = json.lines().map(|line| format!("{}\n", line.trim_start())).collect();
        let read = parse_yaml("t", &format!("before: 1\nk:\n  n: {flush}after: 2\n"));
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{flush}")))?;
        prop_assert!(same(&value, &read.get("k").and_then(|k| k.get("n")).unwrap().value), "{flush}");
        prop_assert!(read.get("after").is_some());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\n\t\"'{}\\[\\]:,&*!|>%@#-]{0,80}") {
        if let Ok(node) = parse_yaml("t", &text) {
            let _ = to_yaml(&node);
        }
    }

    #[test]
    fn no_text_makes_loading_panic(text in "[a${}:env\n \"'\\[\\]-]{0,60}", variable in "[a${}:env\\[\\]]{0,20}") {
        let env = |name: &str| (name == "n" || name == "e").then(|| variable.clone());
        let _ = load(&[format!("yaml:{text}")], &[], &env, &NoFetch);
    }

    #[test]
    fn no_tree_makes_decoding_panic(value in tree()) {
        let mut diagnostics = Diagnostics::new();
        decode_settings(&Node::from_value(value), &mut Settings::default(), &mut diagnostics);
    }

    #[test]
    fn escaped_texts_load_as_themselves(text in "[a${}:]{0,20}") {
        let json = to_json(&Node::from_value(Value::String(text.replace('$', "$$"))));
        let loaded = load(&[format!("yaml:{{\"k\": {json}}}")], &[], &|_| None, &NoFetch).unwrap();
        prop_assert_eq!(loaded.root.get("k").unwrap().as_text().unwrap(), text);
    }

    #[test]
    fn durations_read_back(nanos in 0..i64::MAX as u64, millis in 0..9_000_000_000_000u64) {
        let span = std::time::Duration::from_nanos(nanos);
        prop_assert_eq!(parse_go(&format_go(span)).unwrap().as_duration().unwrap(), span);
        let span = std::time::Duration::from_millis(millis);
        prop_assert_eq!(parse_prometheus(&format_prometheus(span)).unwrap(), span);
    }
}
