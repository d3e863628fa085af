//! A log of records on disk: appended at one end, read in order from the other, settled in any order.
//!
//! ```text
//!            oldest                                                      newest
//! segments   [ done, done, LIVE ] [ LIVE, done, LIVE, LIVE ] [ LIVE, LIVE ] ◀── stage, commit
//!                                        ▲ cursor: read hands out what is behind it
//!               ▲ done: one byte is overwritten; a segment without live records is removed
//! ```
//!
//! * A record is there as a whole or not at all. What [`Log::commit`] returned for survives the end of the process at any instruction;
//!   with [`Policy::fsync`](crate::Policy) also the loss of power.
//! * A commit that fails, such as for want of room, leaves the log as it was. Settling needs no room.
//! * Opened again, the log hands out every record that is not settled, in order, whether it was handed out before or not.
//! * A damaged part is skipped and told ([`Damage`]), exactly: records beside it are read. See [`record`] for how they are found.
//! * Memory does not follow the log's size: a few words for each segment, one window, and what is staged.

mod read;
mod record;
mod segment;
#[cfg(test)]
mod tests;
mod write;

use crate::Directory;
use record::{Found, Header, Window};
use segment::{FIRST_RECORD_AT, Segment};
use std::collections::{HashSet, VecDeque};
use std::io;

/// Longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 256 << 20;

/// Damages that are remembered until they are asked for; of more, the last one stands for the rest.
const DAMAGES_MAX: usize = 100;

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Items in them.
    pub items: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// A record that was committed or read: what settles it.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    segment: u64,
    at: u64,
    sequence: u64,
    length: u32,
    items: u32,
    time: u64,
}

/// A record that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// What settles it.
    pub receipt: Receipt,
    /// Form of the payload, as the client numbers them.
    pub form: u8,
    /// What the client wrote.
    pub payload: Vec<u8>,
}

/// A part of the log that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub segment: String,
    /// Where the part begins.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// How many items were in it, as far as that can be told.
    pub items: u64,
    /// Whether it is the first that was found in this file.
    pub first: bool,
}

/// Why a record is not taken.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The log has no room now.
    #[error("the log is full")]
    Full,
    /// There will never be room.
    #[error("the record is larger than the log")]
    TooLarge,
    /// The file cannot be made.
    #[error("{0}")]
    Io(io::Error),
}

/// A log of records. See the module.
#[derive(Debug)]
pub struct Log {
    directory: Directory,
    segments: VecDeque<Segment>,
    /// Whether the last segment takes more.
    writing: bool,
    segment_number: u64,
    next_sequence: u64,
    cursor: Cursor,
    /// Records ahead of the cursor that were handed out when they were committed.
    taken: HashSet<u64>,
    staged: Vec<u8>,
    staged_headers: Vec<(u64, Header)>,
    window: Window,
    damages: Vec<Damage>,
}

/// Where reading has got to.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    segment: u64,
    at: u64,
    after: u64,
}

impl Log {
    /// Opens the log of a directory, which may be empty.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(directory: Directory) -> io::Result<Self> {
        let mut log = Self {
            directory,
            segments: VecDeque::new(),
            writing: false,
            segment_number: 0,
            next_sequence: 1,
            cursor: Cursor { segment: 0, at: FIRST_RECORD_AT, after: 0 },
            taken: HashSet::new(),
            staged: Vec::new(),
            staged_headers: Vec::new(),
            window: Window::default(),
            damages: Vec::new(),
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(log.directory.path())? {
            let entry = entry?;
            found.extend(Segment::found(entry.path(), entry.metadata()?.len()));
        }
        found.sort_by(|(one, left), (other, right)| one.cmp(other).then_with(|| left.path.cmp(&right.path)));
        let count = found.len();
        for (index, (first, mut segment)) in found.into_iter().enumerate() {
            log.segment_number += 1;
            segment.number = log.segment_number;
            log.next_sequence = log.next_sequence.max(first.saturating_add(1));
            log.survey(&mut segment, index + 1 == count);
            if segment.is_settled() {
                // A leftover that cannot be removed is met again at the next start.
                let _ = std::fs::remove_file(&segment.path);
            } else {
                segment.close();
                log.segments.push_back(segment);
            }
        }
        log.rewind();
        log.window.clear();
        Ok(log)
    }

    /// Counts what is in a segment. The last one may end in the middle of a record, which then was never committed and is cut off.
    fn survey(&mut self, segment: &mut Segment, last: bool) {
        let (mut at, mut after) = (FIRST_RECORD_AT, 0);
        let mut damage = None;
        loop {
            match self.window.find(&segment.source(), at, after) {
                Found::Record(header) => {
                    if !header.done {
                        segment.unread.add(header.items, header.length);
                    }
                    at += header.record_bytes();
                    after = header.sequence;
                    self.next_sequence = self.next_sequence.max(after.saturating_add(1));
                }
                Found::Damage(to) => {
                    damage.get_or_insert((at, to));
                    at = to;
                }
                Found::Torn(_) if last => {
                    // If it cannot be cut off, it is told as damage when reading gets there.
                    let _ = segment.truncate(at);
                    break;
                }
                Found::Torn(header) => {
                    damage.get_or_insert((at, segment.size));
                    self.next_sequence = self.next_sequence.max(header.map_or(0, |header| header.sequence.saturating_add(1)));
                    break;
                }
                Found::End => break,
            }
        }
        // Otherwise it is told when reading gets there.
        if let Some((from, to)) = damage.filter(|_| segment.is_settled()) {
            Self::tell(&mut self.damages, segment, from, to, 0);
        }
    }

    /// How much waits to be read.
    pub fn unread(&self) -> Tally {
        self.segments.iter().fold(Tally::default(), |sum, segment| sum.plus(&segment.unread))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// Damage found since it was last asked.
    pub fn damages(&mut self) -> Vec<Damage> {
        std::mem::take(&mut self.damages)
    }

    fn segment(&mut self, number: u64) -> Option<&mut Segment> {
        self.segments.iter_mut().rev().find(|segment| segment.number == number)
    }

    fn remove(&mut self, index: usize) {
        let Some(segment) = self.segments.remove(index) else { return };
        // A file that cannot be removed is met again at the next start; all in it is settled.
        let _ = std::fs::remove_file(&segment.path);
        if self.cursor.segment == segment.number {
            let next = self.segments.get(index).map_or(self.segment_number + 1, |next| next.number);
            self.cursor = Cursor { segment: next, at: FIRST_RECORD_AT, after: 0 };
        }
    }

    /// Puts the cursor to the beginning.
    fn rewind(&mut self) {
        let segment = self.segments.front().map_or(self.segment_number + 1, |segment| segment.number);
        self.cursor = Cursor { segment, at: FIRST_RECORD_AT, after: 0 };
    }

    fn tell(damages: &mut Vec<Damage>, segment: &mut Segment, from: u64, to: u64, items: u64) {
        let name = segment.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let first = !std::mem::replace(&mut segment.damaged, true);
        if damages.len() < DAMAGES_MAX {
            damages.push(Damage { segment: name, from, to, items, first });
        } else if let Some(last) = damages.last_mut() {
            last.items += items;
        }
    }
}

impl Receipt {
    /// Grows from record to record.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes of the payload.
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// Items in the record.
    pub fn items(&self) -> u64 {
        u64::from(self.items)
    }

    /// When the record was taken, in seconds since 1970.
    pub fn time(&self) -> u64 {
        self.time
    }
}

impl Tally {
    fn add(&mut self, items: u32, length: u32) {
        self.records += 1;
        self.items += u64::from(items);
        self.bytes += u64::from(length);
    }

    fn subtract(&mut self, items: u32, length: u32) {
        self.records = self.records.saturating_sub(1);
        self.items = self.items.saturating_sub(u64::from(items));
        self.bytes = self.bytes.saturating_sub(u64::from(length));
    }

    fn plus(mut self, other: &Self) -> Self {
        self.records += other.records;
        self.items += other.items;
        self.bytes += other.bytes;
        self
    }
}
