//! Compiled statements.

use super::condition::Condition;
use super::expr::{Arguments, CallExpr, Evaluated, Expr, Keys, PathExpr};
use super::memo::Memo;
use crate::editors::{Strategy, merge, merge_text};
use crate::function::{Changes, Edit, Place};
use crate::path::{self, Index};
use crate::record::{Failure, Record};
use crate::value::Val;
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
    /// Merges what a converter makes of a text into one of the record's own attributes: a form of [`Action::Edit`].
    Merge { target: PathExpr, source: Box<CallExpr>, strategy: Strategy },
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
    #[inline]
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

    /// Merges a converter's map into attributes, if it is one that tells entry by entry; else gives the source back.
    pub(crate) fn merge(target: &PathExpr, source: Expr, strategy: Strategy) -> Result<Self, Expr> {
        let whole = matches!(&target.keys, Keys::Fixed(indexes) if indexes.is_empty()) && target.field.is_attributes();
        match source {
            Expr::Call(source) if whole && source.by_entry().is_some() => {
                let target = PathExpr { field: target.field, keys: Keys::Fixed(Box::default()) };
                Ok(Self::Merge { target, source, strategy })
            }
            source => Err(source),
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
                let Some(value) = value.stored(record, memo)? else { return Ok(()) };
                if let Some(map) = path::attributes_mut(record, target.field) {
                    path::write_entry(map, key, value);
                }
                Ok(())
            }
            Self::Merge { target, source, strategy } => {
                if let Some((entries, argument)) = source.by_entry() {
                    // It is lent from the record that is changed meanwhile.
                    let text = argument.eval(record, memo)?.as_text().cloned();
                    if let (Some(text), Some(map)) = (text, path::attributes_mut(record, target.field)) {
                        entries(&text, &mut |key, value| merge_text(map, key, value, *strategy, &mut memo.texts));
                        return Ok(());
                    }
                }
                let source = source.result(record, memo)?;
                if let (Val::Map(source), Some(map)) = (source, path::attributes_mut(record, target.field)) {
                    merge(map, &source, *strategy);
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
