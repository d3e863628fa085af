//! Indexing into maps and lists, as upstream's `internal/ctxutil` at v0.132.0 does it.

use super::Got;
use crate::record::Failure;
use crate::value::Val;
use triomphe::Arc;
use warren_pdata::{Attrs, KeyValue, Text, Value};

/// A list grows by writing to at most so many items.
const LIST_ITEMS_MAX: usize = 65_536;

/// An index, resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Index {
    /// Into a map.
    Text(Text),
    /// Into a list.
    Int(i64),
    /// What an expression gave that is neither; holds the type's name.
    Other(&'static str),
}

/// Reads what the indexes lead to. A key that a map does not have leads to nothing.
///
/// # Errors
/// An index of the wrong type, out of a list's bounds, or into a scalar.
pub fn read<'r>(map: &'r Attrs, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    let Some((first, rest)) = indexes.split_first() else { return Ok(Got::Map(map)) };
    let key = map_key(first).map_err(|failure| Failure::new(format!("cannot get map value: {failure}")))?;
    match map.get(key) {
        Some(value) => read_value(value, rest),
        None => Ok(Got::NIL),
    }
}

/// Reads what the indexes lead to within a value.
///
/// # Errors
/// As for [`read`].
pub fn read_value<'r>(value: &'r Value, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    let mut value = value;
    for index in indexes {
        let found = match value {
            Value::Map(map) => map.get(map_key(index)?),
            Value::List(items) => items.get(list_place(index, items.len())?),
            other => return Err(not_indexable(other)),
        };
        match found {
            Some(inner) => value = inner,
            None => return Ok(Got::NIL),
        }
    }
    Ok(Got::Stored(value))
}

/// Reads what the indexes lead to within a converter's result, where a key that is not there is an error.
///
/// # Errors
/// As for [`read`], and for a missing key.
pub fn read_result(value: Val, indexes: &[Index]) -> Result<Val, Failure> {
    let mut value = value;
    for index in indexes {
        value = match (&value, index) {
            (Val::Map(map), Index::Text(key)) => {
                map.get(key).map(Val::from).ok_or_else(|| Failure::new("key not found in map"))?
            }
            (Val::List(items) | Val::Typed(_, items), Index::Int(at)) => {
                items.get(list_place(index, items.len())?).map(Val::from).ok_or_else(|| out_of_bounds(*at))?
            }
            (Val::Bytes(bytes), Index::Int(at)) => {
                let byte = bytes.get(list_place(index, bytes.len())?).copied();
                Val::Int(byte.ok_or_else(|| out_of_bounds(*at))?.into())
            }
            (other, Index::Int(_)) => {
                return Err(Failure::new(format!("type, {}, does not support int indexing", other.type_name())));
            }
            (other, _) => return Err(Failure::new(format!("type, {}, does not support string indexing", other.type_name()))),
        };
    }
    Ok(value)
}

/// The map that the indexes lead to, for editing.
///
/// # Errors
/// When there is none, or as for [`read`].
pub fn map_within<'r>(map: &'r mut Attrs, indexes: &[Index]) -> Result<&'r mut Attrs, Failure> {
    let Some((first, rest)) = indexes.split_first() else { return Ok(map) };
    must_be_map(read(map, indexes)?)?;
    let key = map_key(first)?;
    match map.edit().iter_mut().find(|entry| entry.key == *key) {
        Some(entry) => map_within_value(&mut entry.value, rest),
        None => Err(no_map("nil")),
    }
}

/// The map that the indexes lead to within a value, for editing.
///
/// # Errors
/// As for [`map_within`].
pub fn map_within_value<'r>(value: &'r mut Value, indexes: &[Index]) -> Result<&'r mut Attrs, Failure> {
    must_be_map(read_value(value, indexes)?)?;
    match (value, indexes.split_first()) {
        (Value::Map(map), None) => Ok(map),
        (Value::Map(map), Some(_)) => map_within(map, indexes),
        (Value::List(items), Some((first, rest))) => {
            let place = list_place(first, items.len())?;
            match Arc::make_mut(items).get_mut(place) {
                Some(item) => map_within_value(item, rest),
                None => Err(no_map("nil")),
            }
        }
        (other, _) => Err(not_indexable(other)),
    }
}

fn must_be_map(found: Got<'_>) -> Result<(), Failure> {
    match found {
        Got::Map(_) | Got::Stored(Value::Map(_)) => Ok(()),
        other => Err(no_map(other.into_val().type_name())),
    }
}

/// What an editor of maps says of a target that is none.
pub fn no_map(found: &str) -> Failure {
    Failure::new(format!("expected pcommon.Map but got {found}"))
}

/// Writes a value where the indexes lead. Missing keys of maps are made; an empty value on the way becomes a map or a list.
///
/// # Errors
/// An index of the wrong type, beyond a list's end, or into a scalar; keys that were made on the way stay.
pub fn write(map: &mut Attrs, indexes: &[Index], value: Value) -> Result<(), Failure> {
    let Some((first, rest)) = indexes.split_first() else { return Ok(()) };
    let key = map_key(first).map_err(|failure| Failure::new(format!("cannot set map value: {failure}")))?;
    if rest.is_empty() {
        write_entry(map, key, value);
        return Ok(());
    }
    write_value(slot(map, key), rest, value)
}

/// Writes the value of a key, which is made if it is missing.
fn write_entry(map: &mut Attrs, key: &Text, value: Value) {
    let at = map.find(key);
    // Nothing is changed for nothing: others may hold the set.
    if at.and_then(|at| map.as_slice().get(at)).is_none_or(|entry| entry.value != value) {
        put_entry(map, at, key, value);
    }
}

/// Writes the value of a key that was found at a place, or not at all. A text is made a value where it comes to lie.
#[inline(always)]
pub(crate) fn put_entry(map: &mut Attrs, at: Option<usize>, key: &Text, value: impl Into<Value>) {
    let entries = map.edit();
    match at.and_then(|at| entries.get_mut(at)) {
        Some(entry) => entry.value = value.into(),
        None => entries.push(KeyValue { key: key.clone(), value: value.into() }),
    }
}

/// The value under a key; an empty one is made if the key is missing.
fn slot<'r>(map: &'r mut Attrs, key: &Text) -> &'r mut Value {
    let entries = map.edit();
    let place = entries.iter().position(|entry| entry.key == *key).unwrap_or_else(|| {
        entries.push(KeyValue { key: key.clone(), value: Value::Empty });
        entries.len() - 1
    });
    &mut entries[place].value
}

/// Writes a value where the indexes lead within another.
///
/// # Errors
/// As for [`write`].
pub fn write_value(target: &mut Value, indexes: &[Index], value: Value) -> Result<(), Failure> {
    let Some((first, rest)) = indexes.split_first() else {
        *target = value;
        return Ok(());
    };
    if let Value::Empty = target {
        *target = match first {
            Index::Int(at) => {
                let length = usize::try_from(*at).ok().filter(|at| *at < LIST_ITEMS_MAX).map(|at| at + 1);
                Value::list(vec![Value::Empty; length.ok_or_else(|| out_of_bounds(*at))?])
            }
            Index::Text(_) => Value::Map(Attrs::EMPTY),
            Index::Other(kind) => {
                return Err(Failure::new(format!("an index must be a text or a whole number, and is '{kind}'")));
            }
        };
    }
    match target {
        Value::Map(map) => {
            let key = map_key(first)?;
            write_value(slot(map, key), rest, value)
        }
        Value::List(items) => {
            let place = list_place(first, items.len())?;
            Arc::make_mut(items).get_mut(place).map_or(Ok(()), |item| write_value(item, rest, value))
        }
        other => Err(not_indexable(other)),
    }
}

fn map_key(index: &Index) -> Result<&Text, Failure> {
    let reason = match index {
        Index::Text(key) => return Ok(key),
        Index::Int(_) => "invalid key type".to_owned(),
        Index::Other(kind) => format!("could not resolve key for map/slice, expecting 'string' but got '{kind}'"),
    };
    Err(Failure::new(format!("unable to resolve a string index in map: {reason}")))
}

fn list_place(index: &Index, length: usize) -> Result<usize, Failure> {
    let reason = match index {
        Index::Int(at) => return usize::try_from(*at).ok().filter(|at| *at < length).ok_or_else(|| out_of_bounds(*at)),
        Index::Text(_) => "invalid key type".to_owned(),
        Index::Other(kind) => format!("could not resolve key for map/slice, expecting 'int64' but got '{kind}'"),
    };
    Err(Failure::new(format!("unable to resolve an integer index in slice: {reason}")))
}

fn out_of_bounds(at: i64) -> Failure {
    Failure::new(format!("index {at} out of bounds"))
}

fn not_indexable(value: &Value) -> Failure {
    Failure::new(format!("type {} does not support string indexing", stored_type(value)))
}

/// The name of a stored value's type, as upstream's `pcommon.ValueType` prints it.
pub fn stored_type(value: &Value) -> &'static str {
    match value {
        Value::Empty => "Empty",
        Value::Bool(_) => "Bool",
        Value::Int(_) => "Int",
        Value::Double(_) => "Double",
        Value::Str(_) => "Str",
        Value::Bytes(_) => "Bytes",
        Value::Map(_) => "Map",
        Value::List(_) => "Slice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str) -> Index {
        Index::Text(key.into())
    }

    #[test]
    fn writing_makes_the_way_through_empty_values() {
        let mut map = Attrs::EMPTY;
        write(&mut map, &[text("d"), text("x"), Index::Int(2)], Value::Int(7)).unwrap();
        let expected = Attrs::from([("x", Value::list([Value::Empty, Value::Empty, Value::Int(7)]))]);
        assert_eq!(map, Attrs::from([("d", Value::Map(expected))]));
    }

    #[test]
    fn a_scalar_on_the_way_is_an_error_and_what_was_made_stays() {
        let mut map = Attrs::from([("a", 1i64)]);
        assert!(write(&mut map, &[text("a"), text("b")], Value::Int(1)).is_err());
        assert!(write(&mut map, &[text("l"), Index::Int(-1)], Value::Int(1)).is_err());
        assert_eq!(map.get("a"), Some(&Value::Int(1)));
        assert_eq!(map.get("l"), Some(&Value::Empty));
        assert!(write(&mut map, &[text("l"), Index::Int(i64::MAX)], Value::Int(1)).is_err());
    }

    #[test]
    fn reading_distinguishes_what_is_missing_from_what_cannot_be_indexed() {
        let map = Attrs::from([("s", Value::from("x")), ("l", Value::list([Value::Int(1)]))]);
        assert!(read(&map, &[text("none"), text("deeper")]).unwrap().into_val().is_nil());
        assert!(matches!(read(&map, &[text("l"), Index::Int(0)]).unwrap().into_val(), Val::Int(1)));
        for (indexes, says) in [
            (vec![text("l"), Index::Int(1)], "index 1 out of bounds"),
            (vec![text("l"), Index::Int(-1)], "index -1 out of bounds"),
            (vec![text("s"), text("x")], "type Str does not support string indexing"),
            (vec![Index::Int(0)], "unable to resolve a string index in map"),
        ] {
            assert!(read(&map, &indexes).err().unwrap().0.contains(says));
        }
        assert!(read_result(Val::Map(map), &[text("none")]).unwrap_err().0.contains("key not found in map"));
    }
}
