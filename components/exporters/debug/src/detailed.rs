//! `detailed`: a line per field.

mod logs;
mod metrics;
mod traces;

#[cfg(test)]
mod tests;

use crate::text::{Lines, line, plain};
use warren_pdata::{Attrs, Batch, Scope, Telemetry, Value};

/// What the parts of a signal are called.
struct Names {
    resource: &'static str,
    scope: &'static str,
    item: &'static str,
}

/// The batch as text.
pub(crate) fn show(batch: &Batch) -> String {
    let mut out = Lines::default();
    match batch {
        Batch::Metrics(metrics) => {
            let names = Names { resource: "ResourceMetrics", scope: "ScopeMetrics", item: "Metric" };
            telemetry(&mut out, metrics, &names, metrics::metric);
        }
        Batch::Logs(logs) => {
            let names = Names { resource: "ResourceLog", scope: "ScopeLogs", item: "LogRecord" };
            telemetry(&mut out, logs, &names, logs::log_record);
        }
        Batch::Traces(traces) => {
            let names = Names { resource: "ResourceSpans", scope: "ScopeSpans", item: "Span" };
            telemetry(&mut out, traces, &names, traces::span);
        }
    }
    out.into_string()
}

fn telemetry<T>(out: &mut Lines, telemetry: &Telemetry<T>, names: &Names, item: fn(&mut Lines, &T)) {
    for (index, group) in telemetry.resources.iter().enumerate() {
        line!(out, "{} #{index}", names.resource);
        line!(out, "Resource SchemaURL: {}", group.schema_url);
        attributes(out, "Resource attributes", &group.resource.attrs);
        for (index, scoped) in group.scopes.iter().enumerate() {
            line!(out, "{} #{index}", names.scope);
            line!(out, "{} SchemaURL: {}", names.scope, scoped.schema_url);
            scope(out, &scoped.scope);
            for (index, one) in scoped.items.iter().enumerate() {
                line!(out, "{} #{index}", names.item);
                item(out, one);
            }
        }
    }
}

fn scope(out: &mut Lines, scope: &Scope) {
    line!(out, "InstrumentationScope {} {}", scope.name, scope.version);
    attributes(out, "InstrumentationScope attributes", &scope.attrs);
}

/// Attributes below a title, unless there are none.
fn attributes(out: &mut Lines, title: &str, attrs: &Attrs) {
    listed(out, "", title, attrs);
}

/// Attributes of a part that is itself indented.
fn inner_attributes(out: &mut Lines, title: &str, attrs: &Attrs) {
    listed(out, "     ", &format!("     -> {title}"), attrs);
}

fn listed(out: &mut Lines, indent: &str, title: &str, attrs: &Attrs) {
    if attrs.is_empty() {
        return;
    }
    line!(out, "{title}:");
    for entry in attrs {
        line!(out, "{indent}     -> {}: {}", entry.key, typed(&entry.value));
    }
}

/// A value behind the name of its type: `Str(orders)`.
fn typed(value: &Value) -> String {
    let kind = match value {
        Value::Empty => "Empty",
        Value::Str(_) => "Str",
        Value::Bool(_) => "Bool",
        Value::Int(_) => "Int",
        Value::Double(_) => "Double",
        Value::Map(_) => "Map",
        Value::List(_) => "Slice",
        Value::Bytes(_) => "Bytes",
    };
    format!("{kind}({})", plain(value))
}
