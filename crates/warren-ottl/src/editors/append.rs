//! `append`: values at the end of a list.

use crate::function::{Args, Changes, Edit, Editor, Kind, Literal, Place, optional, param};
use crate::record::Failure;
use crate::value::Val;
use warren_pdata::Value;

pub(super) const EDITORS: &[Editor] = &[Editor {
    name: "append",
    params: &[param("target", Kind::Target), optional("value", Kind::Any), optional("values", Kind::Items)],
    contexts: &[],
    changes: Changes::Target,
    bind: |literals| {
        let (value, values) = (literals.get(1), literals.get(2));
        if value.is_none() && values.is_none() {
            return Err("at least one of the optional arguments ('value' or 'values') must be provided".to_owned());
        }
        let value = value.map(|value| matches!(value, Literal::Expression { list: true }));
        Ok(Edit::new(move |place, args| append(place, args, value)))
    },
}];

/// Appends to the list at the place; what is no list becomes the first item of one. `value` says whether there is a single value, and whether it
/// is a list that is written out: only such a list can be an item.
fn append(place: &mut Place<'_, '_>, args: Args<'_>, value: Option<bool>) -> Result<(), Failure> {
    let mut list = match place.get()?.into_val() {
        Val::Nil => Vec::new(),
        Val::List(items) | Val::Typed(_, items) => items.to_vec(),
        other => vec![item(&other)?],
    };
    match (value, args.get(1)) {
        (Some(true), Val::List(items)) => list.push(Value::List(items.clone())),
        (Some(_), other) => list.push(item(other)?),
        (None, _) => {}
    }
    for value in args.items {
        list.push(item(value)?);
    }
    place.set(Val::List(triomphe::Arc::new(list)))
}

fn item(val: &Val) -> Result<Value, Failure> {
    match val {
        Val::Nil | Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Str(_) | Val::Bytes(_) => Ok(val.clone().stored()),
        other => Err(Failure::new(format!("<Invalid value type {}>", other.type_name()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::edit;
    use warren_pdata::{Attrs, Value};

    /// Results of upstream's `append`.
    #[test]
    fn values_are_appended_and_scalars_become_lists() {
        let attrs = Attrs::from([("l", Value::list([Value::Int(1)])), ("s", "text".into()), ("m", Value::Map(Attrs::EMPTY))]);
        for (statement, key, expected) in [
            (r#"append(log.attributes["l"], "x")"#, "l", r#"List([Int(1), Str("x")])"#),
            (r#"append(log.attributes["s"], 5)"#, "s", r#"List([Str("text"), Int(5)])"#),
            (r#"append(log.attributes["new"], values=["a", 1, nil])"#, "new", r#"List([Str("a"), Int(1), Empty])"#),
            (r#"append(log.attributes["new"], value="b", values=["a"])"#, "new", r#"List([Str("b"), Str("a")])"#),
            (r#"append(log.attributes["new"], log.attributes["missing"])"#, "new", "List([Empty])"),
            (r#"append(log.attributes["new"], ["q"])"#, "new", r#"List([List([Str("q")])])"#),
            (r#"append(log.attributes["new"], 0x01)"#, "new", "List([Bytes([1])])"),
        ] {
            let edited = edit(&attrs, statement).unwrap();
            assert_eq!(format!("{:?}", edited.get(key).unwrap()), expected, "{statement}");
        }
        for (statement, expected) in [
            (r#"append(log.attributes["new"])"#, "at least one of the optional arguments ('value' or 'values') must be provided"),
            (r#"append(log.attributes["new"], log.attributes["m"])"#, "<Invalid value type pcommon.Map>"),
            (r#"append(log.attributes["new"], log.attributes["l"])"#, "<Invalid value type pcommon.Slice>"),
            (r#"append(log.attributes["new"], Split("a,b", ","))"#, "<Invalid value type []string>"),
            (r#"append(log.attributes["new"], Now())"#, "<Invalid value type time.Time>"),
            (r#"append(log.attributes["m"], 1)"#, "<Invalid value type pcommon.Map>"),
        ] {
            let error = edit(&attrs, statement).unwrap_err();
            assert!(error.contains(expected), "{statement}: {error}");
        }
    }
}
