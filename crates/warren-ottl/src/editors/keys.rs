//! Editors that take entries out of a map: `delete_key`, `delete_matching_keys`, `keep_keys`, `keep_matching_keys`, `limit`.
//!
//! A map from which nothing is taken is left as it is, shared with whoever else holds it.

use crate::function::{Changes, Edit, Editor, Kind, Literals, Param, param};
use std::collections::HashSet;
use warren_pdata::{Attrs, Text};
use warren_regex::Regex;

/// So many keys are compared one by one: sooner done than hashed.
const KEYS_COMPARED_MAX: usize = 16;

const MAP_AND_PATTERN: &[Param] = &[param("target", Kind::TargetMap), param("pattern", Kind::LitStr)];

pub(super) const EDITORS: &[Editor] = &[
    Editor {
        name: "delete_key",
        params: &[param("target", Kind::TargetMap), param("key", Kind::LitStr)],
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let key = warren_pdata::key(literals.text(1).unwrap_or_default());
            Ok(Edit::of_map(move |map| {
                // The last entry takes the place of the deleted one.
                if let Some(at) = map.find(&key) {
                    map.edit().swap_remove(at);
                }
            }))
        },
    },
    Editor {
        name: "delete_matching_keys",
        params: MAP_AND_PATTERN,
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let regex = pattern(literals)
                .map_err(|error| format!("the regex pattern supplied to delete_matching_keys is not a valid pattern: {error}"))?;
            Ok(Edit::of_map(move |map| retain(map, |key| !regex.is_match(key))))
        },
    },
    Editor {
        name: "keep_keys",
        params: &[param("target", Kind::TargetMap), param("keys", Kind::LitStrs)],
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let keys = literals.texts(1).unwrap_or_default().to_vec();
            let many: Option<HashSet<Text>> = (keys.len() > KEYS_COMPARED_MAX).then(|| keys.iter().cloned().collect());
            Ok(Edit::of_map(move |map| match &many {
                Some(keys) => retain(map, |key| keys.contains(key)),
                None => retain(map, |key| keys.contains(key)),
            }))
        },
    },
    Editor {
        name: "keep_matching_keys",
        params: MAP_AND_PATTERN,
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let regex = pattern(literals)
                .map_err(|error| format!("the regex pattern provided to keep_matching_keys is not a valid pattern: {error}"))?;
            Ok(Edit::of_map(move |map| retain(map, |key| regex.is_match(key))))
        },
    },
    Editor {
        name: "limit",
        params: &[param("target", Kind::TargetMap), param("limit", Kind::LitInt), param("priority_keys", Kind::LitStrs)],
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let (limit, keys) = (literals.int(1).unwrap_or_default(), literals.texts(2).unwrap_or_default().to_vec());
            let bound =
                usize::try_from(limit).map_err(|_| format!("invalid limit for limit function, {limit} cannot be negative"))?;
            if bound < keys.len() {
                return Err(format!(
                    "invalid limit for limit function, {limit} cannot be less than number of priority attributes {}",
                    keys.len()
                ));
            }
            Ok(Edit::of_map(move |map| limit_to(map, bound, &keys)))
        },
    },
];

fn pattern(literals: &Literals<'_>) -> Result<Regex, warren_regex::Error> {
    Regex::new(literals.text(1).unwrap_or_default())
}

/// Keeps the entries whose keys are wanted, in their order.
fn retain(map: &mut Attrs, mut wanted: impl FnMut(&Text) -> bool) {
    let Some(first) = map.iter().position(|entry| !wanted(&entry.key)) else { return };
    let mut at = 0;
    map.edit().retain(|entry| {
        at += 1;
        // Those before the first unwanted one were asked already.
        at <= first || (at > first + 1 && wanted(&entry.key))
    });
}

/// Keeps the entries with these keys, and as many of the others, from the front, as there is room for.
fn limit_to(map: &mut Attrs, limit: usize, keys: &[Text]) {
    if map.len() <= limit {
        return;
    }
    let mut count = keys.iter().filter(|key| map.contains_key(key)).count();
    map.edit().retain(|entry| {
        if keys.contains(&entry.key) {
            return true;
        }
        let room = count < limit;
        count += usize::from(room);
        room
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edit, keys};
    use super::*;
    use warren_pdata::Value;

    /// Results of upstream's functions.
    #[test]
    fn entries_are_taken_out() {
        let attrs = Attrs::from([("a", 1i64), ("b1", 2), ("b2", 3), ("c", 4)]);
        for (statement, expected) in [
            (r#"delete_key(log.attributes, "a")"#, "c b1 b2"),
            (r#"delete_key(log.attributes, "c")"#, "a b1 b2"),
            (r#"delete_key(log.attributes, "z")"#, "a b1 b2 c"),
            (r#"delete_matching_keys(log.attributes, "\\d")"#, "a c"),
            (r#"delete_matching_keys(log.attributes, "z")"#, "a b1 b2 c"),
            (r#"keep_keys(log.attributes, ["c", "b1", "z"])"#, "b1 c"),
            (r#"keep_keys(log.attributes, [])"#, ""),
            (r#"keep_matching_keys(log.attributes, "^b")"#, "b1 b2"),
            (r#"limit(log.attributes, 2, [])"#, "a b1"),
            (r#"limit(log.attributes, 2, ["c"])"#, "a c"),
            (r#"limit(log.attributes, 2, ["c", "c"])"#, "c"),
            (r#"limit(log.attributes, 9, ["c"])"#, "a b1 b2 c"),
            (r#"limit(log.attributes, 0, [])"#, ""),
        ] {
            assert_eq!(keys(&edit(&attrs, statement).unwrap()), expected, "{statement}");
        }
    }

    #[test]
    fn what_does_not_do_is_told_in_upstreams_words() {
        let attrs = Attrs::from([("s", "text")]);
        for (statement, expected) in [
            (r#"delete_key(log.attributes["s"], "a")"#, "expected pcommon.Map but got string"),
            (r#"keep_keys(log.attributes["missing"], ["a"])"#, "expected pcommon.Map but got nil"),
            (
                r#"delete_matching_keys(log.attributes, "(")"#,
                "the regex pattern supplied to delete_matching_keys is not a valid pattern: error parsing regexp: missing closing ): `(`",
            ),
            (
                r#"keep_matching_keys(log.attributes, "(")"#,
                "the regex pattern provided to keep_matching_keys is not a valid pattern: error parsing regexp: missing closing ): `(`",
            ),
            (r#"limit(log.attributes, -1, [])"#, "invalid limit for limit function, -1 cannot be negative"),
            (
                r#"limit(log.attributes, 1, ["a", "b"])"#,
                "invalid limit for limit function, 1 cannot be less than number of priority attributes 2",
            ),
        ] {
            let error = edit(&attrs, statement).unwrap_err();
            assert!(error.contains(expected), "{statement}: {error}");
        }
    }

    #[test]
    fn bytes_survive_and_untouched_maps_stay_shared() {
        let attrs = Attrs::from([("a", Value::bytes([1, 2, 255])), ("b", Value::Int(1))]);
        let edited = edit(&attrs, r#"delete_key(log.attributes, "b")"#).unwrap();
        assert_eq!(edited.get("a"), Some(&Value::bytes([1, 2, 255])));
        assert!(edit(&attrs, r#"keep_matching_keys(log.attributes, ".")"#).unwrap().same(&attrs));
    }
}
