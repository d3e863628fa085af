//! The converters, a file for each group.

mod csv;
mod decode;
mod entries;
mod format;
mod json;
mod key_value;
mod of_record;
mod url;

use crate::function::{Converter, RecordConverter};

/// Every converter, group by group.
pub const CONVERTERS: &[&[Converter]] =
    &[csv::CONVERTERS, decode::CONVERTERS, format::CONVERTERS, json::CONVERTERS, key_value::CONVERTERS, url::CONVERTERS];

/// Every converter that looks at the record.
pub const RECORD_CONVERTERS: &[RecordConverter] = of_record::CONVERTERS;
