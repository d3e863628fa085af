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
    /// A line is longer than the parser will hold.
    #[error("line {line} is longer than {bytes_max} bytes")]
    LongLine {
        /// Number of the line, from 1.
        line: u64,
        /// The bound.
        bytes_max: usize,
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

/// Why a sink does not take a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// The series' text is none: the line is bad.
    Series(crate::SeriesError),
    /// The page must be refused.
    Page(E),
}

/// Why a line is bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LineError<E> {
    Reason(String),
    /// The line goes on after its line feed: a quoted text is open.
    Unfinished,
    Sink(E),
}

impl<E> From<&str> for LineError<E> {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }
}

impl<E> From<Refusal<E>> for LineError<E> {
    fn from(refusal: Refusal<E>) -> Self {
        match refusal {
            Refusal::Series(error) => Self::Reason(error.to_string()),
            Refusal::Page(error) => Self::Sink(error),
        }
    }
}

/// The start of a line, for people.
pub(crate) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..SHOWN_BYTES_MAX).unwrap_or(line)).into_owned()
}
