//! Fields of a span event.

use super::{Got, Index, narrow, read, set_map, set_nanos, set_text, set_time, time};
use crate::record::Failure;
use crate::value::Val;
use warren_pdata::Span;

/// A field of a span event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventField {
    /// `time_unix_nano`
    TimeUnixNano,
    /// `time`
    Time,
    /// `name`
    Name,
    /// `attributes`
    Attributes,
    /// `dropped_attributes_count`
    DroppedAttributes,
    /// `event_index`
    EventIndex,
}

pub(super) fn get<'r>(span: &'r Span, at: usize, field: EventField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    let Some(event) = span.events.get(at) else { return Ok(Got::NIL) };
    Ok(match field {
        EventField::TimeUnixNano => Got::Own(Val::Int(event.time as i64)),
        EventField::Time => Got::Own(time(event.time)),
        EventField::Name => Got::Text(&event.name),
        EventField::Attributes => read(&event.attrs, indexes)?,
        EventField::DroppedAttributes => Got::Own(Val::Int(event.dropped_attributes.into())),
        // Upstream never supplies it.
        EventField::EventIndex => return Err(Failure::new("no 'event_index' property has been set")),
    })
}

pub(super) fn set(span: &mut Span, at: usize, field: EventField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    let Some(event) = span.events.get_mut(at) else { return Ok(()) };
    match field {
        EventField::TimeUnixNano => set_nanos(&mut event.time, &value),
        EventField::Time => set_time(&mut event.time, &value),
        EventField::Name => set_text(&mut event.name, value),
        EventField::Attributes => set_map(&mut event.attrs, indexes, value)?,
        EventField::DroppedAttributes => narrow(&mut event.dropped_attributes, &value),
        EventField::EventIndex => return Err(Failure::new("the 'event_index' path cannot be modified")),
    }
    Ok(())
}
