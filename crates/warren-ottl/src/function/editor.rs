//! Editors, and the place they work on.

use super::{Args, Literals, Param};
use crate::path::{self, Field, Index};
use crate::record::{Context, Failure, Record};
use crate::value::{Got, Val};
use warren_pdata::{Attrs, Text};

/// A function that changes a record.
#[derive(Clone, Copy)]
pub struct Editor {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, in the order of positional arguments.
    pub params: &'static [Param],
    /// The contexts it exists in; every one if empty.
    pub contexts: &'static [Context],
    /// What it changes besides its target.
    pub changes: Changes,
    /// Checks the literals and prepares the call.
    ///
    /// # Errors
    /// In upstream's words, when a literal does not do.
    pub bind: fn(&Literals<'_>) -> Result<Edit, String>,
}

/// What an editor changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Its target and nothing else. What it does depends on its target and its arguments alone.
    Target,
    /// The record as a whole.
    Record,
    /// The record, and it may add metrics ([`Record::appended`]). It is not run on a metric that it had a part in adding.
    Metrics,
}

/// An editor whose literals are bound.
pub struct Edit(Form);

/// What an editor needs.
pub(crate) enum Form {
    Place(PlaceEdit),
    Map(MapEdit),
}

pub(crate) type PlaceEdit = Box<dyn Fn(&mut Place<'_, '_>, Args<'_>) -> Result<(), Failure> + Send + Sync>;
pub(crate) type MapEdit = Box<dyn Fn(&mut Attrs) + Send + Sync>;

impl Edit {
    /// An editor that works on a place with the arguments that are evaluated.
    pub fn new(edit: impl Fn(&mut Place<'_, '_>, Args<'_>) -> Result<(), Failure> + Send + Sync + 'static) -> Self {
        Self(Form::Place(Box::new(edit)))
    }

    /// An editor of the map at its target that takes nothing but literals and cannot fail.
    pub fn of_map(edit: impl Fn(&mut Attrs) + Send + Sync + 'static) -> Self {
        Self(Form::Map(Box::new(edit)))
    }

    pub(crate) fn form(self) -> Form {
        self.0
    }
}

/// Where an editor works: the record, and the place in it that the target names.
pub struct Place<'p, 'r> {
    /// The record.
    pub record: &'p mut Record<'r>,
    /// The target; the editor has none if absent.
    pub(crate) target: Option<(Field, &'p [Index])>,
}

impl Place<'_, '_> {
    /// What is at the place.
    ///
    /// # Errors
    /// When an index does not fit what is there.
    pub fn get(&self) -> Result<Got<'_>, Failure> {
        match self.target {
            Some((field, indexes)) => path::get(self.record, field, indexes),
            None => Ok(Got::NIL),
        }
    }

    /// The text that lies at the place; `None` where [`Place::get`] has to be asked.
    #[inline]
    pub fn text(&self) -> Option<&Text> {
        self.target.and_then(|(field, indexes)| path::text_at(self.record, field, indexes))
    }

    /// Writes the place. Nothing, and a type that the place does not hold, are ignored.
    ///
    /// # Errors
    /// When an index does not fit what is there.
    pub fn set(&mut self, value: Val) -> Result<(), Failure> {
        match self.target {
            Some((field, indexes)) => path::set(self.record, field, indexes, value),
            None => Ok(()),
        }
    }

    /// The map at the place.
    ///
    /// # Errors
    /// When there is something else.
    pub fn map(&mut self) -> Result<&mut Attrs, Failure> {
        match self.target {
            Some((field, indexes)) => path::map_mut(self.record, field, indexes),
            None => Err(path::no_map("nil")),
        }
    }
}
