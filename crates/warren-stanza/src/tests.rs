//! Facts of upstream's tables for operators (`pkg/stanza/operator/*/*/*_test.go`, v0.132.0), re-expressed, and our own.

use crate::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use warren_config::{Block, Diagnostics, Fields, decode_settings, parse_yaml};
use warren_pdata::{Attrs, LogRecord, Value};

mod reference;

#[derive(Default)]
struct Config {
    operators: Operators,
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.custom("operators", &mut self.operators);
    }
}

#[derive(Default)]
struct Out {
    entries: Vec<Entry>,
    failures: Vec<String>,
    dropped: usize,
    unrouted: usize,
}

impl Sink for Out {
    fn entry(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    fn failed(&mut self, failure: Failure<'_>) {
        self.failures.push(format!("{}: {}", failure.operator, failure.message));
        self.dropped += usize::from(failure.dropped);
    }

    fn unrouted(&mut self, _: &str) {
        self.unrouted += 1;
    }
}

/// The operators, or what is wrong with them and where.
fn read(yaml: &str) -> (Config, Vec<String>) {
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    let text = format!("operators:\n{yaml}");
    decode_settings(&parse_yaml("test", &text).unwrap_or_else(|error| panic!("{error:?}")), &mut config, &mut diagnostics);
    (config, diagnostics.errors().map(|error| format!("{}: {}", error.pointer, error.message)).collect())
}

fn chain(yaml: &str) -> Chain {
    let (config, errors) = read(yaml);
    assert_eq!(errors, [""; 0], "{yaml}");
    config.operators.compile().unwrap().unwrap()
}

fn faults(yaml: &str) -> Vec<String> {
    let (config, errors) = read(yaml);
    assert!(config.operators.compile().is_err() || !errors.is_empty());
    errors
}

fn entry(body: impl Into<Value>) -> Entry {
    let record = LogRecord { body: body.into(), time: 7, observed_time: 1_795_852_800_000_000_000, ..LogRecord::default() };
    Entry { record, ..Entry::default() }
}

fn message(text: &str) -> Entry {
    entry(Attrs::from([("MESSAGE", text), ("_PID", "12")]))
}

fn run_all(yaml: &str, entries: impl IntoIterator<Item = Entry>) -> Out {
    let (mut chain, mut out, now) = (chain(yaml), Out::default(), Instant::now());
    for (mark, entry) in (1..).zip(entries) {
        chain.push(Entry { mark, ..entry }, now, &mut out);
    }
    chain.flush_all(now, &mut out);
    assert_eq!(chain.oldest(), None);
    out
}

fn run(yaml: &str, entry: Entry) -> Entry {
    let out = run_all(yaml, [entry]);
    assert_eq!(out.failures, [""; 0], "{yaml}");
    out.entries.into_iter().next().unwrap()
}

fn failure(yaml: &str, entry: Entry) -> String {
    run_all(yaml, [entry]).failures.into_iter().next().unwrap()
}

fn attr(entry: &Entry, key: &str) -> Value {
    entry.record.attrs.get(key).cloned().unwrap_or_default()
}

#[test]
fn a_pattern_with_time_and_severity_makes_a_record_of_a_line() {
    let yaml = "
- type: regex_parser
  parse_from: body.MESSAGE
  regex: '^(?P<time>\\S+ \\S+) \\[(?P<level>\\w+)\\] (?P<pid>\\S+) (?P<msg>.*)$'
  timestamp: {parse_from: attributes.time, layout: '%Y-%m-%d %H:%M:%S.%f%j', layout_type: strptime}
  severity: {parse_from: attributes.level, mapping: {warn: warning}}
- {type: move, from: attributes.msg, to: body}
- {type: remove, field: attributes.time}";
    let done = run(yaml, message("2025-08-12 12:00:00.123456+02:00 [warning] <0.12.0> closing"));
    assert_eq!(done.record.body, "closing".into());
    assert_eq!(done.record.time, 1_754_992_800_123_456_000);
    assert_eq!((done.record.severity_number, done.record.severity_text.as_str()), (13, "warning"));
    assert_eq!(attr(&done, "pid"), "<0.12.0>".into());
    assert_eq!(attr(&done, "time"), Value::Empty);
}

#[test]
fn what_a_parser_cannot_read_is_told_and_goes_on_as_it_was() {
    let parser = "- {type: regex_parser, regex: '^(?P<a>x)$'}";
    assert_eq!(failure(parser, message("x")), "regex_parser: type 'map[string]interface {}' cannot be parsed as regex");
    assert_eq!(failure(parser, entry("y")), "regex_parser: regex pattern does not match");
    let missing = "- {type: json_parser, parse_from: body.none}";
    assert!(failure(missing, message("x")).contains("Entry is missing the expected parse_from field."));
    assert_eq!(run_all(parser, [entry("y")]).entries.len(), 1);
    for (mode, kept) in [("send_quiet", 1), ("drop", 0), ("drop_quiet", 0)] {
        let out = run_all(&format!("- {{type: regex_parser, regex: '^(?P<a>x)$', on_error: {mode}}}"), [entry("y")]);
        assert_eq!((out.entries.len(), out.dropped), (kept, 1 - kept), "{mode}");
    }
}

#[test]
fn json_and_pairs_are_read() {
    let done = run("- {type: json_parser}", entry(r#"{"a":1,"b":{"c":[true,null,"x"]},"a":2.5}"#));
    assert_eq!(attr(&done, "a"), Value::Double(2.5));
    let inner = Attrs::from([("c", Value::list(vec![true.into(), Value::Empty, "x".into()]))]);
    assert_eq!(attr(&done, "b"), inner.into());
    let done = run("- {type: json_parser, parse_ints: true, parse_to: body}", entry(r#"{"a":1,"big":9e30}"#));
    assert_eq!(done.record.body, Attrs::from([("a", Value::Int(1)), ("big", Value::Double(9e30))]).into());
    assert!(failure("- {type: json_parser}", entry("{")).starts_with("json_parser: "));
    assert!(failure("- {type: json_parser}", entry("[1]")).contains("expected a JSON object"));
    let done = run("- {type: key_value_parser, parse_to: body.kv}", entry(r#"name=ottl msg="a b" x= "#));
    assert_eq!(
        done.record.body,
        Attrs::from([("kv", Value::from(Attrs::from([("name", "ottl"), ("msg", "a b"), ("x", "")])))]).into()
    );
    let error = failure("- {type: key_value_parser}", entry("a b=c"));
    assert_eq!(error, "key_value_parser: cannot split \"a\" into 2 items, got 1 item(s)");
    assert_eq!(failure("- {type: key_value_parser}", entry("")), "key_value_parser: parse from field body is empty");
}

#[test]
fn severities_are_found_in_presets_and_mappings() {
    let level = |value: Value| entry(Attrs::from([("l", value)]));
    let parser = |more: &str| format!("- {{type: severity_parser, parse_from: body.l{more}}}");
    for (value, more, number, text) in [
        ("INFO".into(), "", 9, "INFO"),
        ("Warning".into(), "", 13, "Warning"),
        ("warning".into(), ", preset: otel", 0, "warning"),
        ("info".into(), ", preset: none", 0, "info"),
        (Value::Int(17), "", 17, "17"),
        (Value::Double(9.0), "", 9, "9"),
        ("404".into(), ", mapping: {error: 4xx}", 17, "404"),
        (Value::Int(1100), ", mapping: {warn: [3, {min: 1000, max: 1200}]}", 13, "1100"),
        ("NTC".into(), ", mapping: {info2: [ntc, note]}, overwrite_text: true", 10, "INFO2"),
        ("odd".into(), ", overwrite_text: true", 0, "odd"),
    ] {
        let done = run(&parser(more), level(value)).record;
        assert_eq!((done.severity_number, done.severity_text.as_str()), (number, text), "{more}");
    }
    assert!(failure(&parser(""), level(Value::Double(1.5))).contains("whole number"));
    assert!(failure(&parser(""), level(true.into())).contains("type bool cannot be a severity"));
}

#[test]
fn times_are_read_in_every_kind_of_layout() {
    let parser = |layout: &str| format!("- {{type: time_parser, parse_from: body, {layout}}}");
    for (value, layout, time) in [
        (Value::from("2024-02-29T01:02:03Z"), "layout: '%Y-%m-%dT%H:%M:%SZ'", 1_709_168_523_000_000_000u64),
        ("2024-02-29 02:02:03".into(), "layout: '%Y-%m-%d %H:%M:%S', location: Europe/Berlin", 1_709_168_523_000_000_000),
        ("Feb 29 2024 1:02AM -0500".into(), "layout_type: gotime, layout: 'Jan 2 2006 3:04PM -0700'", 1_709_186_520_000_000_000),
        ("1136214245".into(), "layout_type: epoch, layout: s", 1_136_214_245_000_000_000),
        (Value::Int(1_136_214_245_123), "layout_type: epoch, layout: ms", 1_136_214_245_123_000_000),
        ("1136214245.123456".into(), "layout_type: epoch, layout: s.us", 1_136_214_245_123_456_000),
        (Value::Double(1136214245.5), "layout_type: epoch, layout: s.ms", 1_136_214_245_500_000_000),
        (Value::Int(1136214245), "layout_type: epoch, layout: s.ns", 1_136_214_245_000_000_000),
        // Without a year, the one that is near the time it was seen.
        ("Nov 27 10:00:00".into(), "layout: '%b %d %H:%M:%S', location: UTC", 1_795_773_600_000_000_000),
        ("Dec 24 10:00:00".into(), "layout: '%b %d %H:%M:%S', location: UTC", 1_766_570_400_000_000_000),
    ] {
        assert_eq!(run(&parser(layout), entry(value)).record.time, time, "{layout}");
    }
    assert!(failure(&parser("layout: '%Y'"), entry("x")).contains("parsing time \"x\" as \"2006\""));
    assert!(failure(&parser("layout_type: epoch, layout: s"), entry("1.5")).contains("invalid value '1.5' for layout 's'"));
}

#[test]
fn traces_and_scopes_are_read() {
    let ids = [("trace_id", "480140f3d770a5ae32f0a22b6a812cff"), ("span_id", "92c3792d54ba94f3"), ("trace_flags", "01")];
    let done = run("- {type: trace_parser}", entry(Attrs::from(ids)));
    assert_eq!(done.record.trace_id.0[..2], [0x48, 0x01]);
    assert_eq!((done.record.span_id.0[7], done.record.flags), (0xf3, 1));
    assert!(failure("- {type: trace_parser}", entry(Attrs::from([("span_id", "x")]))).contains("odd length"));
    let done = run("- {type: scope_name_parser, parse_from: body.s}", entry(Attrs::from([("s", "com.example")])));
    assert_eq!(done.scope_name.as_str(), "com.example");
}

#[test]
fn fields_are_changed() {
    let body = || entry(Attrs::from([("a", Value::from("x")), ("m", Attrs::from([("k", "v"), ("l", "w")]).into())]));
    let field = |yaml: &str, text: &str| Field::parse(text, true).unwrap().get(&run(yaml, body()));
    assert_eq!(field("- {type: add, field: body.n, value: 3}", "body.n"), Some(Value::Int(3)));
    assert_eq!(field("- {type: add, field: attributes.n, value: 'EXPR(body.a + \"-y\")'}", "attributes.n"), Some("x-y".into()));
    let map = "- {type: add, field: resource.r, value: {p: [1, q]}}";
    assert_eq!(field(map, "resource.r.p"), Some(Value::list(vec![Value::Int(1), "q".into()])));
    assert_eq!(field("- {type: copy, from: body.m, to: attributes}", "attributes.k"), Some("v".into()));
    assert_eq!(field("- {type: move, from: body.a, to: 'attributes[\"b.c\"]'}", "body.a"), None);
    assert_eq!(field("- {type: flatten, field: body.m}", "body.k"), Some("v".into()));
    assert_eq!(field("- {type: flatten, field: body.m}", "body.m"), None);
    assert_eq!(
        field("- {type: retain, fields: [body.m.k, body.none]}", "body"),
        Some(Attrs::from([("m", Value::from(Attrs::from([("k", "v")])))]).into())
    );
    assert_eq!(
        field("- {type: regex_replace, field: body.a, regex: '(x)', replace_with: '${1}!$1'}", "body.a"),
        Some("x!x".into())
    );
    let ansi = "- {type: add, field: body.c, value: \"\\e[31mred\\e[0m\"}\n- {type: regex_replace, field: body.c, regex_name: ansi_control_sequences}";
    assert_eq!(field(ansi, "body.c"), Some("red".into()));
    let keys = "- {type: add, field: body.l, value: [1, 2]}\n- {type: assign_keys, field: body.l, keys: [p, q]}";
    assert_eq!(field(keys, "body.l.q"), Some(Value::Int(2)));
    assert_eq!(field("- {type: remove, field: attributes}\n- {type: noop}", "body.a"), Some("x".into()));
    for (yaml, error) in [
        ("- {type: copy, from: body.z, to: body.y}", "copy: copy: from field does not exist in this entry: body.z"),
        ("- {type: move, from: body.z, to: body.y}", "move: move: field does not exist: body.z"),
        ("- {type: remove, field: 'body[\"z.z\"]'}", "remove: remove: field does not exist: body['z.z']"),
        ("- {type: flatten, field: body.a}", "flatten: apply flatten: field body.a is not a map"),
        ("- {type: flatten, field: body.z}", "flatten: apply flatten: field body.z does not exist on entry"),
        (
            "- {type: assign_keys, field: body.a, keys: [k]}",
            "assign_keys: apply assign_keys: couldn't convert field body.a to []any",
        ),
    ] {
        assert_eq!(failure(yaml, body()), error);
    }
}

#[test]
fn conditions_filters_and_routes_choose() {
    let out = run_all("- {type: filter, expr: 'body.MESSAGE matches \"^a\"'}", [message("ab"), message("b")]);
    assert_eq!(out.entries.len(), 1);
    let all = run_all("- {type: filter, expr: 'true', drop_ratio: 0.5}", (0..2000).map(|_| message("x"))).entries.len();
    assert!((700..1300).contains(&all), "{all}");
    // What cannot be told is kept.
    let out = run_all("- {type: filter, expr: 'body.x.y == 1'}", [message("b")]);
    assert_eq!((out.entries.len(), out.failures.len()), (1, 1));
    let yaml = "- {type: add, if: 'body._PID == \"12\"', field: attributes.a, value: 1}\n- {type: add, if: 'false', field: attributes.b, value: 1}";
    let done = run(yaml, message("x"));
    assert_eq!((attr(&done, "a"), attr(&done, "b")), (Value::Int(1), Value::Empty));
    let yaml = "
- type: router
  routes:
    - {expr: 'body.MESSAGE == \"a\"', output: first, attributes: {r: 'EXPR(body._PID)-x'}}
    - {expr: 'body.MESSAGE == \"b\"', output: [second, end]}
- {type: add, id: first, field: attributes.on, value: first, output: end}
- {type: add, id: second, field: attributes.on, value: second}
- {type: noop, id: end}";
    let out = run_all(yaml, ["a", "b", "c"].map(message));
    let on: Vec<Value> = out.entries.iter().map(|entry| attr(entry, "on")).collect();
    assert_eq!(on, ["first".into(), "second".into(), Value::Empty]);
    assert_eq!(attr(&out.entries[0], "r"), "12-x".into());
    assert_eq!(out.unrouted, 1);
}

fn messages(out: &Out) -> Vec<String> {
    let text = |entry: &Entry| match &entry.record.body {
        Value::Map(map) => map.get("MESSAGE").and_then(Value::as_str).unwrap_or("?").to_owned(),
        other => other.as_str().unwrap_or("?").to_owned(),
    };
    out.entries.iter().map(text).collect()
}

#[test]
fn lines_of_a_source_are_recombined() {
    let first = "- {type: recombine, combine_field: body.MESSAGE, source_identifier: body._PID, is_first_entry: 'body.MESSAGE matches \"^[^ ]\"'}";
    let lines = ["a", " b", " c", "d", "e", " f"];
    assert_eq!(messages(&run_all(first, lines.map(message))), ["a\n b\n c", "d", "e\n f"]);
    let last = "- {type: recombine, combine_field: body.MESSAGE, combine_with: '', is_last_entry: 'body.MESSAGE endsWith \";\"'}";
    assert_eq!(messages(&run_all(last, ["a", "b;", "c;", "d"].map(message))), ["ab;", "c;", "d"]);
    let sources = ["1", "2", "1", "2"].map(|pid| entry(Attrs::from([("MESSAGE", pid), ("_PID", pid)])));
    let never = "- {type: recombine, combine_field: body.MESSAGE, source_identifier: body._PID, is_last_entry: 'false'}";
    assert_eq!(messages(&run_all(never, sources)), ["1\n1", "2\n2"]);
    // What has no text to combine goes on as it is.
    let out = run_all(first, [message("a"), entry("text"), message(" b")]);
    assert_eq!((messages(&out), out.failures.len()), (vec!["text".to_owned(), "a\n b".to_owned()], 1));
}

#[test]
fn recombining_is_bounded() {
    let with = |more: &str, first: &str| {
        format!(
            "- {{type: recombine, combine_field: body.MESSAGE, source_identifier: body._PID, is_first_entry: '{first}'{more}}}"
        )
    };
    let lines = |count: usize| (0..count).map(|_| message("x"));
    let counts = |out: &Out| messages(out).iter().map(|text| text.lines().count()).collect::<Vec<_>>();
    assert_eq!(counts(&run_all(&with(", max_batch_size: 3", "false"), lines(7))), [3, 3, 1]);
    assert_eq!(counts(&run_all(&with("", "false"), lines(250))), [100, 100, 50]);
    assert_eq!(counts(&run_all(&with(", max_log_size: 4", "false"), lines(7))), [3, 3, 1]);
    let many = (0..5).map(|pid| entry(Attrs::from([("MESSAGE", "m".to_owned()), ("_PID", pid.to_string())])));
    assert_eq!(run_all(&with(", max_sources: 2", "true"), many).entries.len(), 5);
    let long = "y".repeat(1 << 20);
    let mut chain = chain(&with(", max_batch_size: 0, max_unmatched_batch_size: 0", "false"));
    let (mut out, now) = (Out::default(), Instant::now());
    (0..20).for_each(|_| chain.push(message(&long), now, &mut out));
    assert!(!out.entries.is_empty(), "what is held has a bound");
    // Whatever is large about an entry counts, and not only the text that is combined.
    let large = |pid: u32| entry(Attrs::from([("MESSAGE", "m".to_owned()), ("_PID", pid.to_string()), ("LARGE", long.clone())]));
    for newest in ["", ", overwrite_with: newest"] {
        let mut chain = self::chain(&with(newest, "false"));
        let mut out = Out::default();
        for pid in 0..20 {
            (0..2).for_each(|_| chain.push(large(pid), now, &mut out));
            let come: usize = counts(&out).iter().sum();
            assert!(2 * (pid as usize + 1) - come <= 18, "{come} lines of {} sources have come", pid + 1);
        }
    }
}

#[test]
fn what_is_held_is_let_go_in_time_and_its_mark_is_known() {
    let mut chain = chain(
        "- {type: recombine, combine_field: body, is_last_entry: 'body == \"end\"', force_flush_period: 2s}\n- {type: noop}",
    );
    let (mut out, start) = (Out::default(), Instant::now());
    let marked = |text: &str, mark| Entry { mark, ..entry(text) };
    chain.push(marked("a", 5), start, &mut out);
    chain.push(marked("b", 6), start + Duration::from_secs(1), &mut out);
    assert_eq!((chain.oldest(), chain.next_due()), (Some(5), Some(start + Duration::from_secs(2))));
    chain.flush_due(start + Duration::from_millis(1999), &mut out);
    assert!(out.entries.is_empty());
    chain.flush_due(start + Duration::from_secs(2), &mut out);
    assert_eq!((messages(&out), out.entries[0].mark), (vec!["a\nb".to_owned()], 5));
    assert_eq!((chain.oldest(), chain.next_due()), (None, None));
    chain.push(marked("c", 7), start, &mut out);
    chain.push(marked("end", 8), start, &mut out);
    assert_eq!((messages(&out)[1].as_str(), chain.oldest()), ("c\nend", None));
}

#[test]
fn all_faults_are_told_at_their_places() {
    let errors = faults(
        "
- {type: regex_parser, regex: '(', if: 'body.x ==', parse_from: message}
- {type: regex_parser, regex: '(x)'}
- {type: severity_parser}
- {type: time_parser, parse_from: body, layout: '%Q'}
- {type: time_parser, parse_from: body, layout_type: epoch, layout: h}
- type: json_parser
  timestamp: {parse_from: attributes, layout: s}
  on_error: explode
- {type: recombine, combine_field: body}
- {type: filter, expr: '1 +', drop_ratio: 3}
- {type: add, field: attributes, output: nowhere}
- {type: move, to: body}
- {type: router}",
    );
    // A word that is no keyword is told first and alone: what follows from it would be misleading.
    assert!(errors.iter().any(|error| error.contains("operator config has an invalid `on_error` field.")), "{errors:#?}");
    for (place, text) in [
        ("/operators/0/regex", "compiling regex: error parsing regexp: missing closing ): `(`"),
        ("/operators/0/if", "failed to compile expression 'body.x ==': unexpected token EOF"),
        ("/operators/1/regex", "no named capture groups in regex pattern"),
        ("/operators/2/parse_from", "missing required field 'parse_from'"),
        ("/operators/3/layout", "parse strptime layout: unsupported ctimefmt.ToNative() directive: %Q"),
        ("/operators/4/layout", "invalid `layout` for `epoch` type"),
        ("/operators/5/timestamp/parse_from", "attributes cannot be referenced without subfield"),
        ("/operators/6/is_first_entry", "one of is_first_entry and is_last_entry must be set"),
        ("/operators/7/expr", "failed to compile expression '1 +'"),
        ("/operators/8/field", "attributes cannot be referenced without subfield"),
        ("/operators/8/output", "the output does not exist in the pipeline: nowhere"),
        ("/operators/9/from", "move: missing from field"),
        ("/operators/10/routes", "a router needs routes or a default"),
    ] {
        assert!(errors.iter().any(|error| error.starts_with(place) && error.contains(text)), "{place}: {text}: {errors:#?}");
    }
}

#[test]
fn operators_that_are_not_here_are_refused_by_name() {
    for (kind, text) in [
        ("syslog_parser", "operator 'syslog_parser' is not supported here"),
        ("file_output", "operator 'file_output' is not supported here"),
        ("nonsense", "unsupported type 'nonsense'"),
    ] {
        assert!(faults(&format!("- {{type: {kind}, x: y}}"))[0].contains(text), "{kind}");
    }
    assert!(faults("- {id: x}")[0].contains("missing required field 'type'"));
    assert!(faults("- {type: 5}")[0].contains("non-string type int for field 'type'"));
    assert!(faults("- noop")[0].contains("expected a map or struct"));
    assert!(faults("- {type: noop, nope: 1}")[0].contains("invalid keys: nope"));
}

#[test]
fn graphs_have_no_cycles_and_ids_are_unique() {
    assert!(faults("- {type: noop, id: a, output: b}\n- {type: noop, id: b, output: a}")[0].contains("circular dependency"));
    assert!(
        faults("- {type: noop, id: a}\n- {type: noop, id: a}")[0].contains("operator with id 'a' already exists in pipeline")
    );
    // Repeated types are numbered.
    let yaml = "- {type: add, field: attributes.n, value: 1, output: add2}\n- {type: add, field: attributes.n, value: 2}\n- {type: add, field: attributes.m, value: 3}";
    let done = run(yaml, message("x"));
    assert_eq!((attr(&done, "n"), attr(&done, "m")), (Value::Int(1), Value::Int(3)));
    let many: String = (0..12).map(|n| format!("- {{type: noop, id: a{n}, output: [b{n}, c{n}]}}\n- {{type: noop, id: b{n}, output: a{0}}}\n- {{type: noop, id: c{n}, output: a{0}}}\n", n + 1)).collect();
    assert!(faults(&format!("{many}- {{type: noop, id: a12}}"))[0].contains("an entry would become more than 64"));
}

#[test]
fn the_receivers_output_chooses_where_entries_come_in() {
    let (mut config, _) =
        read("- {type: add, field: attributes.a, value: 1}\n- {type: add, id: b, field: attributes.b, value: 1}");
    config.operators.entrance = vec!["b".to_owned()];
    let (mut chain, mut out) = (config.operators.compile().unwrap().unwrap(), Out::default());
    chain.push(message("x"), Instant::now(), &mut out);
    assert_eq!((attr(&out.entries[0], "a"), attr(&out.entries[0], "b")), (Value::Empty, Value::Int(1)));
}

proptest! {
    #[test]
    fn prop_recombining_loses_no_line(lines in proptest::collection::vec(("[abE]{0,3}", 0u8..4), 0..60), sources in 1usize..4, first in any::<bool>(), batch in 0usize..6) {
        let condition = if first { "is_first_entry" } else { "is_last_entry" };
        let yaml = format!("- {{type: recombine, combine_field: body.MESSAGE, source_identifier: body._PID, {condition}: 'body.MESSAGE contains \"E\"', max_sources: {sources}, max_batch_size: {batch}}}");
        let entries = lines.iter().map(|(text, pid)| entry(Attrs::from([("MESSAGE", format!("{text}.")), ("_PID", pid.to_string())])));
        let out = run_all(&yaml, entries);
        let mut per_source = vec![String::new(); 4];
        for entry in &out.entries {
            let Value::Map(map) = &entry.record.body else { panic!("a map") };
            let pid: usize = map.get("_PID").and_then(Value::as_str).unwrap().parse().unwrap();
            per_source[pid].push_str(&map.get("MESSAGE").and_then(Value::as_str).unwrap().replace('\n', ""));
        }
        for (pid, text) in per_source.into_iter().enumerate() {
            let expected: String = lines.iter().filter(|(_, of)| usize::from(*of) == pid).map(|(text, _)| format!("{text}.")).collect();
            prop_assert_eq!(text, expected);
        }
    }

    #[test]
    fn prop_any_text_passes_every_parser(text in "\\PC{0,40}|[\\[{\"a:,0-9.eE}\\] =-]{0,30}") {
        let yaml = "- {type: json_parser}\n- {type: key_value_parser}\n- {type: regex_parser, regex: '(?P<x>.*)=(?P<y>[0-9]*)', timestamp: {parse_from: attributes.y, layout: '%s'}}\n- {type: severity_parser, parse_from: body}";
        let out = run_all(yaml, [entry(text.as_str())]);
        prop_assert_eq!(out.entries.len(), 1);
    }
}
