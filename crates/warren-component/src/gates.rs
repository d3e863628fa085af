//! Feature gates: behaviour that is switched for the whole process on the command line.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The gate with which components do what upstream does where it is merely odd; `docs/differences.md` tells where.
pub const UPSTREAM_ODDITIES: &str = "warren.upstreamOddities";

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

    /// Whether upstream's oddities are wanted.
    pub fn upstream_oddities(&self) -> bool {
        self.is_on(UPSTREAM_ODDITIES)
    }

    /// The ids of the gates that are on, for decoding settings.
    pub fn ids(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&self.0)
    }
}
