//! Fields of a span, and the forms of identities.

use super::{Got, Index, from_hex, hex, narrow, read, set_map, set_nanos, set_text, set_time, time};
use crate::record::Failure;
use crate::value::{Opaque, Val};
use std::sync::Arc;
use warren_pdata::{Span, SpanId, Text, TraceId};

/// A field of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanField {
    /// `trace_id`, `trace_id.string`
    TraceId(IdForm),
    /// `span_id`, `span_id.string`
    SpanId(IdForm),
    /// `parent_span_id`, `parent_span_id.string`
    ParentSpanId(IdForm),
    /// `trace_state`, `trace_state["key"]`
    TraceState,
    /// `name`
    Name,
    /// `kind`, `kind.string`, `kind.deprecated_string`
    Kind(KindForm),
    /// `start_time_unix_nano`
    StartTimeUnixNano,
    /// `start_time`
    StartTime,
    /// `end_time_unix_nano`
    EndTimeUnixNano,
    /// `end_time`
    EndTime,
    /// `attributes`
    Attributes,
    /// `dropped_attributes_count`
    DroppedAttributes,
    /// `events`
    Events,
    /// `dropped_events_count`
    DroppedEvents,
    /// `links`
    Links,
    /// `dropped_links_count`
    DroppedLinks,
    /// `status`
    Status,
    /// `status.code`
    StatusCode,
    /// `status.message`
    StatusMessage,
}

/// How an identity is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// As an identity.
    Id,
    /// As hexadecimal text.
    Text,
}

/// How a span's kind is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindForm {
    /// As a number.
    Number,
    /// As `Server`.
    Text,
    /// As `SPAN_KIND_SERVER`.
    DeprecatedText,
}

const KINDS: [(&str, &str); 6] = [
    ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
    ("Internal", "SPAN_KIND_INTERNAL"),
    ("Server", "SPAN_KIND_SERVER"),
    ("Client", "SPAN_KIND_CLIENT"),
    ("Producer", "SPAN_KIND_PRODUCER"),
    ("Consumer", "SPAN_KIND_CONSUMER"),
];

pub(super) fn get<'r>(span: &'r Span, field: SpanField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    Ok(match field {
        SpanField::Name => Got::Text(&span.name),
        SpanField::Attributes => read(&span.attrs, indexes)?,
        SpanField::TraceState => match indexes {
            [] => Got::Text(&span.trace_state),
            [Index::Text(key)] => Got::Own(state_get(&span.trace_state, key)),
            _ => return Err(Failure::new("must provide exactly 1 string key when accessing trace_state")),
        },
        field => Got::Own(computed(span, field)),
    })
}

fn computed(span: &Span, field: SpanField) -> Val {
    match field {
        SpanField::Name | SpanField::Attributes | SpanField::TraceState => Val::Nil,
        SpanField::TraceId(form) => get_trace_id(span.trace_id, form),
        SpanField::SpanId(form) => get_span_id(span.span_id, form),
        SpanField::ParentSpanId(form) => get_span_id(span.parent_span_id, form),
        SpanField::Kind(KindForm::Number) => Val::Int(span.kind.into()),
        SpanField::Kind(form) => {
            let names = usize::try_from(span.kind).ok().and_then(|kind| KINDS.get(kind));
            Val::from(names.map_or("", |(text, deprecated)| if form == KindForm::Text { text } else { deprecated }))
        }
        SpanField::StartTimeUnixNano => Val::Int(span.start_time as i64),
        SpanField::StartTime => time(span.start_time),
        SpanField::EndTimeUnixNano => Val::Int(span.end_time as i64),
        SpanField::EndTime => time(span.end_time),
        SpanField::DroppedAttributes => Val::Int(span.dropped_attributes.into()),
        SpanField::Events => Val::Opaque(Opaque::Events(Arc::new(span.events.clone()))),
        SpanField::DroppedEvents => Val::Int(span.dropped_events.into()),
        SpanField::Links => Val::Opaque(Opaque::Links(Arc::new(span.links.clone()))),
        SpanField::DroppedLinks => Val::Int(span.dropped_links.into()),
        SpanField::Status => Val::Opaque(Opaque::Status(Arc::new(span.status.clone().unwrap_or_default()))),
        SpanField::StatusCode => Val::Int(span.status.as_ref().map_or(0, |status| status.code.into())),
        SpanField::StatusMessage => Val::Str(span.status.as_ref().map_or(Text::new(), |status| status.message.clone())),
    }
}

pub(super) fn set(span: &mut Span, field: SpanField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    match (field, value) {
        (SpanField::TraceId(form), value) => set_trace_id(&mut span.trace_id, form, &value)?,
        (SpanField::SpanId(form), value) => set_span_id(&mut span.span_id, form, &value)?,
        (SpanField::ParentSpanId(form), value) => set_span_id(&mut span.parent_span_id, form, &value)?,
        (SpanField::TraceState, Val::Str(text)) => match indexes {
            [] => span.trace_state = text,
            [Index::Text(key)] => state_set(&mut span.trace_state, key, &text),
            _ => return Err(Failure::new("must provide exactly 1 string key when accessing trace_state")),
        },
        (SpanField::Name, value) => set_text(&mut span.name, value),
        (SpanField::Kind(KindForm::Number), value) => narrow(&mut span.kind, &value),
        (SpanField::Kind(form), Val::Str(text)) => {
            let found =
                KINDS.iter().position(|(name, deprecated)| text == if form == KindForm::Text { *name } else { *deprecated });
            span.kind = found.ok_or_else(|| Failure::new(format!("unknown span kind string, {text}")))? as i32;
        }
        (SpanField::StartTimeUnixNano, value) => set_nanos(&mut span.start_time, &value),
        (SpanField::StartTime, value) => set_time(&mut span.start_time, &value),
        (SpanField::EndTimeUnixNano, value) => set_nanos(&mut span.end_time, &value),
        (SpanField::EndTime, value) => set_time(&mut span.end_time, &value),
        (SpanField::Attributes, value) => set_map(&mut span.attrs, indexes, value)?,
        (SpanField::DroppedAttributes, value) => narrow(&mut span.dropped_attributes, &value),
        (SpanField::Events, Val::Opaque(Opaque::Events(events))) => span.events = (*events).clone(),
        (SpanField::DroppedEvents, value) => narrow(&mut span.dropped_events, &value),
        (SpanField::Links, Val::Opaque(Opaque::Links(links))) => span.links = (*links).clone(),
        (SpanField::DroppedLinks, value) => narrow(&mut span.dropped_links, &value),
        (SpanField::Status, Val::Opaque(Opaque::Status(status))) => span.status = Some((*status).clone()),
        (SpanField::StatusCode, value @ Val::Int(_)) => narrow(&mut span.status.get_or_insert_default().code, &value),
        (SpanField::StatusMessage, value @ Val::Str(_)) => set_text(&mut span.status.get_or_insert_default().message, value),
        _ => {}
    }
    Ok(())
}

pub(super) fn get_trace_id(id: TraceId, form: IdForm) -> Val {
    match form {
        IdForm::Id => Val::TraceId(id),
        IdForm::Text => hex(&id.0),
    }
}

pub(super) fn get_span_id(id: SpanId, form: IdForm) -> Val {
    match form {
        IdForm::Id => Val::SpanId(id),
        IdForm::Text => hex(&id.0),
    }
}

pub(super) fn set_trace_id(target: &mut TraceId, form: IdForm, value: &Val) -> Result<(), Failure> {
    match (form, value) {
        (IdForm::Id, Val::TraceId(id)) => *target = *id,
        (IdForm::Text, Val::Str(text)) => {
            *target = TraceId(from_hex(text).ok_or_else(|| Failure::new("trace ids must be 32 hex characters"))?)
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn set_span_id(target: &mut SpanId, form: IdForm, value: &Val) -> Result<(), Failure> {
    match (form, value) {
        (IdForm::Id, Val::SpanId(id)) => *target = *id,
        (IdForm::Text, Val::Str(text)) => {
            *target = SpanId(from_hex(text).ok_or_else(|| Failure::new("span ids must be 16 hex characters"))?)
        }
        _ => {}
    }
    Ok(())
}

/// Members a W3C trace state may have.
const STATE_MEMBERS_MAX: usize = 32;

/// The members of a W3C trace state; `None` if it is none.
fn members(state: &str) -> Option<Vec<(&str, &str)>> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for member in state.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=')?;
        if !is_state_key(key) || !is_state_value(value) || found.iter().any(|(before, _)| *before == key) {
            return None;
        }
        found.push((key, value));
    }
    (found.len() <= STATE_MEMBERS_MAX).then_some(found)
}

fn is_state_key(key: &str) -> bool {
    let part = |text: &str, most: usize, digits_first: bool| {
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || (digits_first && b.is_ascii_digit()));
        starts && text.len() <= most && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(&b))
    };
    match key.split_once('@') {
        Some((tenant, system)) => part(tenant, 241, true) && part(system, 14, false),
        None => part(key, 256, false),
    }
}

fn is_state_value(value: &str) -> bool {
    let fits = |b: u8| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=';
    !value.is_empty() && value.len() <= 256 && value.bytes().all(fits) && !value.ends_with(' ')
}

fn state_get(state: &str, key: &str) -> Val {
    match members(state) {
        Some(members) => Val::from(members.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)),
        None => Val::Nil,
    }
}

/// Puts the member in front. What would make the state invalid is silently left, as upstream leaves it.
fn state_set(state: &mut Text, key: &str, value: &str) {
    let Some(mut all) = members(state) else { return };
    all.retain(|(name, _)| *name != key);
    if !is_state_key(key) || !is_state_value(value) || all.len() >= STATE_MEMBERS_MAX {
        return;
    }
    all.insert(0, (key, value));
    *state = all.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",").into();
}
