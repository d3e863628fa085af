//! Records as they stand in a segment, and finding them again after damage.
//!
//! A segment is a file named `<number>-<salt>.seg`, both in hexadecimal. It begins with [`MAGIC`]; then record follows record:
//!
//! | At | Bytes | Field |
//! |---|---|---|
//! | 0 | 4 | [`MARK`] |
//! | 4 | 4 | checksum of the bytes from 8 to 41: the low half of XXH64, seeded with the salt |
//! | 8 | 8 | sequence number, growing |
//! | 16 | 8 | checksum of the payload: XXH64, seeded with the salt |
//! | 24 | 4 | bytes of the payload |
//! | 28 | 4 | items in it |
//! | 32 | 8 | when it was taken, in seconds since 1970 |
//! | 40 | 1 | form of the payload, as the client numbers them |
//! | 41 | 1 | state: [`LIVE`], or [`DONE`] once it is settled. Overwritten in place, so that settling needs no room |
//! | 42 | | payload |
//!
//! Numbers are little endian. Because the header has a checksum of its own, a damaged payload does not hide the records behind it; where
//! a header is damaged, the next one is searched for. The salt keeps a payload that holds copies of records from being taken for them.

use std::io;
use xxhash_rust::xxh64::xxh64;

/// How a segment begins, for whoever looks at the file. Another version of the format would have another ending of the name.
pub(crate) const MAGIC: [u8; 8] = *b"WARREN\0\x01";

/// How a record begins.
const MARK: [u8; 4] = [0xE7, b'R', b'E', b'C'];

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 42;

/// Where the state stands.
pub(crate) const STATE_AT: u64 = 41;

/// Not settled. So is any state but [`DONE`]: rather twice than never.
pub(crate) const LIVE: u8 = 0x5A;

/// Settled.
pub(crate) const DONE: u8 = 0xA5;

/// Bytes that are read at once while records are looked for.
const WINDOW_BYTES: usize = 16 << 10;

/// The unit in which media go bad.
const PAGE_BYTES: u64 = 4096;

/// What is known of a record without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) sequence: u64,
    pub(crate) payload_sum: u64,
    pub(crate) length: u32,
    pub(crate) items: u32,
    pub(crate) time: u64,
    pub(crate) form: u8,
    pub(crate) done: bool,
}

impl Header {
    /// Bytes of the whole record.
    pub(crate) fn record_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.length)
    }

    pub(crate) fn encode(&self, salt: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + field.len()) {
                place.copy_from_slice(field);
            }
        };
        put(0, &MARK);
        put(8, &self.sequence.to_le_bytes());
        put(16, &self.payload_sum.to_le_bytes());
        put(24, &self.length.to_le_bytes());
        put(28, &self.items.to_le_bytes());
        put(32, &self.time.to_le_bytes());
        put(40, &[self.form, if self.done { DONE } else { LIVE }]);
        let sum = header_sum(&bytes, salt);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The header that these bytes are, if they are one of this segment.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES], salt: u64) -> Option<Self> {
        let sum = u32::from_le_bytes(field(bytes, 4));
        if bytes[..4] != MARK || sum != header_sum(bytes, salt) {
            return None;
        }
        Some(Self {
            sequence: u64::from_le_bytes(field(bytes, 8)),
            payload_sum: u64::from_le_bytes(field(bytes, 16)),
            length: u32::from_le_bytes(field(bytes, 24)),
            items: u32::from_le_bytes(field(bytes, 28)),
            time: u64::from_le_bytes(field(bytes, 32)),
            form: bytes[40],
            done: bytes[41] == DONE,
        })
    }
}

/// The checksum of a payload.
pub(crate) fn payload_sum(payload: &[u8], salt: u64) -> u64 {
    xxh64(payload, salt)
}

fn header_sum(bytes: &[u8; HEADER_BYTES], salt: u64) -> u32 {
    xxh64(&bytes[8..41], salt) as u32
}

fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Where bytes of a segment come from.
pub(crate) trait ReadAt {
    /// Reads from an offset on; fewer bytes than asked for only at the end.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for std::fs::File {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match std::os::unix::fs::FileExt::read_at(self, rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(filled)
    }
}

/// What stands at a place of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A record that is there to its end.
    Record(Header),
    /// No record up to this offset, where the next one begins or the segment ends.
    Damage(u64),
    /// A record that was not written to its end, or less than a header.
    Torn(Option<Header>),
    /// The end.
    End,
}

/// A part of a segment that was read last.
#[derive(Debug, Default)]
pub(crate) struct Window {
    segment: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// What stands at `at` of a segment of `size` bytes. Records there have sequence numbers above `after`.
    pub(crate) fn find(&mut self, segment: &Source<'_>, at: u64, after: u64) -> Found {
        let left = segment.size.saturating_sub(at);
        if left == 0 {
            return Found::End;
        }
        if left < HEADER_BYTES as u64 {
            return Found::Torn(None);
        }
        if let Some(header) = self.header(segment, at).filter(|header| header.sequence > after) {
            return if header.record_bytes() <= left { Found::Record(header) } else { Found::Torn(Some(header)) };
        }
        Found::Damage(self.search(segment, at + 1, after))
    }

    /// The payload that follows a header at `at`; `None` when it is not what was written.
    pub(crate) fn payload(&mut self, segment: &Source<'_>, at: u64, header: &Header) -> Option<Vec<u8>> {
        let (from, length) = (at + HEADER_BYTES as u64, usize::try_from(header.length).ok()?);
        let payload = match self.cached(segment, from, length) {
            Some(bytes) => bytes.to_vec(),
            None => {
                // Never longer than the file.
                let mut bytes = vec![0; length];
                (segment.read(from, &mut bytes) == length).then_some(bytes)?
            }
        };
        (payload_sum(&payload, segment.salt) == header.payload_sum).then_some(payload)
    }

    /// A byte of the segment was overwritten.
    pub(crate) fn overwritten(&mut self, segment: u64, at: u64, byte: u8) {
        if self.segment == segment
            && let Some(place) = at.checked_sub(self.start).and_then(|index| self.bytes.get_mut(usize::try_from(index).ok()?))
        {
            *place = byte;
        }
    }

    /// Forgets what was read, and gives its memory back.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
    }

    /// Where the next record begins; the segment's end if there is none.
    fn search(&mut self, segment: &Source<'_>, from: u64, after: u64) -> u64 {
        let mut at = from;
        while at + HEADER_BYTES as u64 <= segment.size {
            let Some(bytes) = self.some(segment, at) else {
                // An unreadable page; the next one may not be.
                at = (at / PAGE_BYTES + 1) * PAGE_BYTES;
                continue;
            };
            match bytes.iter().position(|byte| *byte == MARK[0]) {
                None => at += bytes.len() as u64,
                Some(index) => {
                    at += index as u64;
                    if self.header(segment, at).is_some_and(|header| header.sequence > after) {
                        return at;
                    }
                    at += 1;
                }
            }
        }
        segment.size
    }

    fn header(&mut self, segment: &Source<'_>, at: u64) -> Option<Header> {
        self.fill(segment, at, HEADER_BYTES);
        Header::decode(self.cached(segment, at, HEADER_BYTES)?.first_chunk()?, segment.salt)
    }

    /// Bytes from `at` on, at least one.
    fn some(&mut self, segment: &Source<'_>, at: u64) -> Option<&[u8]> {
        self.fill(segment, at, 1);
        let index = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.bytes.get(index..).filter(|bytes| !bytes.is_empty())
    }

    fn cached(&self, segment: &Source<'_>, at: u64, length: usize) -> Option<&[u8]> {
        if self.segment != segment.number {
            return None;
        }
        let index = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.bytes.get(index..index.checked_add(length)?)
    }

    fn fill(&mut self, segment: &Source<'_>, at: u64, least: usize) {
        if self.cached(segment, at, least).is_some() {
            return;
        }
        (self.segment, self.start) = (segment.number, at);
        self.bytes.resize(WINDOW_BYTES, 0);
        let read = segment.read(at, &mut self.bytes);
        self.bytes.truncate(read);
    }
}

/// A segment to be read.
pub(crate) struct Source<'a> {
    /// Tells it from others.
    pub(crate) number: u64,
    pub(crate) salt: u64,
    pub(crate) size: u64,
    pub(crate) bytes: &'a dyn ReadAt,
}

impl Source<'_> {
    /// Bytes that could be read; what cannot be read is as good as damaged.
    fn read(&self, at: u64, out: &mut [u8]) -> usize {
        self.bytes.read_at(at, out).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_any_other_bit_is_noticed() {
        let header = Header { sequence: 7, payload_sum: 99, length: 5, items: 3, time: 1_700_000_000, form: 1, done: false };
        let bytes = header.encode(42);
        assert_eq!(Header::decode(&bytes, 42), Some(header));
        assert_eq!(Header::decode(&bytes, 43), None, "another segment's");
        for bit in 0..HEADER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected = (bit / 8 == STATE_AT as usize).then_some(header);
            assert_eq!(Header::decode(&damaged, 42), expected, "bit {bit}");
        }
        let mut settled = bytes;
        settled[STATE_AT as usize] = DONE;
        assert_eq!(Header::decode(&settled, 42), Some(Header { done: true, ..header }));
    }
}
