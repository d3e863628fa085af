//! The header of a file. Layout: systemd's `docs/JOURNAL_FILE_FORMAT.md`.

use crate::Id;
use crate::error::HeaderFault;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of the header that are looked at; those of the newest version.
const HEADER_BYTES: usize = 272;

/// Bytes of the header of the oldest version that is read (v187 added the counts behind it).
const HEADER_BYTES_MIN: u64 = 208;

const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// Incompatible flags: xz 1, lz4 2, keyed hash 4 (which nobody here looks up), zstd 8, compact 16.
const COMPACT: u32 = 16;
const KNOWN_FLAGS: u32 = 31;

/// Compatible flag: the boot of the last entry is kept up to date.
const TAIL_ENTRY_BOOT_ID: u32 = 2;

/// What the writer is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody writes.
    #[default]
    Offline,
    /// Somebody writes.
    Online,
    /// Nobody will write again.
    Archived,
}

/// What is used of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(crate) compact: bool,
    pub(crate) file_id: Id,
    pub(crate) seqnum_id: Id,
    pub(crate) header_size: u64,
    pub(crate) tail_object: u64,
    pub(crate) n_entries: u64,
    pub(crate) tail_seqnum: u64,
    pub(crate) head_seqnum: u64,
    pub(crate) entry_array: u64,
    pub(crate) tail_realtime: u64,
    /// Boot of the last entry, where the writer keeps it up to date.
    pub(crate) tail_boot: Option<Id>,
}

impl Header {
    pub(crate) fn read(file: &File) -> Result<Self, HeaderFault> {
        let mut bytes = [0; HEADER_BYTES];
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Self::parse(bytes.get(..read).unwrap_or_default())
    }

    fn parse(bytes: &[u8]) -> Result<Self, HeaderFault> {
        if bytes.iter().take(8).all(|byte| *byte == 0) {
            return Err(HeaderFault::Unwritten);
        }
        if bytes.get(..8) != Some(SIGNATURE) {
            return Err(HeaderFault::Damaged("not a journal file: its signature is missing"));
        }
        let header_size = u64_at(bytes, 88);
        if header_size < HEADER_BYTES_MIN || (bytes.len() as u64) < HEADER_BYTES_MIN || header_size > 1 << 20 {
            return Err(HeaderFault::Damaged("the header is too short"));
        }
        let flags = u32_at(bytes, 12);
        if flags & !KNOWN_FLAGS != 0 {
            return Err(HeaderFault::Unknown(flags & !KNOWN_FLAGS));
        }
        let tail_boot = (u32_at(bytes, 8) & TAIL_ENTRY_BOOT_ID != 0).then(|| id_at(bytes, 56));
        Ok(Self {
            state: match bytes.get(16) {
                Some(1) => State::Online,
                Some(2) => State::Archived,
                _ => State::Offline,
            },
            compact: flags & COMPACT != 0,
            file_id: id_at(bytes, 24),
            seqnum_id: id_at(bytes, 72),
            header_size,
            tail_object: u64_at(bytes, 136),
            n_entries: u64_at(bytes, 152),
            tail_seqnum: u64_at(bytes, 160),
            head_seqnum: u64_at(bytes, 168),
            entry_array: u64_at(bytes, 176),
            tail_realtime: u64_at(bytes, 192),
            tail_boot: tail_boot.filter(|boot| !boot.is_null()),
        })
    }
}

/// The little-endian number at an offset; zero where there are no bytes.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The little-endian number at an offset; zero where there are no bytes.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The id at an offset; null where there are no bytes.
pub(crate) fn id_at(bytes: &[u8], offset: usize) -> Id {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map_or(Id::default(), |bytes| Id::from_bytes(*bytes))
}
