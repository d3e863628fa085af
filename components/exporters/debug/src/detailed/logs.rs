//! Log records.

use super::{attributes, typed};
use crate::text::{Hex, Lines, Time, line};
use warren_pdata::LogRecord;

pub(super) fn log_record(out: &mut Lines, record: &LogRecord) {
    line!(out, "ObservedTimestamp: {}", Time(record.observed_time));
    line!(out, "Timestamp: {}", Time(record.time));
    line!(out, "SeverityText: {}", record.severity_text);
    line!(out, "SeverityNumber: {}({})", severity(record.severity_number), record.severity_number);
    if !record.event_name.is_empty() {
        line!(out, "EventName: {}", record.event_name);
    }
    line!(out, "Body: {}", typed(&record.body));
    attributes(out, "Attributes", &record.attrs);
    line!(out, "Trace ID: {}", Hex::from(&record.trace_id));
    line!(out, "Span ID: {}", Hex::from(&record.span_id));
    line!(out, "Flags: {}", record.flags);
}

/// The name of a severity; empty for numbers that have none.
fn severity(number: i32) -> String {
    let Ok(place) = usize::try_from(number) else { return String::new() };
    if place == 0 {
        return "Unspecified".to_owned();
    }
    let names = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"];
    // Four grades each: Info, Info2, Info3, Info4.
    match (names.get((place - 1) / 4), (place - 1) % 4) {
        (None, _) => String::new(),
        (Some(name), 0) => (*name).to_owned(),
        (Some(name), grade) => format!("{name}{}", grade + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_four_grades() {
        for (number, name) in
            [(0, "Unspecified"), (1, "Trace"), (4, "Trace4"), (9, "Info"), (18, "Error2"), (24, "Fatal4"), (25, ""), (-1, "")]
        {
            assert_eq!(severity(number), name);
        }
    }
}
