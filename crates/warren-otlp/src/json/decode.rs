//! JSON to batches.

mod logs;
mod metrics;
mod traces;

use super::reader::Json;
use crate::intake::{DEPTH_MAX, Intake, single};
use crate::{DecodeError, Fault};
use warren_pdata::names::Names;
use warren_pdata::{
    Attrs, AttrsPool, Batch, KeyValue, Resource, ResourceGroup, Scope, ScopeGroup, Signal, Telemetry, Text, Value,
};

/// Decodes a request of OTLP's export service in JSON, or plain data, which looks the same.
///
/// # Errors
/// When the bytes are no such message, or it is nested deeper or expands more than is allowed; nothing is kept of it then.
pub fn decode_json(signal: Signal, bytes: &[u8]) -> Result<Batch, DecodeError> {
    let mut d = Decoder { json: Json::new(bytes), intake: Intake::new(bytes.len()), sets: AttrsPool::default() };
    let batch = match signal {
        Signal::Metrics => Batch::Metrics(d.telemetry(&METRICS, Decoder::metric)?),
        Signal::Logs => Batch::Logs(d.telemetry(&LOGS, Decoder::log_record)?),
        Signal::Traces => Batch::Traces(d.telemetry(&TRACES, Decoder::span)?),
    };
    d.json.end()?;
    Ok(batch)
}

/// What the lists of resources, scopes and items are called, in both spellings.
struct Lists {
    resources: [&'static [u8]; 2],
    scopes: [&'static [u8]; 2],
    items: [&'static [u8]; 2],
}

const METRICS: Lists = Lists {
    resources: [b"resourceMetrics", b"resource_metrics"],
    scopes: [b"scopeMetrics", b"scope_metrics"],
    items: [b"metrics", b"metrics"],
};
const LOGS: Lists = Lists {
    resources: [b"resourceLogs", b"resource_logs"],
    scopes: [b"scopeLogs", b"scope_logs"],
    items: [b"logRecords", b"log_records"],
};
const TRACES: Lists = Lists {
    resources: [b"resourceSpans", b"resource_spans"],
    scopes: [b"scopeSpans", b"scope_spans"],
    items: [b"spans", b"spans"],
};

struct Decoder<'a> {
    json: Json<'a>,
    intake: Intake,
    sets: AttrsPool,
}

type Decode<T> = Result<T, DecodeError>;

impl Decoder<'_> {
    /// Reads an object; `field` is called at each value with its name and must read or skip it.
    fn object(&mut self, mut field: impl FnMut(&mut Self, &[u8]) -> Decode<()>) -> Decode<()> {
        let mut first = true;
        if self.json.enter(b'{', "an object")? {
            while let Some(name) = self.json.name(&mut first)? {
                field(self, &name)?;
            }
        }
        Ok(())
    }

    /// Reads a list.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Decode<T>) -> Decode<Vec<T>> {
        let mut first = true;
        let mut items = Vec::new();
        if self.json.enter(b'[', "a list")? {
            while self.json.element(&mut first)? {
                self.intake.charge::<T>(1).map_err(|fault| self.json.error(fault))?;
                items.push(element(self)?);
            }
        }
        Ok(items)
    }

    fn telemetry<T>(&mut self, lists: &Lists, item: fn(&mut Self) -> Decode<T>) -> Decode<Telemetry<T>> {
        let mut telemetry = Telemetry::default();
        self.object(|d, name| {
            if lists.resources.contains(&name) {
                telemetry.resources = d.list(|d| d.resource_group(lists, item))?;
                return Ok(());
            }
            d.json.skip()
        })?;
        Ok(telemetry)
    }

    fn resource_group<T>(&mut self, lists: &Lists, item: fn(&mut Self) -> Decode<T>) -> Decode<ResourceGroup<T>> {
        let mut group = ResourceGroup::default();
        self.object(|d, name| {
            match name {
                b"resource" => d.resource(&mut group.resource)?,
                b"schemaUrl" | b"schema_url" => group.schema_url = d.text()?,
                _ if lists.scopes.contains(&name) => group.scopes = d.list(|d| d.scope_group(lists, item))?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(group)
    }

    fn scope_group<T>(&mut self, lists: &Lists, item: fn(&mut Self) -> Decode<T>) -> Decode<ScopeGroup<T>> {
        let mut group = ScopeGroup::default();
        self.object(|d, name| {
            match name {
                b"scope" => d.scope(&mut group.scope)?,
                b"schemaUrl" | b"schema_url" => group.schema_url = d.text()?,
                _ if lists.items.contains(&name) => group.items = d.list(item)?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(group)
    }

    fn resource(&mut self, resource: &mut Resource) -> Decode<()> {
        self.object(|d, name| {
            match name {
                b"attributes" => resource.attrs = d.attributes()?,
                b"droppedAttributesCount" | b"dropped_attributes_count" => resource.dropped_attributes = d.json.uint32()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })
    }

    fn scope(&mut self, scope: &mut Scope) -> Decode<()> {
        self.object(|d, name| {
            match name {
                b"name" => scope.name = d.text()?,
                b"version" => scope.version = d.text()?,
                b"attributes" => scope.attrs = d.attributes()?,
                b"droppedAttributesCount" | b"dropped_attributes_count" => scope.dropped_attributes = d.json.uint32()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })
    }

    /// Text that is likely to be met again.
    fn text(&mut self) -> Decode<Text> {
        let text = self.json.string()?;
        Ok(self.intake.pooled(&text))
    }

    /// The key of an attribute.
    fn key(&mut self) -> Decode<Text> {
        let key = self.json.string()?;
        Ok(self.intake.key_like(&key, None))
    }

    /// A shared set.
    fn attributes(&mut self) -> Decode<Attrs> {
        let entries = self.list(|d| d.key_value(0))?;
        Ok(self.sets.get(&entries))
    }

    fn key_value(&mut self, depth: usize) -> Decode<KeyValue> {
        let mut entry = KeyValue { key: Text::new(), value: Value::Empty };
        self.object(|d, name| {
            match name {
                b"key" => entry.key = d.key()?,
                b"value" => d.any_value(&mut entry.value, depth, Intake::pooled)?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(entry)
    }

    /// A value; it stays as it is when the object is empty. `text` makes its text.
    fn any_value(&mut self, value: &mut Value, depth: usize, text: fn(&mut Intake, &[u8]) -> Text) -> Decode<()> {
        if depth > DEPTH_MAX {
            return Err(self.json.error(Fault::Depth));
        }
        self.object(|d, name| {
            *value = match name {
                b"stringValue" | b"string_value" => Value::Str(text(&mut d.intake, &d.json.string()?)),
                b"boolValue" | b"bool_value" => Value::Bool(d.json.bool()?),
                b"intValue" | b"int_value" => Value::Int(d.json.int64()?),
                b"doubleValue" | b"double_value" => Value::Double(d.json.double()?),
                b"bytesValue" | b"bytes_value" => Value::bytes(d.json.base64()?),
                b"arrayValue" | b"array_value" => Value::list(d.values(|d| {
                    let mut element = Value::Empty;
                    d.any_value(&mut element, depth + 1, Intake::pooled)?;
                    Ok(element)
                })?),
                b"kvlistValue" | b"kvlist_value" => Value::Map(Attrs::new(d.values(|d| d.key_value(depth + 1))?)),
                _ => return d.json.skip(),
            };
            Ok(())
        })
    }

    /// The list within `arrayValue` and `kvlistValue`.
    fn values<T>(&mut self, mut element: impl FnMut(&mut Self) -> Decode<T>) -> Decode<Vec<T>> {
        let mut values = Vec::new();
        self.object(|d, name| {
            match name {
                b"values" => values = d.list(&mut element)?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// A log record's body, whose text is unlikely to be met again.
    fn body(&mut self, value: &mut Value) -> Decode<()> {
        self.any_value(value, 0, |_, bytes| single(bytes))
    }

    fn enumeration(&mut self, names: Names) -> Decode<i32> {
        self.json.enumeration(names)
    }
}
