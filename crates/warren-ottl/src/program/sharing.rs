//! Edits of attribute sets, once for each set that records share.
//!
//! Statements that follow each other, change nothing but the record's own attributes and look at nothing but these, the resource, the scope and
//! constants, give equal results for equal sets: a [`Run`] of them is looked up by the identity of the set, and by the answers of those conditions
//! that look at more. A set that one record alone holds is edited in place instead and never looked up.

use super::action::{Action, Statement};
use super::level::{Dependencies, Level};
use crate::function::Changes;
use crate::path::{EventField, Field, LogField, PointField, SpanField, point_attrs_mut};
use crate::record::{Context, Item, Record};
use hashbrown::HashTable;
use std::ops::Range;
use warren_pdata::{Attrs, Resource, Scope, Text};

/// Results that are remembered for one run of statements.
const RESULTS_MAX: usize = 16_384;

/// Look-ups after which it is judged whether remembering pays.
const TRIAL: u32 = 1_024;

/// Look-ups that are left out when it does not pay.
const PAUSE: u32 = 16 * TRIAL;

/// Statements that run one after the other.
pub(super) struct Run {
    pub statements: Range<usize>,
    /// How results are remembered, if they are.
    pub shared: Option<Shared>,
}

/// How results of a run are remembered.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    /// The table in the [`Memo`].
    pub table: usize,
    /// Whether they depend on the resource or the scope.
    framed: bool,
    /// Which statements' conditions must be asked for each record, a bit for each from the first one on: their answers are part of what a result
    /// is looked up by. They do not depend on what the run changes.
    pub asked: u64,
}

/// In one run, so many conditions are asked for each record: every further one halves what a result is good for.
const ASKED_MAX: u32 = 8;

/// The records' own attributes.
fn own_attrs(own: Context) -> Option<Field> {
    match own {
        Context::DataPoint => Some(Field::DataPoint(PointField::Attributes)),
        Context::Log => Some(Field::Log(LogField::Attributes)),
        Context::Span => Some(Field::Span(SpanField::Attributes)),
        Context::SpanEvent => Some(Field::SpanEvent(EventField::Attributes)),
        Context::Resource | Context::Scope | Context::Metric => None,
    }
}

/// The attributes of a record that has some of its own.
pub(super) fn attrs_of<'r>(record: &'r mut Record<'_>) -> Option<&'r mut Attrs> {
    match &mut record.item {
        Item::DataPoint(metric, at) => point_attrs_mut(&mut metric.data, *at),
        Item::Log(log) => Some(&mut log.attrs),
        Item::Span(span) => Some(&mut span.attrs),
        Item::SpanEvent(span, at) => span.events.get_mut(*at).map(|event| &mut event.attrs),
        Item::Metric(_) | Item::None => None,
    }
}

/// What a part of a statement looks at.
#[derive(Clone, Copy, PartialEq)]
enum Looks {
    /// At the set and constants.
    Set,
    /// At the resource or scope as well.
    Frame,
    /// At more.
    More,
}

/// Cuts statements into runs.
pub(super) fn runs<'s>(
    statements: impl Iterator<Item = &'s Statement>,
    own: Context,
    changed: &dyn Fn(Level) -> bool,
    tables: &mut usize,
) -> Vec<Run> {
    let attrs = own_attrs(own);
    let looks = |part: &dyn Dependencies| {
        let mut looks = Looks::Set;
        let same = part.visit(&mut |field| match Level::of(field.context(), own) {
            _ if Some(field) == attrs => {}
            level @ (Level::Resource | Level::Scope) if !changed(level) && looks != Looks::More => looks = Looks::Frame,
            _ => looks = Looks::More,
        });
        if same { looks } else { Looks::More }
    };
    // Whether an answer found before the run is the one that would be found within it.
    let foreseen = |condition: &dyn Dependencies| {
        let mut own = false;
        condition.visit(&mut |field| own |= Some(field) == attrs) && !own
    };
    let mut runs: Vec<Run> = Vec::new();
    for (at, statement) in statements.enumerate() {
        let action = match (&statement.action, attrs) {
            (_, None) => Looks::More,
            (action, attrs) if action.target() != attrs => Looks::More,
            (action, _) => looks(action),
        };
        if action == Looks::More {
            runs.push(Run { statements: at..at + 1, shared: None });
            continue;
        }
        let condition = looks(&statement.condition);
        let framed = action == Looks::Frame || condition == Looks::Frame;
        let asks = condition == Looks::More;
        match runs.last_mut() {
            Some(Run { statements, shared: Some(shared) })
                if statements.len() < u64::BITS as usize
                    && (!asks || (shared.asked.count_ones() < ASKED_MAX && foreseen(&statement.condition))) =>
            {
                shared.framed |= framed;
                shared.asked |= u64::from(asks) << statements.len();
                statements.end = at + 1;
            }
            _ => {
                runs.push(Run { statements: at..at + 1, shared: Some(Shared { table: *tables, framed, asked: asks.into() }) });
                *tables += 1;
            }
        }
    }
    runs
}

impl Action {
    /// The field it changes, if it changes nothing else.
    fn target(&self) -> Option<Field> {
        match self {
            Self::Set { target, .. } | Self::SetEntry { target, .. } => Some(target.field),
            Self::Edit { target, changes: Changes::Target, .. } => target.as_ref().map(|target| target.field),
            Self::Edit { .. } => None,
        }
    }
}

impl Dependencies for Action {
    fn visit(&self, fields: &mut dyn FnMut(Field)) -> bool {
        match self {
            Self::Set { target, value } | Self::SetEntry { target, value, .. } => {
                let keys = target.keys.visit(fields);
                value.visit(fields) && keys
            }
            Self::Edit { target, arguments, .. } => {
                let keys = target.as_ref().is_none_or(|target| target.keys.visit(fields));
                arguments.visit(fields) && keys
            }
        }
    }
}

/// Results of one run of statements, by the set they were made of.
#[derive(Debug, Default)]
pub(super) struct Table {
    results: HashTable<Edited>,
    /// The resource and scope for which they hold, where they depend on them.
    frame: Option<Frame>,
    /// The scope for which the frame was compared last.
    compared: u64,
    looked: u32,
    found: u32,
    /// Look-ups still to be left out.
    pause: u32,
    /// Counts batches.
    batch: u32,
}

/// A set before and after. Holding the one before keeps its identity from being given to another set.
#[derive(Debug)]
struct Edited {
    before: Attrs,
    /// The answers of the conditions that were asked.
    answers: u64,
    after: Attrs,
    /// The batch in which it was used last.
    batch: u32,
}

#[derive(Debug, PartialEq)]
struct Frame {
    resource: Resource,
    resource_schema_url: Text,
    scope: Option<(Scope, Text)>,
}

impl Table {
    /// Whether results are looked up at present.
    pub(super) fn pays(&mut self) -> bool {
        self.pause = self.pause.saturating_sub(1);
        self.pause == 0
    }

    /// The result for a set and the answers of the conditions that were asked.
    pub(super) fn find(&mut self, before: &Attrs, answers: u64) -> Option<&Attrs> {
        self.looked += 1;
        if self.looked == TRIAL {
            if self.found < TRIAL / 4 {
                self.pause = PAUSE;
                self.results.clear();
            }
            (self.looked, self.found) = (0, 0);
        }
        let id = before.id();
        let edited = self.results.find_mut(hash(id, answers), |edited| edited.before.id() == id && edited.answers == answers)?;
        self.found += 1;
        edited.batch = self.batch;
        Some(&edited.after)
    }

    pub(super) fn insert(&mut self, before: Attrs, answers: u64, after: Attrs) {
        if self.results.len() >= RESULTS_MAX {
            self.results.clear();
        }
        let edited = Edited { before, answers, after, batch: self.batch };
        self.results.insert_unique(edited.hash(), edited, Edited::hash);
    }

    /// Forgets everything if the resource or scope is another than before.
    pub(super) fn compare_frame(&mut self, shared: Shared, record: &Record<'_>, scopes: u64) {
        if !shared.framed || self.compared == scopes {
            return;
        }
        self.compared = scopes;
        let frame = Frame {
            resource: record.resource.clone(),
            resource_schema_url: record.resource_schema_url.clone(),
            scope: record.scope.as_ref().map(|(scope, schema_url)| (Scope::clone(scope), Text::clone(schema_url))),
        };
        if self.frame.as_ref() != Some(&frame) {
            self.results.clear();
            self.frame = Some(frame);
        }
    }

    /// Forgets what the batch that ends did not use.
    pub(super) fn end_batch(&mut self) {
        let batch = self.batch;
        self.results.retain(|edited| edited.batch == batch);
        self.batch = batch.wrapping_add(1);
        if self.results.capacity() > 4 * self.results.len().max(64) {
            self.results.shrink_to_fit(Edited::hash);
        }
    }
}

impl Edited {
    fn hash(&self) -> u64 {
        hash(self.before.id(), self.answers)
    }
}

/// Mixes the bits of an address and of answers.
fn hash(id: usize, answers: u64) -> u64 {
    let mixed = ((id as u64 >> 4) ^ answers.rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}
