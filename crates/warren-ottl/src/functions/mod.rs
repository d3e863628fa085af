//! The converters, a file for each group.

mod csv;
mod entries;
mod json;
mod key_value;
mod url;

use crate::function::Converter;

/// Every converter, group by group.
pub const CONVERTERS: &[&[Converter]] = &[csv::CONVERTERS, json::CONVERTERS, key_value::CONVERTERS, url::CONVERTERS];
