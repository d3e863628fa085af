//! Facts of upstream's `pkg/ottl/{lexer,parser}_test.go` at v0.132.0, and of runs of that version, as cases of ours.

use super::*;
use proptest::prelude::*;

/// A value written as one line, so that cases stay readable.
fn show(value: &Value) -> String {
    let keys = |keys: &[Key]| {
        keys.iter()
            .map(|key| match key {
                Key::Text(text) => format!("[{:?}]", text.node),
                Key::Int(int) => format!("[{}]", int.node),
                Key::Expression(value) => format!("[{}]", show(value)),
            })
            .collect::<String>()
    };
    match value {
        Value::Nil(_) => "nil".into(),
        Value::Bytes(bytes) => format!("{:?}", bytes.node),
        Value::Text(text) => format!("{:?}", text.node),
        Value::Boolean(node) => node.node.to_string(),
        Value::Int(node) => node.node.to_string(),
        Value::Float(node) => format!("{:?}", node.node),
        Value::Enum(node) => node.node.clone(),
        Value::Path(path) => {
            path.fields.iter().map(|field| field.name.node.clone() + &keys(&field.keys)).collect::<Vec<_>>().join(".")
        }
        Value::Call(call) => show_call(call) + &keys(&call.keys),
        Value::List(items) => format!("[{}]", items.node.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            format!(
                "{{{}}}",
                entries
                    .node
                    .iter()
                    .map(|entry| format!("{:?}: {}", entry.key.node, show(&entry.value)))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        Value::Arithmetic(node) => format!("({} {} {})", show(&node.left), node.operator, show(&node.right)),
    }
}

fn show_call(call: &Call) -> String {
    let arguments = call.arguments.iter().map(|argument| {
        let name = argument.name.as_ref().map_or(String::new(), |name| format!("{}=", name.node));
        name + &match &argument.value {
            ArgumentValue::Value(value) => show(value),
            ArgumentValue::Function(function) => format!("fn {}", function.node),
        }
    });
    format!("{}({})", call.name.node, arguments.collect::<Vec<_>>().join(", "))
}

fn show_boolean(condition: &Boolean) -> String {
    let several = |parts: &[Boolean], word: &str| format!("({})", parts.iter().map(show_boolean).collect::<Vec<_>>().join(word));
    match condition {
        Boolean::Or(parts) => several(parts, " or "),
        Boolean::And(parts) => several(parts, " and "),
        Boolean::Not(inner) => format!("not {}", show_boolean(inner)),
        Boolean::Compare(node) => format!("{} {:?} {}", show(&node.left), node.comparator, show(&node.right)),
        Boolean::Literal(node) => node.node.to_string(),
        Boolean::Call(call) => show_call(call),
    }
}

#[test]
fn values_are_read_as_upstream_reads_them() {
    for (text, expected) in [
        ("nil", "nil"),
        ("0x0AfF", "[10, 255]"),
        (r#""a\tb\"c\xff\101\u00e9""#, "\"a\\tb\\\"cÿAé\""),
        ("true", "true"),
        ("-42", "-42"),
        (".5e-3", "0.0005"),
        ("SEVERITY_NUMBER_WARN", "SEVERITY_NUMBER_WARN"),
        ("attributes[\"a\"][0].b", "attributes[\"a\"][0].b"),
        ("attributes[Concat([name, \"x\"], \".\")]", "attributes[Concat([name, \"x\"], \".\")]"),
        ("attributes[1 + 2]", "attributes[(1 + 2)]"),
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("Is String (\"x\")", "IsString(\"x\")"),
        ("Split(\"a,b\", \",\")[0]", "Split(\"a,b\", \",\")[0]"),
        ("[1 2, 3]", "[1, 2, 3]"),
        ("{\"a\": 1 \"b\": [nil],}", "{\"a\": 1, \"b\": [nil]}"),
        ("Sort(attributes, order = \"desc\")", "Sort(attributes, order=\"desc\")"),
        ("Replace(body, SHA256)", "Replace(body, SHA256)"),
        ("Replace(body, IsString)", "Replace(body, fn IsString)"),
    ] {
        assert_eq!(show(&parse_value(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))), expected, "{text}");
    }
}

#[test]
fn conditions_bind_as_upstream_binds_them() {
    for (text, expected) in [
        ("true or false and not 1 == 2", "(true or (false and not 1 Equal 2))"),
        ("(a == 1 or b == 2) and c != nil", "((a Equal 1 or b Equal 2) and c NotEqual nil)"),
        ("(1 + 2) * 3 > x", "((1 + 2) * 3) Greater x"),
        ("IsMatch(name, \"x\") == true", "IsMatch(name, \"x\") Equal true"),
        ("not IsMatch(name, \"x\")", "not IsMatch(name, \"x\")"),
        ("not (a == 1)", "not a Equal 1"),
    ] {
        assert_eq!(show_boolean(&parse_condition(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))), expected, "{text}");
    }
}

#[test]
fn a_statement_has_an_editor_and_a_condition() {
    let statement = parse_statement("set(attributes[\"a\"], 1) where name == \"x\"").unwrap();
    assert_eq!(show_call(&statement.editor), "set(attributes[\"a\"], 1)");
    assert_eq!(show_boolean(&statement.condition.unwrap()), "name Equal \"x\"");
}

#[test]
fn what_upstream_refuses_is_refused_with_its_place() {
    for (text, place, says) in [
        ("Set(name, 1)", 0, "editor names must start with a lowercase letter but got 'Set'"),
        ("set(name, concat([\"a\"], \"\"))", 10, "converter names must start with an uppercase letter but got 'concat'"),
        ("set(name, 3-5)", 11, "unexpected token \"-5\""),
        ("set(name, 3.)", 11, "unexpected token \".\""),
        ("set(name, 'x')", 10, "invalid input text"),
        ("set(name, \"\\d\")", 10, "invalid quoted string"),
        ("set(name, 0x123)", 10, "odd number of digits"),
        ("set(name, 9223372036854775808)", 10, "beyond 64 bits"),
        ("set(name, 1", 11, "unexpected token <EOF>"),
        ("set(name, 1) where attributes[\"a\"]", 19, "a value alone is not a condition"),
        ("set(name, 1) where not not true", 23, "unexpected token \"not\""),
        ("set(name, 1) where a == 1 == 2", 26, "unexpected token \"==\""),
        ("set(name, 1)[0]", 13, "only paths and converters may be indexed"),
        ("set(name, [1, 2,])", 16, "unexpected token \"]\""),
        ("set(name, \"a\" + 1)", 14, "unexpected token \"+\""),
    ] {
        let error = parse_statement(text).expect_err(text);
        assert!(error.message.contains(says), "{text}: {error:?}");
        assert_eq!(error.span.start, place, "{text}: {error:?}");
    }
}

#[test]
fn deep_and_long_texts_are_refused_and_not_followed() {
    let deep = "(".repeat(100_000);
    assert!(parse_condition(&deep).is_err());
    assert!(parse_value(&"[".repeat(100_000)).is_err());
    assert!(parse_value(&format!("\"{}\"", "x".repeat(300_000))).is_err());
    let nested = format!("{}1 == 1{}", "(".repeat(40), ")".repeat(40));
    assert!(parse_condition(&nested).is_ok());
}

proptest! {
    #[test]
    fn prop_no_text_panics_the_parser(text in "[ a-zA-Z0-9_\"'\\\\\\[\\](){}=!<>+*/,.:-]{0,60}") {
        let _ = parse_statement(&text);
        let _ = parse_condition(&text);
        let _ = parse_value(&text);
    }
}
