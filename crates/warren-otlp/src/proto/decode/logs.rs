//! Protobuf to log records.

use super::{Decoder, Reader};
use crate::DecodeError;
use warren_pdata::{LogRecord, SpanId, TraceId};

impl<'a> Decoder<'a> {
    pub(super) fn log_record(&mut self, mut r: Reader<'a>) -> Result<LogRecord, DecodeError> {
        let mut record = LogRecord::default();
        while let Some(field) = r.field()? {
            match field {
                1 => record.time = r.fixed64()?,
                2 => record.severity_number = r.int32()?,
                3 => record.severity_text = self.severity(&mut r)?,
                5 => self.body(r.message("AnyValue")?, &mut record.body)?,
                6 => self.attributes(&mut r, &mut record.attrs)?,
                7 => record.dropped_attributes = r.uint32()?,
                8 => record.flags = r.fixed32()?,
                9 => record.trace_id = TraceId(r.id()?),
                10 => record.span_id = SpanId(r.id()?),
                11 => record.observed_time = r.fixed64()?,
                12 => record.event_name = self.text(&mut r)?,
                _ => r.skip()?,
            }
        }
        Ok(record)
    }
}
