//! Why a request got no reply.

use crate::tls::TlsError;
use warren_component::AuthError;

/// Why a request got no reply, or its reply no end. Says what was asked and what went wrong, in upstream's form:
/// `Post "http://host:4318/v1/logs": dial tcp 127.0.0.1:4318: connect: connection refused`. Names no credentials: neither those of a URL
/// nor its query.
#[derive(Debug, thiserror::Error)]
#[error("{action}: {cause}")]
pub struct Error {
    /// `Post "http://host/path"`.
    pub(crate) action: String,
    /// What went wrong.
    pub cause: Cause,
}

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The request cannot be sent as it is: its URL or a header is not valid.
    #[error("{0}")]
    Invalid(String),
    /// No connection.
    #[error("dial tcp {address}: {reason}")]
    Dial {
        /// Host and port.
        address: String,
        /// The operating system's or resolver's word.
        reason: String,
    },
    /// No connection through the proxy.
    #[error("proxyconnect tcp: {0}")]
    Proxy(String),
    /// No agreement on TLS.
    #[error("tls: {0}")]
    Tls(String),
    /// No proof of who we are.
    #[error("{0}")]
    Auth(#[from] AuthError),
    /// It took too long.
    #[error("{}", timeout_text(.0))]
    Timeout(Awaiting),
    /// The connection broke, or the other side does not speak HTTP.
    #[error("{0}")]
    Broken(String),
    /// The body could not be compressed or decompressed.
    #[error("{0}")]
    Coding(String),
    /// The body is larger than the reader allows.
    #[error("response body is larger than {0} bytes")]
    TooLarge(usize),
    /// Sent from one place to the next too often.
    #[error("stopped after {0} redirects")]
    Redirects(u8),
}

/// What a request was waiting for when its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaiting {
    /// The head of the reply.
    Headers,
    /// The rest of the reply.
    Body,
}

fn timeout_text(awaiting: &Awaiting) -> &'static str {
    match awaiting {
        Awaiting::Headers => "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        Awaiting::Body => "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
    }
}

impl Error {
    /// Whether sending the same request again may help. Upstream tries again after every failure of the transport.
    pub fn is_retryable(&self) -> bool {
        !matches!(self.cause, Cause::Invalid(_) | Cause::Coding(_) | Cause::Redirects(_))
    }

    /// Whether the time of the request was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self.cause, Cause::Timeout(_))
    }
}

/// Why a client or server cannot be made from its settings. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl From<SetupError> for warren_component::BuildError {
    fn from(error: SetupError) -> Self {
        Self::new(error.to_string())
    }
}

/// An I/O error in Go's words: `connection refused`.
pub(crate) fn io_text(error: &std::io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        return inner.to_string();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// An error with its causes, outermost first.
pub(crate) fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.downcast_ref::<std::io::Error>().map_or_else(|| cause.to_string(), io_text);
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_read_as_in_go() {
        assert_eq!(io_text(&std::io::Error::from_raw_os_error(111)), "connection refused");
        assert_eq!(io_text(&std::io::Error::other("said otherwise")), "said otherwise");
    }
}
