//! Feature gates: behaviour that is switched for the whole process on the command line.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The feature gates that are on. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Gates(Arc<BTreeSet<String>>);

impl Gates {
    /// These gates are on.
    pub fn new(on: Arc<BTreeSet<String>>) -> Self {
        Self(on)
    }

    /// Whether a gate is on.
    pub fn is_on(&self, id: &str) -> bool {
        self.0.contains(id)
    }

    /// The ids of the gates that are on, for decoding settings.
    pub fn ids(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&self.0)
    }
}
