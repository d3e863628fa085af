//! Log records to protobuf.

use super::{Encoder, Sink};
use warren_pdata::LogRecord;

impl<S: Sink> Encoder<S> {
    pub(super) fn log_record(&mut self, record: &LogRecord) {
        self.text(12, &record.event_name);
        self.fixed64(11, record.observed_time);
        self.id(10, &record.span_id.0);
        self.id(9, &record.trace_id.0);
        self.fixed32(8, record.flags);
        self.uint(7, record.dropped_attributes.into());
        self.attributes(6, &record.attrs);
        self.message(5, |e| e.any_value(&record.body));
        self.text(3, &record.severity_text);
        self.int32(2, record.severity_number);
        self.fixed64(1, record.time);
    }
}
