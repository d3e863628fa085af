//! The contract between nodes of a pipeline.

use crate::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use warren_pdata::Batch;

/// Takes batches.
pub trait Consumer: Send + Sync {
    /// Takes the batch, or says why not. An error means that nothing of it was taken, unless it says [otherwise](ConsumeError::partial).
    ///
    /// Returning `Ok` makes the consumer answer for the data; how far is its matter (a queue in memory, a queue on disk, delivery).
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>>;

    /// Whether a request of so many bytes may come, so that a receiver need not read, decompress or decode what would be refused. A node
    /// that hands batches on at once asks those behind it. `Ok` promises nothing.
    fn admit(&self, _bytes: u64) -> Result<(), ConsumeError> {
        Ok(())
    }
}

/// Why a batch was not taken, and what the sender may do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if *.permanent { "Permanent error: " } else { "" })]
pub struct ConsumeError {
    /// Sending the same data again cannot help.
    pub permanent: bool,
    /// The kind of failure, where one is known; receivers answer their clients by it.
    pub code: Option<Code>,
    /// How long to wait before the next attempt, where the other side said so.
    pub retry_after: Option<Duration>,
    /// Some of several that stand side by side took the batch: who offers it again gives it to them twice, and who waits until all take it makes
    /// them wait for the others.
    pub partial: bool,
    /// What happened. Holds no secrets.
    pub message: String,
}

/// Kinds of failure, by gRPC's names and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Code {
    /// Nothing more is known.
    Unknown = 2,
    /// The data is wrong.
    InvalidArgument = 3,
    /// It took too long.
    DeadlineExceeded = 4,
    /// Not allowed.
    PermissionDenied = 7,
    /// Too much; later perhaps.
    ResourceExhausted = 8,
    /// Given up on the way.
    Aborted = 10,
    /// Not known here.
    Unimplemented = 12,
    /// A fault of our own.
    Internal = 13,
    /// Not now; later perhaps.
    Unavailable = 14,
    /// Who are you?
    Unauthenticated = 16,
}

impl ConsumeError {
    /// Sending again later may help.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { permanent: false, code: None, retry_after: None, partial: false, message: message.into() }
    }

    /// Sending again cannot help.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { permanent: true, code: None, retry_after: None, partial: false, message: message.into() }
    }

    /// The same error with a kind.
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The same error with a wait.
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Several failures of one fan-out as one: permanent only if all are, for else the sender must try again.
    pub fn joined(errors: Vec<Self>) -> Option<Self> {
        let first = errors.first()?;
        if errors.len() == 1 {
            return Some(first.clone());
        }
        let message = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
        Some(Self {
            permanent: errors.iter().all(|error| error.permanent),
            code: errors.iter().find(|error| !error.permanent).unwrap_or(first).code,
            retry_after: errors.iter().filter_map(|error| error.retry_after).max(),
            partial: errors.iter().any(|error| error.partial),
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_error_is_permanent_only_if_all_are() {
        let joined =
            ConsumeError::joined(vec![ConsumeError::permanent("a"), ConsumeError::retryable("b").with_code(Code::Unavailable)])
                .unwrap();
        assert!(!joined.permanent);
        assert_eq!(joined.code, Some(Code::Unavailable));
        assert_eq!(joined.to_string(), "a; b");
        assert_eq!(ConsumeError::joined(vec![ConsumeError::permanent("a")]).unwrap().to_string(), "Permanent error: a");
        assert!(ConsumeError::joined(Vec::new()).is_none());
    }
}
