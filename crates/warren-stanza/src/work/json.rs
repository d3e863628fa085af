//! `json_parser`: one JSON object.

use super::{Parse, text_of};
use crate::{Entry, Field};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use warren_pdata::{Attrs, Value};

/// Reads an object.
#[derive(Debug)]
pub(crate) struct JsonReader {
    /// Whole numbers stay whole; else every number becomes a fraction.
    pub(crate) ints: bool,
}

impl Parse for JsonReader {
    fn parse(&self, value: &Value, _: &Field, _: &Entry) -> Result<Value, String> {
        let text = text_of(value, |kind| format!("type {kind} cannot be parsed as JSON"))?;
        let Json(mut value) = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !self.ints {
            to_fractions(&mut value);
        }
        match value {
            Value::Map(_) => Ok(value),
            // Null is an object of nothing.
            Value::Empty => Ok(Value::Map(Attrs::EMPTY)),
            other => Err(format!("expected a JSON object, found {}", crate::entry::type_name(&other))),
        }
    }
}

fn to_fractions(value: &mut Value) {
    match value {
        Value::Int(number) => *value = Value::Double(*number as f64),
        Value::Map(map) if !map.is_empty() => map.edit().iter_mut().for_each(|entry| to_fractions(&mut entry.value)),
        Value::List(list) => {
            let mut all = list.to_vec();
            all.iter_mut().for_each(to_fractions);
            *value = Value::list(all);
        }
        _ => {}
    }
}

/// A value as it is read; whole numbers are whole.
struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Json)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Empty)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Double(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Json(value)) = access.next_element()? {
            all.push(value);
        }
        Ok(Value::list(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        // Of equal keys the last counts; they are found by hash, for there may be many.
        let mut all = indexmap::IndexMap::new();
        while let Some((key, Json(value))) = access.next_entry::<String, Json>()? {
            all.insert(key, value);
        }
        let entries = all.into_iter().map(|(key, value)| warren_pdata::KeyValue { key: key.into(), value });
        Ok(Value::Map(entries.collect()))
    }
}
