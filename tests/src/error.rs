//! What can go wrong while servers are started, asked or stopped. Every message names the thing and, where there is one, the remedy.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a server, a sink or a request did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program this needs is not on the machine.
    #[error("{program} is not installed: {remedy}")]
    Missing {
        /// Name of the program.
        program: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {doing}")]
    Io {
        /// What was being done, with the path or address.
        doing: String,
        /// The refusal itself.
        #[source]
        source: io::Error,
    },
    /// Something expected did not happen in time.
    #[error("{what}: not within {} s", within.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
    },
    /// A process ended while it was needed.
    #[error("{name} ended with {status}; the end of {}:\n{tail}", log.display())]
    Ended {
        /// Name of the process.
        name: String,
        /// Its exit status.
        status: String,
        /// Where its output is.
        log: PathBuf,
        /// Last lines of that output.
        tail: String,
    },
    /// A server answered, but not what was needed.
    #[error("{request} answered {status}: {body}")]
    Answer {
        /// Method and URL.
        request: String,
        /// Status code.
        status: u16,
        /// Beginning of the body.
        body: String,
    },
    /// An answer or a body did not have the form its kind asks for.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// Which answer.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// For `map_err` on an I/O call: `Error::io(|| format!("read {path}"))`.
    pub(crate) fn io<S: Into<String>>(doing: impl FnOnce() -> S) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { doing: doing().into(), source }
    }
}
