//! `merge_maps` and `truncate_all`.

use crate::function::{Changes, Edit, Editor, Kind, param};
use crate::functions::entries::Entries;
use crate::record::Failure;
use crate::value::{Val, map_within_bounds};
use warren_pdata::{Attrs, KeyValue, RecentTexts, Text, Value};

/// Up to so many entries together are compared one by one, where they are: sooner done than looked up.
const MERGED_IN_PLACE_MAX: usize = 32;

pub(super) const EDITORS: &[Editor] = &[
    Editor {
        name: "merge_maps",
        params: &[param("target", Kind::TargetMap), param("source", Kind::Map), param("strategy", Kind::LitStr)],
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let strategy = Strategy::of(literals.text(2).unwrap_or_default())?;
            Ok(Edit::new(move |place, args| {
                let target = place.map()?;
                if let Val::Map(source) = args.get(1) {
                    merge(target, source, strategy)?;
                }
                Ok(())
            }))
        },
    },
    Editor {
        name: "truncate_all",
        params: &[param("target", Kind::TargetMap), param("limit", Kind::LitInt)],
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let limit = literals.int(1).unwrap_or_default();
            let limit = usize::try_from(limit)
                .map_err(|_| format!("invalid limit for truncate_all function, {limit} cannot be negative"))?;
            Ok(Edit::of_map(move |map| truncate(map, limit)))
        },
    },
];

/// Which entries `merge_maps` takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strategy {
    insert: bool,
    update: bool,
}

impl Strategy {
    /// The strategy of this name.
    pub(crate) fn of(name: &str) -> Result<Self, String> {
        let (insert, update) = match name {
            "insert" => (true, false),
            "update" => (false, true),
            "upsert" => (true, true),
            other => return Err(format!("invalid value for strategy, {other}, must be 'insert', 'update' or 'upsert'")),
        };
        Ok(Self { insert, update })
    }
}

/// Takes over one entry of text.
pub(crate) fn merge_text(
    target: &mut Attrs,
    key: &Text,
    value: &str,
    Strategy { insert, update }: Strategy,
    texts: &mut RecentTexts,
) {
    match target.find(key) {
        Some(at) if update => {
            if target.as_slice().get(at).is_some_and(|own| own.value.as_str() == Some(value)) {
                return;
            }
            if let Some(own) = target.edit().get_mut(at) {
                own.value = texts.get(value).into();
            }
        }
        None if insert => target.edit().push(KeyValue { key: key.clone(), value: texts.get(value).into() }),
        _ => {}
    }
}

/// Takes over entries whose keys are new, or known, or both; known ones keep their place.
///
/// # Errors
/// When the source is too large or too deep.
pub(crate) fn merge(target: &mut Attrs, source: &Attrs, Strategy { insert, update }: Strategy) -> Result<(), Failure> {
    if source.is_empty() || target.same(source) {
        return Ok(());
    }
    map_within_bounds(source)?;
    if target.len() + source.len() <= MERGED_IN_PLACE_MAX {
        for entry in source {
            match target.find(&entry.key) {
                Some(at) if update => {
                    if let Some(own) = target.edit().get_mut(at) {
                        own.value = entry.value.clone();
                    }
                }
                None if insert => target.edit().push(entry.clone()),
                _ => {}
            }
        }
        return Ok(());
    }
    let mut entries = Entries::from(&*target);
    for entry in source {
        if if entries.contains(&entry.key) { update } else { insert } {
            entries.set(entry.key.clone(), entry.value.clone());
        }
    }
    *target = entries.into();
    Ok(())
}

/// Cuts texts to so many bytes, or to the last whole character before.
fn truncate(map: &mut Attrs, limit: usize) {
    let long = |value: &Value| value.as_str().is_some_and(|text| text.len() > limit);
    if !map.iter().any(|entry| long(&entry.value)) {
        return;
    }
    for entry in map.edit() {
        if let Value::Str(text) = &entry.value
            && long(&entry.value)
        {
            let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
            entry.value = Value::from(text.get(..end).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::edit;
    use super::*;

    fn show(attrs: &Attrs, statement: &str) -> String {
        format!("{:?}", edit(attrs, statement).unwrap())
    }

    /// Results of upstream's `merge_maps`.
    #[test]
    fn maps_are_merged_by_strategy() {
        let attrs = Attrs::from([("a", 1i64), ("b", 2)]);
        for (statement, expected) in [
            (r#"merge_maps(log.attributes, {"a": 9, "c": 3}, "insert")"#, r#"{"a": Int(1), "b": Int(2), "c": Int(3)}"#),
            (r#"merge_maps(log.attributes, {"a": 9, "c": 3}, "update")"#, r#"{"a": Int(9), "b": Int(2)}"#),
            (r#"merge_maps(log.attributes, {"a": 9, "c": 3}, "upsert")"#, r#"{"a": Int(9), "b": Int(2), "c": Int(3)}"#),
            (r#"merge_maps(log.attributes, log.attributes, "upsert")"#, r#"{"a": Int(1), "b": Int(2)}"#),
            (r#"merge_maps(log.attributes, {}, "upsert")"#, r#"{"a": Int(1), "b": Int(2)}"#),
        ] {
            assert_eq!(show(&attrs, statement), expected, "{statement}");
        }
        for (statement, expected) in [
            (r#"merge_maps(log.attributes, {}, "up")"#, "invalid value for strategy, up, must be 'insert', 'update' or 'upsert'"),
            (r#"merge_maps(log.attributes, log.attributes["a"], "upsert")"#, "expected pcommon.Map but got int64"),
            (r#"merge_maps(log.attributes["a"], log.attributes, "upsert")"#, "expected pcommon.Map but got int64"),
        ] {
            let error = edit(&attrs, statement).unwrap_err();
            assert!(error.contains(expected), "{statement}: {error}");
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let attrs = Attrs::from([("a", Value::from("aé日")), ("b", "x".into()), ("n", Value::Int(12345))]);
        for (limit, expected) in [(6, "aé日"), (5, "aé"), (3, "aé"), (2, "a"), (1, "a"), (0, "")] {
            let edited = edit(&attrs, &format!("truncate_all(log.attributes, {limit})")).unwrap();
            assert_eq!(edited.get("a"), Some(&Value::from(expected)));
            assert_eq!(edited.get("n"), Some(&Value::Int(12345)));
        }
        assert!(edit(&attrs, "truncate_all(log.attributes, 6)").unwrap().same(&attrs));
        let error = edit(&attrs, "truncate_all(log.attributes, -1)").unwrap_err();
        assert!(error.contains("invalid limit for truncate_all function, -1 cannot be negative"), "{error}");
    }
}
