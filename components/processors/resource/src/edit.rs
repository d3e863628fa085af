//! Editing the resources of a batch.

use std::sync::Arc;

use warren_attributes::Editor;
use warren_component::{ConsumeError, Stage};
use warren_pdata::{Batch, Telemetry};

/// Edits batches of any signal.
pub(crate) struct ResourceStage {
    editor: Editor,
}

impl ResourceStage {
    pub(crate) fn new(editor: Editor) -> Self {
        Self { editor }
    }

    fn resources<T>(&mut self, telemetry: &mut Telemetry<T>) {
        for group in &mut telemetry.resources {
            self.editor.edit(&mut group.resource.attrs);
        }
    }
}

impl Stage for ResourceStage {
    fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError> {
        let mut batch = Batch::owned(batch);
        self.editor.begin_batch();
        match &mut batch {
            Batch::Metrics(metrics) => self.resources(metrics),
            Batch::Logs(logs) => self.resources(logs),
            Batch::Traces(traces) => self.resources(traces),
        }
        Ok(Some(Arc::new(batch)))
    }
}

#[cfg(test)]
mod tests {
    use warren_config::{Diagnostics, decode_settings};
    use warren_pdata::{Attrs, LogRecord, Logs, Resource, Scope};
    use warren_telemetry::Telemetry as Own;

    use super::*;
    use crate::Config;

    fn decode(config: &str) -> (Config, Diagnostics) {
        let node = warren_config::parse_yaml("test", config).unwrap();
        let mut settings = Config::default();
        let mut diagnostics = Diagnostics::new();
        decode_settings(&node, &mut settings, &mut diagnostics);
        (settings, diagnostics)
    }

    /// The recorded case `attributes-resource/resource-extract` of the conformance suite.
    #[test]
    fn resources_are_edited_and_records_are_not() {
        let text =
            r"attributes: [{key: cloud.region, pattern: '^(?P<continent>[a-z]+)-(?P<dir>[a-z]+)-(?P<n>\d+)$', action: extract}]";
        let (settings, diagnostics) = decode(text);
        assert_eq!(diagnostics.to_string(), "");
        let region = Attrs::from([("cloud.region", "eu-north-1")]);
        let record = LogRecord { attrs: region.clone(), ..LogRecord::default() };
        let logs = Logs::of(Resource { attrs: region.clone(), ..Resource::default() }, Scope::default(), vec![record]);
        let mut stage = ResourceStage::new(Editor::build(&settings.attributes, Own::discarded()).unwrap());
        let processed = stage.process(Arc::new(Batch::Logs(logs))).unwrap().unwrap();
        let Batch::Logs(logs) = Batch::owned(processed) else { panic!() };
        let expected = Attrs::from([("cloud.region", "eu-north-1"), ("continent", "eu"), ("dir", "north"), ("n", "1")]);
        assert_eq!(logs.resources[0].resource.attrs, expected);
        assert_eq!(logs.iter().next().unwrap().2.attrs, region);
    }

    #[test]
    fn faults_are_told_in_upstream_words() {
        let cases = [
            ("{}", "missing required field \"attributes\""),
            (
                "attributes: [{key: a, action: nope}]",
                "error creating AttrProc due to unsupported action \"nope\" at the 0-th actions",
            ),
        ];
        for (text, expected) in cases {
            let (_, diagnostics) = decode(text);
            assert_eq!(diagnostics.errors().map(|error| error.message.as_str()).collect::<Vec<_>>(), [expected], "{text}");
        }
        let (_, diagnostics) = decode("attributes: [{key: a, value: 1, action: insert}]\ninclude: {}");
        assert!(diagnostics.to_string().contains("include"), "{diagnostics}");
    }
}
