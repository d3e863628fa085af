//! Compiled programs, and how they run over records and batches.
//!
//! A [`Group`] walks a batch once; for each record its conditions are asked, then its statements run in order. Expressions borrow from the record
//! ([`Got`](crate::value::Got)); what is the same for a whole resource, scope or metric is evaluated once for it ([`Memo`]).

mod action;
mod condition;
mod conditions;
mod expr;
mod frame;
mod group;
mod level;
mod memo;
mod outcome;
mod sharing;
mod table;
mod targets;
mod walk;

pub(crate) use action::{Action, Statement};
pub(crate) use condition::Condition;
pub use conditions::Conditions;
pub(crate) use expr::{Arguments, CallExpr, Expr, KeyExpr, Keys, PathExpr};
pub use group::Group;
pub(crate) use group::Remarks;
pub use level::Level;
pub use memo::{Count, Memo};
pub use outcome::{ErrorMode, Failed, Observer};
