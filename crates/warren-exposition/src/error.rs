//! What is wrong with a page.

/// Bytes of a line that an error shows.
const SHOWN_BYTES_MAX: usize = 120;

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError<E> {
    /// A line breaks the format.
    #[error("line {line}: {reason} while parsing: {shown:?}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
        /// The start of the line.
        shown: String,
    },
    /// An entry is longer than the parser will hold.
    #[error("line {line} is longer than {bytes_max} bytes")]
    LongLine {
        /// Number of the line, from 1.
        line: u64,
        /// The bound.
        bytes_max: usize,
    },
    /// A message breaks the protobuf format.
    #[error("metric family {family:?} (message {message}): {reason}")]
    Message {
        /// Number of the message, from 1.
        message: u64,
        /// The family it describes, as far as it is known.
        family: String,
        /// What is wrong.
        reason: String,
    },
    /// An OpenMetrics page ends without `# EOF`.
    #[error("data does not end with # EOF")]
    NoEof,
    /// An OpenMetrics page goes on after `# EOF`.
    #[error("unexpected data after # EOF")]
    AfterEof,
    /// The sink refused the page.
    #[error("{0}")]
    Sink(E),
}

/// Why a sink does not take a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// Its labels cannot be taken: the line is bad.
    Series(E),
    /// The page must be refused.
    Page(E),
}

impl<E> Refusal<E> {
    /// The reason.
    pub fn into_inner(self) -> E {
        match self {
            Self::Series(error) | Self::Page(error) => error,
        }
    }
}

/// The start of a line, for people.
pub(crate) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..SHOWN_BYTES_MAX).unwrap_or(line)).into_owned()
}
