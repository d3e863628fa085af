//! What differs between two values, as a merge patch; and what several have in common.

use serde_json::{Map, Value};

/// The merge patch (RFC 7396) that makes one value of another; `null` if they are the same. A `null` within the new one counts as not there.
pub fn difference(from: &Value, to: &Value) -> Value {
    between(from, to).unwrap_or(Value::Null)
}

fn between(from: &Value, to: &Value) -> Option<Value> {
    let Value::Object(new) = to else { return (from != to).then(|| to.clone()) };
    let nothing = Map::new();
    let (old, same) = match from {
        Value::Object(old) => (old, true),
        _ => (&nothing, false),
    };
    let mut patch = Map::new();
    for (key, _) in old.iter().filter(|(key, old)| !old.is_null() && new.get(*key).is_none_or(Value::is_null)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new.iter().filter(|(_, value)| !value.is_null()) {
        // What is not there yet has to be made, also when it is empty.
        let part = match old.get(key) {
            Some(before) => between(before, value),
            None => Some(between(&Value::Null, value).unwrap_or_else(|| value.clone())),
        };
        if let Some(part) = part {
            patch.insert(key.clone(), part);
        }
    }
    (!same || !patch.is_empty()).then_some(Value::Object(patch))
}

/// The leaves that all values have in common.
pub fn common(values: &[Value]) -> Value {
    let Some((first, others)) = values.split_first() else { return Value::Null };
    others.iter().fold(first.clone(), |known, other| shared(&known, other).unwrap_or(Value::Null))
}

fn shared(one: &Value, other: &Value) -> Option<Value> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let both = one.iter().filter_map(|(key, value)| Some((key.clone(), shared(value, other.get(key)?)?)));
            let both: Map<String, Value> = both.collect();
            (!both.is_empty() || one == other).then_some(Value::Object(both))
        }
        (one, other) => (one == other).then(|| one.clone()),
    }
}
