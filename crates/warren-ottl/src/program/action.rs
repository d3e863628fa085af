//! Compiled statements.

use super::condition::Condition;
use super::expr::{Arguments, CallExpr, Evaluated, Expr, Keys, PathExpr};
use super::memo::Memo;
use crate::editors::{Strategy, merge, merge_text};
use crate::function::{Args, Changes, Edit, Form, MapEdit, Place, PlaceEdit};
use crate::path::{self, Field, Index};
use crate::record::{Failure, Record};
use crate::value::{Val, value_within_bounds};
use warren_pdata::{Text, Value, share};

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
    /// Edits a map and needs nothing else.
    EditMap { edit: MapEdit, target: PathExpr },
    /// Whatever else.
    Edit {
        edit: PlaceEdit,
        target: Option<PathExpr>,
        arguments: Arguments,
        /// The arguments, where they are known beforehand.
        known: Option<Box<Evaluated>>,
        changes: Changes,
    },
}

impl Statement {
    /// Runs the statement on a record and says whether its condition held.
    #[inline(always)]
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
        let (edit, target): (PlaceEdit, _) = match (edit.form(), target) {
            (Form::Map(edit), Some(target)) => return Self::EditMap { edit, target },
            (Form::Map(edit), None) => (Box::new(move |place, _| place.map().map(&edit)), None),
            (Form::Place(edit), target) => (edit, target),
        };
        let known = arguments.of_constants().map(Box::new);
        Self::Edit { edit, target, arguments, known, changes }
    }

    // It is where statements part: what is called should be called from the loop over them.
    #[inline(always)]
    pub(crate) fn run(&self, record: &mut Record<'_>, memo: &mut Memo) -> Result<(), Failure> {
        match self {
            Self::SetEntry { key, target, value } => set_entry(key, target.field, value, record, memo),
            Self::Merge { target, source, strategy } => merge_into(target.field, source, *strategy, record, memo),
            Self::Set { target, value } => set(target, value, record, memo),
            Self::EditMap { edit, target } => edit_map(edit, target, record, memo),
            Self::Edit { edit, target, known: Some(known), .. } => edit_place(edit, target.as_ref(), known.args(), record, memo),
            Self::Edit { edit, target, arguments, .. } => edit_with(edit, target.as_ref(), arguments, record, memo),
        }
    }
}

/// Each kind of action has a function of its own: the room that one needs on the stack is not laid out for the others.
fn set(target: &PathExpr, value: &Expr, record: &mut Record<'_>, memo: &mut Memo) -> Result<(), Failure> {
    let value = value.eval(record, memo)?.into_val();
    if value.is_nil() {
        return Ok(());
    }
    value.within_bounds()?;
    let indexes = target.keys.eval(record, memo)?;
    path::set(record, target.field, indexes.as_slice(), value)
}

/// What is there already is not written again, and nothing is made for it.
fn set_entry(key: &Text, field: Field, value: &Expr, record: &mut Record<'_>, memo: &mut Memo) -> Result<(), Failure> {
    let Some(map) = path::attributes(record, field) else { return Ok(()) };
    let at = map.find(key);
    let present = at.and_then(|at| map.as_slice().get(at)).map(|entry| &entry.value);
    let is_present = |text: &str| present.and_then(Value::as_str) == Some(text);
    // Texts are written apart: of what is known to be one, a word is passed on; other values go through memory.
    if let Some(text) = value.text(record) {
        if !is_present(text) {
            let text = share(text);
            put_entry(record, field, at, key, text);
        }
        return Ok(());
    }
    let value = match value {
        Expr::Call(call) if call.keys.is_none() => {
            if let Some(room) = call.put_together(record, memo)? {
                if !is_present(&room) {
                    put_entry(record, field, at, key, memo.texts.get(&room));
                }
                return Ok(());
            }
            match call.yielded(record, memo)? {
                Val::Nil => None,
                value => Some(value.stored()),
            }
        }
        other => other.eval(record, memo)?.into_stored(),
    };
    if let Some(value) = value.filter(|value| present != Some(value)) {
        value_within_bounds(&value)?;
        put_entry(record, field, at, key, value);
    }
    Ok(())
}

#[inline(always)]
fn put_entry(record: &mut Record<'_>, field: Field, at: Option<usize>, key: &Text, value: impl Into<Value>) {
    if let Some(map) = path::attributes_mut(record, field) {
        path::put_entry(map, at, key, value);
    }
}

fn merge_into(
    field: Field,
    source: &CallExpr,
    strategy: Strategy,
    record: &mut Record<'_>,
    memo: &mut Memo,
) -> Result<(), Failure> {
    if let Some((entries, argument)) = source.by_entry() {
        // The map is taken out of the record meanwhile, which lends the text.
        if !argument.is_within(field)
            && let Some(mut map) = path::attributes_mut(record, field).map(std::mem::take)
        {
            let text = argument.text(record);
            if let Some(text) = text {
                entries(text, &mut |key, value| merge_text(&mut map, key, value, strategy, &mut memo.texts));
            }
            let found = text.is_some();
            if let Some(place) = path::attributes_mut(record, field) {
                *place = map;
            }
            if found {
                return Ok(());
            }
        }
        let text = argument.eval(record, memo)?.as_text().cloned();
        if let (Some(text), Some(map)) = (text, path::attributes_mut(record, field)) {
            entries(&text, &mut |key, value| merge_text(map, key, value, strategy, &mut memo.texts));
            return Ok(());
        }
    }
    let source = source.result(record, memo)?;
    if let (Val::Map(source), Some(map)) = (source, path::attributes_mut(record, field)) {
        merge(map, &source, strategy)?;
    }
    Ok(())
}

fn edit_map(edit: &MapEdit, target: &PathExpr, record: &mut Record<'_>, memo: &mut Memo) -> Result<(), Failure> {
    if target.keys.is_none()
        && let Some(map) = path::attributes_mut(record, target.field)
    {
        edit(map);
        return Ok(());
    }
    let indexes = target.keys.eval(record, memo)?;
    edit(path::map_mut(record, target.field, indexes.as_slice())?);
    Ok(())
}

fn edit_with(
    edit: &PlaceEdit,
    target: Option<&PathExpr>,
    arguments: &Arguments,
    record: &mut Record<'_>,
    memo: &mut Memo,
) -> Result<(), Failure> {
    let mut evaluated = Evaluated::default();
    arguments.eval(record, memo, &mut evaluated)?;
    edit_place(edit, target, evaluated.args(), record, memo)
}

fn edit_place(
    edit: &PlaceEdit,
    target: Option<&PathExpr>,
    args: Args<'_>,
    record: &mut Record<'_>,
    memo: &mut Memo,
) -> Result<(), Failure> {
    let Some(PathExpr { field, keys }) = target else { return edit(&mut Place { record, target: None }, args) };
    if let Keys::Fixed(indexes) = keys {
        return edit(&mut Place { record, target: Some((*field, indexes)) }, args);
    }
    let indexes = keys.eval(record, memo)?;
    edit(&mut Place { record, target: Some((*field, indexes.as_slice())) }, args)
}
