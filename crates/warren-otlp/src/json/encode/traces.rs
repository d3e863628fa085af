//! Spans to JSON.

use super::{Writer, attributes};
use warren_pdata::{Span, SpanEvent, SpanLink};

pub(super) fn span(w: &mut Writer<'_>, span: &Span) {
    w.object(|w| {
        w.id("traceId", &span.trace_id.0);
        w.id("spanId", &span.span_id.0);
        w.text("traceState", &span.trace_state);
        w.id("parentSpanId", &span.parent_span_id.0);
        w.int("flags", span.flags.into());
        w.text("name", &span.name);
        w.int("kind", span.kind.into());
        w.uint64("startTimeUnixNano", span.start_time);
        w.uint64("endTimeUnixNano", span.end_time);
        attributes(w, "attributes", &span.attrs);
        w.int("droppedAttributesCount", span.dropped_attributes.into());
        w.list("events", &span.events, event);
        w.int("droppedEventsCount", span.dropped_events.into());
        w.list("links", &span.links, link);
        w.int("droppedLinksCount", span.dropped_links.into());
        w.name("status").object(|w| {
            if let Some(status) = &span.status {
                w.text("message", &status.message);
                w.int("code", status.code.into());
            }
        });
    });
}

fn event(w: &mut Writer<'_>, event: &SpanEvent) {
    w.object(|w| {
        w.uint64("timeUnixNano", event.time);
        w.text("name", &event.name);
        attributes(w, "attributes", &event.attrs);
        w.int("droppedAttributesCount", event.dropped_attributes.into());
    });
}

fn link(w: &mut Writer<'_>, link: &SpanLink) {
    w.object(|w| {
        w.id("traceId", &link.trace_id.0);
        w.id("spanId", &link.span_id.0);
        w.text("traceState", &link.trace_state);
        attributes(w, "attributes", &link.attrs);
        w.int("droppedAttributesCount", link.dropped_attributes.into());
        w.int("flags", link.flags.into());
    });
}
