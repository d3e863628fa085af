//! JSON to log records.

use super::{Decode, Decoder};
use warren_pdata::names::SEVERITIES;
use warren_pdata::{LogRecord, SpanId, TraceId};

impl Decoder<'_> {
    pub(super) fn log_record(&mut self) -> Decode<LogRecord> {
        let mut record = LogRecord::default();
        self.object(|d, name| {
            match name {
                b"timeUnixNano" | b"time_unix_nano" => record.time = d.json.uint64()?,
                b"observedTimeUnixNano" | b"observed_time_unix_nano" => record.observed_time = d.json.uint64()?,
                b"severityNumber" | b"severity_number" => record.severity_number = d.enumeration(SEVERITIES)?,
                b"severityText" | b"severity_text" => record.severity_text = d.text()?,
                b"body" => d.body(&mut record.body)?,
                b"attributes" => record.attrs = d.attributes()?,
                b"droppedAttributesCount" | b"dropped_attributes_count" => record.dropped_attributes = d.json.uint32()?,
                b"flags" => record.flags = d.json.uint32()?,
                b"traceId" | b"trace_id" => record.trace_id = TraceId(d.json.id()?),
                b"spanId" | b"span_id" => record.span_id = SpanId(d.json.id()?),
                b"eventName" | b"event_name" => record.event_name = d.text()?,
                _ => d.json.skip()?,
            }
            Ok(())
        })?;
        Ok(record)
    }
}
