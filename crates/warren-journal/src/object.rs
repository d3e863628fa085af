//! The objects of a file: entries, data, arrays of entries. Each look checks what it is about to believe.

use crate::error::Fault;
use crate::header::{Header, id_at, u32_at, u64_at};
use crate::windows::{Handle, Windows};
use crate::{Id, Place};

/// Bytes of the head of every object.
const HEAD_BYTES: u64 = 16;
const ENTRY_BYTES: u64 = 64;
const ARRAY_BYTES: u64 = 24;
const DATA_BYTES: u64 = 64;
const DATA_COMPACT_BYTES: u64 = 72;

/// Fields of one entry that are looked at; journald takes 1024 from a client and adds some of its own.
const ITEMS_MAX: u64 = 4096;

/// An open file with what its header says.
pub(crate) struct Objects<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) header: &'a Header,
    pub(crate) windows: &'a mut Windows,
}

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Field,
    Entry,
    HashTable,
    EntryArray,
    Tag,
}

/// The head of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) size: u64,
}

/// An entry without its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) place: Place,
}

/// An array of entries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Array {
    pub(crate) offset: u64,
    pub(crate) next: u64,
    pub(crate) capacity: u64,
}

/// A data object; its payload may be compressed.
pub(crate) struct Data<'a> {
    /// How the payload is compressed: the flags of the object.
    pub(crate) flags: u8,
    /// How many entries have it.
    pub(crate) n_entries: u64,
    pub(crate) payload: &'a [u8],
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let kind = match bytes.first()? {
            1 => Kind::Data,
            2 => Kind::Field,
            3 => Kind::Entry,
            4 | 5 => Kind::HashTable,
            6 => Kind::EntryArray,
            7 => Kind::Tag,
            _ => return None,
        };
        let size = u64_at(bytes, 8);
        let least = match kind {
            Kind::Data => DATA_BYTES + 1,
            Kind::Field => 41,
            Kind::Entry => ENTRY_BYTES,
            Kind::HashTable => HEAD_BYTES,
            Kind::EntryArray => ARRAY_BYTES,
            Kind::Tag => 64,
        };
        (size >= least && size < 1 << 48).then_some(Self { kind, flags: *bytes.get(1)?, size })
    }

    /// The bytes up to the next object.
    pub(crate) fn stride(&self) -> u64 {
        self.size.next_multiple_of(8)
    }
}

impl Objects<'_> {
    /// The head of the object at an offset.
    pub(crate) fn head(&mut self, offset: u64) -> Result<Head, Fault> {
        if !offset.is_multiple_of(8) || offset < self.header.header_size {
            return Err(Fault::damaged("no object can be there", offset));
        }
        let bytes = self.windows.get(self.handle, offset, HEAD_BYTES as usize)?;
        Head::parse(bytes).ok_or(Fault::damaged("not an object", offset))
    }

    /// How long the file is.
    pub(crate) fn file_bytes(&self) -> Result<u64, Fault> {
        Ok(self.handle.file.metadata()?.len())
    }

    fn head_of(&mut self, kind: Kind, offset: u64) -> Result<Head, Fault> {
        let head = self.head(offset)?;
        if head.kind == kind { Ok(head) } else { Err(Fault::damaged("an object of another kind", offset)) }
    }

    fn item_bytes(&self) -> u64 {
        if self.header.compact { 4 } else { 16 }
    }

    /// The entry at an offset.
    pub(crate) fn entry(&mut self, offset: u64) -> Result<Entry, Fault> {
        let head = self.head_of(Kind::Entry, offset)?;
        let items = (head.size - ENTRY_BYTES) / self.item_bytes();
        if !(head.size - ENTRY_BYTES).is_multiple_of(self.item_bytes()) || items == 0 || items > ITEMS_MAX {
            return Err(Fault::damaged("an entry of impossible size", offset));
        }
        let seqnum_id = self.header.seqnum_id;
        let bytes = self.windows.get(self.handle, offset, ENTRY_BYTES as usize)?;
        let place = Place {
            seqnum_id,
            seqnum: u64_at(bytes, 16),
            realtime: u64_at(bytes, 24),
            monotonic: u64_at(bytes, 32),
            boot_id: id_at(bytes, 40),
            xor_hash: u64_at(bytes, 56),
        };
        if place.seqnum == 0 || place.realtime == 0 || place.realtime >= 1 << 55 || place.boot_id == Id::default() {
            return Err(Fault::damaged("an entry without number, time or boot", offset));
        }
        Ok(Entry { offset, size: head.size, place })
    }

    /// The offsets of an entry's data objects.
    pub(crate) fn items(&mut self, entry: &Entry, out: &mut Vec<u64>) -> Result<(), Fault> {
        let bytes = self.windows.get(self.handle, entry.offset + ENTRY_BYTES, (entry.size - ENTRY_BYTES) as usize)?;
        out.clear();
        match self.header.compact {
            true => out.extend(bytes.as_chunks::<4>().0.iter().map(|item| u64::from(u32::from_le_bytes(*item)))),
            false => out.extend(bytes.as_chunks::<16>().0.iter().map(|item| u64_at(item, 0))),
        }
        Ok(())
    }

    /// The data object at an offset.
    pub(crate) fn data(&mut self, offset: u64) -> Result<Data<'_>, Fault> {
        let head = self.head_of(Kind::Data, offset)?;
        let before = if self.header.compact { DATA_COMPACT_BYTES } else { DATA_BYTES };
        if head.size <= before {
            return Err(Fault::damaged("data without content", offset));
        }
        let bytes = self.windows.get(self.handle, offset, head.size as usize)?;
        let payload = bytes.get(before as usize..).unwrap_or_default();
        Ok(Data { flags: head.flags, n_entries: u64_at(bytes, 56), payload })
    }

    /// The array of entries at an offset.
    pub(crate) fn array(&mut self, offset: u64) -> Result<Array, Fault> {
        let head = self.head_of(Kind::EntryArray, offset)?;
        let next = u64_at(self.windows.get(self.handle, offset, ARRAY_BYTES as usize)?, 16);
        Ok(Array { offset, next, capacity: (head.size - ARRAY_BYTES) / if self.header.compact { 4 } else { 8 } })
    }

    /// The offset of the entry at this rank of an array; zero where none is yet.
    pub(crate) fn slot(&mut self, array: &Array, rank: u64) -> Result<u64, Fault> {
        let at = array.offset + ARRAY_BYTES;
        if self.header.compact {
            return Ok(u64::from(u32_at(self.windows.get(self.handle, at + rank * 4, 4)?, 0)));
        }
        Ok(u64_at(self.windows.get(self.handle, at + rank * 8, 8)?, 0))
    }
}
