//! The editors, a file for each group.

mod set;

use crate::function::Editor;

/// Every editor, group by group.
pub const EDITORS: &[&[Editor]] = &[set::EDITORS];
