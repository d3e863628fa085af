//! Spans to protobuf.

use super::{Encoder, Sink};
use warren_pdata::{Span, SpanEvent, SpanLink};

impl<S: Sink> Encoder<S> {
    pub(super) fn span(&mut self, span: &Span) {
        self.fixed32(16, span.flags);
        self.message(15, |e| {
            if let Some(status) = &span.status {
                e.int32(3, status.code);
                e.text(2, &status.message);
            }
        });
        self.uint(14, span.dropped_links.into());
        span.links.iter().rev().for_each(|link| self.message(13, |e| e.link(link)));
        self.uint(12, span.dropped_events.into());
        span.events.iter().rev().for_each(|event| self.message(11, |e| e.event(event)));
        self.uint(10, span.dropped_attributes.into());
        self.attributes(9, &span.attrs);
        self.fixed64(8, span.end_time);
        self.fixed64(7, span.start_time);
        self.int32(6, span.kind);
        self.text(5, &span.name);
        self.id(4, &span.parent_span_id.0);
        self.text(3, &span.trace_state);
        self.id(2, &span.span_id.0);
        self.id(1, &span.trace_id.0);
    }

    fn event(&mut self, event: &SpanEvent) {
        self.uint(4, event.dropped_attributes.into());
        self.attributes(3, &event.attrs);
        self.text(2, &event.name);
        self.fixed64(1, event.time);
    }

    fn link(&mut self, link: &SpanLink) {
        self.fixed32(6, link.flags);
        self.uint(5, link.dropped_attributes.into());
        self.attributes(4, &link.attrs);
        self.text(3, &link.trace_state);
        self.id(2, &link.span_id.0);
        self.id(1, &link.trace_id.0);
    }
}
