//! Batches to JSON.

mod logs;
mod metrics;
mod traces;

use super::writer::Writer;
use warren_pdata::{Attrs, Batch, KeyValue, Resource, Scope, Telemetry, Value};

/// Appends the batch to `out` as a request of OTLP's export service in JSON, which is the same as its plain data message.
pub fn encode_json(batch: &Batch, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    match batch {
        Batch::Metrics(metrics) => {
            telemetry(&mut w, metrics, ["resourceMetrics", "scopeMetrics", "metrics"], metrics::metric);
        }
        Batch::Logs(logs) => telemetry(&mut w, logs, ["resourceLogs", "scopeLogs", "logRecords"], logs::log_record),
        Batch::Traces(traces) => telemetry(&mut w, traces, ["resourceSpans", "scopeSpans", "spans"], traces::span),
    }
}

/// Whole data of one signal; `names` are those of the lists of resources, scopes and items.
fn telemetry<T>(w: &mut Writer<'_>, telemetry: &Telemetry<T>, names: [&str; 3], item: fn(&mut Writer<'_>, &T)) {
    w.object(|w| {
        w.list(names[0], &telemetry.resources, |w, group| {
            w.object(|w| {
                resource(w.name("resource"), &group.resource);
                w.list(names[1], &group.scopes, |w, scoped| {
                    w.object(|w| {
                        scope(w.name("scope"), &scoped.scope);
                        w.list(names[2], &scoped.items, item);
                        w.text("schemaUrl", &scoped.schema_url);
                    });
                });
                w.text("schemaUrl", &group.schema_url);
            });
        });
    });
}

fn resource(w: &mut Writer<'_>, resource: &Resource) {
    w.object(|w| {
        attributes(w, "attributes", &resource.attrs);
        w.int("droppedAttributesCount", resource.dropped_attributes.into());
    });
}

fn scope(w: &mut Writer<'_>, scope: &Scope) {
    w.object(|w| {
        w.text("name", &scope.name);
        w.text("version", &scope.version);
        attributes(w, "attributes", &scope.attrs);
        w.int("droppedAttributesCount", scope.dropped_attributes.into());
    });
}

fn attributes(w: &mut Writer<'_>, name: &str, attrs: &Attrs) {
    w.list(name, attrs, key_value);
}

fn key_value(w: &mut Writer<'_>, entry: &KeyValue) {
    w.object(|w| {
        w.text("key", &entry.key);
        any_value(w.name("value"), &entry.value);
    });
}

fn any_value(w: &mut Writer<'_>, value: &Value) {
    w.object(|w| match value {
        Value::Empty => {}
        Value::Str(text) => w.name("stringValue").string(text),
        Value::Bool(value) => w.name("boolValue").truth(*value),
        Value::Int(value) => w.name("intValue").quoted(*value),
        Value::Double(value) => w.name("doubleValue").number(*value),
        Value::Bytes(bytes) => w.name("bytesValue").base64(bytes),
        Value::List(values) => w.name("arrayValue").object(|w| w.list("values", values.iter(), any_value)),
        Value::Map(map) => w.name("kvlistValue").object(|w| w.list("values", map, key_value)),
    });
}
