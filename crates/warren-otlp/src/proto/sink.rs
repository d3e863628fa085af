//! Protobuf's wire format, writing from the end to the start.

/// Room made when the first byte is written.
const ROOM_MIN: usize = 1024;

/// Takes bytes from the last to the first.
pub(crate) trait Sink {
    /// How many bytes it took.
    fn len(&self) -> usize;

    /// Puts bytes before all that it took.
    fn put(&mut self, bytes: &[u8]);

    /// Puts parts, one behind the other, before all that it took.
    fn put_parts<const N: usize>(&mut self, parts: [&[u8]; N]);

    /// Puts a varint before all that it took.
    fn varint(&mut self, value: u64);

    /// Puts once more what it took when it held `end` bytes less `length` to `end` bytes.
    fn again(&mut self, end: usize, length: usize);
}

/// Counts bytes.
#[derive(Default)]
pub(crate) struct Counter(usize);

impl Sink for Counter {
    fn len(&self) -> usize {
        self.0
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn put_parts<const N: usize>(&mut self, parts: [&[u8]; N]) {
        self.0 += parts.iter().map(|part| part.len()).sum::<usize>();
    }

    fn varint(&mut self, value: u64) {
        self.0 += varint_len(value);
    }

    fn again(&mut self, _end: usize, length: usize) {
        self.0 += length;
    }
}

/// Appends to a vector: fills free room at its end from the back, and closes the gap when finished.
pub(crate) struct Backward<'a> {
    out: &'a mut Vec<u8>,
    /// Where the message will begin.
    start: usize,
    /// Where it begins now; between the two is room.
    at: usize,
}

impl<'a> Backward<'a> {
    /// Appends to `out`, using what it has reserved.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.resize(out.capacity().max(start + ROOM_MIN), 0);
        let at = out.len();
        Self { out, start, at }
    }

    /// Moves the message to its place.
    pub(crate) fn finish(self) {
        let length = self.len();
        self.out.copy_within(self.at.., self.start);
        self.out.truncate(self.start + length);
    }

    /// The next `length` bytes to be filled.
    #[inline]
    fn room(&mut self, length: usize) -> &mut [u8] {
        if self.at - self.start < length {
            self.grow(length);
        }
        self.at -= length;
        &mut self.out[self.at..self.at + length]
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        let old = self.out.len();
        let more = (old - self.start).max(length);
        self.out.resize(old + more, 0);
        self.out.copy_within(self.at..old, self.at + more);
        self.at += more;
    }
}

impl Sink for Backward<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.out.len() - self.at
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }

    #[inline]
    fn put_parts<const N: usize>(&mut self, parts: [&[u8]; N]) {
        let mut room = self.room(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            // The room has the length of all parts together.
            let Some((first, rest)) = room.split_at_mut_checked(part.len()) else { return };
            first.copy_from_slice(part);
            room = rest;
        }
    }

    #[inline]
    fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.room(1)[0] = value as u8;
        } else {
            let mut rest = value;
            for byte in self.room(varint_len(value)) {
                *byte = rest as u8 | 0x80;
                rest >>= 7;
            }
            // The last byte of the varint is the one without the mark.
            let last = self.at + varint_len(value) - 1;
            self.out[last] &= 0x7f;
        }
    }

    #[inline]
    fn again(&mut self, end: usize, length: usize) {
        self.room(length);
        let from = self.out.len() - end;
        self.out.copy_within(from..from + length, self.at);
    }
}

fn varint_len(value: u64) -> usize {
    // Seven bits a byte; zero takes one.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}
