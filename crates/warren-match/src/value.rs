//! Values as configuration writes them, and as text.

use warren_config::{Node, Value as Written};
use warren_gotext::as_string;
use warren_pdata::{Attrs, KeyValue, Text, Value};

/// A value as it was written; `None` for a timestamp, which attributes do not know.
pub fn written(node: &Node) -> Option<Value> {
    Some(match &node.value {
        Written::Null => Value::Empty,
        Written::Bool(value) => Value::Bool(*value),
        Written::Int(value) => Value::Int(*value),
        // As the reference stores it: the same 64 bits, signed.
        Written::Uint(value) => Value::Int(*value as i64),
        Written::Float(value) => Value::Double(*value),
        Written::String(text) => Value::Str(text.as_str().into()),
        Written::Timestamp(_) => return None,
        Written::List(list) => Value::list(list.iter().map(written).collect::<Option<Vec<_>>>()?),
        Written::Map(map) => Value::Map(
            map.iter()
                .map(|(key, entry)| Some(KeyValue { key: key.into(), value: written(&entry.node)? }))
                .collect::<Option<Attrs>>()?,
        ),
    })
}

/// A value as text: what `pcommon.Value.AsString` gives.
pub fn text(value: &Value) -> Text {
    let mut text = String::new();
    as_string(&mut text, value);
    text.into()
}
