//! Conditions of OTTL: what one of them holds for is dropped.

use warren_component::{BuildContext, UPSTREAM_ODDITIES};
use warren_config::{Custom, Node, Report, Value};
use warren_ottl::{
    Conditions, Context, ErrorMode, Failed, Fault, Memo, Observer, Oddities, Record, Source, compile_conditions_as,
};
use warren_telemetry::{Counter, Field, Logger};

/// Most failures of one batch that are told; the others are counted.
const FAILURES_TOLD_MAX: usize = 10;

/// A list of conditions as it is written.
#[derive(Clone, Debug)]
pub struct ConditionList {
    context: Context,
    /// Absent if the configuration does not have it; a list without conditions drops nothing.
    texts: Option<Vec<String>>,
}

impl ConditionList {
    pub(crate) fn of(context: Context) -> Self {
        Self { context, texts: None }
    }

    /// Whether the configuration has it.
    pub fn is_given(&self) -> bool {
        self.texts.is_some()
    }

    /// Ready to run; `None` if the configuration does not have it. `name` is that of the setting.
    pub(crate) fn compile(&self, mode: ErrorMode, name: &str, cx: &BuildContext) -> Result<Option<Rule>, String> {
        let Some(texts) = &self.texts else { return Ok(None) };
        let oddities = Oddities::upstream(cx.gates.upstream_oddities());
        let conditions = compile_conditions_as(oddities, self.context, texts)
            .map_err(|faults| faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))?;
        let id = cx.id.to_string();
        let figures = |index: usize| {
            let labels = [("processor", id.as_str()), ("condition", &format!("{name}[{index}]"))];
            let counter = |name, help| cx.telemetry.registry.counter(name, help, &labels);
            (
                counter("warren_filter_matches_total", "Items that a condition had dropped."),
                counter("warren_filter_failures_total", "Items on which a condition failed."),
            )
        };
        let figures = (0..texts.len()).map(figures).collect();
        let memo = conditions.memo();
        Ok(Some(Rule { conditions, memo, mode, figures }))
    }
}

impl Custom for ConditionList {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        let mut texts = Vec::new();
        match &node.value {
            Value::List(list) => {
                for (index, node) in list.iter().enumerate() {
                    texts.extend(report.at_index(index, node).scalar::<String>(node));
                }
            }
            // As every list of texts.
            _ => match report.scalar::<String>(node) {
                Some(text) if text.is_empty() => {}
                Some(text) => texts.extend(text.split(',').map(str::to_owned)),
                None => return,
            },
        }
        self.texts = Some(texts);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let Some(texts) = &self.texts else { return };
        let oddities = Oddities::upstream(report.has_gate(UPSTREAM_ODDITIES));
        let compiled = compile_conditions_as(oddities, self.context, texts);
        for fault in compiled.map_or_else(|faults| faults, |conditions| conditions.warnings().to_vec()) {
            let list = report.node().and_then(Node::as_list);
            let element = match fault.source {
                Source::Condition(index) => list.and_then(|list| Some((index, list.get(index)?))),
                Source::Statement(_) | Source::Group => None,
            };
            let tell = |at: &mut Report<'_>| match fault.warning {
                true => at.warning("", fault.to_string()),
                false => at.error("", fault.to_string()),
            };
            match element {
                Some((index, element)) => tell(&mut report.at_index(index, element)),
                None => tell(report),
            }
        }
    }

    fn encode(&self) -> Value {
        let Some(texts) = &self.texts else { return Value::Null };
        Value::List(texts.iter().map(|text| Node::from_value(Value::String(text.clone()))).collect())
    }
}

/// Conditions, ready to run.
pub(crate) struct Rule {
    conditions: Conditions,
    pub(crate) memo: Memo,
    mode: ErrorMode,
    /// How often each held, and failed.
    figures: Vec<(Counter, Counter)>,
}

impl Rule {
    /// Whether a record is dropped. A condition that fails does not hold; what else comes of it is up to `failures`.
    pub(crate) fn drops(&mut self, record: &Record<'_>, failures: &mut Failures<'_>) -> bool {
        match self.conditions.which(record, &mut self.memo, self.mode, failures) {
            Ok(found) => found.is_some(),
            Err(failed) => {
                failures.keep(&failed);
                false
            }
        }
    }

    /// A batch has been walked: what was counted is told.
    pub(crate) fn end_batch(&mut self) {
        for (source, count) in self.memo.take_counts() {
            let Source::Condition(index) = source else { continue };
            if let Some((matched, failed)) = self.figures.get(index) {
                matched.add(count.matched);
                failed.add(count.failed);
            }
        }
    }
}

/// What failed while a batch was walked.
pub(crate) struct Failures<'a> {
    log: &'a Logger,
    told: Vec<String>,
    count: usize,
}

impl<'a> Failures<'a> {
    pub(crate) fn new(log: &'a Logger) -> Self {
        Self { log, told: Vec::new(), count: 0 }
    }

    /// A failure for which the batch is refused.
    fn keep(&mut self, failed: &Failed) {
        self.count += 1;
        if self.told.len() < FAILURES_TOLD_MAX {
            self.told.push(failed.to_string());
        }
    }

    /// What the batch is refused for; `None` if nothing failed.
    pub(crate) fn told(self) -> Option<String> {
        let more = self.count - self.told.len();
        let all = self.told.join("; ");
        match (self.count, more) {
            (0, _) => None,
            (_, 0) => Some(all),
            (_, more) => Some(format!("{all}; and {more} more")),
        }
    }
}

impl Observer for Failures<'_> {
    fn failed(&mut self, failed: &Failed) {
        let error = failed.failure.to_string();
        self.log.warn("failed to eval condition", &[("error", Field::Str(&error)), ("condition", Field::Str(&failed.text))]);
    }
}
