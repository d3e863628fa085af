//! Edits of attribute sets, once for each set that records share.
//!
//! Statements that change nothing but the record's own attributes, and look at nothing but these, the resource, the scope, the metric and constants,
//! give equal results for equal sets. A [`Run`] of such statements is looked up by the identity of the set, by what they look at around it
//! ([`Frames`](super::frame::Frames)), and by the answers of those conditions that look at more ([`Table`](super::table::Table)). Statements between
//! them that neither look at the attributes nor change them are done aside, so that one look-up serves a whole group. A set that one record alone
//! holds is edited in place instead and never looked up, and where the set must be copied for the record in any case, few edits are not either.

use super::action::{Action, Statement};
use super::frame::FrameOf;
use super::level::{Dependencies, Level};
use crate::function::Changes;
use crate::path::{EventField, Field, LogField, PointField, SpanField, point_attrs_mut};
use crate::record::{Context, Item, Record};
use std::ops::Range;
use warren_pdata::Attrs;

/// In one run, so many conditions are asked for each record: every further one halves what a result is good for.
const ASKED_MAX: u32 = 8;

/// Where a record's set is edited for it alone as well, so many edits are not looked up: a copy of the set must be made in any case, and to edit it is
/// sooner done than to find out what would come of it.
const OWN_EDITS_MAX: usize = 5;

/// Statements that run one after the other.
pub(super) struct Run {
    pub statements: Range<usize>,
    /// How results are remembered, if they are.
    pub shared: Option<Shared>,
}

/// How results of a run are remembered. Statements are marked by a bit for each, from the first one on.
pub(super) struct Shared {
    /// The table in the [`Memo`](super::memo::Memo).
    pub table: usize,
    /// What results depend on besides the set.
    pub frame: FrameOf,
    /// Whose conditions must be asked for each record: their answers are part of what a result is looked up by. They do not depend on what the run
    /// changes.
    pub asked: u64,
    /// Which are done for each record, for they have nothing to do with the set.
    pub aside: u64,
}

impl Shared {
    /// Whether nothing happens to the set unless a condition that is asked holds.
    pub(super) fn all_asked(&self, statements: usize) -> bool {
        (self.asked | self.aside).count_ones() as usize == statements
    }
}

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

/// How a statement fits into runs.
enum Fit {
    /// It changes the set. Its condition may have to be asked for each record.
    Edits { frame: FrameOf, asks: Option<Asks> },
    /// It has nothing to do with the set.
    Aside,
    /// It needs the set as it is at its turn.
    Apart,
}

/// What a condition that must be asked for each record looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// The record, and its set as well.
    Set,
    /// The record without its set.
    Others,
}

/// Cuts statements into runs. `changed` says of which levels fields are changed by any of them.
pub(super) fn runs<'s>(
    statements: impl Iterator<Item = &'s Statement>,
    own: Context,
    changed: &dyn Fn(Level) -> bool,
) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut few = 0;
    for (at, statement) in statements.enumerate() {
        let fit = own_attrs(own).map_or(Fit::Apart, |attrs| fit(statement, own, attrs, changed));
        if matches!(fit, Fit::Apart) && statement.action.target() == own_attrs(own) {
            few = OWN_EDITS_MAX;
        }
        let joined = runs.last_mut().is_some_and(|run| run.join(&fit));
        if !joined {
            runs.push(Run::of(at, fit));
        }
    }
    let mut tables = 0;
    for run in &mut runs {
        let statements = run.statements.len();
        match &mut run.shared {
            // What edits no set needs no table.
            Some(shared) if statements - shared.aside.count_ones() as usize <= few => run.shared = None,
            Some(shared) => {
                shared.table = tables;
                tables += 1;
            }
            None => {}
        }
    }
    // What is remembered of neither is one run.
    runs.dedup_by(|run, before| {
        let plain = run.shared.is_none() && before.shared.is_none();
        if plain {
            before.statements.end = run.statements.end;
        }
        plain
    });
    runs
}

fn fit(statement: &Statement, own: Context, attrs: Field, changed: &dyn Fn(Level) -> bool) -> Fit {
    let Statement { condition, action } = statement;
    // What a part looks at besides the set; none if it looks at more than is the same for many records.
    let frame = |part: &dyn Dependencies| {
        let mut frame = Some(FrameOf::default());
        let same = part.visit(&mut |field| {
            let level = Level::of(field.context(), own);
            if field != attrs && !frame.as_mut().is_some_and(|frame| !changed(level) && frame.add(level, field)) {
                frame = None;
            }
        });
        frame.filter(|_| same)
    };
    if action.target() == Some(attrs) {
        return match (frame(action), frame(condition)) {
            (Some(mut frame), Some(more)) => {
                frame.join(&more);
                Fit::Edits { frame, asks: None }
            }
            (Some(frame), None) => {
                let mut asks = Asks::Others;
                condition.visit(&mut |field| {
                    if field == attrs {
                        asks = Asks::Set;
                    }
                });
                Fit::Edits { frame, asks: Some(asks) }
            }
            (None, _) => Fit::Apart,
        };
    }
    let mut of_set = action.target().is_none();
    let same = [condition as &dyn Dependencies, action].iter().all(|part| part.visit(&mut |field| of_set |= field == attrs));
    if same && !of_set { Fit::Aside } else { Fit::Apart }
}

impl Run {
    /// A run that begins with a statement.
    fn of(at: usize, fit: Fit) -> Self {
        let (statements, table) = (at..at + 1, 0);
        let shared = match fit {
            Fit::Apart => None,
            Fit::Aside => Some(Shared { table, frame: FrameOf::default(), asked: 0, aside: 1 }),
            Fit::Edits { frame, asks } => Some(Shared { table, frame, asked: asks.is_some().into(), aside: 0 }),
        };
        Self { statements, shared }
    }

    /// Takes the statement that follows, if it fits.
    fn join(&mut self, fit: &Fit) -> bool {
        let length = self.statements.len();
        let Some(shared) = self.shared.as_mut().filter(|_| length < u64::BITS as usize) else { return false };
        match fit {
            Fit::Apart => return false,
            Fit::Aside => shared.aside |= 1 << length,
            Fit::Edits { frame, asks } => {
                let edits = shared.aside.count_ones() as usize != length;
                let full = asks.is_some() && shared.asked.count_ones() >= ASKED_MAX;
                // An answer found before the run must be the one that would be found within it. And what is the same for all metrics is not
                // looked up for each of them.
                let late = *asks == Some(Asks::Set) || frame.is_narrower_than(&shared.frame);
                if full || (edits && late) {
                    return false;
                }
                shared.frame.join(frame);
                shared.asked |= u64::from(asks.is_some()) << length;
            }
        }
        self.statements.end += 1;
        true
    }
}

impl Action {
    /// The field it changes, if it changes nothing else.
    fn target(&self) -> Option<Field> {
        match self {
            Self::Set { target, .. }
            | Self::SetEntry { target, .. }
            | Self::Merge { target, .. }
            | Self::EditMap { target, .. } => Some(target.field),
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
            Self::Merge { source, .. } => source.visit(fields),
            Self::EditMap { target, .. } => target.keys.visit(fields),
            Self::Edit { target, arguments, .. } => {
                let keys = target.as_ref().is_none_or(|target| target.keys.visit(fields));
                arguments.visit(fields) && keys
            }
        }
    }
}
