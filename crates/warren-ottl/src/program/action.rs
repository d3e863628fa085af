//! Compiled statements.

use super::condition::Condition;
use super::expr::{Arguments, Evaluated, Expr, Keys, PathExpr};
use super::memo::Memo;
use crate::function::{Changes, Edit, Place};
use crate::path;
use crate::record::{Failure, Record};

/// A statement: what is done, and when.
pub(crate) struct Statement {
    pub condition: Condition,
    pub action: Action,
}

/// What a statement does.
pub(crate) enum Action {
    /// Writes a value to a place.
    Set { target: PathExpr, value: Expr },
    /// Whatever else.
    Edit { edit: Edit, target: Option<PathExpr>, arguments: Arguments, changes: Changes },
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
            Self::Edit { edit, target, arguments, .. } => {
                let mut evaluated = Evaluated::default();
                arguments.eval(record, memo, &mut evaluated)?;
                match target {
                    None => edit(&mut Place { record, target: None }, evaluated.args()),
                    Some(target) => {
                        let indexes = target.keys.eval(record, memo)?;
                        edit(&mut Place { record, target: Some((target.field, indexes.as_slice())) }, evaluated.args())
                    }
                }
            }
        }
    }
}
