//! Walking a batch and editing what is chosen.

use std::sync::Arc;

use warren_attributes::Editor;
use warren_component::{ConsumeError, Stage};
use warren_match::Selector;
use warren_pdata::{Batch, LogRecord, Logs, Metric, Metrics, Resource, Scope, Span, Telemetry, Traces};

/// Edits batches of one signal.
pub(crate) struct AttributesStage {
    selector: Selector,
    editor: Editor,
}

impl AttributesStage {
    pub(crate) fn new(selector: Selector, editor: Editor) -> Self {
        Self { selector, editor }
    }

    fn metrics(&mut self, metrics: &mut Metrics) {
        each(metrics, |metric: &mut Metric, _, _| {
            if self.selector.chooses_metric(metric) {
                metric.data.for_each_attrs(|attrs| self.editor.edit(attrs));
            }
        });
    }

    fn logs(&mut self, logs: &mut Logs) {
        each(logs, |record: &mut LogRecord, resource, scope| {
            if self.selector.chooses_log(record, resource, scope) {
                self.editor.edit(&mut record.attrs);
            }
        });
    }

    fn traces(&mut self, traces: &mut Traces) {
        each(traces, |span: &mut Span, resource, scope| {
            if self.selector.chooses_span(span, resource, scope) {
                self.editor.edit(&mut span.attrs);
            }
        });
    }
}

/// Visits every item with its resource and scope.
fn each<T>(telemetry: &mut Telemetry<T>, mut visit: impl FnMut(&mut T, &Resource, &Scope)) {
    for group in &mut telemetry.resources {
        for scoped in &mut group.scopes {
            for item in &mut scoped.items {
                visit(item, &group.resource, &scoped.scope);
            }
        }
    }
}

impl Stage for AttributesStage {
    fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError> {
        let mut batch = Batch::owned(batch);
        self.editor.begin_batch();
        match &mut batch {
            Batch::Metrics(metrics) => self.metrics(metrics),
            Batch::Logs(logs) => self.logs(logs),
            Batch::Traces(traces) => self.traces(traces),
        }
        Ok(Some(Arc::new(batch)))
    }
}

#[cfg(test)]
mod tests;
