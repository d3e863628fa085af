//! Appending and settling.

use super::record::{DONE, HEADER_BYTES, Header, STATE_AT, payload_sum};
use super::segment::{FIRST_RECORD_AT, Segment, record_bytes};
use super::{Cursor, Log, PAYLOAD_BYTES_MAX, Receipt, StageError};
use std::io;

/// How large segments grow: a sixteenth of the log, within these.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
const SEGMENT_BYTES_MAX: u64 = 8 << 20;

/// What the staging buffer keeps of its memory between commits.
const STAGED_BYTES_KEPT: usize = 256 << 10;

impl Log {
    /// Stages a record to be committed. `encode` appends the payload.
    ///
    /// # Errors
    /// When there is no room for it, now or ever; what was staged before stays staged.
    pub fn stage(&mut self, form: u8, items: u32, time: u64, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), StageError> {
        self.ready_to_write().map_err(StageError::Io)?;
        let start = self.staged.len();
        self.staged.extend_from_slice(&[0; HEADER_BYTES]);
        encode(&mut self.staged);
        let length = self.staged.len() - start - HEADER_BYTES;
        let room = self.room_for(start, length);
        let (Some(segment), Ok(()), Ok(length)) = (self.segments.back(), &room, u32::try_from(length)) else {
            self.staged.truncate(start);
            return Err(room.err().unwrap_or(StageError::TooLarge));
        };
        let salt = segment.salt();
        let payload = self.staged.get(start + HEADER_BYTES..).unwrap_or_default();
        let sum = payload_sum(payload, salt);
        let header = Header { sequence: self.next_sequence, payload_sum: sum, length, items, time, form, done: false };
        self.next_sequence += 1;
        if let Some(place) = self.staged.get_mut(start..start + HEADER_BYTES) {
            place.copy_from_slice(&header.encode(salt));
        }
        self.staged_headers.push((start as u64, header));
        Ok(())
    }

    /// Bytes staged so far.
    pub fn staged_bytes(&self) -> usize {
        self.staged.len()
    }

    /// Writes what is staged, all of it or nothing. Gives one receipt for each record, in order: they are in the client's hands, and reading
    /// passes over them. What the client does not want to keep at hand it gives back at once ([`Log::leave`]).
    ///
    /// # Errors
    /// When it cannot be written; then nothing is staged any more, and the log is as it was.
    pub fn commit(&mut self) -> io::Result<Vec<Receipt>> {
        let headers = std::mem::take(&mut self.staged_headers);
        let fsync = self.directory.policy().fsync;
        let written = match self.segments.back_mut() {
            Some(segment) if self.writing => {
                let start = segment.size;
                let written = segment.append(&self.staged, fsync);
                written.map(|()| headers.iter().map(|(at, header)| segment.receipt(start + at, header)).collect())
            }
            _ => Ok(Vec::new()),
        };
        self.staged.clear();
        self.staged.shrink_to(STAGED_BYTES_KEPT);
        match (&written, self.segments.back_mut()) {
            (Ok(_), Some(segment)) => {
                segment.handed_out += headers.len() as u64;
                self.taken.extend(headers.iter().map(|(_, header)| header.sequence));
            }
            (Err(_), Some(segment)) => {
                // What it looks like now is uncertain; if it holds nothing else it goes away at once, for the room.
                self.writing = false;
                if segment.is_settled() {
                    self.remove(self.segments.len() - 1);
                }
            }
            (_, None) => {}
        }
        written
    }

    /// Leaves a record that was just committed to be read in its turn.
    pub fn leave(&mut self, receipt: Receipt) {
        self.taken.remove(&receipt.sequence);
        if let Some(segment) = self.segment(receipt.segment) {
            segment.handed_out = segment.handed_out.saturating_sub(1);
            segment.unread.add(receipt.items, receipt.length);
        }
    }

    /// Settles a record: it is not handed out again.
    ///
    /// # Errors
    /// When that cannot be written; the record will come again when the log is opened the next time.
    pub fn done(&mut self, receipt: Receipt) -> io::Result<()> {
        self.taken.remove(&receipt.sequence);
        let Some(index) = self.segments.iter().position(|segment| segment.number == receipt.segment) else { return Ok(()) };
        let last = self.writing && index + 1 == self.segments.len();
        let Some(segment) = self.segments.get_mut(index) else { return Ok(()) };
        segment.handed_out = segment.handed_out.saturating_sub(1);
        let at = receipt.at + STATE_AT;
        let written = segment.overwrite(at, DONE);
        self.window.overwritten(receipt.segment, at, DONE);
        let ahead = (receipt.segment, receipt.at) >= (self.cursor.segment, self.cursor.at);
        if written.is_err() && ahead {
            self.taken.insert(receipt.sequence);
        }
        if last {
            if segment.size >= SEGMENT_BYTES_MIN {
                self.start_over();
            }
        } else if segment.is_settled() {
            self.remove(index);
            return Ok(());
        } else if segment.number != self.cursor.segment {
            segment.close();
        }
        written
    }

    /// Sees to a segment that takes more.
    fn ready_to_write(&mut self) -> io::Result<()> {
        if let Some(segment) = self.segments.back().filter(|_| self.writing) {
            if segment.size < self.segment_bytes() || !self.staged.is_empty() {
                return Ok(());
            }
            self.writing = false;
        }
        self.segment_number += 1;
        let segment = Segment::create(self.directory.path(), self.segment_number, self.next_sequence)?;
        self.directory.sync()?;
        if self.segments.is_empty() {
            self.cursor = Cursor { segment: segment.number, at: FIRST_RECORD_AT, after: 0 };
        }
        self.segments.push_back(segment);
        self.writing = true;
        Ok(())
    }

    fn room_for(&mut self, staged: usize, length: usize) -> Result<(), StageError> {
        let most = self.directory.policy().bytes_max;
        let record = record_bytes(length);
        if length > PAYLOAD_BYTES_MAX || FIRST_RECORD_AT + record > most {
            return Err(StageError::TooLarge);
        }
        if self.bytes() + staged as u64 + record <= most {
            return Ok(());
        }
        // What is settled in the segment that is being written takes room for nothing.
        if staged == 0 {
            self.start_over();
        }
        if self.bytes() + staged as u64 + record <= most { Ok(()) } else { Err(StageError::Full) }
    }

    /// Empties the segment that is being written if nothing in it is needed: then little of what passes through the log reaches the medium.
    fn start_over(&mut self) {
        let Some(segment) = self.segments.back_mut().filter(|segment| segment.is_settled()) else { return };
        if segment.size > FIRST_RECORD_AT && segment.truncate(FIRST_RECORD_AT).is_ok() {
            self.window.clear();
            if self.cursor.segment == segment.number {
                self.cursor.at = FIRST_RECORD_AT;
            }
        }
    }

    fn segment_bytes(&self) -> u64 {
        (self.directory.policy().bytes_max / 16).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)
    }
}
