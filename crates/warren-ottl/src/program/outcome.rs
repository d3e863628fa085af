//! What comes of failures: error modes, and who is told.

use crate::compile::Source;
use crate::record::Failure;

/// What happens when a statement or condition fails on a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorMode {
    /// It is told, and the next one runs.
    Ignore,
    /// The next one runs.
    Silent,
    /// The batch is refused.
    #[default]
    Propagate,
}

impl warren_config::Keyword for ErrorMode {
    const TYPE: &'static str = "ottl.ErrorMode";
    const WORDS: &'static [(&'static str, Self)] =
        &[("ignore", Self::Ignore), ("silent", Self::Silent), ("propagate", Self::Propagate)];

    const IGNORE_CASE: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown error mode {word}")
    }
}

/// A statement or condition that failed on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub source: Source,
    /// Its text.
    pub text: String,
    /// Why.
    pub failure: Failure,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.source {
            Source::Condition(_) => "failed to eval condition",
            Source::Statement(_) | Source::Group => "failed to execute statement",
        };
        write!(f, "{what}: {}, {}", self.text, self.failure)
    }
}

impl std::error::Error for Failed {}

/// Is told what happens while a program runs.
pub trait Observer {
    /// Something failed and the error mode is to ignore that.
    fn failed(&mut self, failed: &Failed);
}

/// Something failed: what is done about it.
#[cold]
pub(super) fn settle(
    source: Source,
    text: &str,
    failure: Failure,
    mode: ErrorMode,
    observer: &mut impl Observer,
) -> Result<(), Failed> {
    let failed = Failed { source, text: text.to_owned(), failure };
    match mode {
        ErrorMode::Propagate => Err(failed),
        ErrorMode::Ignore => {
            observer.failed(&failed);
            Ok(())
        }
        ErrorMode::Silent => Ok(()),
    }
}
