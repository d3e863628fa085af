//! Statements over records, one line of JSON for each record that a group meets.

use crate::Config;
use crate::flatten::flatten;
use crate::groups::Compiled;
use std::io::Write;
use warren_otlp::{decode_json, encode_json};
use warren_ottl::{ErrorMode, Failed, Group, Item, Observer, Oddities, Record};
use warren_pdata::{Batch, Scope, Signal, Telemetry, Text};

/// Runs the groups over every request of the input.
pub(super) fn run(config: &Config, oddities: Oddities, input: &[u8], out: &mut dyn Write) -> Result<(), String> {
    for (number, request) in requests(input).into_iter().enumerate() {
        let refuse = |fault: String| format!("request {}: {fault}", number + 1);
        let signal = signal(request).map_err(refuse)?;
        let mut batch = decode_json(signal, request).map_err(|error| refuse(error.to_string()))?;
        if let (true, Batch::Logs(logs)) = (config.flatten_data, &mut batch) {
            flatten(logs);
        }
        for (index, Compiled { group, .. }) in config.compiled(signal, oddities)?.into_iter().enumerate() {
            walk(index, &group, signal, &mut batch, out).map_err(|error| format!("cannot write: {error}"))?;
        }
    }
    Ok(())
}

/// The requests of a file: each line if every line looks like one, else the whole.
fn requests(input: &[u8]) -> Vec<&[u8]> {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
    let whole = |line: &&[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    if lines.len() > 1 && lines.iter().all(whole) { lines } else { vec![input] }
}

/// Which signal a request is of, by the key that comes first.
fn signal(request: &[u8]) -> Result<Signal, String> {
    let place = |key: &str| request.windows(key.len()).position(|window| window == key.as_bytes());
    let known =
        [("\"resourceLogs\"", Signal::Logs), ("\"resourceMetrics\"", Signal::Metrics), ("\"resourceSpans\"", Signal::Traces)];
    let first = known.iter().filter_map(|(key, signal)| Some((place(key)?, *signal))).min_by_key(|(place, _)| *place);
    first
        .map(|(_, signal)| signal)
        .ok_or_else(|| "no OTLP in JSON: none of resourceLogs, resourceMetrics, resourceSpans is in it".to_owned())
}

fn walk(index: usize, group: &Group, signal: Signal, batch: &mut Batch, out: &mut dyn Write) -> std::io::Result<()> {
    let mut memo = group.memo();
    let statements: Vec<&str> = group.statements().collect();
    group.each(batch, &mut memo, |record, memo| {
        let before = snapshot(record, signal);
        let mut errors = Errors::default();
        let mut matched = Vec::new();
        let conditions = group.conditions();
        let wanted = conditions.is_empty() || conditions.hold(record, memo, ErrorMode::Ignore, &mut errors).unwrap_or(false);
        if wanted {
            group.step_through(record, memo, |_, statement, ran| {
                let text = statements.get(statement).copied().unwrap_or_default();
                match ran {
                    Ok(true) => matched.push(text),
                    Ok(false) => {}
                    Err(failure) => errors.0.push((text.to_owned(), failure.to_string())),
                }
            });
        }
        let after = snapshot(record, signal);
        let mut line = format!(
            "{{\"group\":{index},\"context\":\"{}\",\"before\":{before},\"after\":{after},\"matched\":",
            group.context().name()
        );
        push_texts(&mut line, &matched);
        line.push_str(",\"errors\":[");
        for (index, (text, error)) in errors.0.iter().enumerate() {
            line.push_str(if index > 0 { ",{\"statement\":" } else { "{\"statement\":" });
            push_text(&mut line, text);
            line.push_str(",\"error\":");
            push_text(&mut line, error);
            line.push('}');
        }
        line.push_str("]}\n");
        out.write_all(line.as_bytes())
    })
}

/// Conditions and statements that failed, and why.
#[derive(Default)]
struct Errors(Vec<(String, String)>);

impl Observer for Errors {
    fn failed(&mut self, failed: &Failed) {
        self.0.push((failed.text.to_string(), failed.failure.to_string()));
    }
}

fn push_texts(line: &mut String, texts: &[&str]) {
    line.push('[');
    for (index, text) in texts.iter().enumerate() {
        line.push_str(if index > 0 { "," } else { "" });
        push_text(line, text);
    }
    line.push(']');
}

fn push_text(line: &mut String, text: &str) {
    warren_gotext::json_text(line, text);
}

/// A record with its resource and scope as a request of OTLP; of a point or an event, the metric or span it belongs to.
fn snapshot(record: &Record<'_>, signal: Signal) -> String {
    let batch = match (&record.item, signal) {
        (Item::Log(log), _) => Batch::Logs(within(record, vec![(**log).clone()])),
        (Item::Span(span) | Item::SpanEvent(span, _), _) => Batch::Traces(within(record, vec![(**span).clone()])),
        (Item::Metric(metric) | Item::DataPoint(metric, _), _) => {
            let mut metrics = vec![(**metric).clone()];
            metrics.extend(record.appended.iter().cloned());
            Batch::Metrics(within(record, metrics))
        }
        (Item::None, Signal::Logs) => Batch::Logs(within(record, Vec::new())),
        (Item::None, Signal::Metrics) => Batch::Metrics(within(record, Vec::new())),
        (Item::None, Signal::Traces) => Batch::Traces(within(record, Vec::new())),
    };
    let mut out = Vec::new();
    encode_json(&batch, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn within<T>(record: &Record<'_>, items: Vec<T>) -> Telemetry<T> {
    let (scope, schema_url) = match &record.scope {
        Some((scope, schema_url)) => ((**scope).clone(), (**schema_url).clone()),
        None => (Scope::default(), Text::new()),
    };
    let mut telemetry = Telemetry::of((*record.resource).clone(), scope, items);
    for group in &mut telemetry.resources {
        group.schema_url = record.resource_schema_url.clone();
        for scope in &mut group.scopes {
            scope.schema_url = schema_url.clone();
        }
    }
    telemetry
}
