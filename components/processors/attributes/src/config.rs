//! Settings of the `attributes` processor.

use std::sync::Arc;

use warren_attributes::{ActionSettings, Editor, check_actions};
use warren_component::{BuildContext, BuildError, Consumer, Processor, ProcessorConfig, Staged};
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

impl ProcessorConfig for Config {
    fn point_attributes(&self) -> Vec<String> {
        let gives =
            |action: &&ActionSettings| ["insert", "update", "upsert"].iter().any(|word| action.action.eq_ignore_ascii_case(word));
        self.actions.iter().filter(gives).map(|action| action.key.clone()).collect()
    }

    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        let selector = Selector::new(&self.selection, signal)
            .map_err(|error| BuildError::with_source(format!("{}: {error}", error.key), error))?;
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
