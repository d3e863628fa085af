//! `flatten`: nested maps and lists as entries of one map, with joined keys.

use crate::function::{Changes, Edit, Editor, Kind, optional, param};
use crate::functions::TEXT_BYTES_MAX;
use crate::functions::entries::Entries;
use crate::record::Failure;
use crate::value::LEVELS_MAX;
use std::collections::HashMap;
use warren_pdata::{Attrs, Text, Value};

pub(super) const EDITORS: &[Editor] = &[Editor {
    name: "flatten",
    params: &[
        param("target", Kind::TargetMap),
        optional("prefix", Kind::LitStr),
        optional("depth", Kind::LitInt),
        optional("resolve_conflicts", Kind::LitBool),
    ],
    contexts: &[],
    changes: Changes::Target,
    bind: |literals| {
        let prefix = Text::from(literals.text(1).unwrap_or_default());
        let depth = literals.int(2).unwrap_or(i64::MAX);
        if depth < 1 {
            return Err(format!("invalid depth '{depth}' for flatten function, must be greater than 0"));
        }
        let resolve = literals.bool(3).unwrap_or(false);
        Ok(Edit::new(move |place, _| {
            let map = place.map()?;
            let nested = |value: &Value| matches!(value, Value::Map(_) | Value::List(_));
            if prefix.is_empty() && !resolve && !map.iter().any(|entry| nested(&entry.value)) {
                return Ok(());
            }
            let mut flat = Flat { entries: Entries::default(), conflicts: resolve.then(HashMap::new), depth, key_bytes: 0 };
            flat.map(map, &prefix, 0)?;
            *map = flat.entries.into();
            Ok(())
        }))
    },
}];

/// The map that is being made.
struct Flat {
    entries: Entries,
    /// How often each key was wanted again; `None` if the last value wins.
    conflicts: Option<HashMap<Text, usize>>,
    depth: i64,
    /// Bytes of all keys: deep and wide values would make far more of them than they have themselves.
    key_bytes: usize,
}

impl Flat {
    fn map(&mut self, map: &Attrs, prefix: &str, level: i64) -> Result<(), Failure> {
        for entry in map {
            let key = if prefix.is_empty() { entry.key.to_string() } else { format!("{prefix}.{}", entry.key) };
            self.value(key, &entry.value, level)?;
        }
        Ok(())
    }

    fn value(&mut self, key: String, value: &Value, level: i64) -> Result<(), Failure> {
        if level > LEVELS_MAX as i64 {
            return Err(Failure::new(format!("the value is nested more than {LEVELS_MAX} deep")));
        }
        match value {
            Value::Map(map) if level < self.depth => self.map(map, &key, level + 1),
            Value::List(items) if level < self.depth => {
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::Map(map) if level + 1 < self.depth => self.map(map, &format!("{key}.{index}"), level + 2)?,
                        Value::List(inner) if level + 1 < self.depth => {
                            // Items of a list in a list are joined without a dot, as upstream joins them.
                            for (place, value) in inner.iter().enumerate() {
                                self.value(format!("{key}.{index}{place}"), value, level + 3)?;
                            }
                        }
                        item if self.conflicts.is_some() => self.put(key.clone(), item)?,
                        item => self.put(format!("{key}.{index}"), item)?,
                    }
                }
                Ok(())
            }
            value => self.put(key, value),
        }
    }

    fn put(&mut self, key: String, value: &Value) -> Result<(), Failure> {
        let mut key = Text::from(key);
        if let Some(conflicts) = &mut self.conflicts {
            if self.entries.contains(&key) {
                let count = conflicts.entry(key.clone()).or_default();
                key = format!("{key}.{count}").into();
                *count += 1;
            } else {
                conflicts.insert(key.clone(), 0);
            }
        }
        self.key_bytes += key.len();
        if self.key_bytes > TEXT_BYTES_MAX {
            return Err(Failure::new(format!("the keys of the flattened map would have more than {TEXT_BYTES_MAX} bytes")));
        }
        self.entries.set(key, value.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::edit;
    use super::*;
    use warren_gotext::as_string;

    fn list(items: impl Into<Vec<Value>>) -> Value {
        Value::list(items)
    }

    fn attrs() -> Attrs {
        let nested = list([
            Value::Int(1),
            list([Value::Int(2), list([Value::Int(3)])]),
            Value::Map(Attrs::from([("z", list([Value::Int(4)]))])),
        ]);
        let deep = Value::Map(Attrs::from([("q", Value::Map(Attrs::from([("r", 1i64)])))]));
        Attrs::from([
            ("l", nested),
            ("s", Value::from("text")),
            ("m", Value::Map(Attrs::from([("s", Value::from("in")), ("p", deep)]))),
            ("e", Value::Map(Attrs::EMPTY)),
            ("el", list([])),
            ("m.s", "clash".into()),
        ])
    }

    fn show(attrs: &Attrs, statement: &str) -> String {
        let edited = edit(attrs, statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        let one = |entry: &warren_pdata::KeyValue| {
            let mut out = format!("{}=", entry.key);
            as_string(&mut out, &entry.value);
            out
        };
        edited.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Results of upstream's `flatten`.
    #[test]
    fn nested_values_become_entries_of_one_map() {
        for (arguments, expected) in [
            ("", "l.0=1 l.10=2 l.11.0=3 l.2.z.0=4 s=text m.s=clash m.p.q.r=1"),
            (r#", "p""#, "p.l.0=1 p.l.10=2 p.l.11.0=3 p.l.2.z.0=4 p.s=text p.m.s=clash p.m.p.q.r=1"),
            (", depth=1", r#"l.0=1 l.1=[2,[3]] l.2={"z":[4]} s=text m.s=clash m.p={"q":{"r":1}}"#),
            (", depth=2", r#"l.0=1 l.10=2 l.11=[3] l.2.z=[4] s=text m.s=clash m.p.q={"r":1}"#),
            (", resolveConflicts=true", "l=1 l.10=2 l.11=3 l.2.z=4 s=text m.s=in m.p.q.r=1 m.s.0=clash"),
        ] {
            assert_eq!(show(&attrs(), &format!("flatten(log.attributes{arguments})")), expected, "{arguments}");
        }
        let conflicts = Attrs::from([("a", list([Value::Int(1), Value::Int(2), Value::Int(3)])), ("a.0", Value::Int(4))]);
        assert_eq!(show(&conflicts, "flatten(log.attributes, resolveConflicts=true)"), "a=1 a.0=2 a.1=3 a.0.0=4");
        let error = edit(&attrs(), r#"flatten(log.attributes, "p", 0)"#).unwrap_err();
        assert!(error.contains("invalid depth '0' for flatten function, must be greater than 0"), "{error}");
        let error = edit(&attrs(), r#"flatten(log.attributes["s"])"#).unwrap_err();
        assert!(error.contains("expected pcommon.Map but got string"), "{error}");
    }

    #[test]
    fn hostile_values_are_refused_within_bounds() {
        let deep = (0..300).fold(Value::Int(1), |inner, _| Value::Map(Attrs::from([("k", inner)])));
        let error = edit(&Attrs::from([("a", deep)]), "flatten(log.attributes)").unwrap_err();
        assert!(error.contains("nested more than 200 deep"), "{error}");
        let wide = Value::list((0..100_000).map(Value::Int).collect::<Vec<_>>());
        let long = "k".repeat(1000);
        let error = edit(&Attrs::from([(long.as_str(), wide)]), "flatten(log.attributes)").unwrap_err();
        assert!(error.contains("would have more than"), "{error}");
    }
}
