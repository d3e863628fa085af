//! Compiled statements.

use super::condition::Condition;
use super::expr::{Arguments, Evaluated, Expr, Keys, PathExpr};
use super::memo::Memo;
use crate::function::{Changes, Edit, Place};
use crate::path::{self, Index};
use crate::record::{Failure, Record};
use warren_pdata::Text;

/// A statement: what is done, and when.
pub(crate) struct Statement {
    pub condition: Condition,
    pub action: Action,
}

/// What a statement does.
pub(crate) enum Action {
    /// Writes a value to a place.
    Set { target: PathExpr, value: Expr },
    /// Writes a value to one of the record's own attributes: a form of [`Action::Set`].
    SetEntry { key: Text, target: PathExpr, value: Expr },
    /// Whatever else.
    Edit {
        edit: Edit,
        target: Option<PathExpr>,
        arguments: Arguments,
        /// The arguments, where they are known beforehand.
        known: Option<Box<Evaluated>>,
        changes: Changes,
    },
}

impl Statement {
    /// Runs the statement on a record and says whether its condition held.
    pub(crate) fn run(&self, record: &mut Record<'_>, memo: &mut Memo) -> Result<bool, Failure> {
        if !self.condition.holds(record, memo)? {
            return Ok(false);
        }
        self.action.run(record, memo)?;
        Ok(true)
    }
}

impl Action {
    /// Writes a value to a place.
    pub(crate) fn set(target: PathExpr, value: Expr) -> Self {
        let key = match &target.keys {
            Keys::Fixed(indexes) if target.field.is_attributes() => match &**indexes {
                [Index::Text(key)] => Some(key.clone()),
                _ => None,
            },
            _ => None,
        };
        match key {
            Some(key) => Self::SetEntry { key, target, value },
            None => Self::Set { target, value },
        }
    }

    /// Calls an editor.
    pub(crate) fn edit(edit: Edit, target: Option<PathExpr>, arguments: Arguments, changes: Changes) -> Self {
        let known = arguments.of_constants().map(Box::new);
        Self::Edit { edit, target, arguments, known, changes }
    }

    pub(crate) fn run(&self, record: &mut Record<'_>, memo: &mut Memo) -> Result<(), Failure> {
        match self {
            Self::Set { target, value } => {
                let value = value.eval(record, memo)?.into_val();
                if value.is_nil() {
                    return Ok(());
                }
                match &target.keys {
                    Keys::Fixed(indexes) => path::set(record, target.field, indexes, value),
                    keys => {
                        let indexes = keys.eval(record, memo)?;
                        path::set(record, target.field, indexes.as_slice(), value)
                    }
                }
            }
            Self::SetEntry { key, target, value } => {
                let Some(value) = value.eval(record, memo)?.into_stored() else { return Ok(()) };
                if let Some(map) = path::attributes_mut(record, target.field) {
                    path::write_entry(map, key, value);
                }
                Ok(())
            }
            Self::Edit { edit, target, arguments, known, .. } => {
                let mut evaluated;
                let args = match known {
                    Some(known) => known.args(),
                    None => {
                        evaluated = Evaluated::default();
                        arguments.eval(record, memo, &mut evaluated)?;
                        evaluated.args()
                    }
                };
                match target {
                    None => edit(&mut Place { record, target: None }, args),
                    Some(target) => {
                        let indexes = target.keys.eval(record, memo)?;
                        edit(&mut Place { record, target: Some((target.field, indexes.as_slice())) }, args)
                    }
                }
            }
        }
    }
}
