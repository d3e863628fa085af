//! Fields of a scope.

use super::{Got, Index, narrow, read, set_map, set_text};
use crate::record::{Failure, Record};
use crate::value::Val;

/// A field of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeField {
    /// `name`
    Name,
    /// `version`
    Version,
    /// `attributes`
    Attributes,
    /// `dropped_attributes_count`
    DroppedAttributes,
    /// `schema_url`
    SchemaUrl,
}

pub(super) fn get<'r>(record: &'r Record<'_>, field: ScopeField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    let Some((scope, schema_url)) = &record.scope else { return Ok(Got::NIL) };
    Ok(match field {
        ScopeField::Name => Got::Text(&scope.name),
        ScopeField::Version => Got::Text(&scope.version),
        ScopeField::Attributes => read(&scope.attrs, indexes)?,
        ScopeField::DroppedAttributes => Got::Own(Val::Int(scope.dropped_attributes.into())),
        ScopeField::SchemaUrl => Got::Text(schema_url),
    })
}

pub(super) fn set(record: &mut Record<'_>, field: ScopeField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    let Some((scope, schema_url)) = &mut record.scope else { return Ok(()) };
    match field {
        ScopeField::Name => set_text(&mut scope.name, value),
        ScopeField::Version => set_text(&mut scope.version, value),
        ScopeField::Attributes => set_map(&mut scope.attrs, indexes, value)?,
        ScopeField::DroppedAttributes => narrow(&mut scope.dropped_attributes, &value),
        ScopeField::SchemaUrl => set_text(schema_url, value),
    }
    Ok(())
}
