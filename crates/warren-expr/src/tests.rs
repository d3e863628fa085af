//! Facts of expr-lang's language definition and its virtual machine (v1.17), as configurations of log operators meet them, and our own.

use super::*;
use proptest::prelude::*;
use warren_pdata::{Attrs, KeyValue};

const LANGUAGE: Language = Language {
    about: "these expressions",
    names: &[("body", 0, Type::Any), ("attributes", 1, Type::Map), ("word", 2, Type::Text)],
    functions: &[Function { name: "env", number: 0, params: &[Type::Text], yields: Type::Text }],
    refused: &["timestamp"],
    unknown_is_nil: true,
};

struct Data {
    body: Value,
    attributes: Attrs,
}

impl Subject for Data {
    fn value(&self, number: u16) -> Val<'_> {
        match number {
            0 => Val::from(&self.body),
            1 => Val::Map(std::borrow::Cow::Borrowed(&self.attributes)),
            _ => Val::text("word"),
        }
    }

    fn call(&self, _: u16, args: &[Val<'_>]) -> Result<Val<'_>, String> {
        match args {
            [Val::Str(name)] => Ok(Val::Str(format!("${name}").into())),
            _ => Err("no text".to_owned()),
        }
    }
}

fn data() -> Data {
    let inner = Attrs::from([("b", Value::from("deep")), ("x.y", Value::Int(3))]);
    let list = Value::list(vec![Value::from("one"), Value::Int(2)]);
    let body =
        Attrs::from([("MESSAGE", Value::from("closing connection")), ("a", inner.into()), ("list", list), ("n", Value::Int(7))]);
    Data { body: body.into(), attributes: Attrs::from([("f", Value::Double(1.5)), ("t", Value::Bool(true))]) }
}

fn value(text: &str) -> Result<Value, String> {
    Expression::new(text, &LANGUAGE).unwrap_or_else(|error| panic!("{error}")).value(&data())
}

fn holds(text: &str) -> Result<bool, String> {
    Expression::condition(text, &LANGUAGE).unwrap_or_else(|error| panic!("{error}")).holds(&data())
}

#[test]
fn members_are_taken_and_what_is_missing_is_nil() {
    for (text, expected) in [
        ("body.MESSAGE", Value::from("closing connection")),
        ("body['MESSAGE']", Value::from("closing connection")),
        ("body.a.b", Value::from("deep")),
        ("body[\"a\"][`x.y`] + 1", Value::Int(4)),
        ("body.list[0]", Value::from("one")),
        ("body.list[-1]", Value::Int(2)),
        ("body.none", Value::Empty),
        ("body.none?.deeper.still", Value::Empty),
        ("body?.a?.b", Value::from("deep")),
        ("body.none ?? 'else'", Value::from("else")),
        ("attributes.f", Value::Double(1.5)),
        ("nothing", Value::Empty),
        ("get(body, 'none')", Value::Empty),
        ("[body.n, 'x'][0]", Value::Int(7)),
        ("keys(attributes)", Value::list(vec!["f".into(), "t".into()])),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn conditions_hold() {
    for (text, expected) in [
        ("body.MESSAGE matches '^clos.*on$'", true),
        ("body.none matches '.'", false),
        ("body.MESSAGE contains 'conn' and body.n > 6.5", true),
        ("body.none contains 'x'", false),
        ("'MESSAGE' in body and 'x' not in body", true),
        ("2 in body.list", true),
        ("'x' in body.none", false),
        ("body.a.b == 'deep' ? attributes.t : false", true),
        ("attributes.t", true),
        ("attributes.f == 1.5 and 3 == 3.0", true),
        ("body.n in [1, 7]", true),
        ("body == nil", false),
        ("body.none == nil", true),
        ("type(body) == 'map' and len(body.list) == 2", true),
        ("env('HOME') == '$HOME'", true),
        ("lower('ABC') == 'abc' && trim('  a ') == 'a' && trimPrefix('xa', 'x') == 'a'", true),
        ("split('a,b', ',')[1] == 'b' and join(['a', 'b'], '-') == 'a-b'", true),
        ("replace('aXa', 'X', '') == 'aa' and indexOf('abc', 'c') == 2", true),
        ("int('12') == 12 and float('1.5') == 1.5 and string(1.0) == '1'", true),
        ("7 % 4 == 3 and 1 / 2 == 0.5 and 2 ** 3 ** 2 == 512 and -2 * 3 == -6 and 1 + 2 * 3 == 7", true),
        ("max(1, 3) == 3 and min([4, 2.5]) == 2.5 and abs(-2) == 2 and round(1.5) == 2", true),
        ("first(body.list) == 'one' and last(body.list) == 2", true),
        ("body.none?.[0] == nil and body.none?.['x'].y == nil and body.list?.[1] == 2", true),
        ("1 < body.n < 8", true),
        ("1 < body.n < 7", false),
        ("not attributes.t or word startsWith 'wo'", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_an_error_when_it_runs() {
    for (text, part) in [
        ("body.none.deeper == 1", "cannot fetch deeper from <nil>"),
        ("body.MESSAGE.x == 1", "cannot fetch x from text"),
        ("body.list[2] == 1", "index out of range: 2 (array length is 2)"),
        ("body.n matches 'x'", "a number is no text"),
        ("body.MESSAGE > 1", "invalid operation: text > a number"),
        ("body.n", "the expression yields a number, not a boolean"),
        ("body.n and true", "a number is used as a condition"),
        ("1 in body.MESSAGE", "operator \"in\" not defined on text"),
        ("1 % (body.n - 7) == 1", "integer divide by zero"),
        ("int(body.MESSAGE) == 1", "int(\"closing connection\")"),
    ] {
        let error = holds(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn what_can_never_fit_is_refused() {
    for (text, part) in [
        ("1", "non-boolean"),
        ("word and true", "mismatched types: text and a boolean"),
        ("word + 1 == 1", "mismatched types: text and a number"),
        ("true < false", "mismatched types: a boolean and a boolean"),
        ("'x' in word", "mismatched types"),
        ("word.x == 1", "text has no members"),
        ("any(body, true)", "function any is not supported in these expressions"),
        ("body[1:2] == 1", "a slice is not supported"),
        ("body.x()", "calling a member is not supported"),
        ("len() == 1", "not enough arguments to call len"),
        ("len(1, 2) == 1", "too many arguments to call len"),
        ("env(1) == ''", "cannot use a number as argument to call env, which takes text"),
        ("body matches word", "a pattern that is no literal"),
        ("-word == 1", "mismatched type text"),
        ("timestamp == 1", "timestamp is not supported in these expressions"),
        ("1 not 2", "unexpected token"),
    ] {
        let error = Expression::condition(text, &LANGUAGE).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn chains_and_texts_are_bounded() {
    assert!(Expression::new(&format!("1{}", " + 1".repeat(250)), &LANGUAGE).is_ok());
    for long in
        [format!("1{}", " + 1".repeat(2000)), format!("body{}", ".a".repeat(2000)), format!("true{}", " == true".repeat(2000))]
    {
        let error = Expression::new(&long, &LANGUAGE).unwrap_err().to_string();
        assert!(error.starts_with("expression nests too deeply"), "{error}");
    }
    let big = format!("replace(replace(replace('{0}', 'a', '{0}'), 'a', '{0}'), 'a', '{0}') == ''", "a".repeat(1000));
    assert!(holds(&big).unwrap_err().contains("more than"));
}

proptest! {
    #[test]
    fn prop_any_tokens_are_evaluated_or_refused(words in proptest::collection::vec(proptest::sample::select(vec![
        "body", ".", "?.", "[", "]", "(", ")", "a", "'text'", "0", "-1", "1.5", "not", "and", "==", "<", "in", "matches", "+", "/", "%", "**", "??",
        "?", ":", "true", "nil", "attributes", "len(", "get(", ",", "env(", "split(", "max(", "first(",
    ]), 0..14)) {
        if let Ok(expression) = Expression::new(&words.join(" "), &LANGUAGE) {
            let _ = expression.value(&data());
        }
    }

    #[test]
    fn prop_numbers_are_ordered_as_numbers(a in any::<i32>(), b in any::<i32>()) {
        prop_assert_eq!(holds(&format!("{a} < {b}")), Ok(a < b));
        prop_assert_eq!(value(&format!("{a} + {b}")), Ok(Value::Int(i64::from(a) + i64::from(b))));
    }

    #[test]
    fn prop_a_quoted_text_is_itself(text in "[^'\\\\\n]{0,20}") {
        prop_assert_eq!(value(&format!("'{text}'")), Ok(Value::from(text.as_str())));
    }
}

#[test]
fn maps_keep_what_they_hold() {
    let map = Attrs::new(vec![KeyValue::new("f", 1.5), KeyValue::new("t", true)]);
    assert_eq!(value("attributes"), Ok(Value::Map(map)));
}
