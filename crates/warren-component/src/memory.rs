//! How much memory a component may take at most, as far as its settings say.

/// A part of a component's memory and its bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryBound {
    /// What is held, in a few words: `queue`, `request bodies`.
    pub what: String,
    /// The most it takes.
    pub bytes: u64,
    /// Which setting makes it less, where one does.
    pub setting: Option<&'static str>,
}

impl MemoryBound {
    /// A bound of what is held.
    pub fn new(what: impl Into<String>, bytes: u64) -> Self {
        Self { what: what.into(), bytes, setting: None }
    }

    /// The same with the setting that it follows from.
    pub fn set_by(mut self, setting: &'static str) -> Self {
        self.setting = Some(setting);
        self
    }
}
