//! The symbol table of a remote write 2.0 request: every text once, in the order in which they are first used; the first is empty.

use crate::proto::{varint, varint_len};
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// `Request.symbols`
const FIELD: u8 = 4 << 3 | 2;

/// Texts known by number.
pub(crate) struct Symbols {
    texts: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    encoded: usize,
}

impl Symbols {
    pub(crate) fn new() -> Self {
        let mut symbols = Self {
            texts: String::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            encoded: 0,
        };
        symbols.clear();
        symbols
    }

    /// Back to the empty text alone.
    pub(crate) fn clear(&mut self) {
        self.truncate(0);
        self.number("");
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of the table as it is sent.
    pub(crate) fn encoded_len(&self) -> usize {
        self.encoded
    }

    /// The number of a text.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let (texts, ends, hasher) = (&mut self.texts, &mut self.ends, &self.hasher);
        let hash = hasher.hash_one(text);
        if let Some(found) = self.table.find(hash, |at| get(texts, ends, *at) == text) {
            return *found;
        }
        let number = ends.len() as u32;
        texts.push_str(text);
        ends.push(texts.len());
        self.table.insert_unique(hash, number, |at| hasher.hash_one(get(texts, ends, *at)));
        self.encoded += encoded(text);
        number
    }

    /// Forgets all but the first so many.
    pub(crate) fn truncate(&mut self, len: usize) {
        for number in (len..self.ends.len()).rev() {
            let text = get(&self.texts, &self.ends, number as u32);
            self.encoded -= encoded(text);
            if let Ok(entry) = self.table.find_entry(self.hasher.hash_one(text), |at| *at as usize == number) {
                entry.remove();
            }
        }
        self.ends.truncate(len);
        self.texts.truncate(self.ends.last().copied().unwrap_or_default());
    }

    /// Appends the table as it is sent.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for number in 0..self.ends.len() {
            let text = get(&self.texts, &self.ends, number as u32);
            out.push(FIELD);
            varint(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn get<'a>(texts: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
    ends.get(number).and_then(|end| texts.get(start..*end)).unwrap_or_default()
}

fn encoded(text: &str) -> usize {
    1 + varint_len(text.len() as u64) + text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_until_it_is_forgotten() {
        let mut symbols = Symbols::new();
        assert_eq!(["", "a", "b", "a"].map(|text| symbols.number(text)), [0, 1, 2, 1]);
        symbols.truncate(2);
        assert_eq!(["b", "c", "a"].map(|text| symbols.number(text)), [2, 3, 1]);
        let mut out = Vec::new();
        symbols.write(&mut out);
        assert_eq!(out, b"\x22\x00\x22\x01a\x22\x01b\x22\x01c");
        assert_eq!(symbols.encoded_len(), out.len());
        symbols.clear();
        assert_eq!((symbols.len(), symbols.encoded_len(), symbols.number("a")), (1, 2, 1));
    }
}
