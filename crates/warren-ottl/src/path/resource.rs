//! Fields of a resource.

use super::{Got, Index, narrow, read, set_map, set_text};
use crate::record::{Failure, Record};
use crate::value::Val;
use warren_pdata::Text;

/// A field of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceField {
    /// `attributes`
    Attributes,
    /// `dropped_attributes_count`
    DroppedAttributes,
    /// `schema_url`
    SchemaUrl,
    /// `schema_url` where upstream hides it: empty, and what is written is lost.
    NoSchemaUrl,
}

pub(super) fn get<'r>(record: &'r Record<'_>, field: ResourceField, indexes: &[Index]) -> Result<Got<'r>, Failure> {
    Ok(match field {
        ResourceField::Attributes => read(&record.resource.attrs, indexes)?,
        ResourceField::DroppedAttributes => Got::Own(Val::Int(record.resource.dropped_attributes.into())),
        ResourceField::SchemaUrl => Got::Text(record.resource_schema_url),
        ResourceField::NoSchemaUrl => Got::Own(Val::Str(Text::new())),
    })
}

pub(super) fn set(record: &mut Record<'_>, field: ResourceField, indexes: &[Index], value: Val) -> Result<(), Failure> {
    match field {
        ResourceField::Attributes => set_map(&mut record.resource.attrs, indexes, value)?,
        ResourceField::DroppedAttributes => narrow(&mut record.resource.dropped_attributes, &value),
        ResourceField::SchemaUrl => set_text(record.resource_schema_url, value),
        ResourceField::NoSchemaUrl => {}
    }
    Ok(())
}
