//! Log records.

use crate::value::text_bytes;
use crate::{Attrs, Item, SpanId, Telemetry, Text, TraceId, Value};

/// Log records by resource and scope.
pub type Logs = Telemetry<LogRecord>;

/// One log record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    /// When it happened, nanoseconds since 1970; zero if unknown.
    pub time: u64,
    /// When it was seen, nanoseconds since 1970.
    pub observed_time: u64,
    /// Severity, 1 to 24; zero if unknown.
    pub severity_number: i32,
    /// Severity as the source spells it.
    pub severity_text: Text,
    /// What is said.
    pub body: Value,
    /// Attributes.
    pub attrs: Attrs,
    /// How many attributes were dropped before.
    pub dropped_attributes: u32,
    /// W3C trace flags and reserved bits.
    pub flags: u32,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The span it belongs to.
    pub span_id: SpanId,
    /// Name of the event class; empty if none.
    pub event_name: Text,
}

impl Item for LogRecord {
    fn count(&self) -> usize {
        1
    }

    fn split_off(&mut self, _at: usize) -> Self {
        self.clone()
    }

    fn heap_bytes(&self) -> usize {
        self.body.heap_bytes() + self.attrs.heap_bytes() + text_bytes(&self.severity_text) + text_bytes(&self.event_name)
    }
}
