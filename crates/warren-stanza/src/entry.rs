//! What operators work on.

use warren_pdata::{Attrs, Item, LogRecord, Text, Value};

/// One log record on its way to a batch.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The record.
    pub record: LogRecord,
    /// Attributes of its resource.
    pub resource: Attrs,
    /// Name of its scope.
    pub scope_name: Text,
    /// The receiver's own mark: grows from entry to entry.
    pub mark: u64,
}

impl Entry {
    /// Bytes of memory that it keeps alive, its share only of what is shared.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.record.heap_bytes() + self.resource.heap_bytes()
    }
}

/// A value's type as messages name it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Empty => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Double(_) => "float64",
        Value::Str(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Map(_) => "map[string]interface {}",
        Value::List(_) => "[]interface {}",
    }
}
