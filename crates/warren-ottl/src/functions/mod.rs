//! The converters, a file for each group.

use crate::function::Converter;

/// Every converter, group by group.
pub const CONVERTERS: &[&[Converter]] = &[];
