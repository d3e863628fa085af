//! Why a message was not taken.

/// Why a message was not taken. Names no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct PublishError {
    /// The same message cannot be taken, or cannot be sent there.
    pub permanent: bool,
    /// No queue took the message.
    pub unroutable: bool,
    /// What happened, with the broker's own words where it had some.
    pub text: String,
}

impl PublishError {
    /// It may be taken later.
    pub(crate) fn retryable(text: impl Into<String>) -> Self {
        Self { permanent: false, unroutable: false, text: text.into() }
    }

    /// It will not be taken.
    pub(crate) fn permanent(text: impl Into<String>) -> Self {
        Self { permanent: true, unroutable: false, text: text.into() }
    }
}
