//! Spans.

use crate::value::text_bytes;
use crate::{Attrs, Item, Telemetry, Text};

/// Spans by resource and scope.
pub type Traces = Telemetry<Span>;

/// A trace's identity; all zero when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A span's identity; all zero when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl SpanId {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 8]
    }
}

/// One span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its identity.
    pub span_id: SpanId,
    /// The span that caused it; empty for a root.
    pub parent_span_id: SpanId,
    /// W3C trace state.
    pub trace_state: Text,
    /// Flags.
    pub flags: u32,
    /// Name.
    pub name: Text,
    /// Kind, 0 to 5; unknown numbers pass through.
    pub kind: i32,
    /// Start, nanoseconds since 1970.
    pub start_time: u64,
    /// End, nanoseconds since 1970.
    pub end_time: u64,
    /// Attributes.
    pub attrs: Attrs,
    /// How many attributes were dropped before.
    pub dropped_attributes: u32,
    /// Events.
    pub events: Vec<SpanEvent>,
    /// How many events were dropped before.
    pub dropped_events: u32,
    /// Links.
    pub links: Vec<SpanLink>,
    /// How many links were dropped before.
    pub dropped_links: u32,
    /// Outcome. `None` when the message had none, which is not the same on the wire as an empty one.
    pub status: Option<SpanStatus>,
}

/// Something that happened within a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanEvent {
    /// When, nanoseconds since 1970.
    pub time: u64,
    /// Name.
    pub name: Text,
    /// Attributes.
    pub attrs: Attrs,
    /// How many attributes were dropped before.
    pub dropped_attributes: u32,
}

/// A reference to another span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanLink {
    /// The trace referred to.
    pub trace_id: TraceId,
    /// The span referred to.
    pub span_id: SpanId,
    /// W3C trace state.
    pub trace_state: Text,
    /// Flags.
    pub flags: u32,
    /// Attributes.
    pub attrs: Attrs,
    /// How many attributes were dropped before.
    pub dropped_attributes: u32,
}

/// A span's outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanStatus {
    /// 0 unset, 1 ok, 2 error; unknown numbers pass through.
    pub code: i32,
    /// What went wrong.
    pub message: Text,
}

impl Item for Span {
    fn count(&self) -> usize {
        1
    }

    fn split_off(&mut self, _at: usize) -> Self {
        self.clone()
    }

    fn heap_bytes(&self) -> usize {
        let events: usize =
            self.events.iter().map(|event| size_of::<SpanEvent>() + text_bytes(&event.name) + event.attrs.heap_bytes()).sum();
        let links: usize = self.links.iter().map(|link| size_of::<SpanLink>() + link.attrs.heap_bytes()).sum();
        text_bytes(&self.name) + text_bytes(&self.trace_state) + self.attrs.heap_bytes() + events + links
    }
}
