//! Fields of a log record.

use super::span::{IdForm, get_span_id, get_trace_id, set_span_id, set_trace_id};
use super::{Got, Index, narrow, read, read_value, set_map, set_nanos, set_text, set_time, stored_type, time, write_value};
use crate::record::Failure;
use crate::value::Val;
use warren_pdata::{LogRecord, Value};

/// A field of a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogField {
    /// `time_unix_nano`
    TimeUnixNano,
    /// `time`
    Time,
    /// `observed_time_unix_nano`
    ObservedTimeUnixNano,
    /// `observed_time`
    ObservedTime,
    /// `severity_number`
    SeverityNumber,
    /// `severity_text`
    SeverityText,
    /// `event_name`
    EventName,
    /// `body`
    Body,
    /// `body.string`
    BodyString,
    /// `attributes`
    Attributes,
    /// `dropped_attributes_count`
    DroppedAttributes,
    /// `flags`
    Flags,
    /// `trace_id`, `trace_id.string`
    TraceId(IdForm),
    /// `span_id`, `span_id.string`
    SpanId(IdForm),
}

#[inline]
pub(super) fn get<'r>(log: &'r LogRecord, field: LogField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    Ok(match field {
        LogField::SeverityText => Got::Text(&log.severity_text),
        LogField::EventName => Got::Text(&log.event_name),
        LogField::Body if indexes.is_empty() => Got::Stored(&log.body),
        LogField::Body => {
            indexable(&log.body)?;
            read_value(&log.body, indexes)?
        }
        LogField::BodyString => match &log.body {
            Value::Str(text) => Got::Text(text),
            other => {
                let mut text = String::new();
                warren_gotext::as_string(&mut text, other);
                Got::Own(Val::from(text))
            }
        },
        LogField::Attributes => read(&log.attrs, indexes)?,
        LogField::TimeUnixNano => Got::Own(Val::Int(log.time as i64)),
        LogField::Time => Got::Own(time(log.time)),
        LogField::ObservedTimeUnixNano => Got::Own(Val::Int(log.observed_time as i64)),
        LogField::ObservedTime => Got::Own(time(log.observed_time)),
        LogField::SeverityNumber => Got::Own(Val::Int(log.severity_number.into())),
        LogField::DroppedAttributes => Got::Own(Val::Int(log.dropped_attributes.into())),
        LogField::Flags => Got::Own(Val::Int(log.flags.into())),
        LogField::TraceId(form) => Got::Own(get_trace_id(log.trace_id, form)),
        LogField::SpanId(form) => Got::Own(get_span_id(log.span_id, form)),
    })
}

pub(super) fn set(log: &mut LogRecord, field: LogField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    match field {
        LogField::TimeUnixNano => set_nanos(&mut log.time, &value),
        LogField::Time => set_time(&mut log.time, &value),
        LogField::ObservedTimeUnixNano => set_nanos(&mut log.observed_time, &value),
        LogField::ObservedTime => set_time(&mut log.observed_time, &value),
        LogField::SeverityNumber => narrow(&mut log.severity_number, &value),
        LogField::SeverityText => set_text(&mut log.severity_text, value),
        LogField::EventName => set_text(&mut log.event_name, value),
        LogField::Body if indexes.is_empty() => {
            if let Some(value) = value.storable() {
                log.body = value;
            }
        }
        LogField::Body => {
            indexable(&log.body)?;
            write_value(&mut log.body, indexes, value.stored())?;
        }
        LogField::BodyString => {
            if let Val::Str(text) = value {
                log.body = Value::Str(text);
            }
        }
        LogField::Attributes => set_map(&mut log.attrs, indexes, value)?,
        LogField::DroppedAttributes => narrow(&mut log.dropped_attributes, &value),
        LogField::Flags => narrow(&mut log.flags, &value),
        LogField::TraceId(form) => set_trace_id(&mut log.trace_id, form, &value)?,
        LogField::SpanId(form) => set_span_id(&mut log.span_id, form, &value)?,
    }
    Ok(())
}

fn indexable(body: &Value) -> Result<(), Failure> {
    match body {
        Value::Map(_) | Value::List(_) => Ok(()),
        other => Err(Failure::new(format!("log bodies of type {} cannot be indexed", stored_type(other)))),
    }
}
