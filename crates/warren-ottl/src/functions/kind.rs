//! What kind of value something is, and how long it is.

use crate::function::{Args, Call, Converter, Kind, Param, Yields, param};
use crate::record::Failure;
use crate::value::{ItemType, Val};

const TARGET: &[Param] = &[param("target", Kind::Any)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("IsBool", TARGET, Bool, |args| is(matches!(args.get(0), Val::Bool(_)))),
    converter!("IsDouble", TARGET, Bool, |args| is(matches!(args.get(0), Val::Float(_)))),
    converter!("IsInt", TARGET, Bool, |args| is(matches!(args.get(0), Val::Int(_)))),
    converter!("IsString", TARGET, Bool, |args| is(matches!(args.get(0), Val::Str(_)))),
    converter!("IsMap", TARGET, Bool, |args| is(matches!(args.get(0), Val::Map(_)))),
    converter!("IsList", TARGET, Bool, |args| is(match args.get(0) {
        Val::List(_) => true,
        Val::Typed(items, _) => *items != ItemType::Uint,
        Val::Opaque(part) => part.items().is_some(),
        _ => false,
    })),
    Converter {
        name: "Len",
        params: TARGET,
        yields: Yields::Int,
        bind: |_| Ok(Call::new(length).of_text(|text| Ok(Val::Int(text.len() as i64)))),
    },
];

fn is(answer: bool) -> Result<Val, Failure> {
    Ok(Val::Bool(answer))
}

/// Bytes of text, entries of maps and lists.
fn length(args: Args<'_>) -> Result<Val, Failure> {
    let length = match args.get(0) {
        Val::Str(text) => Some(text.len()),
        Val::Bytes(bytes) => Some(bytes.len()),
        Val::Map(map) => Some(map.len()),
        Val::List(items) | Val::Typed(_, items) => Some(items.len()),
        Val::Opaque(part) => part.items(),
        _ => None,
    };
    length.map(|length| Val::Int(length as i64)).ok_or_else(|| {
        Failure::new(
            "target arg must be of type string, []any, map[string]any, pcommon.Map, pcommon.Slice, pcommon.Value (of type String, Map, Slice) \
             or a supported slice type from the plog, pmetric or ptrace packages",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, list, map, show};
    use super::*;
    use crate::value::Opaque;
    use std::sync::Arc;

    #[test]
    fn kinds_are_told_apart() {
        let typed = Val::Typed(ItemType::Int, triomphe::Arc::new(vec![1i64.into()]));
        let counts = Val::Typed(ItemType::Uint, triomphe::Arc::new(vec![1i64.into()]));
        let values = [
            Val::Nil,
            Val::Bool(false),
            Val::Int(1),
            Val::Float(1.0),
            "x".into(),
            map([("a", 1i64)]),
            list([1i64]),
            typed,
            counts,
            bytes(&[1]),
            Val::Opaque(Opaque::Links(Arc::default())),
            Val::Opaque(Opaque::Status(Arc::default())),
        ];
        for (name, expected) in [
            ("IsBool", vec![1]),
            ("IsInt", vec![2]),
            ("IsDouble", vec![3]),
            ("IsString", vec![4]),
            ("IsMap", vec![5]),
            ("IsList", vec![6, 7, 10]),
        ] {
            let holding: Vec<usize> = values
                .iter()
                .enumerate()
                .filter(|(_, val)| show(name, std::slice::from_ref(*val)) == "true")
                .map(|(index, _)| index)
                .collect();
            assert_eq!(holding, expected, "{name}");
        }
    }

    #[test]
    fn lengths_are_bytes_of_text_and_entries_of_collections() {
        for (val, expected) in [
            ("é".into(), "2"),
            (bytes(&[1, 2]), "2"),
            (map([("a", 1i64)]), "1"),
            (list([1i64, 2, 3]), "3"),
            (Val::Opaque(Opaque::Links(Arc::default())), "0"),
        ] {
            assert_eq!(show("Len", &[val]), expected);
        }
        for val in [Val::Nil, Val::Int(1), Val::Duration(1), Val::Opaque(Opaque::Status(Arc::default()))] {
            assert!(show("Len", &[val]).starts_with("error: target arg must be of type string"));
        }
    }
}
