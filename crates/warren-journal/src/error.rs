//! What can be wrong with a file.

/// Why a part of a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What stands there cannot be.
    #[error("{what} at offset {offset}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where in the file.
        offset: u64,
    },
}

impl Fault {
    pub(crate) fn damaged(what: &'static str, offset: u64) -> Self {
        Self::Damaged { what, offset }
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// Just made: its writer has not filled in the header yet.
    #[error("not written yet")]
    Unwritten,
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Not a journal file.
    #[error("{0}")]
    Damaged(&'static str),
    /// Made by a later systemd with features that change the layout.
    #[error("unknown incompatible flags {0:#x}: the file is of a later systemd")]
    Unknown(u32),
}
