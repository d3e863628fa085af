//! What was found.

/// How a matter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Works, but not as well as it could; or cannot be told.
    Doubtful,
    /// Data will be missing.
    Wrong,
}

/// One matter that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A short name, stable for programs.
    pub check: &'static str,
    /// How it stands.
    pub state: State,
    /// What was seen, for people.
    pub message: String,
    /// What mends it.
    pub remedy: Option<Remedy>,
}

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// A command for a shell, to be run as root.
    pub command: String,
    /// It interrupts nothing and can be taken back.
    pub safe: bool,
    /// What remains to be done after it; empty if nothing does.
    pub afterwards: &'static str,
}

impl Finding {
    pub(crate) fn good(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::Good, message: message.into(), remedy: None }
    }

    pub(crate) fn doubtful(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::Doubtful, message: message.into(), remedy: None }
    }

    pub(crate) fn wrong(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::Wrong, message: message.into(), remedy: None }
    }

    /// With a command that interrupts nothing and can be taken back.
    pub(crate) fn mended_by(mut self, command: impl Into<String>, afterwards: &'static str) -> Self {
        self.remedy = Some(Remedy { command: command.into(), safe: true, afterwards });
        self
    }

    /// With a command that somebody must decide on.
    pub(crate) fn mended_by_hand(mut self, command: impl Into<String>) -> Self {
        self.remedy = Some(Remedy { command: command.into(), safe: false, afterwards: "" });
        self
    }
}
