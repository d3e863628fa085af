//! JSON to spans.

use super::{Decode, Decoder};
use warren_pdata::names::{SPAN_KINDS, STATUS_CODES};
use warren_pdata::{Span, SpanEvent, SpanId, SpanLink, SpanStatus, TraceId};

impl Decoder<'_> {
    pub(super) fn span(&mut self) -> Decode<Span> {
        let mut span = Span::default();
        self.object(|d, name| {
            match name {
                b"traceId" | b"trace_id" => span.trace_id = TraceId(d.json.id()?),
                b"spanId" | b"span_id" => span.span_id = SpanId(d.json.id()?),
                b"traceState" | b"trace_state" => span.trace_state = d.text()?,
                b"parentSpanId" | b"parent_span_id" => span.parent_span_id = SpanId(d.json.id()?),
                b"flags" => span.flags = d.json.uint32()?,
                b"name" => span.name = d.text()?,
                b"kind" => span.kind = d.enumeration(SPAN_KINDS)?,
                b"startTimeUnixNano" | b"start_time_unix_nano" => span.start_time = d.json.uint64()?,
                b"endTimeUnixNano" | b"end_time_unix_nano" => span.end_time = d.json.uint64()?,
                b"attributes" => span.attrs = d.attributes()?,
                b"droppedAttributesCount" | b"dropped_attributes_count" => span.dropped_attributes = d.json.uint32()?,
                b"events" => span.events = d.list(Self::event)?,
                b"droppedEventsCount" | b"dropped_events_count" => span.dropped_events = d.json.uint32()?,
                b"links" => span.links = d.list(Self::link)?,
                b"droppedLinksCount" | b"dropped_links_count" => span.dropped_links = d.json.uint32()?,
                b"status" => d.status(span.status.get_or_insert_default())?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(span)
    }

    fn event(&mut self) -> Decode<SpanEvent> {
        let mut event = SpanEvent::default();
        self.object(|d, name| {
            match name {
                b"timeUnixNano" | b"time_unix_nano" => event.time = d.json.uint64()?,
                b"name" => event.name = d.text()?,
                b"attributes" => event.attrs = d.attributes()?,
                b"droppedAttributesCount" | b"dropped_attributes_count" => event.dropped_attributes = d.json.uint32()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(event)
    }

    fn link(&mut self) -> Decode<SpanLink> {
        let mut link = SpanLink::default();
        self.object(|d, name| {
            match name {
                b"traceId" | b"trace_id" => link.trace_id = TraceId(d.json.id()?),
                b"spanId" | b"span_id" => link.span_id = SpanId(d.json.id()?),
                b"traceState" | b"trace_state" => link.trace_state = d.text()?,
                b"attributes" => link.attrs = d.attributes()?,
                b"droppedAttributesCount" | b"dropped_attributes_count" => link.dropped_attributes = d.json.uint32()?,
                b"flags" => link.flags = d.json.uint32()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(link)
    }

    fn status(&mut self, status: &mut SpanStatus) -> Decode<()> {
        self.object(|d, name| {
            match name {
                b"message" => status.message = d.text()?,
                b"code" => status.code = d.enumeration(STATUS_CODES)?,
                _ => d.json.skip()?,
            }
            Ok(())
        })
    }
}
