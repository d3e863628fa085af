//! Lists of conditions.

use super::condition::Condition;
use super::level::Level;
use super::memo::Memo;
use super::outcome::{ErrorMode, Failed, Observer, settle};
use crate::compile::{Fault, Source};
use crate::record::{Context, Record};

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

    pub(super) fn shared(
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
        Memo::new(self.slots, 0, self.conditions.len())
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
                Ok(true) => {
                    memo.count_matched(Source::Condition(index));
                    return Ok(Some(index));
                }
                Ok(false) => {}
                Err(failure) => {
                    memo.count_failed(Source::Condition(index));
                    settle(Source::Condition(index), text, failure, mode, observer)?;
                }
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
