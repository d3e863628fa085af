//! One file of the log.

use super::record::{HEADER_BYTES, Header, MAGIC, ReadAt, Source};
use super::{Receipt, Tally};
use std::fs::File;
use std::io::{self, Error};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// One file of the log.
#[derive(Debug)]
pub(super) struct Segment {
    /// Tells it from the others of this run.
    pub(super) number: u64,
    pub(super) path: PathBuf,
    salt: u64,
    pub(super) size: u64,
    /// Records that the cursor has yet to come to.
    pub(super) unread: Tally,
    /// Records that were handed out and are not settled.
    pub(super) handed_out: u64,
    /// Whether damage in it was told.
    pub(super) damaged: bool,
    /// Open while it is in use.
    file: Option<File>,
}

impl Segment {
    /// A new one, whose records come after sequence number `first`.
    pub(super) fn create(directory: &Path, number: u64, first: u64) -> io::Result<Self> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).map_err(|error| Error::other(error.to_string()))?;
        let salt = u64::from_le_bytes(salt);
        let path = directory.join(format!("{first:016x}-{salt:016x}.seg"));
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all_at(&MAGIC, 0) {
            // It holds nothing.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        let size = MAGIC.len() as u64;
        Ok(Self { number, path, salt, size, unread: Tally::default(), handed_out: 0, damaged: false, file: Some(file) })
    }

    /// One that is there, with the number that its name begins with; `None` if the file is none of ours.
    pub(super) fn found(path: PathBuf, size: u64) -> Option<(u64, Self)> {
        let (first, salt) = path.file_name()?.to_str()?.strip_suffix(".seg")?.split_once('-')?;
        if first.len() != 16 || salt.len() != 16 {
            return None;
        }
        let (first, salt) = (u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(salt, 16).ok()?);
        let unread = Tally::default();
        Some((first, Self { number: 0, path, salt, size, unread, handed_out: 0, damaged: false, file: None }))
    }

    /// Where its records are read from. What cannot be opened is as good as damaged.
    pub(super) fn source(&mut self) -> Source<'_> {
        // A file that cannot be opened has no bytes.
        let _ = self.file();
        let bytes: &dyn ReadAt = match &self.file {
            Some(file) => file,
            None => &Unreadable,
        };
        Source { number: self.number, salt: self.salt, size: self.size, bytes }
    }

    pub(super) fn salt(&self) -> u64 {
        self.salt
    }

    /// Appends records, all or none of them.
    pub(super) fn append(&mut self, bytes: &[u8], fsync: bool) -> io::Result<()> {
        let size = self.size;
        let file = self.file()?;
        let written = file.write_all_at(bytes, size).and_then(|()| if fsync { file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => self.size += bytes.len() as u64,
            Err(_) => file.set_len(size)?,
        }
        written
    }

    /// Overwrites one byte.
    pub(super) fn overwrite(&mut self, at: u64, byte: u8) -> io::Result<()> {
        self.file()?.write_all_at(&[byte], at)
    }

    /// Cuts it off.
    pub(super) fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.file()?.set_len(size)?;
        self.size = size;
        Ok(())
    }

    /// Whether nothing in it is needed any more.
    pub(super) fn is_settled(&self) -> bool {
        self.handed_out == 0 && self.unread.records == 0
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    pub(super) fn receipt(&self, at: u64, header: &Header) -> Receipt {
        let Header { sequence, length, items, time, .. } = *header;
        Receipt { segment: self.number, at, sequence, length, items, time }
    }

    fn file(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::options().read(true).write(true).open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

/// Where the first record stands.
pub(super) const FIRST_RECORD_AT: u64 = MAGIC.len() as u64;

/// Bytes that a payload of this length takes.
pub(super) fn record_bytes(payload: usize) -> u64 {
    (HEADER_BYTES + payload) as u64
}

struct Unreadable;

impl ReadAt for Unreadable {
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}
