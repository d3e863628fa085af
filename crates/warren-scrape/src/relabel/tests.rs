//! Facts of Prometheus' `model/relabel/relabel_test.go` (commit 419d436a447a) and our own.

use proptest::prelude::*;

use super::*;
use crate::labels::Labels;

fn rule(action: &str, fields: &[(&str, &str)]) -> Rule {
    let mut rule = Rule { action: Action::from_name(action), ..Rule::default() };
    for &(key, value) in fields {
        match key {
            "source" => rule.source_labels = Some(value.split(',').map(str::to_owned).collect()),
            "sep" => rule.separator = value.to_owned(),
            "regex" => rule.regex = Some(value.to_owned()),
            "modulus" => rule.modulus = value.parse().unwrap(),
            "target" => rule.target_label = value.to_owned(),
            "to" => rule.replacement = value.to_owned(),
            _ => panic!("{key}"),
        }
    }
    rule
}

/// Applies rules and gives the sorted labels as `a=1 b=2`, or `None` when dropped.
fn run(input: &[(&str, &str)], rules: &[Rule]) -> Option<String> {
    let program = Program::new(rules).unwrap();
    let mut labels: Labels = input.iter().copied().collect();
    (program.apply(&mut labels).unwrap() == Verdict::Keep).then(|| {
        labels.sort();
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    })
}

const FOO: &[(&str, &str)] = &[("a", "foo")];
const ABC: &[(&str, &str)] = &[("a", "foo"), ("b", "bar"), ("c", "baz")];
const PORTS: &[(&str, &str)] = &[("__port1", "1234"), ("__port2", "5678"), ("__tmp_port", "1234")];
const NAMED: &[(&str, &str)] = &[("a", "some-name-value")];
const LINES: &[(&str, &str)] = &[("a", "line1\nline2")];

#[test]
fn rules_change_labels_as_in_prometheus() {
    type Fields = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Fields, Fields, Option<&str>)] = &[
        (
            "replace",
            ABC,
            &[("source", "a"), ("regex", "f(.*)"), ("target", "d"), ("to", "ch${1}-ch${1}")],
            Some("a=foo b=bar c=baz d=choo-choo"),
        ),
        (
            "replace",
            ABC,
            &[("source", "a,b"), ("regex", "f(.*);(.*)r"), ("target", "a"), ("to", "b${1}${2}m")],
            Some("a=boobam b=bar c=baz"),
        ),
        ("replace", FOO, &[("source", "a"), ("regex", "f"), ("target", "b"), ("to", "bar")], Some("a=foo")),
        (
            "replace",
            &[("a", "foo"), ("f", "baz")],
            &[("source", "a"), ("regex", "(f).*"), ("target", "$1"), ("to", "$2")],
            Some("a=foo"),
        ),
        (
            "replace",
            NAMED,
            &[("source", "a"), ("regex", "some-([^-]+)-([^,]+)"), ("to", "${2}"), ("target", "${1}")],
            Some("a=some-name-value name=value"),
        ),
        (
            "replace",
            NAMED,
            &[("source", "a"), ("regex", "some-([^-]+)-([^,]+)"), ("to", "${3}"), ("target", "${1}")],
            Some("a=some-name-value"),
        ),
        (
            "replace",
            NAMED,
            &[("source", "a"), ("regex", "some-([^-]+)-([^,]+)"), ("to", "${1}"), ("target", "${3}")],
            Some("a=some-name-value"),
        ),
        (
            "replace",
            LINES,
            &[("source", "a"), ("regex", "line1.*line2"), ("target", "d"), ("to", "match${1}")],
            Some("a=line1\nline2 d=match"),
        ),
        (
            "replace",
            LINES,
            &[("source", "a"), ("regex", "(line1).*(?<second>line2)"), ("target", "label1_${1}"), ("to", "val_${second}")],
            Some("a=line1\nline2 label1_line1=val_line2"),
        ),
        (
            "replace",
            LINES,
            &[("source", "a"), ("regex", "line1.*line2"), ("target", "utf-8.label${1}"), ("to", "m")],
            Some("a=line1\nline2 utf-8.label=m"),
        ),
        (
            "replace",
            &[("__name__", "http_requests_total")],
            &[("source", "__name__"), ("regex", ".*_total$"), ("target", "__type__"), ("to", "counter")],
            Some("__name__=http_requests_total __type__=counter"),
        ),
        ("replace", FOO, &[("source", "a"), ("target", "a"), ("to", "$1$1")], Some("a=foofoo")),
        ("replace", FOO, &[("target", "b"), ("to", "static")], Some("a=foo b=static")),
        ("replace", FOO, &[("source", "nope"), ("target", "a")], Some("")),
        ("replace", &[("a", "1"), ("b", "2")], &[("source", "a,b"), ("sep", "-"), ("target", "ab")], Some("a=1 ab=1-2 b=2")),
        ("Replace", &[("a", "1"), ("b", "2")], &[("source", "a,b"), ("sep", ""), ("target", "ab")], Some("a=1 ab=12 b=2")),
        ("drop", FOO, &[("source", "a"), ("regex", ".*o.*")], None),
        ("drop", FOO, &[("source", "a"), ("regex", "no-match")], Some("a=foo")),
        ("DROP", FOO, &[("source", "a"), ("regex", "f|o")], Some("a=foo")),
        ("drop", FOO, &[], None),
        ("keep", FOO, &[("source", "a"), ("regex", "no-match")], None),
        ("keep", FOO, &[("source", "a"), ("regex", "f.*")], Some("a=foo")),
        ("keep", FOO, &[("source", "b"), ("regex", "")], Some("a=foo")),
        ("hashmod", ABC, &[("source", "c"), ("target", "d"), ("modulus", "1000")], Some("a=foo b=bar c=baz d=976")),
        ("HashMod", &[("a", "foo\nbar")], &[("source", "a"), ("target", "b"), ("modulus", "1000")], Some("a=foo\nbar b=734")),
        (
            "labelmap",
            &[("a", "foo"), ("b1", "bar"), ("b2", "baz")],
            &[("regex", "(b.*)"), ("to", "bar_${1}")],
            Some("a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz"),
        ),
        (
            "labelmap",
            &[("__meta_my_bar", "aaa"), ("__meta_other", "ccc")],
            &[("regex", "__meta_(my.*)"), ("to", "${1}")],
            Some("__meta_my_bar=aaa __meta_other=ccc my_bar=aaa"),
        ),
        // Two labels are mapped to one name: the later wins.
        ("labelmap", &[("a1", "x"), ("a2", "y")], &[("regex", "a."), ("to", "b")], Some("a1=x a2=y b=y")),
        ("labelmap", FOO, &[("regex", "a()"), ("to", "$1")], Some("a=foo")),
        ("labelkeep", &[("a", "foo"), ("b1", "bar"), ("b2", "baz")], &[("regex", "(b.*)")], Some("b1=bar b2=baz")),
        ("labeldrop", &[("a", "foo"), ("b1", "bar"), ("b2", "baz")], &[("regex", "(b.*)")], Some("a=foo")),
        ("uppercase", &[("foo", "bAr123Fooß")], &[("source", "foo"), ("target", "up")], Some("foo=bAr123Fooß up=BAR123FOOß")),
        ("lowercase", &[("foo", "bAr123FooΣ")], &[("source", "foo"), ("target", "low")], Some("foo=bAr123FooΣ low=bar123fooσ")),
        (
            "keepequal",
            PORTS,
            &[("source", "__tmp_port"), ("target", "__port1")],
            Some("__port1=1234 __port2=5678 __tmp_port=1234"),
        ),
        ("dropequal", PORTS, &[("source", "__tmp_port"), ("target", "__port1")], None),
        (
            "dropequal",
            PORTS,
            &[("source", "__tmp_port"), ("target", "__port2")],
            Some("__port1=1234 __port2=5678 __tmp_port=1234"),
        ),
        ("keepequal", PORTS, &[("source", "__tmp_port"), ("target", "__port2")], None),
    ];
    for &(action, input, fields, expected) in cases {
        assert_eq!(run(input, &[rule(action, fields)]).as_deref(), expected, "{action} {fields:?}");
    }
}

#[test]
fn rules_work_on_what_earlier_rules_made() {
    let rules = [
        rule("replace", &[("source", "a,b"), ("regex", "f(.*);(.*)r"), ("target", "a"), ("to", "b${1}${2}m")]),
        rule("replace", &[("source", "c,a"), ("regex", "(b).*b(.*)ba(.*)"), ("target", "d"), ("to", "$1$2$2$3")]),
    ];
    assert_eq!(run(ABC, &rules).as_deref(), Some("a=boobam b=bar c=baz d=boooom"));

    let tags = [("__meta_sd_tags", "path:/secret,job:some-job,label:foo=bar")];
    let rules = [
        rule("replace", &[("source", "__meta_sd_tags"), ("regex", "(?:.+,|^)path:(/[^,]+).*"), ("target", "__metrics_path__")]),
        rule("replace", &[("source", "__meta_sd_tags"), ("regex", "(?:.+,|^)job:([^,]+).*"), ("target", "job")]),
        rule(
            "replace",
            &[("source", "__meta_sd_tags"), ("regex", "(?:.+,|^)label:([^=]+)=([^,]+).*"), ("target", "${1}"), ("to", "${2}")],
        ),
        rule("labeldrop", &[("regex", "__meta_.*")]),
    ];
    assert_eq!(run(&tags, &rules).as_deref(), Some("__metrics_path__=/secret foo=bar job=some-job"));
}

#[test]
fn nothing_runs_after_a_drop() {
    let rules = [rule("drop", &[("source", "a"), ("regex", "f.*")]), rule("keep", &[("source", "a"), ("regex", "f.*")])];
    assert_eq!(run(FOO, &rules), None);
}

#[test]
fn faulty_rules_are_refused_with_prometheus_texts() {
    let cases = [
        (Rule { action: None, ..Rule::default() }, "relabel action cannot be empty"),
        (rule("replace", &[]), "relabel configuration for replace action requires 'target_label' value"),
        (rule("lowercase", &[]), "relabel configuration for lowercase action requires 'target_label' value"),
        (rule("hashmod", &[("target", "a")]), "relabel configuration for hashmod requires non-zero modulus"),
        (rule("uppercase", &[("target", "a"), ("to", "x")]), "'replacement' can not be set for uppercase action"),
        (rule("dropequal", &[("target", "a"), ("to", "x")]), "'replacement' can not be set for dropequal action"),
        (rule("labelmap", &[("to", "")]), "\"\" is invalid 'replacement' for labelmap action"),
        (
            rule("keepequal", &[("target", "a"), ("regex", "(.*)")]),
            "keepequal action requires only 'source_labels' and `target_label`, and no other fields",
        ),
        (
            rule("dropequal", &[("target", "a"), ("sep", "-")]),
            "dropequal action requires only 'source_labels' and `target_label`, and no other fields",
        ),
        (rule("labeldrop", &[("regex", "a"), ("source", "a")]), "labeldrop action requires only 'regex', and no other fields"),
        (rule("labelkeep", &[("regex", "a"), ("to", "x")]), "labelkeep action requires only 'regex', and no other fields"),
        (rule("replace", &[("target", "a"), ("regex", "(")]), "error parsing regexp: missing closing ): `^(?s:()$`"),
    ];
    for (rule, expected) in cases {
        let errors = Program::new(std::slice::from_ref(&rule)).unwrap_err();
        let texts: Vec<_> = errors.iter().map(|(index, error)| (*index, error.to_string())).collect();
        assert_eq!(texts, [(0, expected.to_owned())], "{rule:?}");
    }
    assert_eq!(Action::from_name("nope"), None);
}

#[test]
fn every_faulty_rule_is_reported() {
    let good = rule("drop", &[]);
    let bad = rule("replace", &[]);
    let errors = Program::new(&[bad.clone(), good, bad]).unwrap_err();
    assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_replacement_that_explodes_is_an_error() {
    let triple = rule("replace", &[("source", "a"), ("target", "a"), ("to", "$1$1$1$1$1$1$1$1")]);
    let program = Program::new(&vec![triple; 12]).unwrap();
    let mut labels: Labels = [("a", "0123456789")].into_iter().collect();
    assert!(program.apply(&mut labels).is_err());
}

proptest! {
    #[test]
    fn no_rule_panics(
        action in prop::sample::select(Action::names().collect::<Vec<_>>()),
        regex in r"[a-c(.*)|]{0,6}",
        target in r"[a-c${1}]{0,5}",
        to in r"[a-c${1}]{0,5}",
        pairs in prop::collection::btree_map("[a-d]", ".{0,4}", 0..5),
    ) {
        let rules = [rule(action, &[("source", "a,b"), ("regex", &regex), ("target", &target), ("to", &to), ("modulus", "7")])];
        if let Ok(program) = Program::new(&rules) {
            let mut labels: Labels = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            program.apply(&mut labels).unwrap();
            labels.sort();
            prop_assert_eq!(labels.duplicate(), None);
        }
    }

    #[test]
    fn keep_and_drop_are_opposites(regex in "[ab.*|]{0,4}", value in "[ab]{0,3}") {
        let labels = [("a", value.as_str())];
        let fields: &[(&str, &str)] = &[("source", "a"), ("regex", &regex)];
        if let (Ok(_), Ok(_)) = (Program::new(&[rule("keep", fields)]), Program::new(&[rule("drop", fields)])) {
            prop_assert_ne!(run(&labels, &[rule("keep", fields)]).is_some(), run(&labels, &[rule("drop", fields)]).is_some());
        }
    }
}
