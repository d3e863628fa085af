//! How far a journal is read, as text that survives the process.
//!
//! ```text
//! warren-journal 1
//! cursor s=…;i=…;b=…;m=…;t=…;x=…     the entry read last
//! same 2                             so many entries with its content were read, if more than one
//! file FILE_ID SEQNUM                for each file that is still written to: the number of the entry read last
//! ```
//!
//! The cursor alone would do for one writer. With several, an entry may arrive that is older than one of another file.

use crate::{Cursor, Id};
use std::fmt::{self, Write};

const FIRST_LINE: &str = "warren-journal 1";

/// Files that a position names.
pub(crate) const FILES_MAX: usize = 200;

/// How far a journal is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The entry that was read last; none if there was none.
    pub cursor: Option<Cursor>,
    /// How many entries with the content of that one were read in a row.
    pub same: u64,
    /// Number of the entry that was read last, for each file that is still written to.
    pub files: Vec<(Id, u64)>,
}

impl Position {
    /// Reads the text of a position.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(format!("it does not begin with {FIRST_LINE:?}"));
        }
        let mut position = Self { same: 1, ..Self::default() };
        for line in lines {
            let known = match line.split_once(' ') {
                Some(("cursor", cursor)) => Cursor::parse(cursor).map(|cursor| position.cursor = Some(cursor)),
                Some(("same", number)) => number.parse().ok().map(|number| position.same = number),
                Some(("file", file)) => file.split_once(' ').and_then(|(id, number)| {
                    position.files.push((Id::parse(id)?, number.parse().ok()?));
                    (position.files.len() <= FILES_MAX).then_some(())
                }),
                _ => None,
            };
            known.ok_or_else(|| format!("line {line:?}"))?;
        }
        Ok(position)
    }

    /// The number of the entry of a file that was read last.
    pub(crate) fn of_file(&self, file_id: Id) -> Option<u64> {
        self.files.iter().find(|(id, _)| *id == file_id).map(|(_, number)| *number)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(cursor) = &self.cursor {
            writeln!(f, "cursor {cursor}")?;
        }
        if self.same > 1 {
            writeln!(f, "same {}", self.same)?;
        }
        let mut files = String::new();
        for (id, number) in &self.files {
            writeln!(files, "file {id} {number}")?;
        }
        f.write_str(&files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let cursor = Cursor::parse("s=0000000000000000000000000000000a;i=1f;b=0000000000000000000000000000000b;m=0;t=5f;x=0");
        for position in [
            Position { cursor: None, same: 1, files: Vec::new() },
            Position { cursor, same: 3, files: vec![(Id(7), 12), (Id(8), u64::MAX)] },
        ] {
            assert_eq!(Position::parse(&position.to_string()), Ok(position));
        }
        for wrong in
            ["", "warren-journal 2\n", "warren-journal 1\ncursor x\n", "warren-journal 1\nfile 1 1\n", "warren-journal 1\n\n"]
        {
            assert!(Position::parse(wrong).is_err(), "{wrong}");
        }
    }
}
