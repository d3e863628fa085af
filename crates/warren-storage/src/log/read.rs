//! Reading in order, past what is damaged.

use super::record::{DONE, Found, STATE_AT};
use super::segment::{FIRST_RECORD_AT, Segment};
use super::{Cursor, Log, Record, Tally};

impl Log {
    /// The next record in order that is neither settled nor handed out.
    pub fn read(&mut self) -> Option<Record> {
        loop {
            let number = self.cursor.segment;
            let index = self.segments.iter().position(|segment| segment.number == number)?;
            let last = self.writing && index + 1 == self.segments.len();
            let segment = self.segments.get_mut(index)?;
            let at = self.cursor.at;
            let found = self.window.find(&segment.source(), at, self.cursor.after);
            match found {
                Found::Record(header) => {
                    self.cursor.at += header.record_bytes();
                    self.cursor.after = header.sequence;
                    if self.taken.remove(&header.sequence) || header.done {
                        continue;
                    }
                    segment.unread.subtract(header.items, header.length);
                    match self.window.payload(&segment.source(), at, &header) {
                        Some(payload) => {
                            segment.handed_out += 1;
                            return Some(Record { receipt: segment.receipt(at, &header), form: header.form, payload });
                        }
                        None => {
                            let to = at + header.record_bytes();
                            Self::tell(&mut self.damages, segment, at, to, u64::from(header.items));
                            // Not to be met again. Where that cannot be written, it is.
                            let _ = segment.overwrite(at + STATE_AT, DONE);
                        }
                    }
                }
                Found::Damage(to) => {
                    Self::tell(&mut self.damages, segment, at, to, 0);
                    self.cursor.at = to;
                }
                Found::Torn(header) => {
                    let (size, items) = (segment.size, header.map_or(0, |header| u64::from(header.items)));
                    Self::tell(&mut self.damages, segment, at, size, items);
                    self.cursor.at = size;
                }
                Found::End => {
                    // What was counted and is not there was lost to damage.
                    segment.unread = Tally::default();
                    if last {
                        self.window.clear();
                        return None;
                    }
                    segment.close();
                    self.advance(index);
                }
            }
        }
    }

    /// Moves the cursor to the segment after this one, and removes this one if nothing in it is needed.
    fn advance(&mut self, index: usize) {
        match self.segments.get(index + 1) {
            Some(next) => self.cursor = Cursor { segment: next.number, at: FIRST_RECORD_AT, after: 0 },
            // The next one that is made.
            None => self.cursor = Cursor { segment: self.segment_number + 1, at: FIRST_RECORD_AT, after: 0 },
        }
        if self.segments.get(index).is_some_and(Segment::is_settled) {
            self.remove(index);
        }
    }
}
