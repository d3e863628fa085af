//! Spans.

use super::{attributes, inner_attributes};
use crate::text::{Hex, Lines, Time, line};
use std::fmt::Display;
use warren_pdata::{Span, SpanEvent, SpanLink};

pub(super) fn span(out: &mut Lines, span: &Span) {
    let mut field = |name: &str, value: &dyn Display| line!(out, "    {name:<15}: {value}");
    field("Trace ID", &Hex::from(&span.trace_id));
    field("Parent ID", &Hex::from(&span.parent_span_id));
    field("ID", &Hex::from(&span.span_id));
    field("Name", &span.name);
    field("Kind", &kind(span.kind));
    if !span.trace_state.is_empty() {
        field("TraceState", &span.trace_state);
    }
    field("Start time", &Time(span.start_time));
    field("End time", &Time(span.end_time));
    let status = span.status.clone().unwrap_or_default();
    field("Status code", &status_code(status.code));
    field("Status message", &status.message);
    attributes(out, "Attributes", &span.attrs);
    events(out, &span.events);
    links(out, &span.links);
}

fn events(out: &mut Lines, events: &[SpanEvent]) {
    if !events.is_empty() {
        line!(out, "Events:");
    }
    for (index, event) in events.iter().enumerate() {
        line!(out, "SpanEvent #{index}");
        line!(out, "     -> Name: {}", event.name);
        line!(out, "     -> Timestamp: {}", Time(event.time));
        line!(out, "     -> DroppedAttributesCount: {}", event.dropped_attributes);
        // Upstream puts two colons behind this title.
        inner_attributes(out, "Attributes:", &event.attrs);
    }
}

fn links(out: &mut Lines, links: &[SpanLink]) {
    if !links.is_empty() {
        line!(out, "Links:");
    }
    for (index, link) in links.iter().enumerate() {
        line!(out, "SpanLink #{index}");
        line!(out, "     -> Trace ID: {}", Hex::from(&link.trace_id));
        line!(out, "     -> ID: {}", Hex::from(&link.span_id));
        line!(out, "     -> TraceState: {}", link.trace_state);
        line!(out, "     -> DroppedAttributesCount: {}", link.dropped_attributes);
        inner_attributes(out, "Attributes:", &link.attrs);
    }
}

/// The name of a kind; empty for numbers that have none.
fn kind(number: i32) -> &'static str {
    match number {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}

/// The name of a status; empty for numbers that have none.
fn status_code(number: i32) -> &'static str {
    match number {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "",
    }
}
