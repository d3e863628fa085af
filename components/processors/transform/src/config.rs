//! Settings of the `transform` processor.

use std::sync::Arc;

use warren_component::{BuildContext, BuildError, Consumer, Processor, ProcessorConfig, Staged, Tool};
use warren_config::{Block, Fields, Report};
use warren_ottl::{ErrorMode, Oddities};
use warren_pdata::Signal;

use crate::groups::{Compiled, Groups};
use crate::stage::TransformStage;
use crate::tool::OTTL;

/// The gate that `flatten_data` needs.
pub(crate) const FLATTEN_GATE: &str = "transform.flatten.logs";

/// Settings of one `transform` processor.
#[derive(Clone, Debug)]
pub struct Config {
    /// What happens when a statement fails, where a group says nothing else.
    pub error_mode: ErrorMode,
    /// Groups of statements for spans and their events.
    pub traces: Groups,
    /// Groups of statements for metrics and data points.
    pub metrics: Groups,
    /// Groups of statements for log records.
    pub logs: Groups,
    /// Whether each log record gets a resource and a scope of its own while statements run.
    pub flatten_data: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            error_mode: ErrorMode::default(),
            traces: Groups::of(Signal::Traces),
            metrics: Groups::of(Signal::Metrics),
            logs: Groups::of(Signal::Logs),
            flatten_data: false,
        }
    }
}

impl Config {
    /// The groups of a signal, ready to run.
    pub(crate) fn compiled(&self, signal: Signal, oddities: Oddities) -> Result<Vec<Compiled>, String> {
        self.groups(signal).compile(self.error_mode, oddities)
    }

    fn groups(&self, signal: Signal) -> &Groups {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("error_mode", &mut self.error_mode);
        f.custom("trace_statements", &mut self.traces);
        f.custom("metric_statements", &mut self.metrics);
        f.custom("log_statements", &mut self.logs);
        f.scalar("flatten_data", &mut self.flatten_data);
        f.removed("profile_statements", "profiles are not carried");
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.flatten_data && !report.has_gate(FLATTEN_GATE) {
            report.error_with_hint(
                "flatten_data",
                format!("'flatten_data' requires the '{FLATTEN_GATE}' feature gate to be enabled"),
                format!("start with --feature-gates={FLATTEN_GATE}"),
            );
        }
    }
}

impl ProcessorConfig for Config {
    fn point_attributes(&self) -> Vec<String> {
        let groups = self.compiled(Signal::Metrics, Oddities::Mended).unwrap_or_default();
        groups.iter().flat_map(|compiled| compiled.group.point_attributes()).map(ToString::to_string).collect()
    }

    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        let oddities = Oddities::upstream(cx.gates.upstream_oddities());
        let groups = self.compiled(signal, oddities).map_err(BuildError::new)?;
        let flatten = self.flatten_data && signal == Signal::Logs;
        let stage = TransformStage::new(groups, flatten, signal, &cx.id.to_string(), &cx.telemetry);
        Ok(Arc::new(Staged::new(stage, &cx, signal, next)))
    }

    fn tool(&self) -> Option<Tool> {
        Some(OTTL)
    }
}

#[cfg(test)]
mod tests;
