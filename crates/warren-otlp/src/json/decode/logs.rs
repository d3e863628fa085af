//! JSON to log records.

use super::{Decode, Decoder, Names};
use warren_pdata::{LogRecord, SpanId, TraceId};

const SEVERITIES: Names = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];

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
