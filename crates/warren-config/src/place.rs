//! Where a value of the configuration stands.

use std::fmt;

use arcstr::ArcStr;

/// A position in one configuration source. Cloning costs one reference count.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    source: ArcStr,
    line: u32,
    column: u32,
}

impl Place {
    /// `source` is what the user would recognise: a file's path, `env:NAME`, `--set a.b=1`. `line` and `column` count from 1 (columns in
    /// characters); 0 means unknown.
    pub fn new(source: impl Into<ArcStr>, line: u32, column: u32) -> Self {
        Self { source: source.into(), line, column }
    }

    /// The place of a value that no source holds, such as a default.
    pub fn none() -> Self {
        Self { source: ArcStr::new(), line: 0, column: 0 }
    }

    /// The source's name; empty for [`Place::none`].
    pub fn source(&self) -> &ArcStr {
        &self.source
    }

    /// The line from 1, 0 when unknown.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column from 1 in characters, 0 when unknown.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// Whether anything is known about the place.
    pub fn is_known(&self) -> bool {
        !self.source.is_empty()
    }
}

impl fmt::Display for Place {
    /// `file:line:column`, leaving out what is unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
