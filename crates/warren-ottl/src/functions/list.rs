//! Lists and maps, taken apart and put together.

use super::entries::Entries;
use super::go_type;
use crate::compare::equal;
use crate::function::{Args, Converter, Kind, Literal, Literals, Param, Yields, optional, param};
use crate::record::Failure;
use crate::value::{ItemType, Val};
use std::cmp::Ordering;
use warren_gotext::as_string;
use warren_pdata::{Attrs, List, Text, Value};

const MAP: &[Param] = &[param("target", Kind::Map)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("Keys", MAP, List, |args| Ok(list(map(args)?.iter().map(|entry| Value::Str(entry.key.clone()))))),
    converter!("Values", MAP, List, |args| Ok(list(map(args)?.iter().map(|entry| entry.value.clone())))),
    converter!("ContainsValue", &[param("target", Kind::List), param("item", Kind::Any)], Bool, |args| {
        let Val::List(items) = args.get(0) else { return Ok(Val::Bool(false)) };
        Ok(Val::Bool(items.iter().any(|item| equal(&item.into(), args.get(1)))))
    }),
    Converter {
        name: "Sort",
        params: &[param("target", Kind::Any), optional("order", Kind::LitStr)],
        yields: Yields::List,
        bind: |literals| {
            let descending = match literals.text(1).unwrap_or("asc") {
                "asc" => false,
                "desc" => true,
                other => return Err(format!("invalid arguments: {other}. Order should be either \"asc\" or \"desc\"")),
            };
            super::call(move |args| sort(args.get(0), descending))
        },
    },
    Converter {
        name: "SliceToMap",
        params: &[param("target", Kind::Any), optional("key_path", Kind::LitStrs), optional("value_path", Kind::LitStrs)],
        yields: Yields::Map,
        bind: |literals| {
            let path = |literals: &Literals<'_>, param| literals.texts(param).map(<[Text]>::to_vec);
            let (keys, values) = (path(literals, 1), path(literals, 2));
            let written = matches!(literals.get(0), Some(Literal::Expression { list: true }));
            super::call(move |args| match args.get(0) {
                // In a list that is written out, maps are of another type to upstream.
                Val::List(items) if written && !items.is_empty() => Err(uncastable(items.first().unwrap_or(&Value::Empty))),
                Val::List(items) => slice_to_map(items, keys.as_deref(), values.as_deref()).map(Val::Map).map_err(Failure::new),
                other => Err(Failure::new(format!("unsupported type provided to SliceToMap function: {}", go_type(other)))),
            })
        },
    },
];

fn map(args: Args<'_>) -> Result<&Attrs, Failure> {
    match args.get(0) {
        Val::Map(map) => Ok(map),
        other => Err(Failure::new(format!("expected pcommon.Map but got {}", other.type_name()))),
    }
}

fn list(items: impl Iterator<Item = Value>) -> Val {
    Val::List(triomphe::Arc::new(items.collect()))
}

/// Sorted: as numbers if all are, as text if some are text, booleans or nothing. What holds maps, lists or bytes stays as it is.
fn sort(target: &Val, descending: bool) -> Result<Val, Failure> {
    let (kind, items) = match target {
        Val::List(items) => (None, items),
        Val::Typed(kind, items) if *kind != ItemType::Uint => (Some(*kind), items),
        other => return Err(Failure::new(format!("sort with unsupported type: '{}'. Target is not a list", go_type(other)))),
    };
    let sorted = if items.iter().any(|item| matches!(item, Value::Map(_) | Value::List(_) | Value::Bytes(_))) {
        items.clone()
    } else if items.iter().any(|item| matches!(item, Value::Str(_) | Value::Bool(_) | Value::Empty)) {
        sorted_by(items, descending, text, |a, b| a.as_bytes().cmp(b.as_bytes()))
    } else if items.iter().any(|item| matches!(item, Value::Double(_))) {
        sorted_by(items, descending, fraction, compare_fractions)
    } else {
        sorted_by(items, descending, whole, Ord::cmp)
    };
    Ok(match kind {
        Some(kind) => Val::Typed(kind, sorted),
        None => Val::List(sorted),
    })
}

fn sorted_by<K>(items: &List, descending: bool, key: fn(&Value) -> K, compare: fn(&K, &K) -> Ordering) -> List {
    let mut keyed: Vec<(K, &Value)> = items.iter().map(|item| (key(item), item)).collect();
    keyed.sort_by(|(a, _), (b, _)| if descending { compare(b, a) } else { compare(a, b) });
    triomphe::Arc::new(keyed.into_iter().map(|(_, item)| item.clone()).collect())
}

fn text(item: &Value) -> Text {
    match item {
        Value::Str(text) => text.clone(),
        other => {
            let mut out = String::new();
            as_string(&mut out, other);
            out.into()
        }
    }
}

fn fraction(item: &Value) -> f64 {
    match item {
        Value::Int(value) => *value as f64,
        Value::Double(value) => *value,
        _ => 0.0,
    }
}

fn whole(item: &Value) -> i64 {
    match item {
        Value::Int(value) => *value,
        _ => 0,
    }
}

/// `NaN` comes before every number.
fn compare_fractions(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// The maps of a list under the text at the key path (or their index), each whole or its value at the value path.
fn slice_to_map(items: &[Value], keys: Option<&[Text]>, values: Option<&[Text]>) -> Result<Attrs, String> {
    let mut entries = Entries::default();
    for (index, item) in items.iter().enumerate() {
        let Value::Map(element) = item else { return Err(uncastable(item).to_string()) };
        let key = match keys {
            None => index.to_string().into(),
            Some(path) => match extract(element, path).map_err(|error| format!("could not extract key from element: {error}"))? {
                Value::Str(key) => key.clone(),
                _ => return Err("extracted key attribute is not of type string".to_owned()),
            },
        };
        let value = match values {
            None => item,
            Some(path) => extract(element, path).map_err(|error| format!("could not extract value from element: {error}"))?,
        };
        entries.set(key, value.clone());
    }
    Ok(entries.into())
}

fn uncastable(item: &Value) -> Failure {
    let shown = if let Value::Empty = item { "<nil>".into() } else { text(item) };
    Failure::new(format!("could not cast element '{shown}' to map[string]any"))
}

fn extract<'a>(mut map: &'a Attrs, path: &[Text]) -> Result<&'a Value, String> {
    for (index, key) in path.iter().enumerate() {
        match map.get(key) {
            Some(found) if index + 1 == path.len() => return Ok(found),
            Some(Value::Map(inner)) => map = inner,
            _ => return Err(format!("provided object does not contain the path [{}]", path[index..].join(" "))),
        }
    }
    Err("must provide at least one path item".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, list, map, run, show};
    use super::*;

    /// Results of upstream's `Sort`.
    #[test]
    fn lists_are_sorted_as_numbers_or_as_text() {
        let mixed = || list([Value::Int(3), "2".into(), Value::Double(1.5), Value::Bool(true)]);
        for (target, order, expected) in [
            (list([3i64, 1, 2]), Val::Nil, "[\"1\", \"2\", \"3\"]"),
            (list([3i64, 1, 2]), "desc".into(), "[\"3\", \"2\", \"1\"]"),
            (mixed(), Val::Nil, "[\"1.5\", \"2\", \"3\", \"true\"]"),
            (list([Value::Int(3), Value::Double(1.5)]), Val::Nil, "[\"1.5\", \"3\"]"),
            (list([Value::Double(2.0), Value::Double(f64::NAN)]), Val::Nil, "[\"NaN\", \"2.0\"]"),
            (list([Value::from("b"), Value::Empty, "a".into()]), Val::Nil, "[\"nil\", \"a\", \"b\"]"),
            (list([Value::Int(2), Value::list([])]), Val::Nil, "[\"2\", \"[]\"]"),
            (list([] as [Value; 0]), Val::Nil, "[]"),
        ] {
            assert_eq!(show("Sort", &[target, order]), expected);
        }
        assert_eq!(show("Sort", &[run("Split", &["b,a".into(), ",".into()]).unwrap()]), "strings [\"a\", \"b\"]");
        assert_eq!(show("Sort", &["x".into()]), "error: sort with unsupported type: 'string'. Target is not a list");
        assert_eq!(show("Sort", &[Val::Nil]), "error: sort with unsupported type: '<nil>'. Target is not a list");
        assert_eq!(
            show("Sort", &[mixed(), "up".into()]),
            "error: invalid arguments: up. Order should be either \"asc\" or \"desc\""
        );
    }

    #[test]
    fn a_list_contains_what_equals_an_item() {
        let items = list([Value::Int(2), "x".into(), Value::Empty]);
        for (item, expected) in [(Val::Float(2.0), "true"), ("x".into(), "true"), (Val::Nil, "true"), ("2".into(), "false")] {
            assert_eq!(show("ContainsValue", &[items.clone(), item]), expected);
        }
        assert_eq!(show("ContainsValue", &["x".into(), Val::Nil]), "error: expected pcommon.Slice but got string");
    }

    #[test]
    fn keys_and_values_come_in_stored_order() {
        let target = map([("b", 1i64), ("a", 2)]);
        assert_eq!(show("Keys", std::slice::from_ref(&target)), "[\"b\", \"a\"]");
        assert_eq!(show("Values", &[target]), "[\"1\", \"2\"]");
        assert_eq!(show("Keys", &[Val::Nil]), "error: expected pcommon.Map but got nil");
    }

    /// Results of upstream's `SliceToMap`.
    #[test]
    fn maps_of_a_list_become_entries_of_a_map() {
        let element = |key: &str, value: Value| Value::Map(Attrs::from([("k", Value::from(key)), ("v", value)]));
        let inner = Value::Map(Attrs::from([("w", "deep")]));
        let items = || list([element("a", Value::Int(1)), element("b", inner.clone()), element("a", Value::Int(3))]);
        let path = |keys: &[&str]| list(keys.iter().map(|key| Value::from(*key)));
        for (arguments, expected) in [
            (vec![items(), path(&["k"]), path(&["v"])], "{\"a\": Int(3), \"b\": Map({\"w\": Str(\"deep\")})}"),
            (
                vec![items(), path(&["z"])],
                "error: could not extract key from element: provided object does not contain the path [z]",
            ),
            (
                vec![items(), path(&["z", "y"])],
                "error: could not extract key from element: provided object does not contain the path [z y]",
            ),
            (
                vec![items(), path(&["k"]), path(&["k", "x"])],
                "error: could not extract value from element: provided object does not contain the path [k x]",
            ),
            (vec![items(), path(&["v"])], "error: extracted key attribute is not of type string"),
            (vec![items(), path(&[])], "error: could not extract key from element: must provide at least one path item"),
            (vec![list(["x"])], "error: could not cast element 'x' to map[string]any"),
            (vec!["x".into()], "error: unsupported type provided to SliceToMap function: string"),
            (vec![bytes(&[])], "error: unsupported type provided to SliceToMap function: []uint8"),
        ] {
            assert_eq!(show("SliceToMap", &arguments), expected);
        }
        assert_eq!(
            show("SliceToMap", &[list([element("a", Value::Int(1))])]),
            "{\"0\": Map({\"k\": Str(\"a\"), \"v\": Int(1)})}"
        );
        let deep = list([Value::Map(Attrs::from([("a", inner.clone())]))]);
        assert_eq!(
            show("SliceToMap", &[deep.clone(), path(&["a", "w"])]),
            "{\"deep\": Map({\"a\": Map({\"w\": Str(\"deep\")})})}"
        );
        assert_eq!(
            show("SliceToMap", &[deep, path(&["a", "x"])]),
            "error: could not extract key from element: provided object does not contain the path [x]"
        );
    }
}
