//! Compiled conditions.

use super::expr::Expr;
use super::level::Level;
use super::memo::Memo;
use crate::compare::{compare, compare_texts};
use crate::record::{Failure, Record};
use crate::syntax::Comparator;
use crate::value::Val;

/// A condition.
pub(crate) enum Condition {
    /// Known beforehand.
    Const(bool),
    /// Any of these.
    Or(Box<[Condition]>),
    /// All of these.
    And(Box<[Condition]>),
    /// The opposite.
    Not(Box<Condition>),
    /// Two values compared.
    Compare(Box<(Expr, Comparator, Expr)>),
    /// A converter's result.
    Value(Expr),
    /// The same for all records below a resource, scope, metric or span: evaluated once for each.
    Shared {
        /// Of what it is the same.
        level: Level,
        /// Its place in the [`Memo`].
        slot: usize,
        /// The condition itself.
        inner: Box<Condition>,
    },
}

impl Condition {
    /// Whether it holds for a record.
    #[inline]
    pub(crate) fn holds(&self, record: &Record<'_>, memo: &mut Memo) -> Result<bool, Failure> {
        match self {
            Self::Const(value) => Ok(*value),
            other => other.ask(record, memo),
        }
    }

    fn ask(&self, record: &Record<'_>, memo: &mut Memo) -> Result<bool, Failure> {
        Ok(match self {
            Self::Const(value) => *value,
            Self::Or(parts) => {
                for part in parts {
                    if part.holds(record, memo)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::And(parts) => {
                for part in parts {
                    if !part.holds(record, memo)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Not(inner) => !inner.holds(record, memo)?,
            Self::Compare(comparison) => {
                let (left, comparator, right) = &**comparison;
                if let (Some(left), Some(right)) = (left.text(record), right.text(record)) {
                    return Ok(compare_texts(left, *comparator, right));
                }
                let left = left.eval(record, memo)?;
                let right = right.eval(record, memo)?;
                match (left.as_text(), right.as_text()) {
                    (Some(left), Some(right)) => compare_texts(left, *comparator, right),
                    _ => left.with(|left| right.with(|right| compare(left, *comparator, right))),
                }
            }
            Self::Value(expr) => {
                if let Expr::Call(call) = expr
                    && let Some(holds) = call.tested(record)
                {
                    return Ok(holds);
                }
                match expr.result(record, memo)? {
                    Val::Bool(value) => value,
                    other => {
                        let found = if other.is_nil() { "<nil>" } else { other.type_name() };
                        let message =
                            format!("value returned from Converter in constant expression must be bool but got {found}");
                        return Err(Failure::new(message));
                    }
                }
            }
            Self::Shared { level, slot, inner } => {
                if let Some(known) = memo.recall(*level, *slot) {
                    return Ok(known);
                }
                let holds = inner.holds(record, memo)?;
                memo.remember(*level, *slot, holds);
                holds
            }
        })
    }
}
