//! Running the groups over batches.

use std::sync::Arc;

use warren_component::{ConsumeError, Stage};
use warren_ottl::{ErrorMode, Failed, Group, Memo, Observer, Source};
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Counter, Field, Logger, Registry, Telemetry};

use crate::flatten::{flatten, regroup};
use crate::groups::Compiled;

/// Runs the groups of one signal.
pub(crate) struct TransformStage {
    groups: Vec<Running>,
    flatten: bool,
    signal: Signal,
    log: Logger,
}

impl TransformStage {
    pub(crate) fn new(groups: Vec<Compiled>, flatten: bool, signal: Signal, id: &str, telemetry: &Telemetry) -> Self {
        let log = telemetry.log.clone();
        for Compiled { group, .. } in &groups {
            tell_modified(group, &log);
        }
        Self {
            groups: groups.into_iter().map(|compiled| Running::new(compiled, id, &telemetry.registry)).collect(),
            flatten,
            signal,
            log,
        }
    }
}

/// A group and what it needs to run.
struct Running {
    group: Group,
    mode: ErrorMode,
    memo: Memo,
    /// Of each statement, and then of each condition.
    figures: Vec<Figures>,
}

/// How often a statement or condition did something.
struct Figures {
    matched: Counter,
    failed: Counter,
}

impl Running {
    fn new(Compiled { group, mode, place }: Compiled, id: &str, registry: &Registry) -> Self {
        let memo = group.memo();
        let statements = (0..group.statements().len()).map(Source::Statement);
        let conditions = (0..group.conditions().texts().len()).map(Source::Condition);
        let figures = statements.chain(conditions).map(|source| Figures::new(&place.of(source), id, registry)).collect();
        Self { group, mode, memo, figures }
    }

    fn run(&mut self, batch: &mut Batch, told: &mut Told<'_>) -> Result<(), Failed> {
        let ran = self.group.run(batch, self.mode, &mut self.memo, told);
        let statements = self.group.statements().len();
        for (source, count) in self.memo.take_counts() {
            let place = match source {
                Source::Statement(index) => index,
                Source::Condition(index) => statements + index,
                Source::Group => continue,
            };
            if let Some(figures) = self.figures.get(place) {
                figures.matched.add(count.matched);
                figures.failed.add(count.failed);
            }
        }
        ran
    }
}

impl Figures {
    fn new(place: &str, id: &str, registry: &Registry) -> Self {
        let counter = |name, help| registry.counter(name, help, &[("processor", id), ("statement", place)]);
        Self {
            matched: counter(
                "warren_transform_matches_total",
                "Records that a statement was run on, and for which a condition held.",
            ),
            failed: counter("warren_transform_failures_total", "Records on which a statement or condition failed."),
        }
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
        for running in &mut self.groups {
            running.run(&mut batch, &mut told).map_err(|failed| {
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
