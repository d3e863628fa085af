//! Settings of the `attributes` processor.

use std::sync::Arc;

use warren_attributes::{ActionSettings, Editor, check_actions};
use warren_component::{BuildContext, BuildError, Consumer, MemoryBound, Processor, ProcessorConfig, Staged};
use warren_config::{Block, Fields, Report};
use warren_match::{SelectionSettings, Selector};
use warren_pdata::Signal;

use crate::edit::AttributesStage;

/// Settings of one `attributes` processor.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What is edited.
    pub selection: SelectionSettings,
    /// What is done, in order.
    pub actions: Vec<ActionSettings>,
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.selection);
        f.blocks("actions", &mut self.actions);
    }

    fn validate(&self, report: &mut Report<'_>) {
        check_actions(&self.actions, "actions", report);
    }
}

impl Config {
    fn selector(&self, signal: Signal) -> Result<Selector, BuildError> {
        Selector::new(&self.selection, signal).map_err(|error| BuildError::with_source(format!("{}: {error}", error.key), error))
    }
}

impl ProcessorConfig for Config {
    fn check(&self, signal: Signal) -> Result<(), BuildError> {
        self.selector(signal).map(drop)
    }

    fn point_attributes(&self) -> Vec<String> {
        let gives =
            |action: &&ActionSettings| ["insert", "update", "upsert"].iter().any(|word| action.action.eq_ignore_ascii_case(word));
        self.actions.iter().filter(gives).map(|action| action.key.clone()).collect()
    }

    fn memory(&self) -> Vec<MemoryBound> {
        Editor::memory()
    }

    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        let selector = self.selector(signal)?;
        let blocks = [&self.selection.include, &self.selection.exclude];
        if signal == Signal::Metrics && blocks.into_iter().flatten().any(|block| !block.resources.is_empty()) {
            cx.telemetry
                .log
                .warn("resources in include and exclude have no effect on metrics, use the filter or transform processor", &[]);
        }
        let editor = Editor::build(&self.actions, cx.telemetry.clone())?;
        Ok(Arc::new(Staged::new(AttributesStage::new(selector, editor), &cx, signal, next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    /// `internal/filter/filterset` and `filtermetric` of contrib v0.132.0.
    #[test]
    fn what_a_signal_does_not_have_is_told_when_the_configuration_is_checked() {
        for (include, signal, says) in [
            (
                "{match_type: nope, metric_names: [a]}",
                Signal::Metrics,
                Some("unrecognized match_type: 'nope', valid types are: [regexp strict]"),
            ),
            (
                "{match_type: strict}",
                Signal::Metrics,
                Some("at least one of \"metric_names\" or \"resources\" field must be specified"),
            ),
            (
                "{match_type: strict, span_names: [a]}",
                Signal::Logs,
                Some("services, span_names, span_kinds and metric_names are not valid"),
            ),
            ("{match_type: strict, metric_names: [a]}", Signal::Metrics, None),
        ] {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            let text = format!("{{actions: [{{key: a, action: delete}}], include: {include}}}");
            decode_settings(&parse_yaml("test", &text).unwrap(), &mut config, &mut diagnostics);
            assert!(!diagnostics.has_errors());
            match (config.check(signal), says) {
                (Ok(()), None) => {}
                (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{error}"),
                (result, says) => panic!("{include}: {result:?} for {says:?}"),
            }
        }
    }
}
