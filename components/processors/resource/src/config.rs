//! Settings of the `resource` processor.

use std::sync::Arc;

use warren_attributes::{ActionSettings, Editor, check_actions};
use warren_component::{BuildContext, BuildError, Consumer, MemoryBound, Processor, ProcessorConfig, Staged};
use warren_config::{Block, Fields, Report};
use warren_pdata::Signal;

use crate::edit::ResourceStage;

/// Settings of one `resource` processor.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What is done, in order.
    pub attributes: Vec<ActionSettings>,
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.blocks("attributes", &mut self.attributes);
    }

    fn validate(&self, report: &mut Report<'_>) {
        check_actions(&self.attributes, "attributes", report);
    }
}

impl ProcessorConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        Editor::memory()
    }

    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        let editor = Editor::build(&self.attributes, cx.telemetry.clone())?;
        Ok(Arc::new(Staged::new(ResourceStage::new(editor), &cx, signal, next)))
    }
}
