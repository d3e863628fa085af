//! Facts of the collector's `internal/coreinternal/attraction/attraction_test.go` and `hasher_test.go` (v0.132.0), and our own.

use proptest::prelude::*;
use warren_component::Identity;
use warren_config::{Block, Diagnostics, Fields, decode_settings};
use warren_pdata::KeyValue;

use super::*;

#[derive(Default)]
struct Settings {
    actions: Vec<ActionSettings>,
}

impl Block for Settings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.blocks("actions", &mut self.actions);
    }

    fn validate(&self, report: &mut warren_config::Report<'_>) {
        crate::check_actions(&self.actions, "actions", report);
    }
}

fn decode(text: &str) -> (Vec<ActionSettings>, Diagnostics) {
    let node = warren_config::parse_yaml("test", &format!("actions: {text}")).unwrap();
    let mut settings = Settings::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&node, &mut settings, &mut diagnostics);
    (settings.actions, diagnostics)
}

fn edit(attrs: &Attrs, actions: &str, client: Option<&ClientInfo>) -> Attrs {
    let (settings, diagnostics) = decode(actions);
    assert_eq!(diagnostics.to_string(), "", "{actions}");
    let mut attrs = attrs.clone();
    Actions::new(&settings).unwrap().apply(&mut attrs, client, &Logger::discarded());
    attrs
}

/// `key=value` in order, texts in quotes.
fn show(attrs: &Attrs) -> String {
    let one = |entry: &KeyValue| match &entry.value {
        Value::Str(text) => format!("{}={text:?}", entry.key),
        Value::Double(value) => format!("{}={value:?}", entry.key),
        Value::Empty => format!("{}=", entry.key),
        value => format!("{}={}", entry.key, text(value)),
    };
    attrs.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn attrs(entries: &[(&str, Value)]) -> Attrs {
    entries.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect()
}

#[test]
fn actions_edit_as_upstream_does() {
    let abc = || attrs(&[("a", "1".into()), ("b", "2".into()), ("c", "3".into())]);
    let cases: &[(Attrs, &str, &str)] = &[
        (abc(), "[{key: d, value: 4, action: insert}]", r#"a="1" b="2" c="3" d=4"#),
        (abc(), "[{key: a, value: 4, action: INSERT}]", r#"a="1" b="2" c="3""#),
        (abc(), "[{key: a, value: 4, action: Update}]", r#"a=4 b="2" c="3""#),
        (abc(), "[{key: d, value: 4, action: update}]", r#"a="1" b="2" c="3""#),
        (abc(), "[{key: a, value: x, action: upsert}, {key: d, value: y, action: upsert}]", r#"a="x" b="2" c="3" d="y""#),
        (abc(), "[{key: d, from_attribute: b, action: insert}]", r#"a="1" b="2" c="3" d="2""#),
        (abc(), "[{key: a, from_attribute: b, action: update}]", r#"a="2" b="2" c="3""#),
        (abc(), "[{key: a, from_attribute: nope, action: upsert}]", r#"a="1" b="2" c="3""#),
        // The last attribute takes the place of the one that is removed by key.
        (abc(), "[{key: a, action: delete}]", r#"c="3" b="2""#),
        (abc(), "[{pattern: 'a|b', action: delete}]", r#"c="3""#),
        (abc(), "[{key: a, pattern: '^c$', action: delete}]", r#"b="2""#),
        (abc(), "[{key: nope, action: delete}]", r#"a="1" b="2" c="3""#),
        (Attrs::EMPTY, "[{key: d, value: 4, action: insert}, {key: e, value: 4, action: update}]", "d=4"),
        (
            abc(),
            "[{key: l, value: [x, 1], action: insert}, {key: m, value: {k: v}, action: insert}]",
            r#"a="1" b="2" c="3" l=["x",1] m={"k":"v"}"#,
        ),
        (abc(), "[{key: f, value: 1.5, action: insert}, {key: b, value: true, action: upsert}]", r#"a="1" b=true c="3" f=1.5"#),
        (abc(), "[{key: u, value: 18446744073709551615, action: insert}]", r#"a="1" b="2" c="3" u=-1"#),
    ];
    for (before, actions, expected) in cases {
        assert_eq!(show(&edit(before, actions, None)), *expected, "{actions}");
    }
}

#[test]
fn hashes_are_those_of_upstream() {
    let cases: &[(Value, &str)] = &[
        ("foo".into(), "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        ("".into(), ""),
        (Value::Int(0), "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc"),
        (Value::Int(684), "cfc02a686db6f13968b06e1dfcedbd0b92ad1703a9b3d750b0fefeed6a9c6db5"),
        (Value::Bool(true), "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"),
        (Value::Bool(false), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (Value::Empty, ""),
        (Value::bytes([1, 2]), ""),
        (Value::list([Value::Int(1)]), ""),
        (Value::Map(attrs(&[("a", Value::Int(1))])), ""),
    ];
    for (value, expected) in cases {
        let edited = edit(&attrs(&[("k", value.clone())]), "[{key: k, action: hash}]", None);
        assert_eq!(edited.get("k"), Some(&Value::from(*expected)), "{value:?}");
    }
    let double = edit(&attrs(&[("k", Value::Double(0.0))]), "[{pattern: k, action: hash}]", None);
    assert_eq!(double.get("k"), Some(&Value::from(cases[2].1)), "eight zero bytes");
    // An attribute that is named and matches too is hashed twice.
    let twice = edit(&attrs(&[("k", "foo".into())]), "[{key: k, pattern: k, action: hash}]", None);
    assert_eq!(twice.get("k"), Some(&Value::from("505221025f9701f8a05cc22cbafeec897598b2924a9d665cbc10f0073d66da20")));
}

#[test]
fn groups_of_a_value_are_extracted() {
    let cases: &[(Value, &str, &str)] = &[
        (
            "/api/v1/document/1/update".into(),
            "{key: k, pattern: '^\\/api\\/v1\\/document\\/(?P<new>.*)\\/update$', action: extract}",
            r#"k="/api/v1/document/1/update" new="1""#,
        ),
        ("a.b".into(), "{key: k, pattern: '(?P<x>\\w)\\.(?P<k>\\w)', action: extract}", r#"k="b" x="a""#),
        ("ab".into(), "{key: k, pattern: '(?P<x>a)|(?P<y>b)', action: extract}", r#"k="ab" x="a" y="""#),
        ("no".into(), "{key: k, pattern: '(?P<x>\\d)', action: extract}", r#"k="no""#),
        (Value::Int(5), "{key: k, pattern: '(?P<x>\\d)', action: extract}", "k=5"),
    ];
    for (value, action, expected) in cases {
        assert_eq!(show(&edit(&attrs(&[("k", value.clone())]), &format!("[{action}]"), None)), *expected, "{action}");
    }
}

#[test]
fn values_are_converted_as_upstream_does() {
    let cases: &[(Value, &str, &str)] = &[
        ("123".into(), "int", "k=123"),
        ("+123".into(), "int", "k=123"),
        ("3.9".into(), "int", r#"k="3.9""#),
        ("0x10".into(), "int", r#"k="0x10""#),
        ("".into(), "int", r#"k="""#),
        ("9223372036854775808".into(), "int", r#"k="9223372036854775808""#),
        (Value::Double(-3.9), "int", "k=-3"),
        (Value::Double(1e300), "int", "k=-9223372036854775808"),
        (Value::Double(f64::NAN), "int", "k=-9223372036854775808"),
        (Value::Bool(true), "int", "k=1"),
        (Value::Empty, "int", "k="),
        (Value::bytes([1]), "int", "k=AQ=="),
        ("123.6".into(), "double", "k=123.6"),
        ("foo".into(), "double", r#"k="foo""#),
        ("1e999".into(), "double", r#"k="1e999""#),
        ("Inf".into(), "double", "k=inf"),
        ("+nan".into(), "double", r#"k="+nan""#),
        (Value::Int(7), "double", "k=7.0"),
        (Value::Bool(false), "double", "k=0.0"),
        (Value::Int(7), "string", r#"k="7""#),
        (Value::Double(1.5), "string", r#"k="1.5""#),
        (Value::Bool(true), "string", r#"k="true""#),
        (Value::bytes(*b"foobar"), "string", r#"k="Zm9vYmFy""#),
        (Value::Empty, "string", r#"k="""#),
        (Value::list([Value::Int(1), "a".into()]), "string", r#"k="[1,\"a\"]""#),
    ];
    for (value, target, expected) in cases {
        let actions = format!("[{{key: k, action: convert, converted_type: {target}}}]");
        assert_eq!(show(&edit(&attrs(&[("k", value.clone())]), &actions, None)), *expected, "{value:?} to {target}");
    }
}

#[test]
fn the_client_is_asked_for() {
    let client = ClientInfo {
        address: Some("192.0.2.1".parse().unwrap()),
        metadata: vec![("X-Tenant".into(), "a".into()), ("x-tenant".into(), "b".into())],
        identity: Identity { attributes: vec![("username", "me".into())] },
    };
    let cases = [
        ("metadata.x-tenant", r#"k="a;b""#),
        ("X-TENANT", r#"k="a;b""#),
        ("metadata.none", ""),
        ("auth.username", r#"k="me""#),
        ("auth.none", ""),
        ("client.address", r#"k="192.0.2.1""#),
    ];
    for (source, expected) in cases {
        let actions = format!("[{{key: k, from_context: {source}, action: upsert}}]");
        assert_eq!(show(&edit(&Attrs::EMPTY, &actions, Some(&client))), expected, "{source}");
    }
    let actions = "[{key: k, from_context: client.address, action: insert}, {key: l, from_context: auth.x, action: insert}]";
    assert_eq!(show(&edit(&Attrs::EMPTY, actions, None)), r#"k="""#);
    let (settings, _) = decode(actions);
    assert!(Actions::new(&settings).unwrap().depends_on_client());
}

#[test]
fn faulty_actions_are_refused_in_upstream_words() {
    let start = "error creating AttrProc";
    let cases = [
        ("{action: insert}", " due to missing required field \"key\" at the 0-th actions"),
        (
            "{action: delete}",
            " due to missing required field (at least one of \"key\" and \"pattern\" have to be used) at the 0-th actions",
        ),
        (
            "{action: hash}",
            " due to missing required field (at least one of \"key\" and \"pattern\" have to be used) at the 0-th actions",
        ),
        (
            "{key: a, action: insert}",
            ". Either field \"value\", \"from_attribute\" or \"from_context\" setting must be specified for 0-th action",
        ),
        (
            "{key: a, value: null, action: insert}",
            ". Either field \"value\", \"from_attribute\" or \"from_context\" setting must be specified for 0-th action",
        ),
        ("{key: a, value: 1, from_attribute: b, action: upsert}", " due to multiple value sources being set at the 0-th actions"),
        (
            "{key: a, value: 1, pattern: x, action: update}",
            ". Action \"update\" does not use the \"pattern\" field. This must not be specified for 0-th action",
        ),
        (
            "{key: a, value: 1, converted_type: int, action: update}",
            ". Action \"update\" does not use the \"converted_type\" field. This must not be specified for 0-th action",
        ),
        (
            "{key: a, value: 1, action: delete}",
            ". Action \"delete\" does not use \"value\" or \"from_attribute\" field. These must not be specified for 0-th action",
        ),
        (
            "{key: a, from_attribute: b, action: hash}",
            ". Action \"hash\" does not use \"value\" or \"from_attribute\" field. These must not be specified for 0-th action",
        ),
        ("{pattern: '(', action: delete}", ". Field \"pattern\" has invalid pattern: \"(\" to be set at the 0-th actions"),
        ("{key: a, action: extract}", " due to missing required field \"pattern\" for action \"extract\" at the 0-th action"),
        ("{key: a, pattern: x, action: extract}", ". Field \"pattern\" contains no named matcher groups at the 0-th actions"),
        (
            "{key: a, pattern: '(?P<b>x)(y)', action: extract}",
            ". Field \"pattern\" contains at least one unnamed matcher group at the 0-th actions",
        ),
        (
            "{key: a, pattern: '(?P<b>x)', value: 1, action: extract}",
            ". Action \"extract\" does not use a value source field. These must not be specified for 0-th action",
        ),
        (
            "{key: a, action: convert}",
            " due to missing required field \"converted_type\" for action \"convert\" at the 0-th action",
        ),
        (
            "{key: a, converted_type: bool, action: convert}",
            " due to invalid value \"bool\" in field \"converted_type\" for action \"convert\" at the 0-th action",
        ),
        (
            "{key: a, converted_type: int, pattern: x, action: convert}",
            ". Action \"convert\" does not use value sources or \"pattern\" field. These must not be specified for 0-th action",
        ),
        ("{key: a, action: rename}", " due to unsupported action \"rename\" at the 0-th actions"),
        ("{key: a}", " due to unsupported action \"\" at the 0-th actions"),
    ];
    for (action, expected) in cases {
        let (_, diagnostics) = decode(&format!("[{action}]"));
        let told: Vec<_> = diagnostics.errors().map(|error| error.message.clone()).collect();
        assert_eq!(told, [format!("{start}{expected}")], "{action}");
    }
}

#[test]
fn every_faulty_action_is_told_at_its_place() {
    let (_, diagnostics) = decode("\n- {key: a, value: 1, action: insert}\n- {action: insert}\n- {key: b, action: nope}\n");
    let told: Vec<_> = diagnostics.errors().map(|error| (error.path.as_str(), error.place.line())).collect();
    assert_eq!(told, [("actions::1", 3), ("actions::2", 4)]);
    let (_, diagnostics) = decode("[]");
    assert_eq!(diagnostics.errors().next().unwrap().message, "missing required field \"actions\"");
}

#[test]
fn a_set_that_stays_as_it_is_is_not_copied() {
    let before = attrs(&[("a", "1".into())]);
    for actions in [
        "[{key: a, value: x, action: insert}]",
        "[{key: b, value: x, action: update}]",
        "[{key: a, value: '1', action: upsert}]",
        "[{key: b, pattern: c, action: delete}]",
        "[{key: b, pattern: c, action: hash}]",
        "[{key: a, converted_type: string, action: convert}]",
    ] {
        assert!(edit(&before, actions, None).same(&before), "{actions}");
    }
}

proptest! {
    #[test]
    fn upsert_then_delete_leaves_no_such_key(keys in prop::collection::vec("[a-d]", 0..6), key in "[a-d]") {
        let before: Attrs = keys.iter().collect::<std::collections::BTreeSet<_>>().into_iter().map(|key| KeyValue::new(key.as_str(), true)).collect();
        let actions = format!("[{{key: {key}, value: x, action: upsert}}, {{key: {key}, action: delete}}]");
        let after = edit(&before, &actions, None);
        prop_assert!(!after.contains_key(&key));
        prop_assert_eq!(after.len(), before.len() - usize::from(before.contains_key(&key)));
    }
}
