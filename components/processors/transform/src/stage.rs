//! Running the groups over batches.

use std::sync::Arc;

use warren_component::{ConsumeError, Stage};
use warren_ottl::{ErrorMode, Failed, Group, Memo, Observer, Source};
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Field, Logger};

use crate::flatten::{flatten, regroup};
use crate::groups::Compiled;

/// Runs the groups of one signal.
pub(crate) struct TransformStage {
    groups: Vec<(Group, ErrorMode, Memo)>,
    flatten: bool,
    signal: Signal,
    log: Logger,
}

impl TransformStage {
    pub(crate) fn new(groups: Vec<Compiled>, flatten: bool, signal: Signal, log: Logger) -> Self {
        for Compiled { group, .. } in &groups {
            tell_modified(group, &log);
        }
        let with_memo = |Compiled { group, mode }| {
            let memo = Group::memo(&group);
            (group, mode, memo)
        };
        Self { groups: groups.into_iter().map(with_memo).collect(), flatten, signal, log }
    }
}

impl Stage for TransformStage {
    fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError> {
        if self.groups.is_empty() {
            return Ok(Some(batch));
        }
        let mut batch = Batch::owned(batch);
        if let (true, Batch::Logs(logs)) = (self.flatten, &mut batch) {
            flatten(logs);
        }
        let mut told = Told(&self.log);
        for (group, mode, memo) in &mut self.groups {
            group.run(&mut batch, *mode, memo, &mut told).map_err(|failed| {
                let message = failed.to_string();
                self.log.error(&format!("failed processing {}", self.signal), &[("error", Field::Str(&message))]);
                ConsumeError::retryable(message)
            })?;
        }
        if let (true, Batch::Logs(logs)) = (self.flatten, &mut batch) {
            regroup(logs);
        }
        Ok(Some(Arc::new(batch)))
    }
}

/// Logs what fails.
struct Told<'a>(&'a Logger);

impl Observer for Told<'_> {
    fn failed(&mut self, failed: &Failed) {
        let (message, kind) = match failed.source {
            Source::Condition(_) => ("failed to eval condition", "condition"),
            Source::Statement(_) | Source::Group => ("failed to execute statement", "statement"),
        };
        let error = failed.failure.to_string();
        self.0.warn(message, &[("error", Field::Str(&error)), (kind, Field::Str(&failed.text))]);
    }
}

/// Says which paths lack the name of a context.
fn tell_modified(group: &Group, log: &Logger) {
    if group.modified().is_empty() {
        return;
    }
    let place = |source: Source| match source {
        Source::Statement(index) => format!("statements[{index}]"),
        Source::Condition(index) => format!("conditions[{index}]"),
        Source::Group => String::new(),
    };
    let values: Vec<String> = group
        .modified()
        .iter()
        .map(|(source, original, modified)| format!("{}: {original} -> {modified}", place(*source)))
        .collect();
    let values = values.join("; ");
    log.info(
        "one or more paths were modified to include their context prefix, please rewrite them accordingly",
        &[("values", Field::Str(&values))],
    );
}

#[cfg(test)]
mod tests;
