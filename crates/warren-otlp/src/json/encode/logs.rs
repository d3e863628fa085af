//! Log records to JSON.

use super::{Writer, any_value, attributes};
use warren_pdata::LogRecord;

pub(super) fn log_record(w: &mut Writer<'_>, record: &LogRecord) {
    w.object(|w| {
        w.uint64("timeUnixNano", record.time);
        w.uint64("observedTimeUnixNano", record.observed_time);
        w.int("severityNumber", record.severity_number.into());
        w.text("severityText", &record.severity_text);
        any_value(w.name("body"), &record.body);
        attributes(w, "attributes", &record.attrs);
        w.int("droppedAttributesCount", record.dropped_attributes.into());
        w.int("flags", record.flags.into());
        w.id("traceId", &record.trace_id.0);
        w.id("spanId", &record.span_id.0);
        w.text("eventName", &record.event_name);
    });
}
