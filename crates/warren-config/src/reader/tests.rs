use super::*;
use crate::{Map, Value};

/// A text's tree as compact JSON with sorted keys, or the error's message.
fn shown(text: &str) -> String {
    match read(&ArcStr::from("t"), text) {
        Ok(document) => compact(&document.node.value),
        Err(error) => format!("error: {}", error.message),
    }
}

fn compact(value: &Value) -> String {
    match value {
        Value::List(list) => format!("[{}]", list.iter().map(|node| compact(&node.value)).collect::<Vec<_>>().join(",")),
        Value::Map(map) => format!("{{{}}}", entries(map).join(",")),
        Value::Timestamp(text) => format!("time {text}"),
        Value::Uint(number) => format!("uint {number}"),
        Value::Float(number) => format!("float {number}"),
        other => crate::to_json(&Node::from_value(other.clone())).trim_end().to_owned(),
    }
}

fn entries(map: &Map) -> Vec<String> {
    map.sorted().into_iter().map(|(key, entry)| format!("{key}:{}", compact(&entry.node.value))).collect()
}

#[test]
fn plain_scalars_have_the_types_of_yaml_v3() {
    // go.yaml.in/yaml/v3 v3.0.4 resolve.go
    let cases = [
        ("5", "5"),
        ("+5", "5"),
        ("-0", "0"),
        ("010", "8"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("-0x10", "-16"),
        ("0b101", "5"),
        ("08", "float 8"),
        ("1_000", "1000"),
        ("0x_f", "15"),
        ("_1", "\"_1\""),
        ("--5", "\"--5\""),
        ("+-5", "\"+-5\""),
        ("1.", "float 1"),
        (".5", "float 0.5"),
        ("+.5", "float 0.5"),
        (".", "\".\""),
        ("1e3", "float 1000"),
        ("1.0E+2", "float 100"),
        ("1e400", "\"1e400\""),
        ("1:30", "\"1:30\""),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "uint 9223372036854775808"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "float 18446744073709552000"),
        ("true", "true"),
        ("True", "true"),
        ("tRUE", "\"tRUE\""),
        ("yes", "\"yes\""),
        ("off", "\"off\""),
        ("~", "null"),
        ("NULL", "null"),
        ("nULL", "\"nULL\""),
        (".inf", "float inf"),
        ("-.INF", "float -inf"),
        (".NaN", "float NaN"),
        ("nan", "\"nan\""),
        ("2020-01-01", "time 2020-01-01T00:00:00Z"),
        ("\"2020-01-01\"", "\"2020-01-01\""),
        ("'5'", "\"5\""),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&format!("k: {text}")), format!("{{k:{expected}}}"), "{text}");
    }
}

#[test]
fn tags_decide_the_type() {
    let cases = [
        ("!!str 5", "\"5\""),
        ("!!int \"5\"", "5"),
        ("!!float 5", "float 5"),
        ("!!bool \"true\"", "true"),
        ("!!null \"\"", "null"),
        ("!!binary aGVsbG8=", "\"hello\""),
        ("!!str 2020-01-01", "\"2020-01-01\""),
        ("!!timestamp \"2020-01-01\"", "time 2020-01-01T00:00:00Z"),
        ("!foo 5", "\"5\""),
        ("! 5", "5"),
        ("!<tag:yaml.org,2002:int> 5", "5"),
        ("!!map {a: 1}", "{a:1}"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&format!("k: {text}")), format!("{{k:{expected}}}"), "{text}");
    }
    let faults = [
        ("!!int a", "yaml: cannot decode !!str `a` as a !!int"),
        ("!!bool yes", "yaml: cannot decode !!str `yes` as a !!bool"),
        ("!!int 5.5", "yaml: cannot decode !!float `5.5` as a !!int"),
        ("!!binary a", "yaml: !!binary value contains invalid base64 data"),
    ];
    for (text, expected) in faults {
        assert_eq!(shown(&format!("k: {text}")), format!("error: {expected}"), "{text}");
    }
}

#[test]
fn anchors_and_merges_are_expanded() {
    let cases = [
        ("a: &x {k: 1}\nb: *x\nc: {<<: *x, l: 2}", "{a:{k:1},b:{k:1},c:{k:1,l:2}}"),
        ("x: &x {a: 1}\ny: &y {a: 2, b: 3}\nn:\n  <<: [*x, *y]\n  b: 4", "{n:{a:1,b:4},x:{a:1},y:{a:2,b:3}}"),
        ("n: {<<: {b: 1}, b: 2}", "{n:{b:2}}"),
        ("n: {'<<': {b: 1}}", "{n:{<<:{b:1}}}"),
        ("n: {a: <<}", "{n:{a:\"<<\"}}"),
        ("a: &k x\n*k : 1", "{a:\"x\",x:1}"),
        ("a: &a 1\na2: &a 2\nk: *a", "{a:1,a2:2,k:2}"),
        ("n: {<<: 5}", "error: yaml: map merge requires map or sequence of maps as the value"),
        ("k: &a [*a]", "error: yaml: anchor value contains itself"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
    assert!(shown("k: *nope").starts_with("error: yaml: line 1: "));
}

#[test]
fn keys_that_are_no_text_are_printed_as_go_prints_them() {
    assert_eq!(shown("k: {1: a, 0x10: b, true: c, 1.50: d, ~: e}"), "{k:{1:\"a\",1.5:\"d\",16:\"b\",<nil>:\"e\",true:\"c\"}}");
    let root = |text: &str| read(&ArcStr::from("t"), text).unwrap().untyped_keys;
    assert!(root("1: a"));
    assert!(!root("a: {1: b}"));
    assert!(shown("? [a]\n: b").contains("invalid map key"));
}

#[test]
fn a_key_twice_is_refused_with_the_line_of_the_first() {
    let expected = "error: yaml: unmarshal errors:\n  line 3: mapping key \"a\" already defined at line 1";
    assert_eq!(shown("a: 1\nb: 2\na: 3"), expected);
    assert_eq!(shown("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}"), expected);
    let two = shown("a: 1\na: 2\nb: {c: 1, 'c': 2}");
    assert!(two.contains("line 2: mapping key \"a\"") && two.contains("line 3: mapping key \"c\""), "{two}");
    assert!(shown("k: {1: a, '1': b}").contains("mapping key \"1\""));
    assert!(shown("k: {<<: {a: 1}, <<: {b: 1}}").contains("mapping key \"<<\""));
}

#[test]
fn only_the_first_document_is_read() {
    for (text, expected) in [
        ("a: 1\n---\nb: 2", "{a:1}"),
        ("--- \na: 1\n...\n", "{a:1}"),
        ("", "null"),
        ("# nothing\n", "null"),
        ("---\n", "null"),
        ("\u{feff}a: 1", "{a:1}"),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
    }
    assert!(shown("...").starts_with("error"));
    assert_eq!(shown("# c\n\ta: 1"), "error: yaml: line 2: found character that cannot start any token");
    assert!(parse_yaml("t", "  a: 1\nb: 2").is_err() && parse_yaml("t", "{a: 1}}").is_err());
}

#[test]
fn block_texts_keep_the_breaks_that_are_there() {
    let cases = [
        ("k: |\n  a\n   b\n\n  c\n", "{k:\"a\\n b\\n\\nc\\n\"}"),
        ("k: |-\n  a\n", "{k:\"a\"}"),
        ("k: |+\n  a\n\n", "{k:\"a\\n\\n\"}"),
        ("k: >\n  a\n  b\n", "{k:\"a b\\n\"}"),
        ("k: |\n  a", "{k:\"a\"}"),
        ("k: |+\n  a", "{k:\"a\"}"),
        ("k: |\n  a\nz: 1", "{k:\"a\\n\",z:1}"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn layout_that_only_yaml_1_2_refuses_is_accepted() {
    let cases = [
        ("k: {\n\"a\": 1,\n\"b\": [\n1,\n2\n]\n}\nz: 3", "{k:{a:1,b:[1,2]},z:3}"),
        ("k:\n  n: {\n  a: 1\n  }\n", "{k:{n:{a:1}}}"),
        ("k:\n  - [\n# c\na,\nb]\n  - c", "{k:[[\"a\",\"b\"],\"c\"]}"),
        ("k:\n  n: \"a\n  b\"\n  m: 'it''s\n[x'\n", "{k:{m:\"it's [x\",n:\"a b\"}}"),
        ("k:\n  n:\t1\n  t: |\n    x: [\n\n    y\n  m: {\n  }\n", "{k:{m:{},n:1,t:\"x: [\\n\\ny\\n\"}}"),
        ("k: it's [x\nn: {\na: \"}\"\n}\nm: a#b # {\n", "{k:\"it's [x\",m:\"a#b\",n:{a:\"}\"}}"),
        ("k: &x !!map {\na: 1\n}\n", "{k:{a:1}}"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn places_are_those_of_the_text_as_it_was_written() {
    let text = "k: {\n\"a\": 1,\n\"bä\": [\n1, x\n]\n}\n";
    let node = parse_yaml("t", text).unwrap();
    let entry = node.get("k").unwrap().as_map().unwrap().entry("bä").unwrap();
    assert_eq!((entry.key_place.to_string(), entry.node.place.to_string()), ("t:3:1".to_owned(), "t:3:7".to_owned()));
    assert_eq!(entry.node.as_list().unwrap()[1].place.to_string(), "t:4:4");
}

#[test]
fn json_is_read_strictly_and_first() {
    let cases = [
        (r#"{"k": "\ud83d\ude00\/\u00e4\n"}"#, "{k:\"😀/ä\\n\"}"),
        (
            r#"{"k": [1, -0, 1.5, 1E2, 12345678901234567890, true, null, "", {}]}"#,
            "{k:[1,0,float 1.5,float 100,uint 12345678901234567890,true,null,\"\",{}]}",
        ),
        ("\n\t{ }\n", "{}"),
        ("[]", "[]"),
        ("{k: 1}", "{k:1}"),
        (r#"{"k": 'a'}"#, "{k:\"a\"}"),
        (r#"{"k": 0x10}"#, "{k:16}"),
        ("{\"k\": 1,} # c", "{k:1}"),
        ("[1]: x", "error: yaml: line 1: invalid map key: a list or mapping"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn faults_of_json_are_shown_where_they_are() {
    let cases = [
        ("{\"a\": 1\n \"b\": 2}", "json: line 2: expected ',' or '}'", (2, 2)),
        ("{\"a\": 1,\n \"b\": \"\\ud83d\"\n}", "json: line 2: half of a surrogate pair", (2, 14)),
        ("{\"a\": \"\\u12\"}", "json: line 1: expected four hexadecimal digits", (1, 10)),
    ];
    for (text, message, place) in cases {
        let error = parse_yaml("t", text).unwrap_err();
        assert_eq!((error.message.as_str(), (error.place.line(), error.place.column())), (message, place), "{text}");
    }
}

#[test]
fn sources_are_bounded() {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&ArcStr::from("t"), &deep(200)).is_ok());
    assert!(shown(&deep(300)).contains("nested deeper"));
    assert!(shown(&format!("k: {}", deep(300))).starts_with("error"));
    let bomb = format!(
        "a: &a [{}]\nb: &b [{}]\nc: &c [{}]\nd: [{}]",
        "x,".repeat(99),
        "*a,".repeat(99),
        "*b,".repeat(99),
        "*c,".repeat(99)
    );
    assert!(shown(&bomb).contains("excessive aliasing"));
    let heavy = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a,".repeat(32));
    assert!(shown(&heavy).contains("excessive aliasing"));
    assert!(shown(&format!("[{}1]", "1,".repeat(MAX_NODES))).contains("more than 500000 values"));
    assert!(shown(&" ".repeat(MAX_SOURCE + 1)).contains("larger than 16 MiB"));
    let anchors: String = (0..20_000).map(|n| format!("k{n}: &a{n} 1\n")).collect();
    assert!(shown(&anchors).contains("more than 10000 anchors"));
}

#[test]
fn bytes_are_utf_8_or_utf_16() {
    let source = ArcStr::from("t");
    let decoded = |bytes: &[u8]| decode_bytes(&source, bytes).map(Cow::into_owned);
    assert_eq!(decoded("a: ä".as_bytes()).unwrap(), "a: ä");
    assert_eq!(decoded(&[0xff, 0xfe, b'a', 0, 0xe4, 0]).unwrap(), "aä");
    assert_eq!(decoded(&[0xfe, 0xff, 0, b'a', 0, 0xe4]).unwrap(), "aä");
    let error = decoded(b"a: 1\nb: \xff").unwrap_err();
    assert_eq!((error.message.as_str(), error.place.to_string().as_str()), ("yaml: invalid UTF-8", "t:2:4"));
    assert!(decoded(&[0xff, 0xfe, 0x00, 0xd8]).is_err());
    assert!(shown("a: \u{1}").contains("control characters are not allowed"));
}
