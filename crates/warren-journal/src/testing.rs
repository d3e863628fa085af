//! A small writer of journal files, for tests: what a reader looks at and no more.

use crate::{Id, Journal, Limit, Match, Place, Position, Progress, Sink, Source, Start};
use std::collections::HashMap;
use std::path::Path;

const HEADER_BYTES: usize = 272;

/// How a payload is compressed, by the flag of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Plain,
    Xz,
    Lz4,
    Zstd,
}

pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    compact: bool,
    seqnum_id: Id,
    data: HashMap<Vec<u8>, u64>,
    array: u64,
    capacity: u64,
    rank: u64,
    entries: u64,
    /// Where entries and arrays are.
    pub(crate) entry_offsets: Vec<usize>,
    pub(crate) array_offsets: Vec<usize>,
}

impl Writer {
    pub(crate) fn new(file_id: u128, seqnum_id: u128, compact: bool) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..8].copy_from_slice(b"LPKSHHRH");
        bytes[8] = 2;
        bytes[12] = 15 | if compact { 16 } else { 0 };
        bytes[16] = 1;
        bytes[24..40].copy_from_slice(&file_id.to_be_bytes());
        bytes[72..88].copy_from_slice(&seqnum_id.to_be_bytes());
        let mut writer = Self {
            bytes,
            compact,
            seqnum_id: Id(seqnum_id),
            data: HashMap::new(),
            array: 0,
            capacity: 0,
            rank: 0,
            entries: 0,
            entry_offsets: Vec::new(),
            array_offsets: Vec::new(),
        };
        writer.put(88, HEADER_BYTES as u64);
        writer
    }

    fn put(&mut self, at: usize, number: u64) {
        self.bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }

    fn object(&mut self, kind: u8, flags: u8, content: &[u8]) -> u64 {
        let offset = self.bytes.len();
        self.bytes.extend([kind, flags, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend((16 + content.len() as u64).to_le_bytes());
        self.bytes.extend(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.put(136, offset as u64);
        self.put(96, (self.bytes.len() - HEADER_BYTES) as u64);
        offset as u64
    }

    fn datum(&mut self, payload: &[u8], coding: Coding) -> u64 {
        if let Some(&offset) = self.data.get(payload) {
            let at = offset as usize + 56;
            let count = u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap());
            self.put(at, count + 1);
            return offset;
        }
        let (flags, coded) = match coding {
            Coding::Plain => (0, payload.to_vec()),
            Coding::Xz => (1, xz(payload)),
            Coding::Lz4 => (2, lz4(payload)),
            Coding::Zstd => (4, zstd::bulk::compress(payload, 1).unwrap()),
        };
        let mut content = vec![0; if self.compact { 56 } else { 48 }];
        content[40] = 1;
        content.extend(coded);
        let offset = self.object(1, flags, &content);
        self.data.insert(payload.to_vec(), offset);
        offset
    }

    /// Adds an entry.
    pub(crate) fn entry(&mut self, place: &Place, fields: &[(&str, Coding)]) {
        let items: Vec<u64> = fields.iter().map(|(field, coding)| self.datum(field.as_bytes(), *coding)).collect();
        let mut content = Vec::new();
        for number in [place.seqnum, place.realtime, place.monotonic] {
            content.extend(number.to_le_bytes());
        }
        content.extend(place.boot_id.0.to_be_bytes());
        content.extend(place.xor_hash.to_le_bytes());
        for item in items {
            match self.compact {
                true => content.extend((item as u32).to_le_bytes()),
                false => content.extend([item.to_le_bytes(), [0; 8]].concat()),
            }
        }
        let offset = self.object(3, 0, &content);
        self.entry_offsets.push(offset as usize);
        self.link(offset);
        if self.entries == 1 {
            self.put(168, place.seqnum);
        }
        self.bytes[56..72].copy_from_slice(&place.boot_id.0.to_be_bytes());
        self.put(160, place.seqnum);
        self.put(192, place.realtime);
        self.put(152, self.entries);
    }

    fn link(&mut self, entry: u64) {
        let width = if self.compact { 4 } else { 8 };
        if self.rank == self.capacity {
            self.capacity = (self.capacity * 2).max(4);
            let array = self.object(6, 0, &vec![0; 8 + self.capacity as usize * width]);
            match self.array {
                0 => self.put(176, array),
                before => self.put(before as usize + 16, array),
            }
            self.array_offsets.push(array as usize);
            (self.array, self.rank) = (array, 0);
        }
        let at = self.array as usize + 24 + self.rank as usize * width;
        self.bytes[at..at + width].copy_from_slice(&entry.to_le_bytes()[..width]);
        (self.rank, self.entries) = (self.rank + 1, self.entries + 1);
    }

    /// Adds an entry with this number and message, and a field that all have.
    pub(crate) fn message(&mut self, seqnum: u64, message: &str) {
        let place = place(self.seqnum_id, seqnum);
        self.entry(&place, &[(&format!("MESSAGE={message}"), Coding::Plain), ("PRIORITY=6", Coding::Plain)]);
    }

    pub(crate) fn archived(&mut self) {
        self.bytes[16] = 2;
    }

    /// Writes the file, into the same one if it is there.
    pub(crate) fn save(&self, path: &Path) {
        use std::os::unix::fs::FileExt;
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::options().write(true).create(true).truncate(false).open(path).unwrap();
        file.write_all_at(&self.bytes, 0).unwrap();
    }
}

/// The place of an entry whose times follow from its number.
pub(crate) fn place(seqnum_id: Id, seqnum: u64) -> Place {
    Place { seqnum_id, seqnum, boot_id: Id(0xb), monotonic: seqnum * 10, realtime: 1_000_000 + seqnum * 10, xor_hash: seqnum * 7 }
}

pub(crate) fn lz4(plain: &[u8]) -> Vec<u8> {
    let mut out = (plain.len() as u64).to_le_bytes().to_vec();
    out.extend(lz4_flex::block::compress(plain));
    out
}

pub(crate) fn xz(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

/// Keeps what it is given: messages, or all fields.
#[derive(Default)]
pub(crate) struct Collect {
    pub(crate) messages: Vec<String>,
    pub(crate) entries: Vec<Vec<String>>,
    pub(crate) made: usize,
    /// How many to take in one slice; zero for all.
    pub(crate) most: usize,
}

impl Sink for Collect {
    type Field = String;

    fn field(&mut self, name: &str, value: &[u8]) -> String {
        self.made += 1;
        format!("{name}={}", String::from_utf8_lossy(value))
    }

    fn entry(&mut self, _: &Place, fields: &mut Vec<String>) -> bool {
        self.messages.extend(fields.iter().find_map(|field| field.strip_prefix("MESSAGE=").map(str::to_owned)));
        self.entries.push(std::mem::take(fields));
        self.most == 0 || !self.entries.len().is_multiple_of(self.most)
    }
}

pub(crate) fn open(source: Source, start: &Start) -> Journal<Collect> {
    Journal::open(source, start, &Match::everything(), Collect::default())
}

/// Reads until there is nothing more for now.
pub(crate) fn drain(journal: &mut Journal<Collect>) -> Vec<String> {
    for _ in 0..10_000 {
        journal.refresh();
        if journal.read(Limit { entries: 100 }) == Progress::Drained {
            break;
        }
    }
    std::mem::take(&mut journal.sink().messages)
}

pub(crate) fn resume(source: Source, position: &Position) -> Journal<Collect> {
    // As text, which is how it survives.
    open(source, &Start::After(Position::parse(&position.to_string()).unwrap()))
}
