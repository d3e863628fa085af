//! Groups of statements, and lists of conditions.

use super::action::{Action, Statement};
use super::condition::Condition;
use super::conditions::Conditions;
use super::level::Level;
use super::memo::Memo;
use super::outcome::{ErrorMode, Failed, Observer, settle};
use super::sharing::{Run, Shared, attrs_of, runs};
use super::table::{Circumstances, Table};
use super::walk::walk;
use crate::compile::{Fault, Source};
use crate::function::Changes;
use crate::path::Field;
use crate::record::{Context, Failure, Record};
use warren_pdata::Batch;

/// Compiled statements, run one after the other on each record, with the conditions for which records.
pub struct Group {
    context: Context,
    conditions: Conditions,
    lines: Vec<Line>,
    remarks: Remarks,
    runs: Vec<Run>,
    slots: usize,
}

/// A statement in its group.
struct Line {
    index: usize,
    text: String,
    statement: Statement,
    /// Whether it adds metrics: it then runs once for each metric, and not on those it had a part in adding.
    adds: bool,
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
        let line = |(index, (text, Statement { condition, action })): (usize, (String, Statement))| {
            let adds = matches!(action, Action::Edit { changes: Changes::Metrics, .. });
            let condition = condition.share(context, &changed, &mut slots);
            Line { index, text, statement: Statement { condition, action }, adds }
        };
        let lines: Vec<Line> = statements.into_iter().enumerate().map(line).collect();
        let runs = runs(lines.iter().map(|line| &line.statement), context, &changed);
        Self { context, conditions, lines, remarks, runs, slots }
    }

    /// What the statements do.
    pub(super) fn actions(&self) -> impl Iterator<Item = &Action> {
        self.lines.iter().map(|line| &line.statement.action)
    }

    /// The context of the statements.
    pub fn context(&self) -> Context {
        self.context
    }

    /// The statements' texts.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
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
        let mut memo = Memo::new(self.slots, self.lines.len(), self.conditions.texts().len());
        let shared = self.runs.iter().filter(|run| run.shared.is_some());
        memo.tables = shared.map(|run| Table::new(run.statements.start)).collect();
        memo
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
            match &run.shared {
                Some(shared) if self.is_shared(shared, record, memo) => {
                    self.run_shared(run, shared, record, memo, mode, observer)?
                }
                _ => self.run_plainly(run, record, memo, mode, observer)?,
            }
        }
        Ok(())
    }

    /// Whether others hold the record's attributes too, and remembering pays.
    fn is_shared(&self, shared: &Shared, record: &mut Record<'_>, memo: &mut Memo) -> bool {
        attrs_of(record).is_some_and(|attrs| attrs.holders() > 1) && memo.tables.get_mut(shared.table).is_some_and(Table::pays)
    }

    /// Runs statements whose result may be known for the record's attributes.
    fn run_shared(
        &self,
        run: &Run,
        shared: &Shared,
        record: &mut Record<'_>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<(), Failed> {
        let lines = self.lines.get(run.statements.clone()).unwrap_or_default();
        // What is done for this record alone, and whether conditions hold for it, in the order of statements.
        let (mut answers, mut asked, mut unwanted) = (0u8, 0, shared.aside);
        let mut rest = shared.asked | shared.aside;
        while rest != 0 {
            let offset = rest.trailing_zeros();
            rest &= rest - 1;
            let Some(line) = lines.get(offset as usize) else { break };
            if shared.aside >> offset & 1 == 1 {
                let ran = line.statement.run(record, memo);
                line.note(ran, memo, mode, observer)?;
                continue;
            }
            let holds = match line.statement.condition.holds(record, memo) {
                Ok(holds) => holds,
                Err(failure) => {
                    line.note(Err(failure), memo, mode, observer)?;
                    false
                }
            };
            answers |= u8::from(holds) << asked;
            asked += 1;
            unwanted |= u64::from(!holds) << offset;
        }
        if answers == 0 && shared.all_asked(lines.len()) {
            return Ok(());
        }
        let entered = memo.entered();
        let Some(table) = memo.tables.get_mut(shared.table) else { return Ok(()) };
        let frame = table.number(&shared.frame, record, entered);
        let Some(attrs) = attrs_of(record) else { return Ok(()) };
        let circumstances = Circumstances { frame, answers };
        if let Some(after) = table.find(attrs, circumstances) {
            *attrs = after.clone();
            return Ok(());
        }
        let before = attrs.clone();
        let (mut well, mut matched) = (true, 0u64);
        for (offset, line) in lines.iter().enumerate() {
            let ran = match (unwanted >> offset & 1, shared.asked >> offset & 1) {
                (1, _) => continue,
                (_, 1) => line.statement.action.run(record, memo).map(|()| true),
                _ => line.statement.run(record, memo),
            };
            well &= ran.is_ok();
            matched |= u64::from(matches!(ran, Ok(true))) << offset;
            line.note(ran, memo, mode, observer)?;
        }
        if let (true, Some(table), Some(after)) = (well, memo.tables.get_mut(shared.table), attrs_of(record)) {
            after.shrink();
            table.insert(before, circumstances, after.clone(), matched);
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
        let lines = self.lines.get(run.statements.clone()).unwrap_or_default();
        for line in lines {
            let ran = line.run(record, memo);
            line.note(ran, memo, mode, observer)?;
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
        for line in &self.lines {
            let ran = line.run(record, memo);
            tell(record, line.index, ran);
        }
    }

    /// The conditions for which records the statements are.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("context", &self.context).field("statements", &self.lines.len()).finish()
    }
}

impl Line {
    #[inline]
    fn run(&self, record: &mut Record<'_>, memo: &mut Memo) -> Result<bool, Failure> {
        if self.adds { self.add_once(record, memo) } else { self.statement.run(record, memo) }
    }

    #[inline(never)]
    fn add_once(&self, record: &mut Record<'_>, memo: &mut Memo) -> Result<bool, Failure> {
        if record.lineage.had(self.index) {
            return Ok(false);
        }
        let before = record.appended.len();
        let matched = self.statement.run(record, memo)?;
        if record.appended.len() > before {
            record.lineage.add(self.index, record.appended.len());
        }
        Ok(matched)
    }

    /// Counts that the statement ran or failed, and settles the latter.
    #[inline]
    fn note(
        &self,
        ran: Result<bool, Failure>,
        memo: &mut Memo,
        mode: ErrorMode,
        observer: &mut impl Observer,
    ) -> Result<(), Failed> {
        match ran {
            Ok(true) => memo.count_matched(Source::Statement(self.index)),
            Ok(false) => {}
            Err(failure) => {
                memo.count_failed(Source::Statement(self.index));
                settle(Source::Statement(self.index), &self.text, failure, mode, observer)?;
            }
        }
        Ok(())
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
            Self::Set { target, .. }
            | Self::SetEntry { target, .. }
            | Self::Merge { target, .. }
            | Self::EditMap { target, .. } => mark(target.field),
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
