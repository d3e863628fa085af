//! Protobuf to spans.

use super::{Decoder, Reader};
use crate::DecodeError;
use warren_pdata::{Span, SpanEvent, SpanId, SpanLink, SpanStatus, TraceId};

impl<'a> Decoder<'a> {
    pub(super) fn span(&mut self, mut r: Reader<'a>) -> Result<Span, DecodeError> {
        let mut span = Span::default();
        while let Some(field) = r.field()? {
            match field {
                1 => span.trace_id = TraceId(r.id()?),
                2 => span.span_id = SpanId(r.id()?),
                3 => span.trace_state = self.text(&mut r)?,
                4 => span.parent_span_id = SpanId(r.id()?),
                5 => span.name = self.text(&mut r)?,
                6 => span.kind = r.int32()?,
                7 => span.start_time = r.fixed64()?,
                8 => span.end_time = r.fixed64()?,
                9 => self.attributes(&mut r, &mut span.attrs)?,
                10 => span.dropped_attributes = r.uint32()?,
                11 => {
                    self.charge::<SpanEvent>(&r, 1)?;
                    span.events.push(self.event(r.message("Span.Event")?)?);
                }
                12 => span.dropped_events = r.uint32()?,
                13 => {
                    self.charge::<SpanLink>(&r, 1)?;
                    span.links.push(self.link(r.message("Span.Link")?)?);
                }
                14 => span.dropped_links = r.uint32()?,
                15 => self.status(r.message("Status")?, span.status.get_or_insert_default())?,
                16 => span.flags = r.fixed32()?,
                _ => r.skip()?,
            }
        }
        Ok(span)
    }

    fn event(&mut self, mut r: Reader<'a>) -> Result<SpanEvent, DecodeError> {
        let mut event = SpanEvent::default();
        while let Some(field) = r.field()? {
            match field {
                1 => event.time = r.fixed64()?,
                2 => event.name = self.text(&mut r)?,
                3 => self.attributes(&mut r, &mut event.attrs)?,
                4 => event.dropped_attributes = r.uint32()?,
                _ => r.skip()?,
            }
        }
        Ok(event)
    }

    fn link(&mut self, mut r: Reader<'a>) -> Result<SpanLink, DecodeError> {
        let mut link = SpanLink::default();
        while let Some(field) = r.field()? {
            match field {
                1 => link.trace_id = TraceId(r.id()?),
                2 => link.span_id = SpanId(r.id()?),
                3 => link.trace_state = self.text(&mut r)?,
                4 => self.attributes(&mut r, &mut link.attrs)?,
                5 => link.dropped_attributes = r.uint32()?,
                6 => link.flags = r.fixed32()?,
                _ => r.skip()?,
            }
        }
        Ok(link)
    }

    fn status(&mut self, mut r: Reader<'a>, status: &mut SpanStatus) -> Result<(), DecodeError> {
        while let Some(field) = r.field()? {
            match field {
                2 => status.message = self.text(&mut r)?,
                3 => status.code = r.int32()?,
                _ => r.skip()?,
            }
        }
        Ok(())
    }
}
