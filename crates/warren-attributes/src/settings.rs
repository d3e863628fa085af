//! What users write: actions.

use warren_config::{Block, Fields, Node, Report};

use crate::Actions;

/// One element of `actions` (`attributes` in the resource processor).
#[derive(Clone, Debug, Default)]
pub struct ActionSettings {
    /// Attribute it is about.
    pub key: String,
    /// New value.
    pub value: Option<Node>,
    /// Regular expression: on keys for `delete` and `hash`, on the value for `extract`.
    pub pattern: String,
    /// Attribute whose value is taken.
    pub from_attribute: String,
    /// What is taken from the client: `metadata.KEY`, `auth.ATTRIBUTE`, `client.address`.
    pub from_context: String,
    /// Target type of `convert`.
    pub converted_type: String,
    /// What is done, in any case.
    pub action: String,
}

impl Block for ActionSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("key", &mut self.key);
        f.any("value", &mut self.value);
        f.scalar("pattern", &mut self.pattern);
        f.scalar("from_attribute", &mut self.from_attribute);
        f.scalar("from_context", &mut self.from_context);
        f.scalar("converted_type", &mut self.converted_type);
        f.scalar("action", &mut self.action);
    }
}

/// Tells every fault of the actions under `key` of the block at hand, at the faulty action. None at all are a fault too.
pub fn check_actions(actions: &[ActionSettings], key: &str, report: &mut Report<'_>) {
    if actions.is_empty() {
        report.error(key, format!("missing required field {key:?}"));
    }
    let Err(errors) = Actions::new(actions) else { return };
    let list = report.node().and_then(|node| node.get(key));
    for (index, error) in errors {
        let tell = |report: &mut Report<'_>, key: &str| match &error.hint {
            Some(hint) => report.error_with_hint(key, error.to_string(), hint),
            None => report.error(key, error.to_string()),
        };
        match list.and_then(|list| Some((list, list.as_list()?.get(index)?))) {
            Some((list, action)) => tell(&mut report.at_key(key, list).at_index(index, action), ""),
            None => tell(report, key),
        }
    }
}
