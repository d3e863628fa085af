//! How far up a value is shared: what changes less often than the record is evaluated less often.

use super::condition::Condition;
use super::expr::{Arguments, CallExpr, Expr, KeyExpr, Keys};
use crate::path::Field;
use crate::record::Context;

/// What a value is the same for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All records.
    Const,
    /// Records of one resource.
    Resource,
    /// Records of one scope.
    Scope,
    /// Points of one metric, events of one span.
    Parent,
    /// This record alone.
    Record,
}

impl Level {
    /// How many levels there are.
    pub(super) const COUNT: usize = 5;

    /// The level of a context's fields for statements of another.
    pub(crate) fn of(owner: Option<Context>, own: Context) -> Self {
        match owner {
            None => Self::Record,
            Some(owner) if owner == own => Self::Record,
            Some(Context::Resource) => Self::Resource,
            Some(Context::Scope) => Self::Scope,
            Some(_) => Self::Parent,
        }
    }
}

/// Which fields an expression depends on, and whether on anything else.
pub(crate) trait Dependencies {
    /// Visits every field; false if the result can differ though the fields are the same.
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool;
}

impl Dependencies for Expr {
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool {
        match self {
            Self::Const(_) => true,
            Self::Path(path) => {
                fields(path.field);
                path.keys.visit(fields)
            }
            Self::Call(call) => call.visit(fields),
            Self::RecordCall(_) => false,
            Self::List(items) => all(items, fields),
            Self::Plain { value, .. } => value.visit(fields),
            Self::Map(entries) => entries.iter().fold(true, |same, (_, value)| value.visit(fields) & same),
            Self::Arithmetic(node) => {
                let left = node.0.visit(fields);
                node.2.visit(fields) && left
            }
        }
    }
}

impl Dependencies for CallExpr {
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool {
        let args = self.args.visit(fields);
        self.keys.visit(fields) && args && self.pure
    }
}

impl Dependencies for Arguments {
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool {
        let values = self.values.iter().flatten().fold(true, |same, (_, value)| value.visit(fields) & same);
        all(&self.items, fields) && values
    }
}

impl Dependencies for Keys {
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Computed(keys) => keys.iter().fold(true, |same, key| match key {
                KeyExpr::Fixed(_) => same,
                KeyExpr::Computed(value) => value.visit(fields) & same,
            }),
        }
    }
}

impl Dependencies for Condition {
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool {
        match self {
            Self::Const(_) => true,
            Self::Or(parts) | Self::And(parts) => all(parts, fields),
            Self::Not(inner) | Self::Shared { inner, .. } => inner.visit(fields),
            Self::Compare(node) => {
                let left = node.0.visit(fields);
                node.2.visit(fields) && left
            }
            Self::Value(value) => value.visit(fields),
        }
    }
}

fn all<D: Dependencies>(parts: &[D], fields: &mut dyn FnMut(Field)) -> bool {
    parts.iter().fold(true, |same, part| part.visit(fields) & same)
}

impl Condition {
    /// Has parts that are the same for several records evaluated once for them, as far as nothing changes what they depend on.
    ///
    /// `changed` says of which levels fields are changed; `slots` counts the places taken in the memo.
    pub(crate) fn share(self, own: Context, changed: &dyn Fn(Level) -> bool, slots: &mut usize) -> Self {
        if let Self::Const(_) = self {
            return self;
        }
        let mut stable = true;
        let mut highest = Level::Const;
        let same = self.visit(&mut |field| {
            let level = Level::of(field.context(), own);
            highest = highest.max(level);
            stable &= !changed(level);
        });
        if same && stable && highest < Level::Record {
            let slot = *slots;
            *slots += 1;
            return Self::Shared { level: highest, slot, inner: Box::new(self) };
        }
        match self {
            Self::Or(parts) => Self::Or(parts.into_iter().map(|part| part.share(own, changed, slots)).collect()),
            Self::And(parts) => Self::And(parts.into_iter().map(|part| part.share(own, changed, slots)).collect()),
            Self::Not(inner) => Self::Not(Box::new(inner.share(own, changed, slots))),
            other => other,
        }
    }
}
