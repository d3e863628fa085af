//! What upstream's own operators did with made-up configurations and entries.

use super::*;

#[test]
fn rows_are_read_by_a_header_or_an_attribute() {
    let parsed = |yaml: &str, body: &str| run(yaml, entry(body)).record.attrs;
    let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, text)| warren_pdata::KeyValue::new(*key, *text)).collect::<Attrs>();
    assert_eq!(parsed("- {type: csv_parser, header: 'a,b'}", "1,\"x,y\""), of(&[("a", "1"), ("b", "x,y")]));
    assert_eq!(
        parsed("- {type: csv_parser, header: 'a,b', delimiter: ';', header_delimiter: ','}", "1;2"),
        of(&[("a", "1"), ("b", "2")])
    );
    assert_eq!(parsed("- {type: csv_parser, header: 'a,b', lazy_quotes: true}", "1,x\"y"), of(&[("a", "1"), ("b", "x\"y")]));
    assert_eq!(parsed("- {type: csv_parser, header: 'a,b', ignore_quotes: true}", "\"1,2"), of(&[("a", "\"1"), ("b", "2")]));
    // Of equal names the last counts.
    assert_eq!(parsed("- {type: csv_parser, header: 'a,a'}", "1,2"), of(&[("a", "2")]));
    let by_attribute = "- {type: csv_parser, header_attribute: h, parse_to: body}";
    let mut headed = entry("1,2");
    headed.record.attrs.upsert("h".into(), "p,q".into());
    assert_eq!(run(by_attribute, headed).record.body, of(&[("p", "1"), ("q", "2")]).into());
    // Upstream drops these two whatever `on_error` says.
    assert_eq!(failure(by_attribute, entry("1,2")), "csv_parser: failed to read dynamic header attribute h");
    let mut headed = entry("1,2");
    headed.record.attrs.upsert("h".into(), 5.into());
    assert_eq!(failure(by_attribute, headed), "csv_parser: header is expected to be a string but is int");
    let parser = "- {type: csv_parser, header: 'a,b'}";
    assert_eq!(failure(parser, entry("1,2,3")), "csv_parser: wrong number of fields: expected 2, found 3");
    assert_eq!(failure(parser, entry("")), "csv_parser: no csv lines found");
    assert_eq!(failure(parser, entry(5)), "csv_parser: type 'int' cannot be parsed as csv");
    for (settings, fault) in [
        ("", "missing required field 'header' or 'header_attribute'"),
        ("header: a", "missing field delimiter in header"),
        ("header: 'a,b', header_attribute: h", "only one header parameter can be set: 'header' or 'header_attribute'"),
        ("header: 'a,b', delimiter: ab", "invalid 'delimiter': 'ab'"),
        ("header: 'a,b', header_delimiter: xx", "invalid 'header_delimiter': 'xx'"),
        ("header: 'a,b', lazy_quotes: true, ignore_quotes: true", "only one of 'ignore_quotes' or 'lazy_quotes' can be true"),
    ] {
        assert!(faults(&format!("- {{type: csv_parser, {settings}}}"))[0].contains(fault), "{settings}");
    }
}

#[test]
fn texts_are_unquoted() {
    let unquote = "- {type: unquote, field: body}";
    for (text, wanted) in [("\"a\\tb\"", "a\tb"), ("'x'", "x"), ("`raw`", "raw")] {
        assert_eq!(run(unquote, entry(text)).record.body, wanted.into(), "{text}");
    }
    let out = run_all(unquote, [entry("\"a"), entry(5)]);
    assert_eq!(out.failures, ["unquote: invalid syntax", "unquote: type int cannot be unquoted"]);
    assert_eq!(out.entries.len(), 2);
    assert_eq!(run("- {type: unquote, field: attributes.none}", entry("\"a\"")).record.body, "\"a\"".into());
    assert!(faults("- {type: unquote}")[0].contains("unquote: missing field"));
}

#[test]
fn what_is_added_without_a_value_fails_on_each_entry() {
    for yaml in ["- {type: add, field: body.a}", "- {type: add, field: body.a, value: null}"] {
        assert_eq!(failure(yaml, message("x")), "add: add: missing required field 'value'");
    }
}

#[test]
fn pairs_and_their_parts_are_separated_differently() {
    let fault = "delimiter and pair_delimiter cannot be the same value";
    for settings in ["delimiter: ' '", "delimiter: ' ', pair_delimiter: ''", "delimiter: ',', pair_delimiter: ','"] {
        assert!(faults(&format!("- {{type: key_value_parser, {settings}}}"))[0].contains(fault), "{settings}");
    }
}

#[test]
fn numbers_with_a_fraction_are_times_if_they_are_long_enough() {
    let parser = |layout: &str| format!("- {{type: time_parser, parse_from: body, layout_type: epoch, layout: {layout}}}");
    assert_eq!(run(&parser("s.ms"), entry(1_700_000_000.25)).record.time, 1_700_000_000_250_000_000);
    assert_eq!(failure(&parser("s.ms"), entry(-0.25)), "time_parser: invalid value '    -0.250' for layout 's.ms'");
    assert_eq!(run(&parser("s.ns"), entry(0.25)).record.time, 250_000_000);
    assert_eq!(run(&parser("s.us"), entry(7)).record.time, 7_000_000_000);
}
