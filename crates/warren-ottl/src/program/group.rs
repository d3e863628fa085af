//! Groups of statements, and lists of conditions.

use super::action::{Action, Statement};
use super::condition::Condition;
use super::level::Level;
use super::memo::Memo;
use super::sharing::{Run, Shared, Table, attrs_of, runs};
use super::walk::walk;
use crate::compile::{Fault, Source};
use crate::function::Changes;
use crate::path::Field;
use crate::record::{Context, Failure, Record};
use warren_pdata::Batch;

/// What happens when a statement or condition fails on a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorMode {
    /// It is told, and the next one runs.
    Ignore,
    /// The next one runs.
    Silent,
    /// The batch is refused.
    #[default]
    Propagate,
}

impl warren_config::Keyword for ErrorMode {
    const TYPE: &'static str = "ottl.ErrorMode";
    const WORDS: &'static [(&'static str, Self)] =
        &[("ignore", Self::Ignore), ("silent", Self::Silent), ("propagate", Self::Propagate)];

    const IGNORE_CASE: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown error mode {word}")
    }
}

/// A statement or condition that failed on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub source: Source,
    /// Its text.
    pub text: String,
    /// Why.
    pub failure: Failure,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.source {
            Source::Condition(_) => "failed to eval condition",
            Source::Statement(_) | Source::Group => "failed to execute statement",
        };
        write!(f, "{what}: {}, {}", self.text, self.failure)
    }
}

impl std::error::Error for Failed {}

/// Is told what happens while a program runs.
pub trait Observer {
    /// Something failed and the error mode is to ignore that.
    fn failed(&mut self, failed: &Failed);
}

/// Compiled statements, run one after the other on each record, with the conditions for which records.
pub struct Group {
    context: Context,
    conditions: Conditions,
    statements: Vec<(String, Statement)>,
    remarks: Remarks,
    runs: Vec<Run>,
    slots: usize,
    tables: usize,
}

/// What there is to say about texts that compile.
#[derive(Default)]
pub(crate) struct Remarks {
    /// Texts in which paths lacked the context's name, as they were written and as they are understood.
    pub modified: Vec<(Source, String, String)>,
    /// What is probably not meant.
    pub doubts: Vec<Fault>,
}

impl Group {
    pub(crate) fn new(
        context: Context,
        conditions: Vec<(String, Condition)>,
        statements: Vec<(String, Statement)>,
        remarks: Remarks,
    ) -> Self {
        let mut changed = [false; Level::COUNT];
        for (_, statement) in &statements {
            statement.action.mark_changed(context, &mut changed);
        }
        let changed = |level: Level| changed.get(level as usize).copied().unwrap_or(true);
        let mut slots = 0;
        let conditions = Conditions::shared(context, conditions, &changed, &mut slots);
        let shared = |(text, Statement { condition, action }): (String, Statement)| {
            (text, Statement { condition: condition.share(context, &changed, &mut slots), action })
        };
        let statements: Vec<(String, Statement)> = statements.into_iter().map(shared).collect();
        let mut tables = 0;
        let runs = runs(statements.iter().map(|(_, statement)| statement), context, &changed, &mut tables);
        Self { context, conditions, statements, remarks, runs, slots, tables }
    }

    /// What the statements do.
    pub(super) fn actions(&self) -> impl Iterator<Item = &Action> {
        self.statements.iter().map(|(_, statement)| &statement.action)
    }

    /// The context of the statements.
    pub fn context(&self) -> Context {
        self.context
    }

    /// The statements' texts.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = &str> {
        self.statements.iter().map(|(text, _)| text.as_str())
    }

    /// Texts in which paths lacked the context's name, as they were written and as they are understood.
    pub fn modified(&self) -> &[(Source, String, String)] {
        &self.remarks.modified
    }

    /// What is probably not meant.
    pub fn warnings(&self) -> &[Fault] {
        &self.remarks.doubts
    }

    /// A memo for runs of this group; it can be used again for the next batch.
    pub fn memo(&self) -> Memo {
        Memo::new(self.slots, self.tables)
    }

    /// Runs over a batch.
    ///
    /// # Errors
    /// The first failure, if they are to be propagated; what was changed before stays changed.
    pub fn run(&self, batch: &mut Batch, mode: ErrorMode, memo: &mut Memo, observer: &mut impl Observer) -> Result<(), Failed> {
        let ran = self.each(batch, memo, |record, memo| self.apply(record, memo, mode, observer));
        memo.end_batch();
        ran
    }

    /// Visits each record of a batch that the statements are for, those among them that the visits append.
    ///
    /// # Errors
    /// The first error of a visit.
    pub fn each<E>(
        &self,
        batch: &mut Batch,
        memo: &mut Memo,
        visit: impl FnMut(&mut Record<'_>, &mut Memo) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(self.context, batch, memo, visit)
    }

    /// Runs on one record.
    ///
    /// # Errors
    /// As for [`Group::run`].
    pub fn apply(
        &self,
        record: &mut Record<'_>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<(), Failed> {
        if !self.conditions.is_empty() && !self.conditions.hold(record, memo, mode, observer)? {
            return Ok(());
        }
        for run in &self.runs {
            match run.shared {
                Some(shared) if self.is_shared(shared, record, memo) => {
                    self.run_shared(run, shared, record, memo, mode, observer)?
                }
                _ => self.run_plainly(run, record, memo, mode, observer)?,
            }
        }
        Ok(())
    }

    /// Whether others hold the record's attributes too, and remembering pays.
    fn is_shared(&self, shared: Shared, record: &mut Record<'_>, memo: &mut Memo) -> bool {
        attrs_of(record).is_some_and(|attrs| attrs.holders() > 1) && memo.tables.get_mut(shared.table).is_some_and(Table::pays)
    }

    /// Runs statements whose result may be known for the record's attributes.
    fn run_shared(
        &self,
        run: &Run,
        shared: Shared,
        record: &mut Record<'_>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<(), Failed> {
        let statements = self.statements.get(run.statements.clone()).unwrap_or_default();
        let mut asked = shared.asked;
        let mut answers = 0;
        while asked != 0 {
            let offset = asked.trailing_zeros();
            asked &= asked - 1;
            let Some((_, statement)) = statements.get(offset as usize) else { break };
            match statement.condition.holds(record, memo) {
                Ok(holds) => answers |= u64::from(holds) << offset,
                // It is told when its turn comes.
                Err(_) => return self.run_plainly(run, record, memo, mode, observer),
            }
        }
        if answers == 0 && shared.asked.count_ones() as usize == statements.len() {
            return Ok(());
        }
        let scopes = memo.scopes();
        let Some(table) = memo.tables.get_mut(shared.table) else { return Ok(()) };
        table.compare_frame(shared, record, scopes);
        let Some(attrs) = attrs_of(record) else { return Ok(()) };
        if let Some(after) = table.find(attrs, answers) {
            *attrs = after.clone();
            return Ok(());
        }
        let before = attrs.clone();
        let mut well = true;
        for (offset, (text, statement)) in statements.iter().enumerate() {
            let ran = match (shared.asked >> offset & 1, answers >> offset & 1) {
                (0, _) => statement.run(record, memo).map(drop),
                (_, 0) => Ok(()),
                _ => statement.action.run(record, memo),
            };
            if let Err(failure) = ran {
                well = false;
                settle(Source::Statement(run.statements.start + offset), text, failure, mode, observer)?;
            }
        }
        if let (true, Some(table), Some(after)) = (well, memo.tables.get_mut(shared.table), attrs_of(record)) {
            table.insert(before, answers, after.clone());
        }
        Ok(())
    }

    /// Runs statements one after the other.
    fn run_plainly(
        &self,
        run: &Run,
        record: &mut Record<'_>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<(), Failed> {
        let statements = self.statements.get(run.statements.clone()).unwrap_or_default();
        for (index, (text, statement)) in run.statements.clone().zip(statements) {
            if let Err(failure) = statement.run_once(index, record, memo) {
                settle(Source::Statement(index), text, failure, mode, observer)?;
            }
        }
        Ok(())
    }

    /// Runs on one record, statement by statement, and tells what each did: whether its condition held, or why it failed.
    pub fn step_through(
        &self,
        record: &mut Record<'_>,
        memo: &mut Memo,
        mut tell: impl FnMut(&Record<'_>, usize, Result<bool, Failure>),
    ) {
        for (index, (_, statement)) in self.statements.iter().enumerate() {
            let ran = statement.run_once(index, record, memo);
            tell(record, index, ran);
        }
    }

    /// The conditions for which records the statements are.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("context", &self.context).field("statements", &self.statements.len()).finish()
    }
}

/// Compiled conditions of which one must hold.
pub struct Conditions {
    context: Context,
    conditions: Vec<(String, Condition)>,
    doubts: Vec<Fault>,
    slots: usize,
}

impl Conditions {
    pub(crate) fn new(context: Context, conditions: Vec<(String, Condition)>, doubts: Vec<Fault>) -> Self {
        let mut slots = 0;
        let shared = Self::shared(context, conditions, &|_| false, &mut slots);
        Self { slots, doubts, ..shared }
    }

    /// What is probably not meant.
    pub fn warnings(&self) -> &[Fault] {
        &self.doubts
    }

    fn shared(
        context: Context,
        conditions: Vec<(String, Condition)>,
        changed: &dyn Fn(Level) -> bool,
        slots: &mut usize,
    ) -> Self {
        let share = |(text, condition): (String, Condition)| (text, condition.share(context, changed, slots));
        let conditions = conditions.into_iter().map(share).collect();
        Self { context, conditions, doubts: Vec::new(), slots: 0 }
    }

    /// The context of the conditions.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The conditions' texts.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.conditions.iter().map(|(text, _)| text.as_str())
    }

    /// A memo for these conditions; it can be used again for the next batch. Whoever walks a batch tells it of each resource, scope, metric and
    /// span that is entered ([`Memo::enter`]).
    pub fn memo(&self) -> Memo {
        Memo::new(self.slots, 0)
    }

    /// Whether one of the conditions holds for a record. A condition that fails does not hold, unless failures are propagated.
    ///
    /// # Errors
    /// The first failure, if they are to be propagated.
    pub fn hold(
        &self,
        record: &Record<'_>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<bool, Failed> {
        Ok(self.which(record, memo, mode, observer)?.is_some())
    }

    /// The first of the conditions that holds for a record, as [`Conditions::hold`] asks them.
    ///
    /// # Errors
    /// As for [`Conditions::hold`].
    pub fn which(
        &self,
        record: &Record<'_>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<Option<usize>, Failed> {
        for (index, (text, condition)) in self.conditions.iter().enumerate() {
            match condition.holds(record, memo) {
                Ok(true) => return Ok(Some(index)),
                Ok(false) => {}
                Err(failure) => settle(Source::Condition(index), text, failure, mode, observer)?,
            }
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conditions").field("context", &self.context).field("conditions", &self.conditions.len()).finish()
    }
}

#[cold]
fn settle(source: Source, text: &str, failure: Failure, mode: ErrorMode, observer: &mut impl Observer) -> Result<(), Failed> {
    let failed = Failed { source, text: text.to_owned(), failure };
    match mode {
        ErrorMode::Propagate => Err(failed),
        ErrorMode::Ignore => {
            observer.failed(&failed);
            Ok(())
        }
        ErrorMode::Silent => Ok(()),
    }
}

impl Statement {
    /// Runs; a statement that adds metrics runs once for each metric, and not on those it had a part in adding.
    fn run_once(&self, index: usize, record: &mut Record<'_>, memo: &mut Memo) -> Result<bool, Failure> {
        let Action::Edit { changes: Changes::Metrics, .. } = self.action else { return self.run(record, memo) };
        if record.lineage.had(index) {
            return Ok(false);
        }
        let before = record.appended.len();
        let matched = self.run(record, memo)?;
        if record.appended.len() > before {
            record.lineage.add(index, record.appended.len());
        }
        Ok(matched)
    }
}

impl Action {
    /// Marks the levels whose fields are changed.
    fn mark_changed(&self, own: Context, changed: &mut [bool; Level::COUNT]) {
        let mut mark = |field: Field| {
            if let Some(place) = changed.get_mut(Level::of(field.context(), own) as usize) {
                *place = true;
            }
        };
        match self {
            Self::Set { target, .. } | Self::SetEntry { target, .. } => mark(target.field),
            Self::Edit { target, changes, .. } => {
                if let Some(target) = target {
                    mark(target.field);
                }
                if *changes != Changes::Target {
                    *changed = [true; Level::COUNT];
                }
            }
        }
    }
}
