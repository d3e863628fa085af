//! Facts of the collector's `internal/filter/filterexpr` and `filtermetric` and `processor/filterprocessor/expr_test.go` (v0.132.0), of
//! expr-lang's language definition (v1.17), and our own.

use super::*;
use proptest::prelude::*;
use warren_pdata::{HistogramPoint, KeyValue, Number, NumberPoints, Temporality, Value};

fn gauge(name: &str, points: &[Attrs]) -> Metric {
    let mut numbers = NumberPoints::default();
    points.iter().for_each(|attrs| numbers.push_plain(attrs.clone(), 0, 1, Number::Int(1), 0));
    Metric { name: name.into(), data: Data::Gauge(numbers), ..Metric::default() }
}

fn holds(text: &str, metric: &Metric) -> bool {
    Expression::new(text).unwrap_or_else(|error| panic!("{error}")).matches(metric)
}

#[test]
fn expressions_hold_as_upstream_says() {
    let attrs = Attrs::from([("foo", Value::from("bar")), ("empty", "".into()), ("int", 5i64.into())]);
    let metric = gauge("my.metric", &[Attrs::EMPTY, attrs]);
    let cases = [
        ("MetricName == 'my.metric'", true),
        ("MetricName == \"my.metric\" && Label('foo') == `bar`", true),
        ("MetricName != 'my.metric'", false),
        ("MetricType == 'Gauge'", true),
        ("HasLabel('foo')", true),
        ("HasLabel('empty') and Label('empty') == ''", true),
        ("not HasLabel('foo')", true), // the first point has none
        ("!HasLabel('foo') && HasLabel('int')", false),
        ("Label('int') == '5'", false), // a number has no text
        ("HasLabel('int')", true),
        ("Label('none') == ''", true),
        ("MetricName matches '^my'", true),
        ("MetricName not matches '^my'", false),
        ("not (MetricName matches '^my')", false),
        ("MetricName startsWith 'my' and MetricName endsWith 'metric'", true),
        ("MetricName contains '.'", true),
        ("MetricName not contains '.'", false),
        ("MetricName in ['a', 'my.metric',]", true),
        ("MetricName not in ['a', 'b']", true),
        ("MetricName in [1, 2]", false),
        ("MetricName == 1", false),
        ("MetricName != 1", true),
        ("1 == 1.0 and 0x10 == 16 and 1_000 == 1e3 and -1 < +2 and .5 < 1", true),
        ("1 < 2 < 3 and 'a' <= 'a' <= 'b' and 'b' > 'a' >= 'a'", true),
        ("1 < 3 < 2", false),
        ("true or HasLabel('x') and false", true),
        ("(true or HasLabel('x')) and false", false),
        ("HasLabel('foo') == true", true),
        ("not true == false", true), // (not true) == false
        ("HasLabel('foo') ? Label('foo') == 'bar' : false", true),
        ("(HasLabel('foo') ? Label('foo') : MetricName) == 'my.metric'", true),
        ("true ? false : true ? true : false", false),
        ("Label(\"foo\") == 'b\\x61\\u0072'", true),
        ("len(MetricName) == 9 and upper(MetricType) == 'GAUGE'", true),
        ("Label('f' + 'oo') == 'bar'", true),
        ("MetricName == 'my.metric' // a word\n and /* another */ true", true),
    ];
    for (text, expected) in cases {
        assert_eq!(holds(text, &metric), expected, "{text}");
    }
}

#[test]
fn every_kind_has_its_name_and_a_metric_without_points_never_matches() {
    let point = HistogramPoint::default();
    let histogram = Data::Histogram { points: vec![point], temporality: Temporality::DELTA };
    assert!(holds("MetricType == 'Histogram'", &Metric { data: histogram, ..Metric::default() }));
    assert!(!holds("true", &gauge("m", &[])));
    assert!(!holds("true", &Metric::default()));
}

#[test]
fn a_metric_matches_if_any_point_does() {
    let one = |value: &str| [KeyValue::new("k", value)].into_iter().collect();
    let metric = gauge("m", &[one("a"), one("b")]);
    assert!(holds("Label('k') == 'b'", &metric));
    assert!(!holds("Label('k') == 'a' and Label('k') == 'b'", &metric));
}

#[test]
fn faults_are_told_at_their_place() {
    let cases = [
        ("", "unexpected token EOF (1:1)\n | \n | ^"),
        ("foo", "unknown name foo, there are MetricName, MetricType, HasLabel and Label (1:1)\n | foo\n | ^"),
        ("MetricName", "filter returned non-boolean value: the expression yields text (1:1)\n | MetricName\n | ^"),
        ("true and", "unexpected token EOF (1:9)\n | true and\n | ........^"),
        ("true )", "unexpected token Bracket(\")\") (1:6)\n | true )\n | .....^"),
        (
            "true and\n all(MetricName) > 3",
            "function all is not supported in expressions on metrics (2:2)\n |  all(MetricName) > 3\n | .^",
        ),
        (
            "MetricName | len() == 1",
            "operator | is not supported in expressions on metrics (1:12)\n | MetricName | len() == 1\n | ...........^",
        ),
        (
            "MetricName > 1",
            "invalid operation: > (mismatched types: text and a number) (1:12)\n | MetricName > 1\n | ...........^",
        ),
        (
            "MetricName matches '('",
            "error parsing regexp: missing closing ): `(` (1:12)\n | MetricName matches '('\n | ...........^",
        ),
        ("'é' == 'open", "literal not terminated (1:8)\n | 'é' == 'open\n | .......^"),
        (
            "not MetricName == 'a'",
            "invalid operation: not (mismatched type text); not binds tighter than comparisons (1:1)\n | not MetricName == 'a'\n | ^",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Expression::new(text).unwrap_err().to_string(), expected, "{text}");
    }
    for text in [
        "Label()",
        "HasLabel('a', 'b')",
        "nil",
        "Label(1)",
        "1 ? 2 : 3",
        "'\\q' == ''",
        "12abc == 1",
        "MetricName matches MetricName",
        "true not and false",
        "{a: 1}",
        "MetricName[0]",
        "true | len()",
        "a.b",
        "1..2",
        "@",
    ] {
        assert!(Expression::new(text).is_err(), "{text}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("{}true{}", "(".repeat(4000), ")".repeat(4000));
    assert!(Expression::new(&deep).unwrap_err().to_string().starts_with("expression nests too deeply"));
    assert!(Expression::new(&"!".repeat(5000)).is_err());
    let long = format!("true{}", " and true".repeat(4000));
    assert!(holds(&long, &gauge("m", &[Attrs::EMPTY])));
    assert!(Expression::new(&" ".repeat(EXPRESSION_BYTES_MAX + 1)).is_err());
    assert!(holds(&format!("1{}", " <= 1".repeat(4000)), &gauge("m", &[Attrs::EMPTY])));
    assert!(Expression::new(&format!("true{}", " or true".repeat(6000))).is_err());
}

proptest! {
    #[test]
    fn prop_any_text_is_compiled_or_refused(text in "\\PC{0,60}") {
        let _ = Expression::new(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn prop_any_tokens_are_compiled_or_refused(words in proptest::collection::vec(proptest::sample::select(vec![
        "MetricName", "HasLabel(", "Label('k')", ")", "(", "[", "]", ",", "'text'", "\"é\"", "12", "not", "!", "and", "or", "==", "<", ">=", "in",
        "matches", "contains", "?", ":", "true", "-", "`", "\\", "//", "/*", "*/", ".", "x",
    ]), 0..12)) {
        if let Ok(expression) = Expression::new(&words.join(" ")) {
            expression.matches(&gauge("m", &[Attrs::EMPTY]));
        }
    }
}
